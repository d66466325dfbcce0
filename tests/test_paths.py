"""Where the caches are."""

import sys
from pathlib import Path

import pytest

from alphanet.paths import home


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
