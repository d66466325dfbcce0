"""Memory: the largest system that fits, and the memory of training. One task is a search for one model."""

from collections.abc import Sequence
from typing import Literal

from pydantic import PositiveFloat, PositiveInt

from alphanet.benchmark.card import BenchmarkCard, Column, Row
from alphanet.benchmark.kinds.timing import AD_HOC, AD_HOC_REASON, ModelScale
from alphanet.cards import validate


class MemoryScale(ModelScale):
    """How a scale searches for the largest system."""

    structures: str  # a material or a file
    smallest: PositiveInt = 100  # atoms, where the search begins
    most: PositiveInt = 1_000_000  # atoms, where it ends
    longest: PositiveFloat = 120.0  # s, for a call
    sample_atoms: PositiveInt = 72  # atoms of a structure in training


class MemoryCard(BenchmarkCard[MemoryScale, Row, Column]):
    """A table of largest systems."""

    kind: Literal["memory"]


def memory_card(
    name: str,
    *,
    models: Sequence[str],
    structures: str,
    weights: str = "untrained",
    dtype: str = "float32",
    alphanet: str | None = None,
    smallest: int = 100,
    most: int = 1_000_000,
    longest: float = 120.0,
    sample_atoms: int = 72,
) -> MemoryCard:
    """The card of a search that a user asks for, with the one scale `AD_HOC`.

    Args:
        name: of its folder.
        models: `NAME` or `NAME@PRESET`.
        structures: a material or a file.
        weights: untrained or released.
        dtype: float32 or float64.
        alphanet: file with AlphaNet's weights, if they are released ones.
        smallest: atoms at which the search begins.
        most: atoms at which it ends.
        longest: seconds of a call; a longer one ends the search.
        sample_atoms: atoms of a structure in training.

    Raises:
        UserError: a value that no card may have.
    """
    scale = {
        "comparable": False,
        "reason": AD_HOC_REASON,
        "protocol": f"Supercells of {structures}, doubled until one does not fit, then halved in between.",
        "structures": structures,
        "weights": weights,
        "dtype": dtype,
        "alphanet": alphanet,
        "smallest": smallest,
        "most": most,
        "longest": longest,
        "sample_atoms": sample_atoms,
    }
    values = {
        "kind": "memory",
        "name": name,
        "title": "The largest system that fits, and memory of training",
        "rows": {model: {"model": model} for model in models},
        "scales": {AD_HOC: scale},
    }
    return validate(values, MemoryCard, name)
