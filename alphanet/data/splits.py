"""Deterministic splits of frames into train, valid and test, the same on every machine."""

from bisect import bisect
from collections.abc import Callable
from hashlib import sha256
from itertools import accumulate
from typing import Literal

import numpy as np
from ase import Atoms

from alphanet.data.cards import Role, Split
from alphanet.data.labels import labels_of
from alphanet.errors import UserError

SplitName = Literal["train", "valid", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "valid", "test")

SAME_FORCE = 1e-3  # eV/Å, of RMS forces

# Maps a frame and its index in its file to the frame's split.
Choose = Callable[[int, Atoms], SplitName]


def chooser(split: Split, role: Role, source: str, count: Callable[[], int]) -> Choose:
    """The rule for the frames of one file.

    Args:
        split: the card's rule.
        role: the file's role.
        source: the file's name, which seeds the draw.
        count: counts the frames of the file; called only by rules that need it.

    Raises:
        UserError: the number of frames in the file is not the one that the rule was written for.
    """
    if role in SPLITS:
        return _by_role(split, role, source)
    if split.method == "test":
        return lambda _index, _atoms: "test"
    if split.method == "info":
        return _by_info
    if split.method == "files":
        raise UserError(f"{source}: the card gives it no role (train, valid or test)")
    if split.method == "uniform":
        return _uniform(split, source, count())
    assert split.ratio is not None  # the card was validated
    if split.method == "contiguous":
        return _contiguous(split.ratio, count())
    if split.method == "group":
        return _by_group(split.ratio, split.seed)
    return _ratio(split.ratio, split.seed, source)


class DistinctFrames:
    """Frames seen so far, identified by composition, total energy and RMS force; positions may be wrapped or shifted.

    The energy alone does not identify a frame: two different formate frames agree to 4e-7 eV.
    """

    def __init__(self, tolerance: float):
        """Start with no frames; energies closer than `tolerance` (eV) count as equal."""
        self.tolerance = tolerance
        self._seen: dict[tuple[str, int], list[tuple[float, float]]] = {}  # bin -> energies and forces in it

    def is_new(self, atoms: Atoms) -> bool:
        """Whether no such frame was seen before; the frame is remembered."""
        labels = labels_of(atoms)
        energy, force = labels["energy"], float(np.sqrt((labels["forces"] ** 2).mean()))
        formula, place = atoms.get_chemical_formula(), round(energy / self.tolerance)
        near = (pair for step in (-1, 0, 1) for pair in self._seen.get((formula, place + step), ()))
        if any(abs(e - energy) < self.tolerance and abs(f - force) < SAME_FORCE for e, f in near):
            return False
        self._seen.setdefault((formula, place), []).append((energy, force))
        return True


def _by_info(index: int, atoms: Atoms) -> SplitName:
    for name in SPLITS:
        if atoms.info.get("split") == name:
            return name
    raise UserError(f"frame {index} says split={atoms.info.get('split')!r}, expected {', '.join(SPLITS)}")


def _by_role(split: Split, role: Role, source: str) -> Choose:
    fixed: SplitName = "train" if role == "train" else "valid" if role == "valid" else "test"
    if fixed != "train" or split.valid_fraction is None:
        return lambda _index, _atoms: fixed
    return _ratio((round(1 / split.valid_fraction) - 1, 1, 0), split.seed, source)


def _uniform(split: Split, source: str, count: int) -> Choose:
    total, train, valid = split.total or 0, split.train or 0, split.valid or 0
    if count != total:
        raise UserError(f"{source} has {count} frames, the card's split is for {total}")
    order = shuffled(total, f"{split.seed}")
    chosen = bytearray(total)  # index into SPLITS, one byte a frame
    for rank, index in enumerate(order):
        chosen[index] = bisect((train, train + valid), rank)
    return lambda index, _atoms: SPLITS[chosen[index]]


def _ratio(ratio: tuple[int, int, int], seed: int, source: str) -> Choose:
    length = sum(ratio)
    edges = tuple(accumulate(ratio))[:2]
    current: tuple[int, list[int]] = (-1, [])

    def choose(index: int, _atoms: Atoms) -> SplitName:
        nonlocal current
        block, place = divmod(index, length)
        if current[0] != block:
            current = (block, shuffled(length, f"{seed}/{source}/{block}"))
        return SPLITS[bisect(edges, current[1].index(place))]

    return choose


def _contiguous(ratio: tuple[int, int, int], count: int) -> Choose:
    edges = [count * part / sum(ratio) for part in tuple(accumulate(ratio))[:2]]
    return lambda index, _atoms: SPLITS[bisect(edges, index)]


def _by_group(ratio: tuple[int, int, int], seed: int) -> Choose:
    edges = tuple(accumulate(ratio))[:2]

    def choose(_index: int, atoms: Atoms) -> SplitName:
        draw = int.from_bytes(sha256(f"{seed}/{atoms.info['group']}".encode()).digest()[:8])
        return SPLITS[bisect(edges, draw % sum(ratio))]

    return choose


def shuffled(length: int, seed: str) -> list[int]:
    """The numbers of `range(length)` in an order that depends on `seed` alone, not on a random generator's version."""
    return sorted(range(length), key=lambda index: sha256(f"{seed}/{index}".encode()).digest())
