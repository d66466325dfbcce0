"""Timing of models: the settings of a scale, the setup of a run, and the place of its sweeps."""

import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from pydantic import PositiveFloat, PositiveInt

from alphanet.benchmark.card import ScaleSettings
from alphanet.benchmark.kind import RunOptions
from alphanet.errors import UserError, did_you_mean
from alphanet.hardware.devices import kind_of
from alphanet.measure.speed.models import TimingSetup
from alphanet.measure.speed.points import SpeedPoint
from alphanet.measure.speed.process import TimingSettings
from alphanet.measure.speed.summary import SweepSummary
from alphanet.measure.speed.sweep import Sweep, is_finished, run_sweep

DAY = 86400.0  # s
GIGABYTE_IN_MB = 1e3
MODES = ("eager", "compiled", "best")
MOST_OF_MEMORY = 0.9  # of the machine's, which a worker may have


class ModelScale(ScaleSettings):
    """How a scale loads the models that it times."""

    weights: Literal["untrained", "released"] = "untrained"  # of models whose names tell none; random ones cost as much
    dtype: Literal["float32", "float64"] = "float32"
    alphanet: str | None = None  # file or name of AlphaNet's weights, if they are released ones
    config: Path | None = None  # JSON of AlphaNet's files that carry none
    trust: bool = False  # accept pickled weights whose checksum is not known


class TimingScale(ModelScale):
    """How a scale times models."""

    passes: PositiveInt = 3  # over all sizes, each in new processes
    rounds: PositiveInt = 3  # turns of each model at each size in a pass
    calls: PositiveInt | None = None  # of each model at each size; as many as fit if None
    minutes: PositiveFloat  # of each sweep


@dataclass(frozen=True)
class SweepFolder:
    """A sweep of a benchmark, and its place in the benchmark's folder."""

    sweep: Sweep
    folder: Path

    @property
    def finished(self) -> bool:
        """Whether the whole sweep is measured; false for an unusable folder, which the run of the sweep reports."""
        try:
            return is_finished(self.sweep, self.folder)
        except UserError:
            return False

    def run(self, seconds: float, *, restart: bool) -> SweepSummary:
        """Measure what is missing within `seconds`; write `speed.json`.

        Raises:
            UserError: see `run_sweep`.
        """
        summary = run_sweep(self.sweep, self.folder, seconds, restart=restart)
        summary.write(self.folder)
        return summary


def timing_setup(scale: ModelScale, options: RunOptions) -> TimingSetup:
    """The setup of all models at `scale`."""
    return TimingSetup(
        weights=scale.weights,
        dtype=scale.dtype,
        device=options.device,
        threads=options.threads,
        seed=options.seed,
        alphanet=scale.alphanet,
        config=None if scale.config is None else str(scale.config),
        trust=scale.trust,
    )


def timing_settings(scale: TimingScale, options: RunOptions, tasks: tuple[str, ...], batch: int) -> TimingSettings:
    """How `scale` times `tasks` with `batch` structures in a call."""
    return TimingSettings(
        tasks=tasks,
        batch=batch,
        repeats=scale.passes,
        rounds=scale.rounds,
        calls=scale.calls,
        seed=options.seed,
        memory_limit=memory_limit(options),
    )


def require_mode(mode: str) -> None:
    """Check that `mode` is one of `MODES`.

    Raises:
        UserError: it is not.
    """
    if mode not in MODES:
        raise UserError(f"mode: unknown {mode!r}{did_you_mean(mode, MODES)}")


def memory_limit(options: RunOptions) -> int | None:
    """Bytes that a worker may use; by default most of the machine's memory, and on a GPU all of it."""
    if options.max_memory is not None:
        return int(options.max_memory * 1e9)
    if kind_of(options.device) != "cpu":
        return None
    return int(MOST_OF_MEMORY * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def times_by_pass(point: SpeedPoint, task: str) -> dict[int, float]:
    """By pass, seconds of a call: the median of the pass's rounds."""
    return {number: median(rounds) for number, rounds in enumerate(point.rounds.get(task, ())) if rounds}


def memory_by_pass(point: SpeedPoint) -> dict[int, float]:
    """By pass, GB a structure that the calls needed; only the largest of all, if the summary kept no other."""
    used = point.repeats_mb or (point.used_mb,)
    return {number: megabytes / GIGABYTE_IN_MB / point.batch for number, megabytes in enumerate(used)}
