"""Relaxed geometries beside the published DFT ones, as the leaderboard compares them; a step over finished records."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import numpy as np
from ase import Atoms

from alphanet.errors import UserError
from alphanet.files import write_text
from alphanet.measure.relaxation.campaign import Campaign
from alphanet.measure.relaxation.structures import natural, read_structures

logger = logging.getLogger(__name__)

SYMMETRY_PRECISIONS = (1e-5, 1e-2)
"""Å, to which positions have to agree; the leaderboard has both"""

UNMATCHED = 1.0
"""RMSD with which a structure counts in the leaderboard's mean if it cannot be matched"""

EVERY = 1000  # structures between lines of progress


class Symmetry(TypedDict):
    """Number of a space group, and of its operations in the cell."""

    group: int
    operations: int


class Symmetries(TypedDict):
    """Symmetries of a relaxed structure and its reference; None if spglib finds none."""

    relaxed: Symmetry | None
    reference: Symmetry | None


class GeometryDifference(TypedDict):
    """Difference of a relaxed structure from its reference."""

    rmsd: float | None
    """Of the positions after the best superposition, divided by the cube root of the volume an atom; None if the two
    cannot be matched"""
    symmetry: dict[str, Symmetries]
    """By precision, `1e-05` and `0.01` Å"""


def compare_geometries(campaign: Campaign, reference: Path) -> dict[str, float | int]:
    """Compare the relaxed structures with `reference`; writes geometry.json with a row a structure.

    Args:
        campaign: a finished one.
        reference: relaxed structures by id, see `read_structures`; the published ones are wbm-relaxed-atoms.

    Returns:
        See `summary`.

    Raises:
        UserError: the campaign is not finished; the reference cannot be read or has none of the structures.
    """
    structures = read_structures(reference)
    known = set(structures)
    rows: dict[str, GeometryDifference] = {}
    for record in campaign.records():
        if record.status != "failed" and record.structure is not None and record.id in known:
            rows[record.id] = compare(record.structure.atoms(), structures[record.id])
            if len(rows) % EVERY == 0:
                logger.info("%d geometries compared", len(rows))
    if not rows:
        raise UserError(f"{reference} has none of the structures that were relaxed")
    statistics = summary(rows)
    ordered = {identity: rows[identity] for identity in sorted(rows, key=natural)}
    write_text(campaign.out / "geometry.json", json.dumps({"summary": statistics, "structures": ordered}) + "\n")
    return statistics


def compare(relaxed: Atoms, reference: Atoms) -> GeometryDifference:
    """Compare two structures of the same crystal.

    They are matched by pymatgen's StructureMatcher with stol 1 and no scaling, as the leaderboard has it.
    """
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.io.ase import AseAtomsAdaptor

    one, other = (AseAtomsAdaptor.get_structure(atoms) for atoms in (relaxed, reference))
    matched = StructureMatcher(stol=1.0, scale=False).get_rms_dist(one, other)
    symmetry: dict[str, Symmetries] = {
        f"{precision:g}": {"relaxed": _symmetry(relaxed, precision), "reference": _symmetry(reference, precision)}
        for precision in SYMMETRY_PRECISIONS
    }
    return {"rmsd": None if matched is None else float(matched[0]), "symmetry": symmetry}


def summary(rows: Mapping[str, GeometryDifference]) -> dict[str, float | int]:
    """Mean RMSD (unmatched structures count as 1), and for each precision the fractions whose space group is that of
    the reference, or another one with fewer or more operations, and the mean absolute change of their number.

    The leaderboard finds symmetries with moyopy, which now and then differs from spglib.
    """
    rmsd = [UNMATCHED if row["rmsd"] is None else row["rmsd"] for row in rows.values()]
    statistics: dict[str, float | int] = {
        "structures": len(rows),
        "unmatched": sum(row["rmsd"] is None for row in rows.values()),
        "rmsd": float(np.mean(rmsd)),
    }
    for precision in (f"{value:g}" for value in SYMMETRY_PRECISIONS):
        both = [row["symmetry"][precision] for row in rows.values()]
        pairs = [(one["relaxed"], one["reference"]) for one in both if one["relaxed"] and one["reference"]]
        if not pairs:
            continue
        change = np.array([relaxed["operations"] - reference["operations"] for relaxed, reference in pairs])
        same = np.array([relaxed["group"] == reference["group"] for relaxed, reference in pairs])
        statistics |= {
            f"symmetry_decrease_{precision}": float(((change < 0) & ~same).mean()),
            f"symmetry_increase_{precision}": float(((change > 0) & ~same).mean()),
            f"symmetry_match_{precision}": float(same.mean()),
            f"n_sym_ops_mae_{precision}": float(np.abs(change).mean()),
        }
    return statistics


def _symmetry(atoms: Atoms, precision: float) -> Symmetry | None:
    import spglib

    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    try:
        dataset = spglib.get_symmetry_dataset(cell, symprec=precision)
    except spglib.SpglibError:
        return None
    return None if dataset is None else {"group": int(dataset.number), "operations": len(dataset.rotations)}
