"""How the kinds that time models do it: settings of a scale, the setup of a run, and what follows from a timed point."""

import os
from typing import Literal

from pydantic import PositiveFloat, PositiveInt

from alphanet.benchmark.card import ScaleSettings

DAY = 86400.0  # s
MOST_OF_MEMORY = 0.9  # of the machine's, which a worker may have
AD_HOC = "ad-hoc"  # the scale of a card that the command line makes
AD_HOC_REASON = "asked for on the command line; no paper prints these numbers"


class ModelScale(ScaleSettings):
    """How a scale loads the models that it times."""

    weights: Literal["untrained", "released"] = "untrained"  # random weights take the same time
    dtype: Literal["float32", "float64"] = "float32"
    alphanet: str | None = None  # file with AlphaNet's weights, if they are released ones


class TimingScale(ModelScale):
    """How a scale times models."""

    passes: PositiveInt = 3  # over all sizes, each in new processes
    rounds: PositiveInt = 3  # turns of each model at each size in a pass
    calls: PositiveInt | None = None  # of each model at each size; None: as many as fit
    minutes: PositiveFloat  # of each sweep


def memory_limit(gigabytes: float | None, device: str) -> int | None:
    """Bytes that a worker may have; if none are given, most of the machine's, and on a GPU whatever it has."""
    if gigabytes is not None:
        return int(gigabytes * 1e9)
    if device != "cpu":
        return None
    return int(MOST_OF_MEMORY * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
