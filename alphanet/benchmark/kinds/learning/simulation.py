"""The time of a step in simulation: energies and forces of a test frame, all rows in turns, in new processes a pass."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from ase import Atoms

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds.accuracy.jobs import TrainingJob
from alphanet.benchmark.kinds.learning.card import STEP_TIME, LearningScale
from alphanet.benchmark.kinds.learning.finished import FinishedModel
from alphanet.benchmark.kinds.timing import memory_limit, times_by_pass
from alphanet.data.subsets import evenly_spaced
from alphanet.errors import UserError
from alphanet.measure.speed.models import TimedModel, TimingSetup, timed_model
from alphanet.measure.speed.points import SpeedPoint
from alphanet.measure.speed.process import TimingSettings
from alphanet.measure.speed.repeats import combined
from alphanet.measure.speed.size import ModelInMode, measure_size
from alphanet.provenance import code_digest, digest_of, hardware, where
from alphanet.results.records import Record

TASK = "step"  # atoms in, forces out
LOOKED_AT = 200  # test frames, of which the one of median size is timed


@dataclass(frozen=True)
class Timed:
    """Times of the rows, and why others have none."""

    points: Mapping[str, SpeedPoint]
    missing: Mapping[str, str]


def step_times(jobs: Mapping[str, TrainingJob], scale: LearningScale, options: RunOptions) -> Timed:
    """Time the trained potentials on the test frame of median size.

    Args:
        jobs: by row, each trained or of a finished model.
        scale: with passes and seconds.
        options: of the run.
    """
    models: dict[str, TimedModel] = {}
    missing: dict[str, str] = {}
    for row, job in jobs.items():
        try:
            name = job.model if isinstance(job.trainer, FinishedModel) else str(job.folder)
            models[row] = timed_model(name, _setup(scale, options))
        except UserError as error:
            missing[row] = str(error)
    if not models:
        return Timed({}, missing)
    atoms = typical_frame(next(iter(jobs.values())))
    settings = TimingSettings(
        tasks=(TASK,), repeats=scale.passes, seed=options.seed, memory_limit=memory_limit(options)
    )
    measured: dict[str, list[SpeedPoint]] = {row: [] for row in models}
    for number in range(1, scale.passes + 1):
        points = measure_size(
            [ModelInMode(model, options.mode) for model in models.values()],
            atoms,
            settings.model_copy(update={"seed": options.seed + number - 1}),
            scale.seconds,
            repeat=number,
        )
        for row, point in zip(models, points, strict=True):
            measured[row].append(point)
    together = {row: combined(points, (TASK,)) for row, points in measured.items()}
    missing |= {row: f"{point.status}: {point.reason}" for row, point in together.items() if TASK not in point.times_ms}
    return Timed({row: point for row, point in together.items() if row not in missing}, missing)


def typical_frame(job: TrainingJob) -> Atoms:
    """The test frame of median size, without its labels."""
    from alphanet.data.store import FrameStore  # the list of benchmarks reads this file, and does without scipy

    store = FrameStore(job.request.data.test)
    frames = sorted((store[int(index)] for index in evenly_spaced(len(store), LOOKED_AT)), key=len)
    frame = frames[len(frames) // 2]
    return Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.pbc)


def time_record(row: str, point: SpeedPoint, job: TrainingJob, key: str, protocol: str) -> Record:
    """The record of a row's time: the mean over passes of their medians, s."""
    passes = list(times_by_pass(point, TASK).values())
    data = job.request.data
    return Record(
        metrics={STEP_TIME: fmean(passes), "passes": {STEP_TIME: [*passes]}},
        data={"dataset": data.name, "scale": data.scale, "split": "test", "n_atoms": point.n_atoms},
        model={"name": job.model, "row": row, "parameters": point.parameters},
        protocol={"benchmark": protocol, "key": key, "point": point.without_raw_times()},
        environment=where(),
    )


def time_key(job: TrainingJob, scale: LearningScale, options: RunOptions) -> str:
    """Hash of all that the time of a row's step depends on."""
    depends = [hardware(), job.training_key, scale.passes, scale.seconds, options.mode, options.threads, options.seed]
    depends.append(code_digest(["measure/speed"]))
    return digest_of(depends)


def _setup(scale: LearningScale, options: RunOptions) -> TimingSetup:
    return TimingSetup(
        weights="released", dtype=scale.dtype, device=options.device, threads=options.threads, seed=options.seed
    )
