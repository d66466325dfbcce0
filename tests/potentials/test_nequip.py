"""NequIP for real: its environment is made, its own trainer trains, and the checks pass. Minutes, hence slow."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from alphanet.data.store import FrameStore, write_store
from alphanet.errors import UserError
from alphanet.measure.conformance import Claims, run_checks
from alphanet.potentials.cards import load_baseline
from alphanet.potentials.environments import install
from alphanet.potentials.remote import RemotePotential
from alphanet.potentials.settings import train_settings
from alphanet.training.folder import CONTENTS
from alphanet.training.run import run_training

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SETTINGS = {"epochs": 4, "batch_size": 4, "model": {"num_features": 4, "radial_mlp_width": 8}, "learning_rate": 0.02}
CP2K = {"Cu": -1306.0, "Au": -900.0}  # eV that a code with core electrons would add to each atom


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def card(home, monkeypatch):
    monkeypatch.setenv("ALPHANET_HOME", str(home))
    card = load_baseline("nequip")
    install(card)
    return card


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Training and validation frames of a Cu-Au alloy, with EMT's energies and with those shifted to CP2K's size."""
    folder = tmp_path_factory.mktemp("stores")
    random = np.random.default_rng(0)
    made = {}
    for name, count in (("train", 24), ("valid", 8)):
        frames = []
        for _ in range(count):
            atoms = bulk("Cu", cubic=True, a=3.8)
            atoms.symbols = random.choice(["Cu", "Au"], len(atoms))
            atoms.rattle(0.1, rng=random)
            atoms.calc = EMT()
            labels = {"forces": atoms.get_forces(), "stress": atoms.get_stress()}
            frames.append((atoms, atoms.get_potential_energy(), labels))
        for kind, sign in (("small", 0.0), ("large", 1.0)):
            for atoms, energy, labels in frames:
                shift = sign * sum(CP2K[symbol] for symbol in atoms.symbols)
                atoms.calc = SinglePointCalculator(atoms, energy=energy + shift, **labels)
            made[name, kind] = folder / f"{name}-{kind}.aselmdb"
            write_store(made[name, kind], [atoms for atoms, _, _ in frames], {})
    return made


@dataclass(frozen=True)
class Data:
    train: Path
    valid: Path
    sources: dict[str, str] = field(default_factory=dict)


def trained(card, stores, out, kind="small", **settings):
    data = Data(stores["train", kind], stores["valid", kind])
    return run_training(train_settings(card, SETTINGS | {"device": "cpu"} | settings), data, out)


def test_conformance_with_random_weights(card):
    elements = ("C", "O", "Si")
    with RemotePotential(card, settings={"elements": elements}, dtype="float64") as remote:
        checks = run_checks(remote, Claims(elements, refuses="H"))
        assert [check for check in checks if not check.passed] == []
        assert remote.info()["parameters"] == card.preset(card.small).parameters


def test_averaged_weights_of_a_training_that_does_not_validate_every_epoch(card, stores, tmp_path):
    """A checkpoint that is written while they are swapped in could neither be exported nor resumed."""
    result = trained(card, stores, tmp_path / "out", validate_every=2, ema_decay=0.9)
    assert (result.epochs, result.finished) == (4, True) and result.best_epoch in (2, 4)


def test_training_with_energies_of_any_size(card, stores, tmp_path):
    small = trained(card, stores, tmp_path / "small")
    large = trained(card, stores, tmp_path / "large", kind="large")
    assert (small.epochs, small.steps, small.finished) == (4, 24, True)
    assert small.elements == ("Au", "Cu")
    assert small.peak_memory > 1e8
    assert large.validation["energy_mae"] == pytest.approx(small.validation["energy_mae"], rel=1e-4)
    errors = small.validation
    assert errors["loss"] == pytest.approx(4 * errors["energy_mae"] + 100 * errors["force_mae"], rel=1e-4)
    assert all((tmp_path / "small" / name).is_file() for name in CONTENTS)
    for kind, result in (("small", small), ("large", large)):
        frames = list(FrameStore(stores["valid", kind]))
        with RemotePotential(card, model=result.model) as remote:
            answers = remote.predict(frames)
            assert remote.provenance()["weights"].keys() == {"file", "sha256"}
            assert remote.info()["parameters"] == result.parameters
        error = [
            abs(one.energy - atoms.get_potential_energy()) / len(atoms)
            for one, atoms in zip(answers, frames, strict=True)
        ]
        assert np.mean(error) == pytest.approx(result.validation["energy_mae"], rel=1e-5)
    assert small.model.suffix == ".safetensors"
    with (
        pytest.raises(UserError, match="pickles"),
        RemotePotential(card, model=tmp_path / "small" / "checkpoints" / "best.ckpt") as remote,
    ):
        remote.info()
    with RemotePotential(card, model=small.model, dtype="float64") as remote:
        checks = run_checks(remote, Claims(("Cu", "Au"), refuses="H"))
        assert [check for check in checks if not check.passed] == []


def test_an_interrupted_run_goes_on_to_the_same_weights(card, stores, tmp_path, caplog):
    whole = trained(card, stores, tmp_path / "whole")

    class Interrupt(logging.Handler):
        def emit(self, record):
            if record.getMessage().startswith("epoch 2"):
                raise KeyboardInterrupt

    caplog.set_level("INFO")
    logger, interrupt = logging.getLogger("alphanet"), Interrupt()
    logger.addHandler(interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            trained(card, stores, tmp_path / "broken")
    finally:
        logger.removeHandler(interrupt)
    caplog.clear()
    resumed = trained(card, stores, tmp_path / "broken")
    assert not any(text.startswith("epoch 1/") for text in caplog.messages)
    frames = list(FrameStore(stores["valid", "small"]))
    answers = []
    for result in (whole, resumed):
        with RemotePotential(card, model=result.model) as remote:
            answers.append([one.energy for one in remote.predict(frames)])
    np.testing.assert_array_equal(*answers)
    stress = trained(card, stores, tmp_path / "stress", seed=1, epochs=1, loss={"stress_weight": 10})
    assert stress.epochs == 1 and stress.validation["stress_mae"] > 0


def test_mistakes_are_told(card, stores, tmp_path):
    with pytest.raises(UserError, match="random weights need to know the elements"):
        RemotePotential(card).info()
    with pytest.raises(UserError, match="no energy for Au"):
        trained(card, stores, tmp_path / "a", reference_energies={"Cu": 1.0}, elements=["Cu", "Au"])
    with pytest.raises(UserError, match=r"nequip\.scripts\.train ended with exit code 1.*no_such"):
        trained(card, stores, tmp_path / "b", model={"no_such": 1})
