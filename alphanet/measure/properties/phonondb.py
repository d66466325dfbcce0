"""Published thermal conductivities: 103 compounds of PhononDB-PBE, by which κ_SRME is defined."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from alphanet.data.cards import load_card
from alphanet.data.fetching import local_path
from alphanet.data.formats.pymatgen_json import load_json
from alphanet.errors import UserError
from alphanet.measure.properties.conductivity import Conductivity, conductivity_of
from alphanet.measure.properties.crystals import symmetry_of
from alphanet.measure.properties.methods import PHONONDB
from alphanet.measure.properties.task import Property, Result

TEMPERATURE = 300.0  # K, of what is published


def published_file(group: str) -> Path:
    """The `structures` or the `conductivities`, where `alphanet data fetch` puts them.

    Raises:
        UserError: they are not there; the message says what to do.
    """
    (source,) = (file for file in load_card(PHONONDB).at("full").files if file.group == group)
    path = local_path(source)
    if not path.is_file():
        raise UserError(
            f"the published {group} are not here ({path}); "
            f"fetch them with `alphanet data fetch {PHONONDB} --scale full`"
        )
    return path


def published(task: Property[Any], atoms: Atoms) -> Result:
    """The published conductivity of a compound, found by its elements and space group.

    Raises:
        UserError: another property is asked for, or another compound, or the file is not here.
    """
    if not isinstance(task, Conductivity) or task.temperature != TEMPERATURE:
        raise UserError(f"{PHONONDB} has thermal conductivities at {TEMPERATURE:g} K alone")
    known = _conductivities(published_file("conductivities"))
    group = int(symmetry_of(atoms).number)
    formula = atoms.get_chemical_formula(empirical=True)
    if (formula, group) not in known:
        raise UserError(f"{PHONONDB} has no {formula} of space group {group}")
    modes, frequencies = known[formula, group]
    return conductivity_of(modes, frequencies, float(frequencies.min()))


@functools.cache
def _conductivities(path: Path) -> dict[tuple[str, int], tuple[np.ndarray, np.ndarray]]:
    """Formula and space group -> conductivities of modes (points, bands), W/m/K, and their frequencies, THz."""
    try:
        columns = load_json(path)
        return {
            (Atoms(columns["name"][row]).get_chemical_formula(empirical=True), int(columns["symm.no"][row])): (
                np.array(columns["mode_kappa_TOT_ave"][row])[0] / np.sum(columns["weights"][row]),
                np.array(columns["frequencies"][row]),
            )
            for row in columns["name"]
        }
    except (OSError, KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"{path} does not hold the published conductivities ({error!r}); fetch it again") from error
