"""Tab completion of names. Names come from files' names alone, so that it is fast; it never raises."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from alphanet.paths import resources

SCALES = ("mini", "slice", "full")


def benchmarks(incomplete: str) -> list[str]:
    """Names of benchmarks that begin with `incomplete`."""
    return _beginning(incomplete, lambda: _stems("benchmarks", "ALPHANET_BENCHMARKS"))


def datasets(incomplete: str) -> list[str]:
    """Names of data sets that begin with `incomplete`."""
    return _beginning(incomplete, lambda: _stems("datasets", "ALPHANET_DATASETS"))


def models(incomplete: str) -> list[str]:
    """`alphanet`, names of released weights and of baselines that begin with `incomplete`."""
    return _beginning(incomplete, lambda: ["alphanet", *_stems("models", "ALPHANET_MODELS"), *_baselines()])


def released(incomplete: str) -> list[str]:
    """Names of released weights that begin with `incomplete`."""
    return _beginning(incomplete, lambda: _stems("models", "ALPHANET_MODELS"))


def baselines(incomplete: str) -> list[str]:
    """Names of baselines that begin with `incomplete`."""
    return _beginning(incomplete, _baselines)


def scales(incomplete: str) -> list[str]:
    """Names of scales that begin with `incomplete`."""
    return _beginning(incomplete, lambda: SCALES)


def _baselines() -> list[str]:
    folders = _folders("baselines", "ALPHANET_BASELINES")
    return sorted({card.parent.name for folder in folders for card in folder.glob("*/card.yaml")})


def _stems(kind: str, variable: str) -> list[str]:
    return sorted({card.stem for folder in _folders(kind, variable) for card in folder.glob("*.yaml")})


def _folders(kind: str, variable: str) -> list[Path]:
    added = os.environ.get(variable)
    return [resources(kind), *([Path(added).expanduser()] if added else [])]


def _beginning(incomplete: str, names: Callable[[], Iterable[str]]) -> list[str]:
    try:
        return [name for name in names() if name.startswith(incomplete)]
    except (OSError, RuntimeError):  # a folder that cannot be read, a home that is not known
        return []
