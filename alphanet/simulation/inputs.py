"""The structures that a simulation starts from, and how a model is opened for it."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from pydantic import JsonValue

from alphanet.data.constraints import constrained, plain
from alphanet.data.formats import read_frames
from alphanet.errors import UserError, did_you_mean
from alphanet.potentials.protocol import Potential
from alphanet.potentials.remote import RemotePotential

SMALLEST_VOLUME = 1e-3  # Å^3, of a cell


def structures_in(files: Sequence[Path], frame: int | None = None) -> list[Atoms]:
    """All structures in the files, in order, or of each file one; with constraints as ASE has them, without labels.

    Args:
        files: in any format that is read.
        frame: place in its file, from 0, or from -1 backwards; None: all.

    Raises:
        UserError: a file cannot be read or has no such frame.
    """
    return [atoms for file in files for atoms in _chosen(file, frame)]


def structure_in(file: Path, frame: int | None = None) -> Atoms:
    """One structure, with its velocities if the file has them.

    Args:
        file: in any format that is read.
        frame: as `structures_in` has it; None: the only one.

    Raises:
        UserError: the file cannot be read, has no such frame, or several and none is chosen.
    """
    found = structures_in([file], frame)
    if len(found) > 1:
        raise UserError(f"{file} has {len(found)} structures; choose one by its place, 0 to {len(found) - 1}, or -1")
    return found[0]


def origin_of(potential: Potential) -> dict[str, JsonValue]:
    """The provenance of a potential, which tells all of it only when a baseline's worker has loaded its model.

    Raises:
        UserError: the worker cannot load it.
    """
    for member in getattr(potential, "members", (potential,)):
        if isinstance(member, RemotePotential):
            member.info()
    return potential.provenance()


def require_known(what: str, name: str, known: Iterable[str]) -> None:
    """Check that `name` is one of the `known` ones.

    Raises:
        UserError: it is not; says of what there is none.
    """
    if name not in (names := list(known)):
        raise UserError(f"there is no {what} {name!r}{did_you_mean(name, names)}")


def require_cell(atoms: Atoms, use: str) -> None:
    """Check that a structure is periodic in all directions.

    Raises:
        UserError: it is not, or its cell has no volume; says what the cell is for (`use`).
    """
    if not atoms.pbc.all():
        raise UserError(f"{use} needs a structure that is periodic in all directions; {named(atoms)} is not")
    if abs(float(atoms.cell.volume)) < SMALLEST_VOLUME:
        raise UserError(f"{use} needs a cell; that of {named(atoms)} has no volume")


def named(atoms: Atoms) -> str:
    """A structure in messages."""
    return f"{atoms.get_chemical_formula()} ({len(atoms)} atom{'s' if len(atoms) != 1 else ''})"


def digest(*parts: Any) -> str:
    """Hash of arrays and texts, 16 hex digits."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part.encode() if isinstance(part, str) else np.ascontiguousarray(part).tobytes())
        found.update(b";")
    return found.hexdigest()[:16]


def structure_digest(atoms: Atoms) -> str:
    """Hash of all that a simulation takes from a structure."""
    constraints = json.dumps(plain([constraint.todict() for constraint in atoms.constraints]))
    masses, momenta = atoms.get_masses(), atoms.get_momenta()
    electrons = [atoms.get_initial_charges(), atoms.get_initial_magnetic_moments()]
    whole = json.dumps(plain([atoms.info.get(key) for key in ("charge", "spin")]), default=str)
    return digest(
        atoms.numbers,
        atoms.positions,
        atoms.cell.array,
        atoms.pbc,
        masses,
        momenta,
        *electrons,
        whole,
        constraints,
    )


def _chosen(file: Path, frame: int | None) -> list[Atoms]:
    found = list(read_frames(file, labeled=False, labels=None))
    if frame is not None:
        if not -len(found) <= frame < len(found):
            raise UserError(f"{file} has {len(found)} structures, and none at place {frame}")
        found = [found[frame]]
    for atoms in found:
        if not len(atoms):
            raise UserError(f"{file}: a structure has no atoms")
    return [constrained(atoms) for atoms in found]
