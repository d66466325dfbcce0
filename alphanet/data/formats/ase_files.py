"""Formats that ASE reads: databases, trajectories, and everything its file detection knows."""

from collections.abc import Iterator
from pathlib import Path

from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator


def read_database(path: Path) -> Iterator[Atoms]:
    """Rows of an ASE database in order of id; their key-value pairs become `info`."""
    from ase.db import connect

    for row in connect(path).select():
        atoms = Atoms(row.numbers, row.positions, cell=row.cell, pbc=row.pbc)
        atoms.set_constraint(row.constraints)
        atoms.info.update(row.key_value_pairs)
        labels = {key: row.get(key) for key in ("energy", "forces", "stress") if row.get(key) is not None}
        if labels:
            # Not row.toatoms(): its calculator would not be attached to the atoms with raw forces alone.
            atoms.calc = SinglePointCalculator(atoms, **labels)
        yield atoms


def read_any(path: Path) -> Iterator[Atoms]:
    """Frames of any other file, one at a time if ASE's reader can."""
    from ase.io import iread
    from ase.io.formats import UnknownFileTypeError

    try:
        yield from iread(path, index=":")
    except UnknownFileTypeError as error:
        raise ValueError(f"unknown file type {error}") from error
