"""Where the caches are."""

import subprocess
import sys
from pathlib import Path

import pytest

import alphanet
from alphanet.errors import UserError
from alphanet.paths import home, own_python


@pytest.mark.skipif(sys.platform != "linux", reason="other platforms have folders of their own")
@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"HOME": "/home/me"}, "/home/me/.cache/alphanet"),
        ({"HOME": "/home/me", "XDG_CACHE_HOME": "/scratch"}, "/scratch/alphanet"),
        ({"HOME": "/home/me", "XDG_CACHE_HOME": "/scratch", "ALPHANET_HOME": "/data/here"}, "/data/here"),
        ({"HOME": "/home/me", "ALPHANET_HOME": "~/here"}, "/home/me/here"),
    ],
)
def test_the_named_folder_wins_over_the_platforms(monkeypatch, variables, folder):
    for name in ("XDG_CACHE_HOME", "ALPHANET_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert home() == Path(folder)


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    for name in ("HOME", "XDG_CACHE_HOME", "ALPHANET_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", str)  # as for a user that the system does not list
    with pytest.raises(UserError, match="name a folder for caches in ALPHANET_HOME"):
        home()


def test_own_python_takes_no_modules_from_the_current_folder(tmp_path):
    (tmp_path / "typing_extensions.py").write_text("raise SystemExit('taken')")
    (tmp_path / "alphanet").mkdir()
    python, variables = own_python()
    command = [*python, "-c", "import typing_extensions, alphanet; print(alphanet.__file__)"]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == alphanet.__file__
