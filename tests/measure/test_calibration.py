"""A committee's spread against its errors: numbers, plot, and what `alphanet eval` says of them."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from ase.stress import full_3x3_to_voigt_6_stress
from committees import write_committee
from model_samples import alloy, ethanol
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.figures.calibration import binned, calibration_figure
from alphanet.measure.accuracy import Accuracy, evaluate
from alphanet.measure.calibration import Calibration, expected_ratio
from alphanet.potentials.committee import CommitteePotential
from alphanet.potentials.protocol import FramePrediction

MEMBERS = 4


class Drawn:
    """Predicts normal deviates, wider in frames of larger `info["width"]`; labels of such frames are drawn alike."""

    name = "drawn"

    def __init__(self, seed: int, factor: float = 1.0) -> None:
        self._random, self._factor = np.random.default_rng(seed), factor

    def predict(self, frames, *, batch_size=8):
        return [self._one(atoms) for atoms in frames]

    def _one(self, atoms: Atoms) -> FramePrediction:
        width = self._factor * atoms.info["width"]
        energy = -100.0 + len(atoms) * width * self._random.normal()
        stress = width * self._random.normal(size=(3, 3))
        return FramePrediction(energy, width * self._random.normal(size=(len(atoms), 3)), stress + stress.T)

    def provenance(self):
        return {"parameters": 0}

    def close(self) -> None: ...


def frames(count: int, factor: float) -> list[Atoms]:
    """Frames whose labels are drawn from the members' distribution, or from one that is `factor` times wider."""
    truth, made = Drawn(99, factor), []
    for width in np.random.default_rng(0).uniform(0.01, 0.1, size=count):
        atoms = bulk("Cu", cubic=True)
        atoms.info["width"] = width
        label = truth.predict([atoms])[0]
        stress = full_3x3_to_voigt_6_stress(label.stress)
        atoms.calc = SinglePointCalculator(atoms, energy=label.energy, forces=label.forces, stress=stress)
        made.append(atoms)
    return made


def measured(factor: float = 1.0, seeds: tuple[int, ...] = tuple(range(MEMBERS)), count: int = 600) -> Accuracy:
    return evaluate(CommitteePotential([Drawn(seed) for seed in seeds]), frames(count, factor))


def test_members_that_are_drawn_as_the_truth_are_calibrated() -> None:
    accuracy = measured()
    calibration = accuracy.calibration
    assert isinstance(calibration, Calibration) and calibration.members == MEMBERS
    assert calibration.force.calibration == pytest.approx(1.0, abs=0.03)
    assert calibration.energy.calibration == pytest.approx(1.0, abs=0.08)
    assert calibration.stress.calibration == pytest.approx(1.0, abs=0.08)
    assert calibration.force.scale == pytest.approx(np.sqrt(5 / 3), abs=0.04)  # (N + 1)/(N - 1)
    assert calibration.force.rmse == pytest.approx(accuracy.force_rmse)
    assert calibration.energy.rmse == pytest.approx(accuracy.energy_rmse)
    assert calibration.stress.rmse == pytest.approx(accuracy.stress_rmse)
    assert 0.2 < calibration.force.spearman < 0.6
    assert (calibration.energy.count, calibration.force.count) == (600, 600 * 12)


def test_too_narrow_members_are_overconfident() -> None:
    expected = np.sqrt((4 * MEMBERS + 1) / (MEMBERS + 1))  # labels twice as wide, and a mean over MEMBERS
    assert measured(factor=2.0).calibration.force.calibration == pytest.approx(expected, rel=0.04)
    assert expected_ratio(2) == pytest.approx(np.sqrt(3))


def test_members_that_agree_have_no_scale(tmp_path: Path) -> None:
    calibration = measured(seeds=(3, 3)).calibration
    force = calibration.force
    assert (force.spread, force.scale, force.calibration, force.spearman) == (0.0, None, None, None)
    assert calibration_figure(tmp_path / "calibration", "none", calibration) == []
    json.dumps(calibration.metrics(), allow_nan=False)


def test_bins_hold_equal_counts() -> None:
    pairs = np.column_stack([np.arange(1.0, 201.0), np.full(200, 3.0)])
    points = binned(pairs)
    assert points.shape == (10, 2) and (np.diff(points[:, 0]) > 0).all()
    np.testing.assert_allclose(points[:, 1], 3.0)
    assert points[0, 0] == pytest.approx(np.sqrt(np.mean(np.arange(1.0, 21.0) ** 2)))
    assert binned(pairs[:4]).shape == (1, 2)


def test_the_figure_is_the_same_for_the_same_numbers(rendered: None, tmp_path: Path) -> None:
    calibration = measured(count=30).calibration
    one, two = (calibration_figure(tmp_path / name / "calibration", "drawn", calibration) for name in "ab")
    assert [file.suffix for file in one] == [".png", ".svg", ".pdf"]
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in two]


def test_eval_prints_and_draws_the_calibration(tmp_path: Path) -> None:
    committee = write_committee(tmp_path / "committee")
    labeled = []
    for atoms in (alloy(), ethanol(), alloy()):
        atoms.calc = SinglePointCalculator(atoms, energy=1.0, forces=np.zeros((len(atoms), 3)))
        labeled.append(atoms)
    write(tmp_path / "test.extxyz", labeled)
    words = ["eval", str(committee), str(tmp_path / "test.extxyz")]
    drawn = [*words, "--parity", str(tmp_path / "figures"), "--json"]
    shown = json.loads(CliRunner().invoke(app, drawn, catch_exceptions=False).stdout)
    assert shown["calibration"]["members"] == 3 and shown["model"]["members"] == 3
    assert set(shown["calibration"]) == {"members", "energy", "force"}
    assert shown["calibration"]["force"]["scale"] == pytest.approx(
        shown["force_rmse"] / shown["calibration"]["force"]["spread"]
    )
    assert (tmp_path / "figures" / "calibration.svg").is_file()
    table = CliRunner().invoke(app, words, catch_exceptions=False).stdout
    assert "force spread (RMS over 3 members)" in table and "energy calibration (1: calibrated" in table
    single = CliRunner().invoke(app, ["eval", str(committee / "member-0"), words[2]], catch_exceptions=False).stdout
    assert "energy MAE" in single and "spread" not in single
