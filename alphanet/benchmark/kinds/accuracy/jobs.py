"""One training with one seed: train a potential on a data set, evaluate it, yield the records.

A job's folder is named by the hash of everything that its weights depend on. A finished job is recognized by it, and a
job with other settings, data or code has another folder.
"""

import functools
import hashlib
import json
import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds.accuracy.card import AccuracyCard
from alphanet.benchmark.kinds.accuracy.plan import PlannedTraining
from alphanet.benchmark.kinds.accuracy.released import ReleasedWeights
from alphanet.benchmark.kinds.accuracy.trainers import Trained, Trainer, TrainingRequest, trainer_of
from alphanet.cards import Card, validate
from alphanet.data.prepare import PreparedData
from alphanet.data.subsets import evenly_spaced, matching_frames, matching_subset, training_subset, validation_subset
from alphanet.errors import UserError
from alphanet.files import read_json_object, sha256_of, write_text
from alphanet.measure.frame_errors import save_frame_errors
from alphanet.measure.parity import ParitySample, joined, load_sample, save_sample
from alphanet.potentials.protocol import Potential
from alphanet.provenance import code_digest, where
from alphanet.results.records import Record
from alphanet.training.config import card_defaults

if TYPE_CHECKING:
    from ase import Atoms

    from alphanet.data.store import FrameStore

logger = logging.getLogger(__name__)

EVALUATION_CODE = (
    "measure/accuracy.py",
    "measure/frame_errors.py",
    "measure/s2ef.py",
    "measure/parity.py",
    "potentials/local.py",
    "potentials/remote.py",
)


@dataclass(frozen=True)
class TrainingJob:
    """A potential, the data it is trained on, the frames it is evaluated on, and the place of its files."""

    protocol: str  # benchmark and scale: "table1/mini"
    name: str  # run key of the rows; part of the folder's name
    model: str
    trainer: Trainer
    request: TrainingRequest
    only: Mapping[str, Mapping[str, str]]  # column -> patterns that the `info` of its frames must match
    splits: tuple[str, ...]  # that are evaluated, test last: its record says that the column is finished
    batch_size: int
    parity_frames: int | None
    test_frames: Mapping[str, int | None]  # column -> most test frames, evenly spaced; all if None
    s2ef: bool  # whether OC20's metrics are evaluated too
    runs: Path

    @functools.cached_property
    def training_key(self) -> str:
        """Hash of everything that the weights of a finished training depend on."""
        request = self.request
        depends: dict[str, object] = {
            "model": self.model,
            "data": [request.data.name, request.data.scale],
            "sources": request.data.sources,
            "split": _split_of(request),
            "settings": request.settings,
            "epochs": request.epochs,
            "seed": request.seed,
            "dtype": request.dtype,
            "code": code_digest(self.trainer.code()),
        }
        if self.model == "alphanet":  # others' defaults are in the cards of `code`
            depends["defaults"] = card_defaults(request.data.name, request.data.scale)
        if request.train_frames is not None:
            depends["train_frames"] = request.train_frames
        if request.only:
            depends["only"] = dict(request.only)
        if request.valid_frames is not None:
            depends["valid_frames"] = request.valid_frames
        return _hash(depends)

    def key(self, column: str) -> str:
        """Hash of all that the numbers of a column depend on."""
        evaluation: list[Any] = [self.parity_frames, self.splits, self.only[column], self.s2ef]
        evaluation.append(code_digest(EVALUATION_CODE))
        if (most := self.test_frames[column]) is not None:
            evaluation.append({"test_frames": most})
        return _hash([self.protocol, self.training_key, evaluation])

    @property
    def folder(self) -> Path:
        """The folder of the training."""
        few = "" if self.request.train_frames is None else f"-{self.request.train_frames}"
        part = "".join(f"-{label(pattern)}" for pattern in self.request.only.values())
        name = f"{self.request.data.name}-{self.request.data.scale}{part}{few}-{self.name}-seed{self.request.seed}"
        return self.runs / f"{name}-{self.training_key[:8]}"

    @property
    def ended(self) -> Path:
        """The file that says how the training ended, see `EndedTraining`."""
        return self.folder / "trained.json"

    @property
    def has_weights(self) -> bool:
        """Whether the training has ended, perhaps by its guard."""
        return self.ended.exists()


class EndedTraining(Card):
    """The result of a job's training, and the guard that it had."""

    max_time: float | None  # seconds
    trained: Trained


