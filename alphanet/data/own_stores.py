"""A user's own files as stores of train, valid and test frames, and the results of looking at them."""

import contextlib
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from pydantic import JsonValue

from alphanet.data.cards import LabelKeys
from alphanet.data.formats import read_frames, write_frames
from alphanet.data.formats.layouts import entries_of
from alphanet.data.formats.reading import stem_of
from alphanet.data.labels import labels_of, problem_of
from alphanet.data.leakage import Leakage, leakage
from alphanet.data.own import OwnData
from alphanet.data.splits import SPLITS, SplitName, shuffled
from alphanet.data.store import FrameStore, store_writer
from alphanet.errors import UserError, did_you_mean
from alphanet.files import locked, read_json_object, sha256_of, write_text
from alphanet.paths import home

logger = logging.getLogger(__name__)

VERSION = 1  # of the prepared files; a new version converts the data again
NOTE = "prepared.json"  # in the folder of the stores, when they are complete
OF_FILE = ("trajectory", "file")  # groups that are the files themselves
LABELS = ("energy", "forces", "stress")


@dataclass(frozen=True)
class OwnFrames:
    """Stores (`*.aselmdb`) of divided frames, and the results of looking at them."""

    name: str
    train: Path
    valid: Path
    test: Path | None  # None if no frames were kept for the test
    sources: dict[str, str]  # file -> sha256
    counts: dict[str, int]  # split -> frames
    labeled: dict[str, dict[str, int]]  # split -> label -> frames that have it
    isolated: dict[str, float] = field(default_factory=dict)  # element -> eV, of frames of one isolated atom
    compositions: int = 0  # independent compositions among the training frames
    elements: tuple[str, ...] = ()  # in training frames
    all_elements: tuple[str, ...] = ()  # in frames of any split
    leakage: dict[str, Leakage] = field(default_factory=dict)  # valid, test -> nearness to the training frames

    def log(self) -> None:
        """Tell the user what the frames are, and what may spoil a training."""
        for line in self.describe():
            logger.info("%s", line)
        for line in self.warnings():
            logger.warning("%s", line)

    def describe(self) -> list[str]:
        """Lines for the user: numbers of frames and labels, isolated atoms, nearness of the splits."""
        lines = [
            f"{split}: {count} frames; "
            + ", ".join(f"{label} in {self.labeled[split][label] or 'none'}" for label in LABELS)
            for split, count in self.counts.items()
            if count
        ]
        if self.isolated:
            energies = ", ".join(f"{symbol} {energy:.3f} eV" for symbol, energy in self.isolated.items())
            lines.append(f"isolated atoms give reference energies and are not trained on: {energies}")
        return [*lines, *(near.describe(split) for split, near in self.leakage.items() if near.frames)]

    def warnings(self) -> list[str]:
        """Lines about what may spoil a training."""
        lines = []
        if not self.counts["valid"]:
            lines.append(
                f"{self.name} has one frame or group: it trains and validates, so the errors say nothing about others; "
                "name a file of validation frames"
            )
        fitted = [symbol for symbol in self.elements if symbol not in self.isolated]
        if len(fitted) > 1 and self.compositions < len(self.elements):
            kinds = "have one composition" if self.compositions == 1 else f"span {self.compositions} compositions"
            lines.append(
                f"the training frames {kinds} of {len(self.elements)} elements: their reference energies cannot be "
                "told apart, so energies of other compositions will be wrong; add a frame of each isolated atom "
                "(config_type=IsolatedAtom) or give reference_energies"
            )
        lines += [f"{split} frames: {warning}" for split, near in self.leakage.items() if (warning := near.warning())]
        return lines


def prepare_own(own: OwnData) -> OwnFrames:
    """The frames as three stores under `home()`; they are read, divided and converted unless that was done before.

    Raises:
        UserError: a file is missing or damaged, a frame has no label or no group, or there are too few frames or groups
            to divide.
    """
    sources = _sources(own)
    folder = _folder(own, sources)
    note = folder / NOTE
    if not note.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / ".lock", f"waiting for another process that is preparing {own.name}"):
            if not note.is_file():
                write_text(note, json.dumps(_convert(own, folder), indent=1) + "\n")
    return _frames(own, sources, folder)


def prepared_own(own: OwnData, sources: Mapping[str, str]) -> OwnFrames | None:
    """The frames as they were prepared before, even if the files are gone; None if they were not.

    Args:
        own: the files, and how they are divided.
        sources: file -> sha256 at that time.
    """
    folder = _folder(own, sources)
    return _frames(own, dict(sources), folder) if (folder / NOTE).is_file() else None


