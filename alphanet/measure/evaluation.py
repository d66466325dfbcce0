"""`alphanet.evaluate`: errors of any model on any labeled data with one call."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from pydantic import JsonValue

from alphanet.data.cards import LabelKeys
from alphanet.errors import UserError, did_you_mean
from alphanet.measure.accuracy import Accuracy
from alphanet.measure.accuracy import evaluate as evaluate_potential

if TYPE_CHECKING:
    from ase import Atoms

    from alphanet.potentials.batches import BatchSize
    from alphanet.potentials.opening import LoadOptions

Protocol = Literal["plain", "official", "s2ef"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
SPLITS = ("train", "valid", "test")
DEFAULT_SCALE = "mini"


@dataclass(frozen=True)
class EvaluationResult:
    """Errors of a model on labeled frames."""

    model: str
    data: str
    split: str  # of the data set that the frames are of; test for files
    accuracy: Accuracy
    provenance: dict[str, JsonValue]  # of the model: file, sha256, parameters, …

    def as_json(self) -> dict[str, JsonValue]:
        """Errors (eV/atom, eV/Å, eV/Å^3), data and model as plain values."""
        return {**self.accuracy.metrics(), "data": self.data, "model": self.provenance}


@dataclass(frozen=True)
class LabeledFrames:
    """Labeled structures on this disk, read anew at each iteration."""

    path: Path
    split: str = "test"
    labels: LabelKeys = field(default_factory=LabelKeys)

    def __iter__(self) -> "Iterator[Atoms]":
        """Read the structures one after another."""
        from alphanet.data.formats import read_frames

        return read_frames(self.path, labeled=False, labels=self.labels)


def evaluate(
    model: str | Path,
    data: str | Path,
    *,
    options: "LoadOptions | None" = None,
    protocol: Protocol = "plain",
    batch_size: "BatchSize" = 8,
    mirror: str | None = None,
    labels: LabelKeys | None = None,
) -> EvaluationResult:
    """Errors of `model` on `data`, against the labels that the data carry.

    Args:
        model: in any form of `alphanet.potentials.forms.FORMS`.
        data: a file of labeled structures, a store, or NAME[:SCALE[:SPLIT]].
        options: precision, device, random or trained weights; defaults if None.
        protocol: plain; official: add the numbers that the released evaluator would print; s2ef: add OC20's errors.
        batch_size: structures that are computed together, or `auto`: as many as memory is enough for.
        mirror: an address that serves `HOST/PATH` of the data's files.
        labels: names of the labels in a file; ASE's and known spellings of them if None.

    Raises:
        UserError: the model, data set or protocol is unknown, frames have no labels, or the model cannot be opened
            with these options.
    """
    from alphanet.potentials.batches import fitted
    from alphanet.potentials.opening import LoadOptions, open_potential

    if protocol not in PROTOCOLS:
        raise UserError(f"unknown protocol {protocol!r}{did_you_mean(protocol, PROTOCOLS)}")
    frames = labeled_frames(data, mirror, labels)
    potential = open_potential(str(model), options or LoadOptions(), lambda: frames)
    try:
        predicting, size = fitted(potential, batch_size)
        accuracy = evaluate_potential(
            predicting, frames, batch_size=size, official=protocol == "official", s2ef=protocol == "s2ef"
        )
        provenance = potential.provenance()
    except UserError as error:
        if str(error).startswith("frame "):  # which file's
            raise UserError(f"{data}: {error}") from error
        raise
    finally:
        potential.close()
    return EvaluationResult(str(model), str(data), frames.split, accuracy, provenance)


def labeled_frames(data: str | Path, mirror: str | None = None, labels: LabelKeys | None = None) -> LabeledFrames:
    """The frames that `data` names: a file, a store, or NAME[:SCALE[:SPLIT]] of a data set, which is prepared.

    Raises:
        UserError: there is no such file, data set, scale or split, or names of labels are given for a data set.
    """
    keys = labels or LabelKeys()
    path, text = Path(data), str(data)
    if path.exists():
        return LabeledFrames(path, labels=keys)
    name, scale, split = [*text.split(":"), "", ""][:3]
    if "/" in name or Path(name).suffix or text.count(":") > 2:
        raise UserError(f"cannot read {data}: no such file")
    split = split or "test"
    if split not in SPLITS:
        raise UserError(f"{data}: unknown split {split!r}{did_you_mean(split, SPLITS)}")
    if keys != LabelKeys():
        raise UserError(f"{data}: the labels of a data set have the names in its card; name keys only for a file")
    from alphanet.data.prepare import prepare

    prepared = prepare(name, scale or DEFAULT_SCALE, mirror=mirror)
    return LabeledFrames(getattr(prepared, split), split)