def training_job(
    card: AccuracyCard, options: RunOptions, training: PlannedTraining, seed: int, data: PreparedData, runs: Path
) -> TrainingJob:
    """The job of `training` with `seed` on `data`; its folder will lie in `runs`.

    Raises:
        UserError: the data set has fewer training frames than the column asks for, or none of its kind.
    """
    scale = card.scale(options.scale)
    data = _frames_of(data, training, scale.valid_frames, seed, runs / "subsets")
    return TrainingJob(
        protocol=f"{card.name}/{options.scale}",
        name=training.key,
        model=training.model,
        trainer=trainer_of(training.model, options.mirror),
        request=TrainingRequest(
            data=data,
            settings=training.run.settings,
            seed=seed,
            dtype=scale.dtype,
            device=options.device,
            epochs=options.epochs or scale.epochs,
            max_time=options.max_time or scale.max_time,
            train_frames=training.train_frames,
            only=training.only,
            valid_frames=scale.valid_frames,
        ),
        only={column: card.columns[column].only for column in training.columns},
        splits=("train", "valid", "test") if card.parity else ("test",),
        batch_size=training.run.batch_size,
        parity_frames=scale.parity_frames,
        test_frames={column: card.columns[column].test_frames for column in training.columns},
        s2ef=card.s2ef,
        runs=runs,
    )


def _frames_of(
    data: PreparedData, training: PlannedTraining, most_valid: int | None, seed: int, folder: Path
) -> PreparedData:
    """The part of `data` that `training` trains on and validates on; the stores lie in `folder`."""
    if training.only:
        folder = folder / "-".join(label(pattern) for pattern in training.only.values())
        data = matching_subset(data, training.only, folder)
    if training.train_frames is not None:
        data = training_subset(data, training.train_frames, seed, folder)
    return data if most_valid is None else validation_subset(data, most_valid, folder)


def run_job(job: TrainingJob, columns: Sequence[str], *, restart: bool = False) -> Iterator[tuple[str, str, Record]]:
    """Train if needed, evaluate for `columns`; yield column, split and record, the test frames last.

    A training that its guard cut is evaluated on the test frames alone; its records say so, see `stop_of`.

    Raises:
        UserError: the training or the evaluation failed; everything that was finished stays.
    """
    if restart:
        shutil.rmtree(job.folder, ignore_errors=True)
    logger.info("%s", job.folder)
    trained = train_job(job)
    potential = job.trainer.open(job.request, job.folder, trained)
    try:
        for split in job.splits[-1:] if trained.stop else job.splits:
            indices = _fitting(job, columns, split)
            for column in columns:
                record = _evaluate(job, column, split, indices[column], potential, trained)
                logger.info("%s, %s: %s", column, split, _summary(record))
                yield column, split, record
    finally:
        potential.close()


def train_job(job: TrainingJob) -> Trained:
    """Train, or use a training that has ended; return the trainer's result.

    If its guard cut a training and the guard has changed, the trainer is called again and continues.

    Raises:
        UserError: the training failed.
    """
    if job.has_weights:
        done = _ended(job)
        if not done.trained.stop or done.max_time == job.request.max_time:
            return done.trained
    job.folder.mkdir(parents=True, exist_ok=True)
    done = EndedTraining(max_time=job.request.max_time, trained=job.trainer.train(job.request, job.folder))
    write_text(job.ended, done.model_dump_json(indent=1) + "\n")
    return done.trained


def open_trained(job: TrainingJob) -> Potential:
    """The potential of a job that has been trained.

    Raises:
        UserError: it has not, or it cannot be opened.
    """
    return job.trainer.open(job.request, job.folder, _ended(job).trained)


def samples_of(job: TrainingJob, records: Iterable[Record]) -> dict[str, ParitySample]:
    """The parity samples of a finished job: those of the columns whose test records are given, joined.

    Columns with the same frames count once.
    """
    distinct = {json.dumps(record.data.get("only")): record for record in records}.values()
    keys = [str(record.protocol["key"]) for record in distinct]
    return {split: joined([load_sample(_sample_file(job, key, split)) for key in keys]) for split in job.splits}


def has_samples(job: TrainingJob, records: Iterable[Record]) -> bool:
    """Whether the parity samples that were saved with the records are there; a kept report leaves them out."""
    keys = (str(record.protocol["key"]) for record in records)
    return all(_sample_file(job, key, split).exists() for key in keys for split in job.splits)


def has_frame_errors(job: TrainingJob, record: Record) -> bool:
    """Whether the frames' errors that were saved with `record` are there."""
    return _frames_file(job, str(record.protocol["key"])).exists()


def stop_of(record: Record) -> str:
    """The step at which the training behind `record` was cut, in words; empty if it was finished."""
    return str(record.protocol.get("stopped", ""))


