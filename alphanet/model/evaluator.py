"""Evaluators of structures: a model in one of its modes, an exported package, or a committee of them."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from alphanet.errors import UserError, did_you_mean
from alphanet.graph import AtomGraph
from alphanet.model.base import InteratomicModel
from alphanet.model.checkpoint import load_model
from alphanet.model.committee import CommitteePredict, require_alike
from alphanet.model.export import SUFFIX, ExportedModel
from alphanet.model.fast.model import fast_model, no_fast_path
from alphanet.model.prediction import Prediction, predict

MODES = ("eager", "blocked", "compiled")


class Predict(Protocol):
    """`predict` of one model."""

    def __call__(self, graph: AtomGraph, *, forces: bool = True, stress: bool = True) -> Prediction:
        """Energy, and forces and stress if asked."""


@dataclass(frozen=True)
class Evaluator:
    """A model that makes graphs, how to predict from them, and in which mode that is."""

    model: InteratomicModel | ExportedModel  # of a committee its first member
    predict: Predict
    mode: str  # eager, blocked, compiled or exported
    members: tuple[InteratomicModel | ExportedModel, ...]  # of a committee; otherwise the model alone


Model = InteratomicModel | str | Path


def evaluator(
    model: Model | Sequence[Model],
    config: Any = None,
    *,
    dtype: str | None = None,
    device: str = "cpu",
    mode: str = "eager",
    max_memory: int | None = None,
) -> Evaluator:
    """Ready to predict with a model, with the file or name of one, a package of `alphanet export`, or a committee.

    Args:
        model: a model (where it is), a file, the name of released weights, or a sequence of these: a committee.
        config: see `alphanet.load_model`.
        dtype: precision, for files; float32, or the package's own, if not given.
        device: where to, for files.
        mode: see `evaluation`; a package has its own.
        max_memory: bytes, for `blocked` and `compiled`.

    Raises:
        UserError: as `alphanet.load_model`; an unknown mode; a package of another precision or device, or with a mode;
            members of a committee that differ in elements or cutoff.
    """
    if isinstance(model, Sequence) and not isinstance(model, str):
        members = [
            evaluator(one, config, dtype=dtype, device=device, mode=mode, max_memory=max_memory) for one in model
        ]
        require_alike(members, [_name(one, place) for place, one in enumerate(model)])
        first = members[0]
        predicts = CommitteePredict(tuple(member.predict for member in members))
        return Evaluator(first.model, predicts, first.mode, tuple(member.model for member in members))
    if isinstance(model, InteratomicModel):
        loaded = model.eval()
    elif Path(model).suffix == SUFFIX:
        package = ExportedModel(model)
        _require_same(package, dtype, device)
        if mode != "eager" or max_memory is not None:
            raise UserError(f"{package.path} was compiled when it was exported: it has no use for mode and max_memory")
        return Evaluator(package, package.predict, "exported", (package,))
    else:
        loaded = load_model(model, config, dtype or "float32", device)
    return Evaluator(loaded, *evaluation(loaded, mode, max_memory), (loaded,))


def evaluation(model: InteratomicModel, mode: str, max_memory: int | None = None) -> tuple[Predict, str]:
    """The function that predicts with `model`, and the mode that is really used.

    Args:
        model: any reading.
        mode: `eager`, the reference, ready at once; `blocked`, the fast path without a compiler, in bounded memory;
            `compiled`, the fastest, which takes a minute or two to get ready, and seconds once an architecture has
            been compiled on a machine. A model with settings that the fast path does not have is evaluated by the
            reference, with one line of warning.
        max_memory: bytes, see `fast_model`; without effect on `eager`.

    Raises:
        UserError: another mode.
    """
    if mode not in MODES:
        raise UserError(f"unknown mode {mode!r}; choose one of {', '.join(MODES)}{did_you_mean(mode, MODES)}")
    if mode != "eager" and (lacking := no_fast_path(model)):
        warnings.warn(lacking, stacklevel=2)
        mode = "eager"
    if mode == "eager":
        return partial(predict, model), "eager"
    fast = fast_model(model, compiled=mode == "compiled", max_memory=max_memory)
    return fast.predict, fast.mode


def _name(model: Model, place: int) -> str:
    return f"member {place}" if isinstance(model, InteratomicModel) else str(model)


def _require_same(package: ExportedModel, dtype: str | None, device: str) -> None:
    made_for = str(package.dtype).removeprefix("torch.")
    if dtype is not None and dtype != made_for:
        raise UserError(f"{package.path} was exported in {made_for}; ask for {made_for}, or export it in {dtype}")
    if device.partition(":")[0] != package.device.type:
        raise UserError(f"{package.path} was exported for {package.device.type}; export it again for {device}")