def _folder(own: OwnData, sources: Mapping[str, str]) -> Path:
    content = json.dumps([VERSION, own.model_dump(mode="json"), dict(sources)], sort_keys=True)
    fingerprint = hashlib.sha256(content.encode()).hexdigest()
    return home() / "data" / "own" / f"{own.name}-{fingerprint[:12]}"


def _frames(own: OwnData, sources: dict[str, str], folder: Path) -> OwnFrames:
    """What is in a folder of prepared frames."""
    values = read_json_object(folder / NOTE)
    stores = {name: folder / f"{name}.aselmdb" for name in SPLITS}
    return OwnFrames(
        name=own.name,
        train=stores["train"],
        valid=stores["valid" if values["counts"]["valid"] else "train"],
        test=stores["test"] if values["counts"]["test"] else None,
        sources=sources,
        counts=values["counts"],
        labeled=values["labeled"],
        isolated=values["isolated"],
        compositions=values["compositions"],
        elements=tuple(values["elements"]),
        all_elements=tuple(values["all_elements"]),
        leakage={split: Leakage(**near) for split, near in values["leakage"].items()},
    )


def write_split(own: OwnData, frames: OwnFrames, folder: Path) -> dict[str, tuple[Path, int]]:
    """Write train.extxyz, valid.extxyz and test.extxyz into `folder`; isolated atoms go to train.extxyz.

    Returns:
        By split, the file and its number of frames; without a split that has none.
    """
    written: dict[str, tuple[Path, int]] = {}
    for split in SPLITS:
        if not frames.counts[split]:
            continue
        store: Iterable[Atoms] = FrameStore(getattr(frames, split))
        kept = _isolated_atoms(own) if split == "train" else ()
        path = folder / f"{split}.extxyz"
        path.parent.mkdir(parents=True, exist_ok=True)
        written[split] = path, write_frames(path, chain(kept, store))
    return written


def _isolated_atoms(own: OwnData) -> Iterator[Atoms]:
    for path in own.train:
        yield from filter(isolated_atom, frames_of(path.expanduser(), own.labels))


def frames_of(path: Path, labels: LabelKeys) -> Iterator[Atoms]:
    """The frames of a file or folder, each with at least one label and with `info["group"]`.

    Raises:
        UserError: as `read_frames`, or a frame has neither energy nor forces nor stress.
    """
    for index, atoms in enumerate(read_frames(path, labeled=False, labels=labels)):
        if not labels_of(atoms):
            raise UserError(f"{path}: frame {index} {problem_of(atoms) or 'has no labels'}")
        atoms.info.setdefault("group", stem_of(path))
        yield atoms


def isolated_atom(atoms: Atoms) -> bool:
    """Whether a frame is an isolated atom: one atom whose `config_type` says so, or one without periodicity."""
    if len(atoms) != 1 or "energy" not in labels_of(atoms):
        return False
    said = str(atoms.info.get("config_type", "")).replace("_", "").replace(" ", "").lower()
    return said.startswith("isolatedatom") or not atoms.pbc.any()


def divide(own: OwnData, groups: Sequence[str]) -> list[SplitName]:
    """The split of each frame of the files to train on, in their order.

    With too few frames or groups for every split, there are no test frames, and with a single one no validation frames.

    Args:
        own: the rule.
        groups: (n,) of each frame; frames of a group stay together if the rule is by group.
    """
    keys = list(groups) if own.group_by is not None else [str(index) for index in range(len(groups))]
    sizes = Counter(keys)
    units = list(sizes)
    shuffle = shuffled(len(units), f"{own.split_seed}/own")
    order = units[::-1] if own.split == "time" else [units[index] for index in shuffle]
    chosen: dict[str, SplitName] = {}
    parts: dict[SplitName, float | Path] = {"test": own.test, "valid": own.valid}  # the last frames in time are tested
    wanted = {split: part for split, part in parts.items() if isinstance(part, float) and part > 0}
    for split, part in wanted.items():
        if len(units) <= len(wanted) and split == "test" and "valid" in wanted:
            continue
        count = 0
        while len(order) > 1 and (count == 0 or count + sizes[order[0]] / 2 <= part * len(groups)):
            unit = order.pop(0)
            chosen[unit] = split
            count += sizes[unit]
    return [chosen.get(key, "train") for key in keys]


def _sources(own: OwnData) -> dict[str, str]:
    """Sha256 of every file."""
    named = [*own.train, *(part for part in (own.valid, own.test) if isinstance(part, Path))]
    sources = {}
    for path in named:
        place = path.expanduser()
        if not place.exists():
            raise UserError(f"{path} does not exist")
        inside = [place] if place.is_file() else sorted(entry for entry in entries_of(place) if entry.is_file())
        for file in inside:
            label = str(path) if file == place else str(path / file.relative_to(place))
            sources[label] = sha256_of(file)
    return sources


