"""Potentials that learn nothing: reference energies, the nearest training frame, the last step of a trajectory."""

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from alphanet.errors import UserError
from alphanet.potentials.last_step import LastStepPotential
from alphanet.potentials.mean import MeanPotential
from alphanet.potentials.nearest_frame import NearestFramePotential, displacements
from alphanet.potentials.zero_forces import ZeroForcesPotential

CELL = np.array([[6.0, 0.0, 0.0], [1.0, 5.0, 0.0], [0.0, 0.5, 7.0]])


def frame(energy, *, shift=0.0, symbols="CuO", scale=1.0, group="a"):
    """Two atoms near a corner of the cell, the second moved by `shift` Å along x."""
    atoms = Atoms(symbols, positions=[[0.1, 0.2, 0.3], [2.0 + shift, 1.0, 1.0]], cell=CELL * scale, pbc=True)
    atoms.info["group"] = group
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=np.full((2, 3), energy))
    return atoms


def test_zero_forces_sums_reference_energies():
    potential = ZeroForcesPotential({"Cu": -1.0, "O": -3.0})
    (answer,) = potential.predict([frame(0.0)])
    assert answer.energy == -4.0 and not answer.forces.any() and not answer.stress.any()
    with pytest.raises(UserError, match=r"frame 0: no training frame has H"):
        potential.predict([frame(0.0, symbols="CuH")])


def test_displacements_ignore_images_and_translations_and_see_strain():
    atoms = frame(0.0)
    moved = frame(0.0)
    moved.positions += [0.4, -0.3, 0.9]  # across the cell's border, too
    moved.wrap()
    others = [atoms, moved, frame(0.0, shift=0.2), frame(0.0, scale=1.02)]
    same, translated, shifted, strained = displacements(atoms, others)
    assert same == pytest.approx(0.0, abs=1e-12) and translated == pytest.approx(0.0, abs=1e-12)
    assert shifted == pytest.approx(0.1)  # of two atoms, by half of it each after the mean is taken off
    assert strained == pytest.approx(0.0, abs=1e-12)  # positions are the same; the cell alone moves no atom


def test_the_nearest_frame_gives_its_labels_and_the_first_of_two_equal_ones():
    training = [frame(1.0), frame(2.0, shift=0.5), frame(3.0, shift=0.5), frame(9.0, symbols="OCu", shift=0.4)]
    potential = NearestFramePotential(training)
    near, other = potential.predict([frame(0.0, shift=0.4), frame(0.0, symbols="CuH")])
    assert near.energy == 2.0 and (near.forces == 2.0).all()
    mean = MeanPotential.fit(training).energy_per_atom
    assert other.energy == pytest.approx(2 * mean) and not other.forces.any()
    assert potential.provenance() | {"copied": 1, "mean_instead": 1} == potential.provenance()


def test_the_last_step_is_of_the_same_trajectory():
    potential = LastStepPotential([frame(1.0), frame(2.0), frame(5.0, group="b")])
    first, second, unknown = potential.predict([frame(0.0), frame(0.0, group="b"), frame(0.0, group="c")])
    assert (first.energy, second.energy) == (2.0, 5.0)
    assert unknown.energy == pytest.approx(2 * MeanPotential.fit([frame(1.0), frame(2.0), frame(5.0)]).energy_per_atom)
