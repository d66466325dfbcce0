"""One size: models in separate processes take turns, so that drift of the machine affects all of them equally."""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from alphanet.errors import UserError
from alphanet.measure.speed.models import ModelInfo, TimedModel
from alphanet.measure.speed.points import SpeedPoint, Times
from alphanet.measure.speed.process import WARM_UP_SHARE, TimedProcess, TimingSettings
from alphanet.potentials.kit.worker_kit import packed

logger = logging.getLogger(__name__)

MEGABYTE = 1e6
FEWEST_ROUNDS = 1  # of a repeat, even if they take more than the time
SILENT = 10.0  # seconds a model; shorter rounds are not logged


@dataclass(frozen=True)
class ModelInMode:
    """A model and its requested mode."""

    timed_model: TimedModel
    mode: str  # eager, compiled (models without such a mode are timed eagerly, with a note), or best (the faster)


def measure_size(
    models: Sequence[ModelInMode],
    atoms: Atoms,
    settings: TimingSettings,
    allowance: float,
    *,
    checked: set[str] | None = None,
    repeat: int = 1,
) -> list[SpeedPoint]:
    """The points of all models at one size, each in one fresh process.

    Args:
        models: in the order of the first round.
        atoms: the system; a batch is so many copies of it, displaced differently.
        settings: see `TimingSettings`.
        allowance: seconds for each model once it is ready.
        checked: names whose compiled forces have been compared with the reference before; added to.
        repeat: its number, for messages and points.
    """
    head = f"pass {repeat} {len(atoms):>7} atoms"
    processes: list[TimedProcess] = []
    launch = _Launch(atoms, settings, allowance, set() if checked is None else checked)
    try:
        for model in models:
            processes.append(launch.ready(model))
            logger.info("%s  %s", head, _ready_text(processes[-1]))
        end = time.monotonic() + (1 - WARM_UP_SHARE) * allowance * len(processes)
        for number in range(settings.rounds):
            if number >= FEWEST_ROUNDS and settings.calls is None and time.monotonic() > end:
                logger.info("%s  %d of %d rounds: the time is used up (budget)", head, number, settings.rounds)
                break
            for process in processes[number % len(processes) :] + processes[: number % len(processes)]:
                if process.running:
                    process.time_round()
            if allowance > SILENT:
                logger.info("%s  round %d of %d", head, number + 1, settings.rounds)
        points = [_point(process, atoms, repeat) for process in processes]
    finally:
        for process in processes:
            process.close()
    for point in points:
        logger.info("%s  %s", head, _point_text(point, settings.tasks))
    return points


class _Launch:
    """The conditions at one size, in which every model is prepared."""

    def __init__(self, atoms: Atoms, settings: TimingSettings, allowance: float, checked: set[str]) -> None:
        self._arrays = packed([atoms] * settings.batch)
        self._elements = tuple(dict.fromkeys(atoms.get_chemical_symbols()))
        self._settings, self._allowance, self._checked = settings, allowance, checked

    def ready(self, model: ModelInMode) -> TimedProcess:
        """The model after loading, comparison with its reference and warm-up."""
        begun = time.monotonic()
        process = self._opened(model.timed_model, model.mode)
        process.overhead_s = time.monotonic() - begun - sum(sum(calls) for calls in process.warm.values())
        return process

    def _opened(self, model: TimedModel, mode: str) -> TimedProcess:
        eager = self._process(model, "eager")
        if mode == "eager":
            eager.open(checked=False)
            return eager
        compiled = self._process(model, "compiled")
        compiled.open(checked=model.name not in self._checked)
        if compiled.status == "ok":
            self._checked.add(model.name)
            if mode == "compiled" or compiled.mode == "eager":
                return compiled
        elif mode == "compiled" and not compiled.refused:
            return compiled
        eager.open(checked=False)
        slower, faster = (eager, compiled) if compiled.cost <= eager.cost else (compiled, eager)
        slower.close()
        if faster is compiled and slower.status == "ok":
            faster.pays_from = _pays_from(compiled, eager)
        if compiled.status != "ok":
            faster.note = f"timed eagerly: {compiled.reason}"
        return faster

    def _process(self, model: TimedModel, mode: str) -> TimedProcess:
        return TimedProcess(model, self._arrays, self._elements, self._settings, self._allowance, mode)


def _pays_from(compiled: TimedProcess, eager: TimedProcess) -> int:
    """Calls after which the faster form has made up for its longer start; 1 if it is the first to answer."""
    saved = max(eager.cost - compiled.cost, 1e-9)
    return max(1, math.ceil((compiled.start_s - eager.start_s) / saved))


def _point(process: TimedProcess, atoms: Atoms, repeat: int) -> SpeedPoint:
    info, request, settings = process.info or ModelInfo(), process.timed_model.request, process.settings
    complete = process.status == "ok"
    rounds = {task: blocks for task, blocks in process.rounds.items() if complete}
    seconds = {task: [value for block in blocks for value in block] for task, blocks in rounds.items()}
    return SpeedPoint(
        model=process.timed_model.name,
        n_atoms=len(atoms),
        n_edges=_edges(atoms, info.cutoff, settings.batch),
        batch=settings.batch,
        density=len(atoms) / atoms.get_volume() if atoms.cell.rank == 3 else None,
        cutoff=info.cutoff,
        parameters=info.parameters,
        dtype=info.dtype,
        device=request.device,
        mode=process.mode,
        threads=request.threads,
        status=process.status,
        reason=process.reason,
        note=process.note,
        force_check=process.force_check,
        peak_memory_mb={key: round(value / MEGABYTE, 3) for key, value in process.peak.items()},
        resident_before_mb=round(process.resident_before / MEGABYTE, 3),
        times_ms={task: Times.of_seconds(values) for task, values in seconds.items() if values},
        unsupported=process.unsupported,
        first_call_s=process.first_s,
        overhead_s=round(process.overhead_s, 3),
        load_s=round(process.load_s, 3),
        compile_s=process.compile_s,
        pays_from=process.pays_from,
        cpu_s={task: round(float(np.median(values)), 6) for task, values in process.cpu.items()},
        rounds={task: (tuple(float(np.median(block)) for block in blocks),) for task, blocks in rounds.items()},
        repeat=repeat,
        repeats=1 if complete else 0,
    )


def _edges(atoms: Atoms, cutoff: float | None, batch: int) -> int | None:
    """Edges of the undisplaced structures; None without a cutoff or a neighbor list."""
    from alphanet.neighbors import neighbor_pairs

    if cutoff is None:
        return None
    try:
        return batch * len(neighbor_pairs(atoms, float(cutoff))[0])
    except UserError:
        return None  # the point itself reports overlapping atoms and similar faults


def _ready_text(process: TimedProcess) -> str:
    state = f"warm, {1e3 * process.cost:.4g} ms" if process.status == "ok" else f"{process.status}: {process.reason}"
    return f"{process.timed_model.name:<18} … {state}"


def _point_text(point: SpeedPoint, tasks: Sequence[str]) -> str:
    if not point.ok:
        return f"{point.model:<18} {point.status}: {point.reason}"
    parts = [f"{task} {point.times_ms[task].median:.4g} ms" for task in tasks if task in point.times_ms]
    if "resident" in point.peak_memory_mb:
        parts.append(f"{point.peak_memory_mb['resident']:.0f} MB resident")
    if point.mode != "eager":
        parts.append(point.mode)
    if point.note:
        parts.append(point.note)
    return f"{point.model:<18} {', '.join(parts)}"
