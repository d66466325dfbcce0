"""The common kit and loop, as SchNet, PaiNN and others use them, with a toy network in this interpreter."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from toy_row import NETWORK, PRESETS, WORKER

from alphanet.data.store import FrameStore, write_store
from alphanet.errors import UserError
from alphanet.measure.conformance import Claims, run_checks
from alphanet.potentials.kit.loop.table import validations
from alphanet.potentials.remote import RemotePotential
from alphanet.potentials.settings import train_settings
from alphanet.training.data import LabeledFrames
from alphanet.training.folder import CONTENTS, RunFolder
from alphanet.training.references import measure
from alphanet.training.run import run_training

pytestmark = pytest.mark.integration

CP2K = {"Cu": -1306.0, "Au": -900.0}  # eV that a code with core electrons would add to each atom


@pytest.fixture
def card(installed, tmp_path):
    made = installed(name="toy", worker=WORKER, presets=PRESETS)
    (made.places[0] / "network.py").write_text(NETWORK)
    return made


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Training and validation frames of a Cu-Au alloy, with EMT's labels shifted to CP2K's size."""
    folder, random = tmp_path_factory.mktemp("stores"), np.random.default_rng(0)
    for name, count in (("train", 24), ("valid", 8)):
        frames = []
        for _ in range(count):
            atoms = bulk("Cu", cubic=True, a=3.8)
            atoms.symbols = random.choice(["Cu", "Au"], len(atoms))
            atoms.rattle(0.1, rng=random)
            atoms.calc = EMT()
            labels = {"forces": atoms.get_forces(), "stress": atoms.get_stress()}
            energy = atoms.get_potential_energy() + sum(CP2K[symbol] for symbol in atoms.symbols)
            atoms.calc = SinglePointCalculator(atoms, energy=energy, **labels)
            frames.append(atoms)
        write_store(folder / f"{name}.aselmdb", frames, {})
    return folder


@dataclass(frozen=True)
class Data:
    train: Path
    valid: Path
    sources: dict[str, str] = field(default_factory=dict)


def train(card, stores, out, **settings):
    data = Data(stores / "train.aselmdb", stores / "valid.aselmdb")
    return run_training(train_settings(card, {"device": "cpu"} | settings), data, out)


@pytest.mark.parametrize("direct", [False, True])
def test_a_network_of_the_kit_conforms(card, direct):
    elements = ("C", "O", "Si")
    settings = {"elements": elements, "model": {"direct": direct}}
    with RemotePotential(card.model_copy(update={"stress": not direct}), settings=settings, dtype="float64") as remote:
        checks = run_checks(remote, Claims(elements, conservative=not direct, stress=not direct, refuses="H"))
    assert [check.check for check in checks if not check.passed] == []


def test_training_learns_and_fills_the_folder_of_every_training(card, stores, tmp_path, caplog):
    caplog.set_level("INFO")
    out = tmp_path / "out"
    trained = train(card, stores, out)
    assert (trained.epochs, trained.finished) == (6, True)
    lines = epochs_in(caplog)
    assert lines[0].startswith("epoch 1/6: training loss ")
    first, last = (float(line.split("force ")[1].split()[0]) for line in (lines[0], lines[-1]))
    assert last < 0.7 * first
    assert trained.reference_energies == measure(*frames_of(stores)).reference_energies  # as AlphaNet's are fitted
    with RemotePotential(card, model=trained.model, dtype="float32") as remote:
        (answer,) = remote.predict([bulk("Cu", cubic=True, a=3.8)])
    assert answer.energy / 4 == pytest.approx(-1306.0, abs=3.0)  # the digits of large energies are kept
    assert all((out / name).is_file() for name in CONTENTS)
    rows = validations(out / "logs" / "metrics.csv")
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5, 6]
    best = min(rows, key=lambda row: row["valid_loss"])
    assert trained.validation["loss"] == pytest.approx(best["valid_loss"])
    assert trained.best_epoch == best["epoch"]
    assert RunFolder(out).read_result() == trained
    assert train(card, stores, out) == trained
    assert "trained already" in caplog.text
    with pytest.raises(UserError, match=r"holds a training with other settings \(epochs 6 there, 2 now\)"):
        train(card, stores, out, epochs=2)


def epochs_in(caplog):
    return [text for text in caplog.messages if text.startswith("epoch ")]


def frames_of(stores):
    return LabeledFrames(stores / "train.aselmdb"), LabeledFrames(stores / "valid.aselmdb")


