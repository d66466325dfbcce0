"""The cases of the shared folder, journeys of users in a shell: `run.sh ALPHANET` ends with 0 when it is right."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

FOLDER = Path(os.environ.get("ALPHANET_SHARED", Path(__file__).parents[2] / "shared")) / "cases"
COMMAND = Path(sys.executable).with_name("alphanet")
OTHER_NAMES = {
    "files/40-stress-weight-without-stress": "imports TrainConfig; the same is in test_training_references.py",
    "use/22-table1-same-wall-time": "reads the key `how` of records, which are now `data` and `protocol`",
}


@pytest.mark.skipif(not COMMAND.exists(), reason="the command is not installed beside this Python")
@pytest.mark.parametrize("case", sorted(str(file.parent.relative_to(FOLDER)) for file in FOLDER.glob("*/*/run.sh")))
def test_case(case, tmp_path, lasting_home):
    if case in OTHER_NAMES:
        pytest.skip(OTHER_NAMES[case])
    script = FOLDER / case / "run.sh"
    environment = {name: value for name, value in os.environ.items() if name != "ALPHANET_MODE"}
    command = ["bash", str(script), str(COMMAND)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
