"""Paths of the user's caches and of the cards that come with the project."""

import os
from pathlib import Path

from platformdirs import user_cache_path


def home() -> Path:
    """The folder of caches and environments: `ALPHANET_HOME`, or the platform's own, on Linux `~/.cache/alphanet`."""
    named = os.environ.get("ALPHANET_HOME")
    return Path(named).expanduser() if named else user_cache_path("alphanet", appauthor=False)


def resources(kind: str) -> Path:
    """A folder that users add files to: `baselines`, `benchmarks`, `datasets`, `models` or `reports`.

    In a checkout it lies at the root, in an installed wheel inside the package.
    """
    package = Path(__file__).parent
    packed = package / "_resources"
    return (packed if packed.is_dir() else package.parent) / kind
