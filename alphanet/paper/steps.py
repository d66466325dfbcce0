"""One step of a table: train one potential on one data set with one seed, evaluate it, keep the records.

A step's folder is named by the hash of everything its numbers depend on, so that a finished step is recognised and
one of other settings, data or code is never taken for it.
"""

import functools
import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphanet.cards import read_yaml
from alphanet.errors import UserError
from alphanet.files import sha256_of, write_text
from alphanet.measure.accuracy import evaluate
from alphanet.measure.parity import ParitySample, joined, load_sample, save_sample
from alphanet.paper.trainers import Job, Report, Trainer
from alphanet.potentials.protocol import Potential
from alphanet.provenance import code_digest, where
from alphanet.results import Record, append_record
from alphanet.training.config import card_defaults

if TYPE_CHECKING:
    from ase import Atoms

EVALUATION_CODE = ("measure", "potentials/local.py", "potentials/remote.py")


@dataclass(frozen=True)
class Step:
    """A potential, the data it is trained on, what it is evaluated on, and where its files go."""

    protocol: str  # benchmark and scale: "table1/mini"
    name: str  # run key of the rows; part of the folder's name
    model: str
    trainer: Trainer
    job: Job
    only: Mapping[str, Mapping[str, str]]  # column -> patterns that the `info` of its frames must match
    splits: tuple[str, ...]  # that are evaluated, test last: its record says that the column is finished
    batch_size: int
    parity_frames: int | None
    s2ef: bool  # whether OC20's metrics are evaluated too
    runs: Path
    log: Path

    @functools.cached_property
    def training_key(self) -> str:
        """Hash of what the trained weights depend on, but for the limit on time: more time goes on with the same."""
        job = self.job
        depends = {
            "model": self.model,
            "data": [job.data.name, job.data.scale],
            "sources": job.data.sources,
            "split": _split_of(job),
            "settings": job.settings,
            "epochs": job.epochs,
            "seed": job.seed,
            "dtype": job.dtype,
            "code": code_digest(self.trainer.code()),
        }
        if self.model == "alphanet":  # the others' defaults are in the cards of `code`
            depends["defaults"] = card_defaults(job.data.name, job.data.scale)
        if job.train_frames is not None:
            depends["train_frames"] = job.train_frames
        return _hash(depends)

    def key(self, column: str) -> str:
        """Hash of what the numbers of a column depend on."""
        return _hash([self.timeless_key(column), self.job.max_time])

    def timeless_key(self, column: str) -> str:
        """The same but for the limit on time."""
        evaluation = [self.parity_frames, self.splits, self.only[column], self.s2ef, code_digest(EVALUATION_CODE)]
        return _hash([self.protocol, self.training_key, evaluation])

    @property
    def folder(self) -> Path:
        """Where the training writes."""
        few = "" if self.job.train_frames is None else f"-{self.job.train_frames}"
        name = f"{self.job.data.name}-{self.job.data.scale}{few}-{self.name}-seed{self.job.seed}"
        return self.runs / f"{name}-{self.training_key[:8]}"


def finished(step: Step, records: Iterable[Record], *, any_time: bool = False) -> dict[str, Record]:
    """The newest of `records` that say that a column of the same step was finished: its test records by column.

    Args:
        step: the step.
        records: earlier ones.
        any_time: take records of trainings whose limit on time was another.
    """
    name = "timeless_key" if any_time else "key"
    columns = {getattr(step, name)(column): column for column in step.only}
    found: dict[str, Record] = {}
    for record in records:
        column = columns.get(record.how.get(name, ""))
        if column is not None and record.on.get("split") == step.splits[-1] and _has_samples(step, record):
            found[column] = record
    return found


def run_step(step: Step, columns: Sequence[str], report: Report, *, restart: bool = False) -> dict[str, Record]:
    """Train where needed, evaluate for `columns`, append the records; returns those of the test frames by column.

    Raises:
        UserError: the training or the evaluation failed; what was finished stays.
    """
    if restart:
        shutil.rmtree(step.folder, ignore_errors=True)
    trained = _train(step, report)
    potential = step.trainer.open(step.job, step.folder, trained)
    found = {}
    try:
        for split in step.splits:
            fitting = _fitting(step, columns, split)
            for column in columns:
                found[column] = record = _measure(step, column, split, fitting[column], potential, trained)
                append_record(step.log, record)
                report(f"{column}, {split}: {_summary(record)}")
    finally:
        potential.close()
    return found


def samples_of(step: Step, records: Iterable[Record]) -> dict[str, ParitySample]:
    """The parity samples of a finished step: those of the columns whose test records are given, joined.

    Columns with the same frames count once.
    """
    distinct = {json.dumps(record.on.get("only")): record for record in records}.values()
    keys = [record.how["key"] for record in distinct]
    return {split: joined([load_sample(_sample_file(step, key, split)) for key in keys]) for split in step.splits}


def open_trained(step: Step) -> Potential:
    """The potential of a step that has been trained.

    Raises:
        UserError: it has not, or it cannot be opened.
    """
    trained: dict[str, Any] = read_yaml(step.folder / "trained.json")["trained"]
    return step.trainer.open(step.job, step.folder, trained)


