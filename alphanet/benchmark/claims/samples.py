"""Samples: independent measurements of one quantity of one row, from which claims are decided."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from alphanet.benchmark.card import AnyCard
from alphanet.benchmark.findings import Findings, Place
from alphanet.benchmark.statistics import Group
from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.results.records import Record

Repeats = Literal["seed", "pass", "fixed"]
"""Trainings with several seeds, passes of timing, or a number in which nothing is random"""

Value = TypeVar("Value")

OF_ONE_SEED = frozenset({"seed", "key", "timeless_key", "training", "training_record", "frame_errors"})
"""Parts of a record's protocol in which seeds may differ"""


DIFFERENCE = 0.1  # of the larger one, by which rows of a comparison may differ


@dataclass(frozen=True)
class Spent:
    """What a row's trainings took of that which a comparison holds equal."""

    equal: Literal["steps", "compute", "convergence"]
    amount: float  # steps; processor or GPU seconds; 1 if all seeds have converged and 0 if not

    @property
    def term(self) -> str:
        """The term of the comparison in words."""
        return self.equal if self.equal == "convergence" else f"equal {self.equal}"


@dataclass(frozen=True)
class FrameErrorsFile:
    """A file with the errors of every test frame of one training."""

    path: Path
    sha256: str
    numerator: str  # array of sums of absolute errors
    denominator: str  # array of their numbers

    def load(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) sums of absolute errors and (n,) their numbers.

        Raises:
            UserError: the file is not there, or is not the one of the record.
        """
        arrays = _arrays(self.path, self.sha256)
        return arrays[self.numerator], arrays[self.denominator]


@dataclass(frozen=True)
class Sample:
    """Measurements of one quantity of one row in one column, in the unit of the table."""

    values: Mapping[int, float]  # by seed or pass
    repeats: Repeats
    records: tuple[Record, ...] = ()
    frames: Mapping[int, FrameErrorsFile] = field(default_factory=dict)  # by seed
    factor: float = 1.0  # value in the table over value in `frames`
    frames_key: str = ""  # equal for samples of the same test frames
    spent: Spent | None = None  # None: nothing was trained, or the card's scale names no terms

    @property
    def problem(self) -> str:
        """Why its records are not measurements of one thing; empty if they are."""
        return disagreement(self.records) if self.repeats == "seed" else ""


Samples = Mapping[tuple[str, str, str], Sample]
"""Row, column and quantity -> sample"""


def samples_of_records(card: AnyCard, findings: Findings) -> dict[tuple[str, str, str], Sample]:
    """The samples of all metrics of `card`: one value a record, or of a record of several passes one a pass."""
    samples = {}
    for (row, column), records in findings.records.items():
        for metric, described in card.metrics.items():
            having = [record for record in records if record.value(metric) is not None]
            if not having:
                continue
            if len(having) == 1 and (passes := having[0].repeats(metric)):
                of_passes = {number: described.factor * value for number, value in enumerate(passes)}
                samples[row, column, metric] = Sample(of_passes, "pass", tuple(having))
                continue
            values = {
                seed_of(record, n): described.factor * (record.value(metric) or 0) for n, record in enumerate(having)
            }
            repeats: Repeats = "seed" if described.is_random else "fixed"
            samples[row, column, metric] = Sample(values, repeats, tuple(having), factor=described.factor)
    return samples


def with_frame_errors(sample: Sample, folder: Path, numerator: str, denominator: str) -> Sample:
    """`sample` with the frame errors that its records name, if all of them do.

    Args:
        sample: of trainings.
        folder: to which the records' paths are relative.
        numerator: array of sums of absolute errors.
        denominator: array of their numbers.
    """
    frames = {}
    for place, record in enumerate(sample.records):
        named = record.protocol.get("frame_errors")
        if isinstance(named, dict):
            file = folder / str(named["file"])
            frames[seed_of(record, place)] = FrameErrorsFile(file, str(named["sha256"]), numerator, denominator)
    if len(frames) < len(sample.values):
        return sample
    first = sample.records[0].data
    return replace(sample, frames=frames, frames_key=f"{first.get('store_sha256')} {first.get('only')}")


def groups_of(samples: Sequence[Sample]) -> list[Group]:
    """The groups of samples that are resampled together: those of the same seeds or passes and the same frames.

    Raises:
        UserError: a file of frame errors is not there or has changed.
    """
    keys = [(sample.repeats, tuple(sorted(sample.values)), sample.frames_key) for sample in samples]
    members: dict[tuple[object, ...], list[int]] = {}
    for place, (sample, key) in enumerate(zip(samples, keys, strict=True)):
        # One without seeds, such as the mean, shares the frames of those that have some.
        shared = (other for other in keys if sample.repeats == "fixed" and sample.frames and other[2] == key[2])
        partner = next((other for other in shared if other[0] != "fixed"), key)
        members.setdefault(partner, []).append(place)
    return [_group(places, [samples[place] for place in places]) for places in members.values()]


def unequal(spent: Mapping[str, Spent | None]) -> str:
    """Which term of a comparison rows do not share, and why, in words; empty if they do.

    Args:
        spent: by row, all of one scale.
    """
    known = {row: one for row, one in spent.items() if one is not None}
    if len(known) < 2:
        return ""
    first = next(iter(known.values()))
    amounts = {row: one.amount for row, one in known.items()}
    if first.equal == "convergence":
        late = [row for row, amount in amounts.items() if not amount]
        falls = f"{', '.join(late)}: {'its' if len(late) == 1 else 'their'} validation still falls"
        return f"a comparison at {first.term}: {falls}" if late else ""
    if min(amounts.values()) >= (1 - DIFFERENCE) * max(amounts.values()):
        return ""
    unit = "steps" if first.equal == "steps" else "s"
    told = ", ".join(f"{row} {amount:.4g} {unit}" for row, amount in amounts.items())
    return f"a comparison at {first.term}: {told} differ by more than 10 %"


def disagreement(records: Sequence[Record]) -> str:
    """The first fact in which trainings with several seeds differ, and must not; empty if there is none.

    Data are the same if the files are that they were made of: a store holds the time at which its rows were written.
    """
    own = frozenset({"store_sha256"} if all(record.data.get("sources") for record in records) else ())
    for part, left_out in (("data", own), ("protocol", OF_ONE_SEED)):
        facts = [{k: v for k, v in getattr(record, part).items() if k not in left_out} for record in records]
        for name in dict.fromkeys(key for each in facts for key in each):
            if len({repr(each.get(name)) for each in facts}) > 1:
                return f"its seeds differ in {part}: {name.replace('_', ' ')}"
    for name in ("epochs", "steps"):
        reached = {record.training.get(name) for record in records} - {None}
        if len(reached) > 1:
            return f"its seeds were trained for {' and '.join(map(str, sorted(reached, key=str)))} {name}"
    if any(record.training.get("finished") is False for record in records):
        return "a training was stopped before its end"
    return ""


def seed_of(record: Record, place: int) -> int:
    """The seed of a record; its place among the records of a cell if it has none."""
    seed = record.protocol.get("seed")
    return seed if isinstance(seed, int) else place


def place_reason(findings: Findings, place: Place, quantity: str) -> str:
    """Why a cell has no number."""
    return findings.missing.get((*place, quantity), findings.missing.get(place, "not measured"))


def _group(places: Sequence[int], samples: Sequence[Sample]) -> Group:
    order = max((sorted(sample.values) for sample in samples), key=len)
    if all(sample.frames for sample in samples):
        loaded = [[_of_seed(sample.frames, seed).load() for seed in order] for sample in samples]
        factors = np.array([sample.factor for sample in samples])[:, None, None]
        numerators = factors * np.array([[one for one, _ in of_member] for of_member in loaded])
        return Group(tuple(places), numerators, np.array([[one for _, one in of_member] for of_member in loaded]))
    values = np.array([[[_of_seed(sample.values, seed)] for seed in order] for sample in samples], dtype=float)
    return Group(tuple(places), values, np.ones_like(values))


def _of_seed(values: Mapping[int, Value], seed: int) -> Value:
    """The value of a seed, or the only one if there are no seeds."""
    return values[seed] if seed in values else next(iter(values.values()))


@functools.lru_cache(maxsize=64)
def _arrays(path: Path, sha256: str) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise UserError(f"{path}, the errors of the test frames, is not there; measure the cell again")
    if sha256_of(path) != sha256:
        raise UserError(f"{path} has changed since its record was written; measure the cell again")
    with np.load(path, allow_pickle=False) as arrays:
        return {name: np.asarray(arrays[name], dtype=float) for name in arrays.files}
