"""`prepare`: from a data set's name to stores of train, valid and test frames; converts once."""

import contextlib
import hashlib
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ase import Atoms
from pydantic import JsonValue

from alphanet.data.cards import SCALES, DatasetCard, ScaleCard, Split, known_names, load_card
from alphanet.data.fetching import Fetched, fetch, shipped
from alphanet.data.progress import SECONDS_BETWEEN_LINES
from alphanet.data.splits import SPLITS, DistinctFrames, SplitName, chooser
from alphanet.errors import UserError, did_you_mean
from alphanet.files import locked, read_json_object, write_text
from alphanet.paths import home

if TYPE_CHECKING:
    from alphanet.data.store import StoreWriter

logger = logging.getLogger(__name__)

VERSION = 1  # of the prepared files; a new version converts the data again

# Test frames are read first, so that frames equal to one of them are left out of training.
READING_ORDER = ("test", "valid", "train", "frames")


@dataclass(frozen=True)
class PreparedData:
    """Stores (`*.aselmdb`) of one data set at one scale."""

    name: str
    scale: str
    card: DatasetCard
    train: Path
    valid: Path
    test: Path
    sources: dict[str, str]  # file -> sha256
    counts: dict[str, int]  # split -> frames

    @property
    def level_of_theory(self) -> str:
        """The method that computed the labels."""
        return self.card.at(self.scale).level_of_theory


def prepare(name: str, scale: str, *, mirror: str | None = None) -> PreparedData:
    """The data set as three stores under `home()`; it is fetched, split and converted unless that was done before.

    Args:
        name: a card's name, e.g. `formate`.
        scale: `mini` (shipped), `slice` (real data at pinned addresses) or `full` (the paper's data).
        mirror: an address that serves `HOST/PATH`; by default `ALPHANET_MIRROR`, or the publishers' servers.

    Raises:
        UserError: the name or scale is unknown, files are missing (the message names them), or frames are unsound.
    """
    if scale not in SCALES:
        raise UserError(f"no scale {scale!r}{did_you_mean(scale, SCALES)}")
    card = load_card(name)
    split = card.at(scale).split
    if split is None:
        raise UserError(_why_not(card, scale))
    folder = home() / "data" / "prepared" / name / scale
    fingerprint = _fingerprint(card.at(scale))
    found = _prepared(card, scale, folder, fingerprint)
    if found is None:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / ".lock", f"waiting for another process that is preparing {name} ({scale})"):
            # Another process may have done it while this one waited.
            found = _prepared(card, scale, folder, fingerprint)
            if found is None:
                _convert(card, scale, split, folder, fingerprint, mirror)
                found = _prepared(card, scale, folder, fingerprint)
    assert found is not None
    return found


def prepared(name: str, scale: str) -> PreparedData | None:
    """The data set as it was prepared before; None if it was not, or if there is no such data set."""
    if name not in known_names() or scale not in SCALES:
        return None
    card = load_card(name)
    return _prepared(card, scale, home() / "data" / "prepared" / name / scale, _fingerprint(card.at(scale)))


def _why_not(card: DatasetCard, scale: str) -> str:
    at = card.at(scale)
    if at.needs:
        return f"{card.name} has no data at scale {scale}: {at.needs}"
    return (
        f"{card.name} at scale {scale} has no labeled frames to train on ({at.description}); "
        f"`alphanet data fetch {card.name}` downloads its files"
    )


def _fingerprint(at: ScaleCard) -> str:
    """A hash of the card, the files beside it and the version of the conversion."""
    travels = {file.path: shipped(file).sha256 for file in at.files if file.path}
    content = json.dumps([VERSION, at.model_dump(mode="json"), travels], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _prepared(card: DatasetCard, scale: str, folder: Path, fingerprint: str) -> PreparedData | None:
    note = folder / "prepared.json"
    if not note.is_file():
        return None
    content = read_json_object(note)
    stores = {split: _store(folder, split) for split in SPLITS}
    if content["fingerprint"] != fingerprint or not all(store.is_file() for store in stores.values()):
        return None
    return PreparedData(
        name=card.name,
        scale=scale,
        card=card,
        sources=content["sources"],
        counts=content["counts"],
        **stores,
    )


def _store(folder: Path, split: SplitName) -> Path:
    return folder / f"{split}.aselmdb"


def _convert(
    card: DatasetCard,
    scale: str,
    split: Split,
    folder: Path,
    fingerprint: str,
    mirror: str | None,
) -> None:
    fetched = fetch(card, scale, mirror=mirror)
    for remains in folder.glob(".*.part*"):  # of a conversion that was killed; the lock is ours
        remains.unlink()
    (folder / "prepared.json").unlink(missing_ok=True)
    sources = {file.source.label: file.sha256 for file in fetched}
    from alphanet.data.store import store_writer

    about: dict[str, JsonValue] = {
        "dataset": card.name,
        "scale": scale,
        "level_of_theory": card.at(scale).level_of_theory,
        "license": card.at(scale).license,
        "units": card.units.model_dump(),
        "sources": {**sources},
    }
    logger.info(f"converting {card.name} ({scale}) to {folder}")
    with contextlib.ExitStack() as stack:
        writers = {
            name: stack.enter_context(store_writer(_store(folder, name), {**about, "split": name})) for name in SPLITS
        }
        _fill(writers, _assigned(fetched, card.at(scale), split))
        filled = SPLITS if split.method != "test" else ("test",)
        empty = [name for name in filled if writers[name].count == 0]
        if empty:
            raise UserError(f"{card.name} ({scale}): no frames for {', '.join(empty)}; correct the card's split")
    counts = {name: writer.count for name, writer in writers.items()}
    note = {"fingerprint": fingerprint, "sources": sources, "counts": counts}
    write_text(folder / "prepared.json", json.dumps(note, indent=2) + "\n")
    logger.info(f"{card.name} ({scale}): " + ", ".join(f"{count} {name}" for name, count in counts.items()))


def _fill(writers: dict[SplitName, "StoreWriter"], frames: Iterator[tuple[SplitName, Atoms]]) -> None:
    last = time.monotonic()
    for split, atoms in frames:
        writers[split].add(atoms)
        if time.monotonic() - last > SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            logger.info(f"{sum(writer.count for writer in writers.values())} frames converted")


def _assigned(fetched: list[Fetched], at: ScaleCard, split: Split) -> Iterator[tuple[SplitName, Atoms]]:
    """Every frame with its split; repeated frames are left out if the card says how to identify them."""
    from alphanet.data.formats import read_frames
    from alphanet.data.formats.reading import stem_of

    distinct = DistinctFrames(split.distinct_energy) if split.distinct_energy else None
    readable = [file for file in fetched if file.source.role != "reference"]
    for file in sorted(readable, key=lambda file: READING_ORDER.index(file.source.role)):
        choose = chooser(split, file.source.role, file.source.label, partial(_count, file, at))
        count = 0
        for atoms in read_frames(file.readable, labels=at.labels):
            if distinct and not distinct.is_new(atoms):
                continue
            if file.source.group:
                atoms.info["group"] = file.source.group
            atoms.info.setdefault("group", stem_of(file.path))
            yield choose(count, atoms), atoms
            count += 1


def _count(file: Fetched, at: ScaleCard) -> int:
    from alphanet.data.formats import read_frames

    return sum(1 for _ in read_frames(file.readable, labels=at.labels))
