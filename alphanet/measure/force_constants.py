"""Force constants of crystals by finite displacements, with phonopy."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ase import Atoms

from alphanet.errors import UserError


def force_constants(
    atoms: Atoms,
    repeats: Sequence[int],
    displacement: float,
    forces: Callable[[list[Atoms], Atoms], list[np.ndarray]],
    *,
    primitive: Any,
    symprec: float = 1e-5,
) -> Any:
    """A crystal as phonopy's `Phonopy`, with its force constants.

    Args:
        atoms: the relaxed crystal.
        repeats: of its cell along each vector, in the supercell.
        displacement: Å.
        forces: of the displaced supercells, (n, 3) eV/Å each; it is given these and the supercell at rest.
        primitive: phonopy's `primitive_matrix`.
        symprec: Å, within which spglib finds symmetry.

    Raises:
        UserError: as `forces`, or phonopy fails on the structure.
    """
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    cell = PhonopyAtoms(
        symbols=atoms.get_chemical_symbols(), cell=atoms.cell.array, scaled_positions=atoms.get_scaled_positions(),
        masses=atoms.get_masses(),
    )  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that the primitive cell is another one, as it is meant to be
            phonon: Any = Phonopy(cell, np.diag(repeats), primitive_matrix=primitive, symprec=symprec, log_level=0)
        phonon.generate_displacements(distance=displacement)
        displaced = [crystal_of(one) for one in phonon.supercells_with_displacements]
        phonon.forces = forces(displaced, crystal_of(phonon.supercell))
        phonon.produce_force_constants(show_drift=False)
    except (RuntimeError, ValueError) as error:
        raise UserError(f"phonopy fails on {atoms.symbols}: {error}") from error
    return phonon


def crystal_of(cell: Any) -> Atoms:
    """One of phonopy's structures."""
    return Atoms(cell.symbols, cell=cell.cell, scaled_positions=cell.scaled_positions, pbc=True)
