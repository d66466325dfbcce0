"""The checks pass for a sound potential and catch every way in which one may be wrong."""

from dataclasses import replace

import numpy as np
import pytest
from ase.calculators.lj import LennardJones
from ase.stress import voigt_6_to_full_3x3_stress

from alphanet.errors import UserError
from alphanet.measure.conformance import Claims, crystal, run_checks, unknown_to
from alphanet.potentials.protocol import FramePrediction

pytestmark = pytest.mark.integration

SUBJECT = Claims(("C", "O"), refuses="H")


class PairPotential:
    """Lennard-Jones through ASE, spoiled in the way that is asked for."""

    name = "pair"

    def __init__(self, fault: str | None = None):
        self.fault = fault

    def predict(self, frames, *, batch_size=8):
        unknown = {symbol for atoms in frames for symbol in atoms.symbols} - set(SUBJECT.elements)
        if unknown and self.fault != "accepts all":
            raise UserError(f"pair does not know {', '.join(unknown)}")
        answers = [self.one(atoms) for atoms in frames]
        if self.fault == "batch" and len(frames) > 1 and batch_size > 1:
            answers[1] = replace(answers[1], energy=answers[1].energy + 1e-3)
        return answers

    def one(self, atoms):
        calculator = LennardJones(sigma=2.0, epsilon=0.3, rc=6.0, smooth=True)
        copy = atoms if self.fault == "mutates" else atoms.copy()
        copy.calc = calculator
        energy, forces = copy.get_potential_energy(), copy.get_forces()
        stress = voigt_6_to_full_3x3_stress(copy.get_stress()) if atoms.pbc.all() else None
        if self.fault == "forces":
            forces = -forces
        if self.fault == "stress" and stress is not None:
            stress = -stress
        if self.fault == "stress frame" and stress is not None:
            stress = stress * np.array([[1.01, 1, 1], [1, 1, 1], [1, 1, 1]])
        if self.fault == "shape":
            forces = forces.T
        if self.fault == "direction":
            forces = forces * [1.001, 1, 1]
        if self.fault == "position":
            energy += 1e-4 * float(copy.positions[0] @ copy.positions[0])
        if self.fault == "order":
            energy += 1e-4 * float(np.sum(np.arange(len(atoms)) * atoms.numbers))
        if self.fault == "images":
            energy += 1e-3 * len(atoms) ** 2
        return FramePrediction(float(energy), forces, stress)


def failures(fault: str | None) -> set[str]:
    return {check.check for check in run_checks(PairPotential(fault), SUBJECT) if not check.passed}


def test_a_sound_potential_passes():
    checks = run_checks(PairPotential(), SUBJECT)
    assert [check.check for check in checks if not check.passed] == []
    numbers = {check.check: check.value for check in checks}
    assert numbers["forces are derivatives"] < 1e-6
    assert numbers["stress is the derivative"] < 1e-6


@pytest.mark.parametrize(
    ("fault", "caught"),
    [
        ("shape", "shapes"),
        ("mutates", "input untouched"),
        ("batch", "batch equals single"),
        ("forces", "forces are derivatives"),
        ("direction", "rotation"),
        ("stress", "stress is the derivative"),
        ("stress frame", "rotation"),
        ("position", "translation"),
        ("order", "permutation"),
        ("images", "periodic images"),
        ("accepts all", "unknown element refused"),
    ],
)
def test_faults_are_caught(fault, caught):
    assert caught in failures(fault)


def test_direct_forces_are_measured_and_not_judged():
    subject = replace(SUBJECT, conservative=False)
    checks = {check.check: check for check in run_checks(PairPotential("forces"), subject)}
    measured = checks["non-conservative part of the forces"]
    assert measured.passed
    assert measured.limit is None
    assert measured.value == pytest.approx(2.0, rel=1e-5)


def test_the_crystal_is_smaller_than_cutoffs_and_has_no_close_pair():
    atoms = crystal(("C", "O", "Si"))
    assert atoms.cell.lengths().max() < 5.5
    assert (atoms.get_all_distances(mic=True) + 9 * np.eye(8)).min() > 1.8
    assert unknown_to(("H", "He")) == "Li"


@pytest.mark.parametrize(
    ("fault", "check", "value"),
    [
        ("direction", "rotation", 0.00110609),
        ("images", "periodic images", 0.0278736),
        ("position", "translation", 0.00027722),
        ("stress frame", "rotation", 0.00834884),
    ],
)
def test_errors_are_measured_as_the_limits_of_cards_were(fault, check, value):
    measured = {one.check: one.value for one in run_checks(PairPotential(fault), SUBJECT)}
    assert measured[check] == pytest.approx(value, rel=1e-4)
