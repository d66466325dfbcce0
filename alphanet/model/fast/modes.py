"""The ways in which a model can be evaluated, by name."""

from functools import partial
from typing import Protocol

from alphanet.errors import UserError, did_you_mean
from alphanet.graph import AtomGraph
from alphanet.model.base import InteratomicModel
from alphanet.model.fast.model import fast_model
from alphanet.model.prediction import Prediction, predict

MODES = ("eager", "blocked", "compiled")


class Predict(Protocol):
    """`predict` of one model."""

    def __call__(self, graph: AtomGraph, *, forces: bool = True, stress: bool = True) -> Prediction:
        """Energy, and forces and stress if asked."""


def evaluation(model: InteratomicModel, mode: str, max_memory: int | None = None) -> tuple[Predict, str]:
    """The function that predicts with `model`, and the mode that is really used.

    Args:
        model: any reading.
        mode: `eager`, the reference, ready at once; `blocked`, the fast path without a compiler, in bounded memory;
            `compiled`, the fastest, which takes a minute or two to get ready, and seconds once an architecture has
            been compiled on a machine.
        max_memory: bytes, see `fast_model`; without effect on `eager`.

    Raises:
        UserError: another mode.
    """
    if mode not in MODES:
        raise UserError(f"unknown mode {mode!r}; choose one of {', '.join(MODES)}{did_you_mean(mode, MODES)}")
    if mode == "eager":
        return partial(predict, model), "eager"
    fast = fast_model(model, compiled=mode == "compiled", max_memory=max_memory)
    return fast.predict, fast.mode
