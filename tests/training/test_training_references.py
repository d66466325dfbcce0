import dataclasses
from pathlib import Path

import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from training_samples import OFFSET, Data, copper_frames, small_config, write_data

from alphanet.errors import UserError
from alphanet.training.data import LabeledFrames
from alphanet.training.references import fit_references, measure, reference_energies
from alphanet.training.run import run_training


def test_recovers_the_elements_energies_to_all_digits() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([-13.6, -1305.25, -432.125])
    compositions = rng.integers(1, 20, size=(200, 3)).astype(float)
    fitted = fit_references(compositions, compositions @ truth)
    np.testing.assert_allclose(fitted, truth, rtol=0, atol=1e-9)


def test_outliers_do_not_move_it() -> None:
    rng = np.random.default_rng(1)
    truth = np.array([-13.6, -1305.25])
    compositions = rng.integers(1, 20, size=(300, 2)).astype(float)
    energies = compositions @ truth + compositions.sum(axis=1) * rng.normal(0, 0.01, 300)
    energies[::10] += 500.0
    np.testing.assert_allclose(fit_references(compositions, energies), truth, atol=0.02)


def test_methods_differ_on_outliers_alone() -> None:
    truth = np.array([-13.6, -1305.25])
    compositions = np.random.default_rng(1).integers(1, 20, size=(300, 2)).astype(float)
    energies = compositions @ truth
    np.testing.assert_allclose(fit_references(compositions, energies, "least_squares"), truth, rtol=0, atol=1e-9)
    energies[::10] += 500.0
    assert np.abs(fit_references(compositions, energies, "least_squares") - truth).max() > 1.0
    np.testing.assert_allclose(fit_references(compositions, energies, "huber"), truth, atol=0.02)
    mean = (energies / compositions.sum(axis=1)).mean()
    np.testing.assert_allclose(fit_references(compositions, energies, "mean"), [mean, mean])


def test_a_single_composition_shares_its_mean_energy() -> None:
    compositions = np.tile([1.0, 1.0, 2.0, 48.0], (50, 1))
    energies = 52 * OFFSET + np.random.default_rng(2).normal(0, 1, 50)
    fitted = fit_references(compositions, energies)
    assert np.ptp(fitted) < 0.1
    assert compositions[0] @ fitted == pytest.approx(np.median(energies), abs=0.5)


def test_statistics_of_a_store(data: Data) -> None:
    frames = LabeledFrames(data.train)
    statistics = measure(frames, LabeledFrames(data.valid))
    forces = np.concatenate([frames[i].get_forces() for i in range(len(frames))])
    assert statistics.elements == ("Cu", "Au")
    assert (statistics.n_frames, statistics.n_atoms) == (18, 72)
    assert statistics.force_rms == pytest.approx(np.sqrt((forces**2).mean()))
    mean = np.mean([frames[i].get_potential_energy() / 4 for i in range(len(frames))])
    assert 0.25 * statistics.reference_energies["Au"] + 0.75 * statistics.reference_energies["Cu"] == pytest.approx(
        mean, abs=0.05
    )
    assert "force RMS" in statistics.describe({}) and "Cu -3.500" in statistics.describe({"Cu": -3.5})
    assert dataclasses.is_dataclass(statistics)


def test_choices_of_reference_energies() -> None:
    fitted = {"Cu": -3.0, "Au": -5.0}
    assert reference_energies("none", ["Cu"], fitted) == {"Cu": 0.0}
    assert reference_energies("huber", ["Cu", "Au", "H"], fitted) == {"Cu": -3.0, "Au": -5.0, "H": -4.0}
    assert reference_energies({"Cu": 1.0, "Au": 2.0}, ["Au"], fitted) == {"Au": 2.0}
    with pytest.raises(UserError, match="no energy for Au"):
        reference_energies({"Cu": 1.0}, ["Cu", "Au"], fitted)
    with pytest.raises(UserError, match="'Xx'"):
        reference_energies({"Xx": 1.0}, ["Cu"], fitted)


@pytest.mark.parametrize("kind", ["none", "slab", "all"])
def test_a_stress_term_without_a_stress_is_told(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = copper_frames(3, seed=0)
    for atoms in frames:
        if kind == "none":
            del atoms.calc.results["stress"]
        if kind == "slab":
            labels = atoms.calc.results
            atoms.pbc = [True, True, False]
            atoms.calc = SinglePointCalculator(atoms, **labels)

    def stop(*_: object) -> None:
        raise UserError("far enough")

    monkeypatch.setattr("alphanet.training.run._model", stop)
    for weight, warned in ((0.0, False), (10.0, kind != "all")):
        caplog.clear()
        settings = small_config(loss={"stress_weight": weight})
        with pytest.raises(UserError, match="far enough"):
            run_training(settings, write_data(tmp_path, frames), tmp_path / f"run{weight}")
        assert ("loss.stress_weight is 10, but no training frame" in caplog.text) == warned
