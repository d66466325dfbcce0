"""Dynamics that stop where a committee disagrees."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.calculators.lj import LennardJones
from ase.io import read
from ase.md.verlet import VelocityVerlet
from ase.optimize import FIRE

from alphanet import SpreadLimit
from alphanet.errors import UserError
from alphanet.potentials.ase_calculator import PotentialCalculator
from alphanet.potentials.calculators import CalculatorPotential
from alphanet.potentials.committee import CommitteePotential


def approaching(distance: float = 6.0) -> Atoms:
    """Two atoms on their way to each other; the potentials of the committee differ where these are near."""
    atoms = Atoms("Ar2", [[0, 0, 0], [distance, 0, 0]])
    atoms.set_velocities([[0.2, 0, 0], [-0.2, 0, 0]])
    members = [CalculatorPotential("lj", LennardJones(sigma=3.0, epsilon=width, rc=20.0)) for width in (0.01, 0.02)]
    atoms.calc = PotentialCalculator(CommitteePotential(members))
    return atoms


def dynamics_of(atoms: Atoms) -> VelocityVerlet:
    return VelocityVerlet(atoms, timestep=1.0 * units.fs)


def test_dynamics_stop_at_the_limit_and_keep_the_frame(tmp_path: Path) -> None:
    atoms, file = approaching(), tmp_path / "uncertain.extxyz"
    dynamics = dynamics_of(atoms)
    limit = SpreadLimit(dynamics, threshold=0.05, file=file)
    dynamics.attach(limit)
    dynamics.run(1000)
    assert 0 < dynamics.nsteps < 1000
    assert limit.deviation > 0.05
    (kept,) = read(file, ":")
    assert kept.calc is None  # a prediction is no label
    np.testing.assert_allclose(kept.positions, atoms.positions, atol=1e-7)
    assert kept.info["step"] == dynamics.nsteps
    assert kept.info["forces_spread_max"] == pytest.approx(limit.deviation, rel=1e-6)
    assert kept.arrays["forces_spread"].shape == (2,) and limit.frame is not None
    # |F - mean F| of two members is half their difference, at the distance where it first exceeds the limit.
    forces = [LennardJones(sigma=3.0, epsilon=width, rc=20.0).get_forces(atoms.copy()) for width in (0.01, 0.02)]
    assert limit.deviation == pytest.approx(0.5 * np.linalg.norm((forces[1] - forces[0])[0]))
    dynamics.run(5)  # goes on for a step, and stops again: the frame is added
    assert len(read(file, ":")) == 2


def test_dynamics_below_the_limit_run_on(tmp_path: Path) -> None:
    dynamics = dynamics_of(approaching())
    limit = SpreadLimit(dynamics, threshold=50.0, file=tmp_path / "none.extxyz")
    dynamics.attach(limit, interval=5)
    dynamics.run(20)
    assert dynamics.nsteps == 20 and limit.frame is None and not (tmp_path / "none.extxyz").exists()


def test_an_optimizer_stops_too() -> None:
    dynamics = FIRE(approaching(2.6), logfile=None)
    limit = SpreadLimit(dynamics, threshold=1e-3)
    dynamics.attach(limit)
    dynamics.run(fmax=1e-6, steps=50)
    assert dynamics.nsteps == 0 and limit.frame is not None


class Deaf(VelocityVerlet):
    """Dynamics with a loop of their own, as ASE's for switching has."""

    def run(self, steps):
        for _ in range(steps):
            self.step()
            self.nsteps += 1
            self.call_observers()


def test_dynamics_that_do_not_stop_are_told() -> None:
    dynamics = Deaf(approaching(2.9), timestep=1.0 * units.fs)
    limit = SpreadLimit(dynamics, threshold=0.001)
    dynamics.attach(limit)
    with pytest.raises(UserError, match="Deaf does not stop where it is asked to"):
        dynamics.run(10)
    assert dynamics.nsteps == 2 and limit.frame is not None


def test_what_cannot_be_watched_is_one_line() -> None:
    atoms = approaching()
    atoms.calc = LennardJones()
    dynamics = dynamics_of(atoms)
    dynamics.attach(SpreadLimit(dynamics, threshold=0.1))
    with pytest.raises(UserError, match="needs a committee"):
        dynamics.run(1)
    with pytest.raises(UserError, match=r"above 0 eV/Å, not -1"):
        SpreadLimit(dynamics, threshold=-1)
