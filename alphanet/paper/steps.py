"""One step of a table: train one potential on one data set with one seed, evaluate it, keep the records.

A step's folder is named by the hash of everything its numbers depend on, so that a finished step is recognised and
one of other settings, data or code is never taken for it.
"""

import functools
import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphanet.cards import read_yaml
from alphanet.files import sha256_of, write_text
from alphanet.measure.accuracy import evaluate
from alphanet.measure.parity import ParitySample, load_sample, save_sample
from alphanet.paper.trainers import Job, Report, Trainer
from alphanet.provenance import code_digest, where
from alphanet.results import Record, append_record

if TYPE_CHECKING:
    from ase import Atoms

SPLITS = ("train", "valid", "test")  # test last: its record says that the step is finished
EVALUATION_CODE = ("measure", "potentials/local.py", "potentials/remote.py")


@dataclass(frozen=True)
class Step:
    """A potential, the data it is trained on, and where its files go."""

    protocol: str  # benchmark and scale: "table1/mini"
    model: str
    trainer: Trainer
    job: Job
    batch_size: int
    parity_frames: int | None
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
        return _hash(depends)

    @property
    def key(self) -> str:
        """Hash of what the measured numbers depend on."""
        evaluation = [self.parity_frames, code_digest(EVALUATION_CODE)]
        return _hash([self.protocol, self.training_key, self.job.max_time, evaluation])

    @property
    def folder(self) -> Path:
        """Where the training writes."""
        name = f"{self.job.data.name}-{self.job.data.scale}-{self.model}-seed{self.job.seed}"
        return self.runs / f"{name}-{self.training_key[:8]}"


def finished(step: Step, records: Iterable[Record]) -> Record | None:
    """The newest of `records` that says that the same step was finished: its test record."""
    found = None
    for record in records:
        if record.how.get("key") == step.key and record.on.get("split") == "test":
            found = record
    return found if found and all(_sample_file(step, split).exists() for split in SPLITS) else None


def run_step(step: Step, report: Report, *, restart: bool = False) -> Record:
    """Train where needed, evaluate on every split, append the records; returns the one of the test split.

    Raises:
        UserError: the training or the evaluation failed; what was finished stays.
    """
    if restart:
        shutil.rmtree(step.folder, ignore_errors=True)
    trained = _train(step, report)
    potential = step.trainer.open(step.job, step.folder, trained)
    try:
        for split in SPLITS:
            record = _measure(step, split, potential, trained)
            append_record(step.log, record)
            report(f"{split}: {_summary(record)}")
    finally:
        potential.close()
    return record


def samples_of(step: Step) -> dict[str, ParitySample]:
    """The parity samples of a finished step."""
    return {split: load_sample(_sample_file(step, split)) for split in SPLITS}


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


def _measure(step: Step, split: str, potential: Any, trained: dict[str, Any]) -> Record:
    from alphanet.data.store import FrameStore

    path: Path = getattr(step.job.data, split)
    store = FrameStore(path)
    most = None if split == "test" else step.parity_frames
    indices = evenly_spaced(len(store), most)
    accuracy = evaluate(potential, _frames(store, indices), batch_size=step.batch_size, official=True)
    save_sample(_sample_file(step, split), accuracy.parity)
    data = step.job.data
    return Record(
        what=accuracy.metrics(),
        on={
            "dataset": data.name,
            "scale": data.scale,
            "split": split,
            "frames": f"{len(indices)} of {len(store)}, evenly spaced" if most else "all",
            "level_of_theory": data.level_of_theory,
            "store_sha256": sha256_of(path),
            "sources": data.sources,
        },
        model={"name": step.model, **potential.provenance()},
        how={
            "protocol": step.protocol,
            "key": step.key,
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


def _sample_file(step: Step, split: str) -> Path:
    return step.folder / f"parity-{step.key[:8]}-{split}.npz"


def _threads() -> int:
    import torch

    return torch.get_num_threads()


def _summary(record: Record) -> str:
    energy, force = record.what["energy_mae"], record.what["force_mae"]
    return f"energy MAE {1e3 * energy:.3g} meV/atom, force MAE {1e3 * force:.3g} meV/Å"


def _hash(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:16]