def _train(step: Step, report: Report) -> dict[str, Any]:
    """What the trainer said; it is asked again when the limit on time has changed, and then goes on."""
    done = step.folder / "trained.json"
    if done.exists():
        values = read_yaml(done)
        if values["max_time"] == step.job.max_time:
            return dict(values["trained"])
    step.folder.mkdir(parents=True, exist_ok=True)
    trained = step.trainer.train(step.job, step.folder, report)
    write_text(done, json.dumps({"max_time": step.job.max_time, "trained": trained}, indent=1) + "\n")
    return trained


def _measure(
    step: Step, column: str, split: str, fitting: Sequence[int], potential: Any, trained: dict[str, Any]
) -> Record:
    from alphanet.data.store import FrameStore

    path: Path = getattr(step.job.data, split)
    store, only = FrameStore(path), step.only[column]
    most = None if split == "test" else step.parity_frames
    indices = [fitting[index] for index in evenly_spaced(len(fitting), most)]
    accuracy = evaluate(
        potential,
        _frames(store, indices),
        batch_size=step.batch_size,
        official=True,
        s2ef=step.s2ef,
        groups=_test_groups(step.job),
    )
    key = step.key(column)
    save_sample(_sample_file(step, key, split), accuracy.parity)
    data = step.job.data
    return Record(
        what=accuracy.metrics(),
        on={
            "dataset": data.name,
            "scale": data.scale,
            "split": split,
            **({"only": dict(only)} if only else {}),
            "frames": f"{len(indices)} of {len(fitting)}, evenly spaced" if most else "all",
            "trained_on": data.counts["train"],
            "level_of_theory": data.level_of_theory,
            "store_sha256": sha256_of(path),
            "sources": data.sources,
        },
        model={"name": step.model, **potential.provenance()},
        how={
            "protocol": step.protocol,
            "key": key,
            "timeless_key": step.timeless_key(column),
            "seed": step.job.seed,
            "precision": step.job.dtype,
            "device": step.job.device,
            "threads": _threads(),
            "batch_size": step.batch_size,
            "limits": {"epochs": step.job.epochs, "seconds": step.job.max_time},
            "training": trained,
        },
        where=where(),
    )


def _test_groups(job: Job) -> tuple[str, ...]:
    """The sets that the data's test files are of, say OC20's four validation splits; none where they have no names."""
    files = job.data.card.at(job.data.scale).files
    return tuple(dict.fromkeys(file.group for file in files if file.role == "test" and file.group))


def _fitting(step: Step, columns: Iterable[str], split: str) -> dict[str, Sequence[int]]:
    """Indices of the frames that each column counts, from one pass over them."""
    from alphanet.data.store import FrameStore

    store = FrameStore(getattr(step.job.data, split))
    patterns = {column: step.only[column] for column in columns if step.only[column]}
    found: dict[str, Sequence[int]] = dict.fromkeys(columns, range(len(store)))
    if patterns:
        found |= matching(store, patterns)
    for column, indices in found.items():
        if not indices:
            raise UserError(f"{step.job.data.name} has no {split} frames with {_listed(step.only[column])}")
    return found


def matching(frames: "Iterable[Atoms]", only: Mapping[str, Mapping[str, str]]) -> dict[str, list[int]]:
    """For each key of `only` the indices of the frames whose `info` matches all its patterns; case does not count."""
    found: dict[str, list[int]] = {name: [] for name in only}
    for index, atoms in enumerate(frames):
        for name, patterns in only.items():
            if all(_matches(atoms.info.get(key, ""), pattern) for key, pattern in patterns.items()):
                found[name].append(index)
    return found


def _matches(value: object, pattern: str) -> bool:
    return fnmatchcase(str(value).casefold(), pattern.casefold())


def evenly_spaced(count: int, most: int | None) -> list[int]:
    """At most `most` indices below `count`, evenly spaced."""
    if most is None or most >= count:
        return list(range(count))
    return [index * count // most for index in range(most)]


def _frames(store: Any, indices: Iterable[int]) -> "Iterator[Atoms]":
    return (store[index] for index in indices)


def _split_of(job: Job) -> Any:
    split = job.data.card.at(job.data.scale).split
    return split.model_dump(mode="json") if split else None


def _sample_file(step: Step, key: str, split: str) -> Path:
    return step.folder / f"parity-{key[:8]}-{split}.npz"


def _has_samples(step: Step, record: Record) -> bool:
    return all(_sample_file(step, record.how["key"], split).exists() for split in step.splits)


def _listed(only: Mapping[str, str]) -> str:
    return ", ".join(f"{key} {pattern}" for key, pattern in only.items())


def _threads() -> int:
    import torch

    return torch.get_num_threads()


def _summary(record: Record) -> str:
    energy, force = record.what["energy_mae"], record.what["force_mae"]
    return f"energy MAE {1e3 * energy:.3g} meV/atom, force MAE {1e3 * force:.3g} meV/Å"


def _hash(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:16]