def _ended(job: TrainingJob) -> EndedTraining:
    return validate(read_json_object(job.ended), EndedTraining, str(job.ended))


def _evaluate(
    job: TrainingJob, column: str, split: str, fitting: Sequence[int], potential: Potential, trained: Trained
) -> Record:
    from alphanet.data.store import FrameStore
    from alphanet.measure.accuracy import evaluate

    request, data = job.request, job.request.data
    path: Path = getattr(data, split)
    most = job.test_frames[column] if split == "test" else job.parity_frames
    indices = [fitting[index] for index in evenly_spaced(len(fitting), most)]
    accuracy = evaluate(
        potential,
        _frames(FrameStore(path), indices),
        batch_size=job.batch_size,
        official=True,
        s2ef=job.s2ef,
        groups=_test_groups(request),
    )
    key = job.key(column)
    save_sample(_sample_file(job, key, split), accuracy.parity)
    frame_errors: dict[str, JsonValue] = {}
    if split == job.splits[-1]:
        file = _frames_file(job, key)
        save_frame_errors(file, accuracy.frames, accuracy.s2ef_frames)
        path_below = file.relative_to(job.runs.parent).as_posix()
        frame_errors = {"frame_errors": {"file": path_below, "sha256": sha256_of(file)}}
    facts: dict[str, JsonValue] = {"only": dict(job.only[column])} if job.only[column] else {}
    return Record(
        metrics=accuracy.metrics(),
        data={
            "dataset": data.name,
            "scale": data.scale,
            "split": split,
            **facts,
            "frames": f"{len(indices)} of {len(fitting)}, evenly spaced" if most else "all",
            "trained_on": trained.trained_on if isinstance(trained, ReleasedWeights) else data.counts["train"],
            "level_of_theory": data.level_of_theory,
            "store_sha256": sha256_of(path),
            "sources": dict(data.sources),
        },
        model={"name": job.model, **potential.provenance()},
        protocol={
            "benchmark": job.protocol,
            "key": key,
            "seed": request.seed,
            "precision": request.dtype,
            "device": request.device,
            "threads": _threads(),
            "batch_size": job.batch_size,
            "limits": {"epochs": request.epochs, "seconds": request.max_time},
            "training": trained.model_dump(mode="json"),
            **frame_errors,
            **({"stopped": trained.stop} if trained.stop else {}),
        },
        environment=where(),
    )


def _test_groups(request: TrainingRequest) -> tuple[str, ...]:
    """Names of the sets of test files, such as OC20's four validation splits; empty if they have none."""
    files = request.data.card.at(request.data.scale).files
    return tuple(dict.fromkeys(file.group for file in files if file.role == "test" and file.group))


def _fitting(job: TrainingJob, columns: Iterable[str], split: str) -> dict[str, Sequence[int]]:
    """Indices of the frames that each column counts, from one pass over them."""
    from alphanet.data.store import FrameStore

    store = FrameStore(getattr(job.request.data, split))
    patterns = {column: job.only[column] for column in columns if job.only[column]}
    indices: dict[str, Sequence[int]] = dict.fromkeys(columns, range(len(store)))
    if patterns:
        indices |= matching_frames(store, patterns)
    for column, fitting in indices.items():
        if not fitting:
            wanted = ", ".join(f"{key} {pattern}" for key, pattern in job.only[column].items())
            raise UserError(f"{job.request.data.name} has no {split} frames with {wanted}")
    return indices


def _frames(store: "FrameStore", indices: Iterable[int]) -> "Iterator[Atoms]":
    return (store[index] for index in indices)


def _split_of(request: TrainingRequest) -> Any:
    split = request.data.card.at(request.data.scale).split
    return split.model_dump(mode="json") if split else None


def _sample_file(job: TrainingJob, key: str, split: str) -> Path:
    return job.folder / f"parity-{key[:8]}-{split}.npz"


def label(pattern: str) -> str:
    """A pattern of frames as a part of a file's name: `ABW*` is `abw`."""
    return "".join(letter for letter in pattern.casefold() if letter.isalnum())


def _frames_file(job: TrainingJob, key: str) -> Path:
    return job.folder / f"frames-{key[:8]}-{job.splits[-1]}.npz"


def _threads() -> int:
    import torch

    return torch.get_num_threads()


def _summary(record: Record) -> str:
    energy, force = record.value("energy_mae") or 0.0, record.value("force_mae") or 0.0
    return f"energy MAE {1e3 * energy:.3g} meV/atom, force MAE {1e3 * force:.3g} meV/Å"


def _hash(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:16]