def test_settings_of_the_loss_and_of_reference_energies_reach_the_worker(card, stores, tmp_path):
    loss = {"dynamic": {"stages": 2}, "energy_loss": "total"}
    mean = train(card, stores, tmp_path / "mean", epochs=2, loss=loss, reference_energies="mean").reference_energies
    rows = validations(tmp_path / "mean" / "logs" / "metrics.csv")
    assert [row["energy_weight"] for row in rows] == pytest.approx([4.0, 4.0])
    assert mean["Au"] == mean["Cu"] != pytest.approx(measure(*frames_of(stores)).reference_energies["Au"])
    with pytest.raises(UserError, match="no energy for Cu"):
        train(card, stores, tmp_path / "given", reference_energies={"Au": 1.0})


MORTAL = (
    NETWORK
    + """
import os, signal
from pathlib import Path

fuse, whole, steps = Path(__file__).with_name("fuse"), Pairs.forward, 0


def forward(self, batch):
    global steps
    steps += self.training
    if fuse.exists() and steps == int(fuse.read_text()):
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(self, batch)


Pairs.forward = forward
"""
)


@pytest.mark.long
def test_a_guard_ends_a_training(card, stores, tmp_path):
    trained = train(card, stores, tmp_path / "out", max_time=0.01)
    assert (trained.steps, trained.epochs, trained.finished) == (1, 0, False)
    assert trained.model.is_file() and trained.validation["force_mae"] > 0


@pytest.mark.long
def test_a_killed_training_goes_on_to_the_same_weights_and_keeps_its_budget_of_steps(card, stores, tmp_path, caplog):
    (card.places[0] / "network.py").write_text(MORTAL)
    whole = train(card, stores, tmp_path / "whole", epochs=None, steps=27)  # ends within the fifth epoch
    fuse = card.places[0] / "fuse"
    fuse.write_text("15")  # within the third epoch
    with pytest.raises(UserError, match="ended with exit code -9"):
        train(card, stores, tmp_path / "broken", epochs=None, steps=27)
    fuse.unlink()
    caplog.set_level("INFO")
    caplog.clear()
    resumed = train(card, stores, tmp_path / "broken", epochs=None, steps=27)
    assert [line.split(":")[0] for line in epochs_in(caplog)] == ["epoch 3", "epoch 4", "epoch 5"]
    assert (resumed.steps, resumed.epochs) == (whole.steps, whole.epochs) == (27, 4)
    assert resumed.sha256 == whole.sha256


@pytest.mark.long
def test_what_is_not_finite_stops_the_training_and_is_named(card, stores, tmp_path):
    frames = list(FrameStore(stores / "train.aselmdb"))
    frames[5].calc.results["forces"][0, 0] = np.nan
    folder = tmp_path / "spoiled"
    folder.mkdir()
    write_unchecked(folder / "train.aselmdb", frames)
    (folder / "valid.aselmdb").write_bytes((stores / "valid.aselmdb").read_bytes())
    with pytest.raises(UserError, match=r"frame 5 of .*train.aselmdb has NaN or infinite forces"):
        train(card, folder, tmp_path / "out")
    with pytest.raises(UserError, match=r"toy: training stopped at epoch 1, step \d+: .*lower learning_rate"):
        train(card, stores, tmp_path / "diverged", learning_rate=1e30)


def write_unchecked(path, frames):
    """A store with labels that `write_store` would refuse."""
    from ase.db import connect

    with connect(path, type="aselmdb") as store:
        for atoms in frames:
            store.write(atoms)


@pytest.mark.slow
def test_a_training_starts_from_trained_weights(card, stores, tmp_path):
    old = train(card, stores, tmp_path / "old")
    for name in ("train", "valid"):  # the same frames at another level of theory
        frames = list(FrameStore(stores / f"{name}.aselmdb"))
        for atoms in frames:
            results = atoms.calc.results | {"energy": atoms.calc.results["energy"] + 7.0 * len(atoms)}
            atoms.calc = SinglePointCalculator(atoms, **results)
        write_store(tmp_path / f"{name}.aselmdb", frames, {})
    start = {"weights": str(old.model), "freeze": ["embedding"]}
    new = train(card, tmp_path, tmp_path / "new", epochs=1, learning_rate=1e-3, finetune=start)
    assert new.validation["energy_mae"] < 2 * old.validation["energy_mae"]
    assert new.reference_energies["Cu"] == pytest.approx(old.reference_energies["Cu"] + 7.0, abs=0.5)
    first, second = safetensors.torch.load_file(old.model), safetensors.torch.load_file(new.model)
    same = {key for key in first if key.startswith("network.") and first[key].equal(second[key])}
    assert same == {"network.embedding.weight"}
    lora = train(card, tmp_path, tmp_path / "lora", epochs=1, finetune={"weights": str(old.model), "lora": 1})
    assert safetensors.torch.load_file(lora.model).keys() == first.keys()
    with pytest.raises(UserError, match=r"toy: .*train\.aselmdb cannot be read as safetensors"):
        train(card, stores, tmp_path / "wrong", finetune=str(stores / "train.aselmdb"))
