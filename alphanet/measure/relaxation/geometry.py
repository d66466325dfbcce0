"""Relaxed geometries beside the published DFT ones, as the leaderboard compares them; a step over finished records."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from alphanet.errors import UserError
from alphanet.files import write_text
from alphanet.measure.relaxation.campaign import Campaign
from alphanet.measure.relaxation.crystals import unpacked
from alphanet.measure.relaxation.merging import records_of
from alphanet.measure.relaxation.structures import Structures, read_structures

logger = logging.getLogger(__name__)

SYMMETRY_PRECISIONS = (1e-5, 1e-2)
"""Å, to which positions have to agree; the leaderboard has both"""

UNMATCHED = 1.0
"""RMSD that a structure counts with in the leaderboard's mean where the two cannot be matched"""

EVERY = 1000  # structures between lines of progress


def compare_geometries(campaign: Campaign, reference: Path) -> dict[str, float | int]:
    """Compare what the campaign relaxed with `reference`; writes geometry.json with a row a structure.

    Args:
        campaign: a finished one.
        reference: relaxed structures by id, see `read_structures`; the published ones are wbm-relaxed-atoms.

    Returns:
        See `summary`.

    Raises:
        UserError: the reference cannot be read or has none of the structures.
    """
    structures = read_structures(reference)
    known = set(structures.ids)
    rows: dict[str, dict[str, Any]] = {}
    for record in records_of(campaign.shards(), campaign.out / "shards"):
        if record["status"] != "failed" and record["id"] in known:
            rows[record["id"]] = _row(record["id"], unpacked(record["structure"]), structures)
            if len(rows) % EVERY == 0:
                logger.info(f"{len(rows)} geometries compared")
    if not rows:
        raise UserError(f"{reference} has none of the structures that were relaxed")
    found = summary(rows)
    write_text(campaign.out / "geometry.json", json.dumps({"summary": found, "structures": rows}) + "\n")
    return found


def compare(relaxed: Atoms, reference: Atoms) -> dict[str, Any]:
    """How far two structures of the same crystal are apart.

    Returns:
        rmsd: of the positions after the best superposition, divided by the cube root of the volume an atom
            (pymatgen's StructureMatcher with stol 1 and no scaling, as the leaderboard has it); none where it finds no
            match. For each precision (`1e-05`, `0.01` Å) space group and number of symmetry operations of both.
    """
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.io.ase import AseAtomsAdaptor

    one, other = (AseAtomsAdaptor.get_structure(atoms) for atoms in (relaxed, reference))
    matched = StructureMatcher(stol=1.0, scale=False).get_rms_dist(one, other)
    symmetry = {
        f"{precision:g}": {"relaxed": _symmetry(relaxed, precision), "reference": _symmetry(reference, precision)}
        for precision in SYMMETRY_PRECISIONS
    }
    return {"rmsd": None if matched is None else float(matched[0]), "symmetry": symmetry}


def summary(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, float | int]:
    """Mean RMSD (unmatched structures count as 1), and for each precision the fractions whose space group is that of
    the reference, or another one with fewer or more operations, and the mean absolute change of their number.

    The leaderboard finds symmetries with moyopy, which now and then differs from spglib.
    """
    rmsd = [UNMATCHED if row["rmsd"] is None else row["rmsd"] for row in rows.values()]
    found: dict[str, float | int] = {
        "structures": len(rows),
        "unmatched": sum(row["rmsd"] is None for row in rows.values()),
        "rmsd": float(np.mean(rmsd)),
    }
    for precision in (f"{value:g}" for value in SYMMETRY_PRECISIONS):
        both = [row["symmetry"][precision] for row in rows.values()]
        known = [one for one in both if one["relaxed"] and one["reference"]]
        if not known:
            continue
        change = np.array([one["relaxed"]["operations"] - one["reference"]["operations"] for one in known])
        same = np.array([one["relaxed"]["group"] == one["reference"]["group"] for one in known])
        found |= {
            f"symmetry_decrease_{precision}": float(((change < 0) & ~same).mean()),
            f"symmetry_increase_{precision}": float(((change > 0) & ~same).mean()),
            f"symmetry_match_{precision}": float(same.mean()),
            f"n_sym_ops_mae_{precision}": float(np.abs(change).mean()),
        }
    return found


def _row(identity: str, relaxed: Atoms, structures: Structures) -> dict[str, Any]:
    (reference,) = structures.load([identity]).values()
    return compare(relaxed, reference)


def _symmetry(atoms: Atoms, precision: float) -> dict[str, int] | None:
    """Number of the space group and of its operations in the cell; none where spglib finds none."""
    import spglib

    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    try:
        found = spglib.get_symmetry_dataset(cell, symprec=precision)
    except spglib.SpglibError:
        return None
    return None if found is None else {"group": int(found.number), "operations": len(found.rotations)}
