"""The weights that a baseline's training starts from: by file and by name, and what the training takes from them."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from training_samples import Data

from alphanet.data.store import write_store
from alphanet.errors import UserError
from alphanet.potentials.cards import load_baseline
from alphanet.potentials.settings import train_settings
from alphanet.training.api import train_on
from alphanet.training.baseline_start import source_of
from alphanet.training.defaults import settings_for
from alphanet.training.fine_tuning import weights_of
from alphanet.training.folder import RunFolder
from alphanet.training.run import run_training
from alphanet.training.settings import FineTuning

CARRIED = {"first": {"source": "package", "name": "one", "trained_on": "nothing"}}
SHIFT = 3.0  # eV of each atom between the old level of theory and the new one


def start_from(weights: str, **rules: object) -> FineTuning:
    return FineTuning.model_validate({"weights": weights, **rules})


def test_weights_are_found_by_file_and_by_name(tmp_path: Path) -> None:
    mace, sevennet = load_baseline("mace"), load_baseline("sevennet-0")
    for text, expected in (
        ("mace-mp-0", ("mace-mp-0", "")),
        ("mace-mp-0:medium", ("mace-mp-0", "medium")),
        ("medium", ("mace-mp-0", "medium")),
    ):
        named, source = source_of(mace, start_from(text))
        assert (source.name, named.checkpoint) == expected
    assert source_of(sevennet, start_from("22May2024"))[0].checkpoint == "22May2024"
    for name, owner in (("a.safetensors", "mace"), ("a.model", "mace-mp-0")):
        file = tmp_path / name
        file.touch()
        named, source = source_of(mace, start_from(str(file)))
        assert (source.name, named.file) == (owner, file)
    (tmp_path / "b.safetensors").touch()
    named, source = source_of(mace, start_from(f"mace:{tmp_path / 'b.safetensors'}"))
    assert (source.name, named.file) == ("mace", tmp_path / "b.safetensors")


@pytest.mark.parametrize(
    ("model", "text", "said"),
    [
        ("mace", "absent.model", "absent.model: no such file, and no weights that mace starts from: mace-mp-0:medium"),
        ("nequip", "mace-mp-0", "nequip cannot start from weights of mace-mp-0; use --model mace"),
        ("mace", "sevennet-0:11Jul2024", "mace cannot start from weights of sevennet-0; use --model sevennet-0"),
        ("mace", "orb-v2", "mace cannot start from weights of orb-v2$"),
    ],
)
def test_weights_of_others_are_refused(model: str, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        source_of(load_baseline(model), start_from(text))


def test_alphanet_does_not_start_from_a_baseline() -> None:
    with pytest.raises(UserError, match="mace-mp-0 are weights of mace-mp-0, not of AlphaNet; add --model mace"):
        weights_of(start_from("mace-mp-0"))


def test_what_is_not_trained_says_why_and_what_to_do() -> None:
    with pytest.raises(UserError, match="start from its weights with --model mace --from mace-mp-0"):
        train_settings(load_baseline("mace-mp-0"), {})
    for name in ("grace-2l-mptrj", "orb-v2", "orb-mptrj", "alphanet-official"):
        with pytest.raises(UserError, match=f"{name} is not trained here: .{{20}}"):
            train_settings(load_baseline(name), {})


def test_a_start_from_weights_has_defaults_of_its_own() -> None:
    card = load_baseline("sevennet-0")
    usual, tuned = train_settings(card, {}), train_settings(card, {"finetune": "11Jul2024"})
    assert tuned.learning_rate == pytest.approx(usual.learning_rate / 10)
    assert (usual.ema_decay, tuned.ema_decay) == (0.999, 0.99)
    assert train_settings(card, {"finetune": "11Jul2024", "learning_rate": 0.5}).learning_rate == 0.5
    with pytest.raises(UserError, match=r"finetune\.config is for public checkpoints of AlphaNet"):
        train_settings(card, {"finetune": {"weights": "11Jul2024", "config": "a.json"}})
    with pytest.raises(UserError, match=r"finetune\.trust is for the weights of baselines"):
        settings_for("alphanet", "formate", "mini", {"finetune": {"weights": "a.safetensors", "trust": True}})
    with pytest.raises(UserError, match="model and elements are those of 11Jul2024; leave both out"):
        train_settings(card, {"finetune": "11Jul2024", "model": {"lmax": 1}})


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """Frames on the fake baseline's springs of stiffness 5, whose energies lie higher by SHIFT per atom."""
    random, frames = np.random.default_rng(0), []
    for symbols in ("CH", "CH2", "C2H", "CH3", "C2H2", "C2H4"):
        atoms = Atoms(symbols, random.normal(size=(len(Atoms(symbols)), 3)))
        energy = 2.5 * float((atoms.positions**2).sum()) + SHIFT * len(atoms)
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=-5 * atoms.positions)
        frames.append(atoms)
    for name in ("train", "valid"):
        write_store(tmp_path / f"{name}.aselmdb", frames, {})
    return Data(tmp_path / "train.aselmdb", tmp_path / "valid.aselmdb")


def test_architecture_elements_and_energies_are_those_of_the_weights(installed, data: Data, tmp_path: Path) -> None:
    card = installed(checkpoints=CARRIED)
    result = run_training(train_settings(card, {"finetune": "first"}), data, tmp_path / "run")
    assert result.model.read_text() == "6.0"  # the fake trainer's step from the weights' stiffness, not the preset's
    assert result.elements == ("H", "C")
    assert result.reference_energies == pytest.approx({"H": SHIFT - 1.0, "C": SHIFT - 2.0})
    folder = RunFolder(tmp_path / "run")
    assert folder.start.read_text() == "5.0"
    facts = json.loads(folder.start.with_suffix(".json").read_text())
    assert facts["references"] == result.reference_energies
    kept = start_from("fake:first", references="keep").model_dump(mode="json")
    again = run_training(train_settings(card, {"finetune": kept}), data, tmp_path / "kept")
    assert again.reference_energies == {"H": -1.0, "C": -2.0}


def test_mistakes_in_a_start_are_named(installed, data: Data, tmp_path: Path) -> None:
    card = installed(checkpoints=CARRIED)

    def fails(said: str, **settings: object) -> None:
        with pytest.raises(UserError, match=said):
            run_training(train_settings(card, settings), data, tmp_path / "run", resume=False)

    fails("fake: there is nothing to freeze", finetune={"weights": "first", "freeze": ["all"]})
    fails("reference_energies: the model has no Au", finetune="first", reference_energies={"Au": 1.0})
    fails("no weights that fake starts from: fake:first, a file", finetune="second")
    for name in ("train", "valid"):
        atoms = Atoms("CN", [[0, 0, 0], [0, 0, 1.2]])
        atoms.calc = SinglePointCalculator(atoms, energy=1.0, forces=np.zeros((2, 3)))
        path = getattr(data, name)
        path.unlink()
        write_store(path, [atoms], {})
    fails("first knows H, C; N cannot be added to fake", finetune="first")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("alphanet", "cannot read absent: no such file"),
        ("fake", "absent: no such file"),
    ],
)
def test_absent_weights_claim_no_folder(installed, data: Data, tmp_path: Path, model: str, said: str) -> None:
    installed(checkpoints=CARRIED)
    settings = settings_for(model, "zeolite", "mini", {"finetune": "absent"})
    with pytest.raises(UserError, match=said):
        train_on(settings, data, tmp_path / "run")
    assert not (tmp_path / "run").exists()
