"""Evaluators of structures: a model in one of its modes, an exported package, or a committee of them."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from alphanet.errors import UserError, did_you_mean
from alphanet.graph import AtomGraph
from alphanet.model.base import InteratomicModel
from alphanet.model.checkpoint import load_model
from alphanet.model.committee import CommitteePredict, require_alike
from alphanet.model.export import SUFFIX, ExportedModel
from alphanet.model.fast.model import fast_model, no_fast_path
from alphanet.model.fast.ready import Reference, WhenReady, served_by_kernels
from alphanet.model.prediction import Prediction

MODES = ("eager", "blocked", "compiled")
MODE_VARIABLE = "ALPHANET_MODE"


class Predict(Protocol):
    """`predict` of one model."""

    def __call__(self, graph: AtomGraph, *, forces: bool = True, stress: bool = True) -> Prediction:
        """Energy, and forces and stress if asked."""


class Engine(Protocol):
    """What predicts with one model, or several."""

    @property
    def mode(self) -> str:
        """eager, blocked, compiled or exported."""

    @property
    def predict(self) -> Predict:
        """Predicts."""


@dataclass(frozen=True)
class Evaluator:
    """A model that makes graphs, and what predicts from them."""

    model: InteratomicModel | ExportedModel  # of a committee its first member
    engine: Engine
    members: tuple[InteratomicModel | ExportedModel, ...]  # of a committee; otherwise the model alone

    @property
    def predict(self) -> Predict:
        """Predicts from a graph."""
        return self.engine.predict

    @property
    def mode(self) -> str:
        """eager, blocked, compiled or exported: that of the next prediction; of a committee its first member's."""
        return self.engine.mode


Model = InteratomicModel | str | Path


def evaluator(
    model: Model | Sequence[Model],
    config: Any = None,
    *,
    dtype: str | None = None,
    device: str = "cpu",
    mode: str | None = None,
    max_memory: int | None = None,
    waits: bool = False,
) -> Evaluator:
    """Ready to predict with a model, with the file or name of one, a package of `alphanet export`, or a committee.

    Args:
        model: a model (where it is), a file, the name of released weights, or a sequence of these: a committee.
        config: see `alphanet.load_model`.
        dtype: precision, for files; float32, or the package's own, if not given.
        device: where to, for files.
        mode: see `evaluation`; a package has its own.
        max_memory: bytes, for every mode but `eager`.
        waits: see `evaluation`.

    Raises:
        UserError: as `alphanet.load_model`; an unknown mode; a package of another precision or device, or with a mode;
            members of a committee that differ in elements or cutoff.
    """
    if isinstance(model, Sequence) and not isinstance(model, str):
        members = [
            evaluator(one, config, dtype=dtype, device=device, mode=mode, max_memory=max_memory, waits=waits)
            for one in model
        ]
        require_alike(members, [_name(one, place) for place, one in enumerate(model)])
        first = members[0]
        engines = CommitteePredict(tuple(member.engine for member in members))
        return Evaluator(first.model, engines, tuple(member.model for member in members))
    if isinstance(model, InteratomicModel):
        loaded = model.eval()
    elif Path(model).suffix == SUFFIX:
        package = ExportedModel(model)
        _require_same(package, dtype, device)
        if mode not in (None, "eager") or max_memory is not None:
            raise UserError(f"{package.path} was compiled when it was exported: it has no use for mode and max_memory")
        return Evaluator(package, package, (package,))
    else:
        loaded = load_model(model, config, dtype or "float32", device)
    return Evaluator(loaded, evaluation(loaded, mode, max_memory, waits=waits), (loaded,))


def evaluation(
    model: InteratomicModel, mode: str | None, max_memory: int | None = None, *, waits: bool = False
) -> Engine:
    """What predicts with `model`; its mode is the one that is really used.

    Args:
        model: any reading.
        mode: `eager`, the reference; `blocked`, the fast path without a compiler, in bounded memory; `compiled`, the
            fastest: kernels in C++ in float32 on a CPU, which take seconds to compile once for a number of channels,
            and otherwise functions that torch compiles in a minute or two for each architecture. None: that of the
            variable `ALPHANET_MODE`, or else the kernels where they serve the model and the reference elsewhere. A
            model with settings that the fast path does not have is evaluated by the reference; if another mode was
            asked for, with one line of warning.
        max_memory: bytes, see `fast_model`; without effect on `eager`.
        waits: without a mode, whether to wait for kernels that are not compiled yet, so that all predictions come from
            the same path; if not, the reference predicts until another process has compiled them.

    Raises:
        UserError: another mode.
    """
    asked, mode = mode, mode or os.environ.get(MODE_VARIABLE) or None
    if mode is None and served_by_kernels(model):
        return WhenReady(model, waits=waits, max_memory=max_memory)
    mode = mode or "eager"
    if mode not in MODES:
        raise UserError(f"unknown mode {mode!r}; choose one of {', '.join(MODES)}{did_you_mean(mode, MODES)}")
    if mode != "eager" and (lacking := no_fast_path(model)):
        warnings.warn(lacking, stacklevel=2)
        mode = "eager"
    if mode == "eager":
        if asked is None and max_memory is not None:
            raise UserError("max_memory is an option of every mode but eager, which is used here; name another mode")
        return Reference(model)
    return fast_model(model, compiled=mode == "compiled", max_memory=max_memory)


def _name(model: Model, place: int) -> str:
    return f"member {place}" if isinstance(model, InteratomicModel) else str(model)


def _require_same(package: ExportedModel, dtype: str | None, device: str) -> None:
    made_for = str(package.dtype).removeprefix("torch.")
    if dtype is not None and dtype != made_for:
        raise UserError(f"{package.path} was exported in {made_for}; ask for {made_for}, or export it in {dtype}")
    if device.partition(":")[0] != package.device.type:
        raise UserError(f"{package.path} was exported for {package.device.type}; export it again for {device}")
