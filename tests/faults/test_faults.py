"""A few faults in every run of the slow tests; `make faults` has more, of all commands."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
RUN = Path(__file__).with_name("run.py")


@pytest.mark.parametrize("command", ["data convert", "data fetch", "train"])
def test_the_same_command_gives_the_undisturbed_result(command: str, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, RUN, "6", "--only", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