def _convert(own: OwnData, folder: Path) -> dict[str, JsonValue]:
    """Write the stores; the content of `prepared.json`."""
    logger.info("dividing %s into %s", ", ".join(map(str, own.train)), folder)
    splits = divide(own, _groups(own))
    look = _Look()
    about: dict[str, JsonValue] = {"dataset": own.name, "files": [str(path) for path in own.train]}
    with contextlib.ExitStack() as stack:
        writers = {
            name: stack.enter_context(store_writer(folder / f"{name}.aselmdb", {**about, "split": name}))
            for name in SPLITS
        }
        for split, atoms in _assigned(own, splits):
            if isolated_atom(atoms):
                look.add_isolated(atoms)
            else:
                writers[split].add(atoms)
                look.add(split, atoms)
        if not look.counts["train"]:
            raise UserError(f"{', '.join(map(str, own.train))}: no frames to train on, only isolated atoms")
        if not look.counts["valid"] and isinstance(own.valid, Path):
            raise UserError(f"{own.valid}: no frames for validation, only isolated atoms")
    stores = {split: FrameStore(folder / f"{split}.aselmdb") for split in SPLITS if look.counts[split]}
    near: dict[str, JsonValue] = {
        split: vars(leakage(stores["train"], stores[split])) for split in ("valid", "test") if split in stores
    }
    return look.as_dict() | {"leakage": near}


def _groups(own: OwnData) -> list[str]:
    """The group of each frame of the files to train on that is not an isolated atom."""
    return [
        _group(atoms, own.group_by, path, index)
        for path in own.train
        for index, atoms in enumerate(frames_of(path.expanduser(), own.labels))
        if not isolated_atom(atoms)
    ]


def _group(atoms: Atoms, key: str | None, path: Path, index: int) -> str:
    if key is None:
        return ""
    if key in atoms.info:
        return str(atoms.info[key])
    if key in OF_FILE:
        return f"{path}:{atoms.info['group']}"
    known = sorted(name for name in atoms.info if name != "group")
    raise UserError(
        f"{path}: frame {index} has no {key!r} in its info to group by{did_you_mean(key, known)}"
        f"{'; it has ' + ', '.join(known) if known else ''}"
    )


def _assigned(own: OwnData, splits: Sequence[SplitName]) -> Iterator[tuple[SplitName, Atoms]]:
    """Every frame with its split; isolated atoms have no part in `splits`."""
    remaining = iter(splits)
    for path in own.train:
        for atoms in frames_of(path.expanduser(), own.labels):
            yield "train" if isolated_atom(atoms) else next(remaining), atoms
    fixed: tuple[tuple[SplitName, float | Path], ...] = (("valid", own.valid), ("test", own.test))
    for split, part in fixed:
        if isinstance(part, Path):
            for atoms in frames_of(part.expanduser(), own.labels):
                yield split, atoms


class _Look:
    """Counts over the frames while they are written."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._labeled: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
        self._isolated: dict[str, float] = {}
        self._compositions: dict[bytes, np.ndarray] = {}
        self._elements: set[int] = set()

    def add_isolated(self, atoms: Atoms) -> None:
        """Note the energy of an isolated atom; the lowest one of an element counts."""
        (symbol,), energy = atoms.get_chemical_symbols(), labels_of(atoms)["energy"]
        self._isolated[symbol] = min(energy, self._isolated.get(symbol, np.inf))

    def add(self, split: SplitName, atoms: Atoms) -> None:
        """Count a frame."""
        self.counts[split] += 1
        self._labeled[split].update(labels_of(atoms).keys())
        self._elements |= set(atoms.numbers.tolist())
        if split == "train":
            counts = np.bincount(atoms.numbers, minlength=len(chemical_symbols))
            self._compositions.setdefault(counts.tobytes(), counts)

    def as_dict(self) -> dict[str, JsonValue]:
        """The numbers, as `OwnFrames` names them."""
        counts = np.array(list(self._compositions.values()))
        present = np.flatnonzero(counts.any(axis=0))
        return {
            "counts": {split: self.counts[split] for split in SPLITS},
            "labeled": {split: {label: self._labeled[split][label] for label in LABELS} for split in SPLITS},
            "isolated": dict(sorted(self._isolated.items())),
            "elements": [chemical_symbols[number] for number in present],
            "all_elements": [chemical_symbols[number] for number in sorted(self._elements)],
            "compositions": int(np.linalg.matrix_rank(counts[:, present])),
        }
