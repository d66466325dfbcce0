"""Paths of the user's caches and of the cards that come with the project."""

import os
import sys
from pathlib import Path

from platformdirs import user_cache_path

from alphanet.errors import UserError

PACKAGE = Path(__file__).parent


def home() -> Path:
    """The folder of caches and environments: `ALPHANET_HOME`, or the platform's own, on Linux `~/.cache/alphanet`.

    Raises:
        UserError: neither is known, because the user has no home folder.
    """
    named = os.environ.get("ALPHANET_HOME")
    try:
        folder = expanded(named) if named else user_cache_path("alphanet", appauthor=False)
    except RuntimeError:  # of newer versions of platformdirs
        folder = Path("~")
    if folder.parts[:1] == ("~",):
        raise UserError("the home folder is not known (HOME is not set); name a folder for caches in ALPHANET_HOME")
    return folder


def expanded(path: str | Path) -> Path:
    """The path with a leading `~` replaced by the home folder; unchanged if that is not known."""
    return Path(os.path.expanduser(path))  # noqa: PTH111  (Path's own raises RuntimeError without a home)


def resources(kind: str) -> Path:
    """A folder that users add files to: `baselines`, `benchmarks`, `datasets`, `models` or `reports`.

    In a checkout it lies at the root, in an installed wheel inside the package.
    """
    packed = PACKAGE / "_resources"
    return (packed if packed.is_dir() else PACKAGE.parent) / kind


def own_python() -> tuple[list[str], dict[str, str]]:
    """Command and environment of this Python with this package, for `-m`; the current folder gives it no modules."""
    path = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return [sys.executable, "-P"], os.environ | {"PYTHONPATH": os.pathsep.join(path)}
