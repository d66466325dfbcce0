"""Trainings of real packages that start from weights: those of a training, and the packages' own files.

Released files cannot be reached here. Small models in the packages' own formats stand for them.
"""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from safetensors.torch import load_file

from alphanet.data.store import FrameStore, write_store
from alphanet.errors import UserError
from alphanet.potentials.cards import load_baseline
from alphanet.potentials.environments import install, python_of
from alphanet.potentials.remote import RemotePotential
from alphanet.potentials.settings import train_settings
from alphanet.potentials.weights import present
from alphanet.training.folder import RunFolder
from alphanet.training.run import run_training

pytestmark = [pytest.mark.baselines, pytest.mark.usefixtures("lasting_home")]

SHIFT = 7.0  # eV/atom between the levels of theory
DEEP = {"type": "se_e2_a", "sel": 30, "rcut": 4.0, "rcut_smth": 0.5, "neuron": [4, 8], "axis_neuron": 2}
SMALL = {  # by baseline: an architecture, and a pattern of parameters to freeze
    "mace": ({"hidden_irreps": "4x0e", "MLP_irreps": "4x0e", "max_ell": 1, "correlation": 1}, "network.node_embedding"),
    "nequip": ({"num_features": 4, "radial_mlp_width": 8}, "*type_embed*"),
    "deeppot": ({"descriptor": DEEP, "fitting_net": {"neuron": [8, 8]}}, "atomic_model.descriptor"),
}


@dataclass(frozen=True)
class Data:
    train: Path
    valid: Path
    sources: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Frames of a Cu-Au alloy at two levels of theory, EMT and EMT with all atoms lower by SHIFT."""
    folder, random = tmp_path_factory.mktemp("stores"), np.random.default_rng(0)
    found = {}
    for name, shift in (("old", 0.0), ("new", -SHIFT)):
        for part, count in (("train", 8), ("valid", 4)):
            frames = []
            for _ in range(count):
                atoms = bulk("Cu", cubic=True, a=3.8)
                atoms.symbols = random.choice(["Cu", "Au"], len(atoms))
                atoms.rattle(0.1, rng=random)
                atoms.calc = EMT()
                energy = atoms.get_potential_energy() + shift * len(atoms)
                atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=atoms.get_forces())
                frames.append(atoms)
            write_store(folder / f"{name}-{part}.aselmdb", frames, {})
        found[name] = Data(folder / f"{name}-train.aselmdb", folder / f"{name}-valid.aselmdb")
    return found


def trained(name, data, out, **settings):
    card = load_baseline(name)
    install(card)
    usual = {"device": "cpu", "batch_size": 4, "epochs": 1, "learning_rate": 1e-3, "ema_decay": 0.5}
    return run_training(train_settings(card, usual | settings), data, out)


def predicted(name, model, data):
    with RemotePotential(load_baseline(name), model=model) as potential:
        return potential.predict(list(FrameStore(data.valid)))


@pytest.mark.parametrize("name", SMALL)
def test_the_packages_own_trainers_go_on_from_weights(name, data, tmp_path):
    model, pattern = SMALL[name]
    old = trained(name, data["old"], tmp_path / "old", model=model, learning_rate=1e-2)
    tuned = {"weights": str(old.model), "freeze": [pattern]}
    new = trained(name, data["new"], tmp_path / "new", finetune=tuned)
    assert sorted(new.elements) == sorted(old.elements)
    for element, energy in new.reference_energies.items():
        assert energy - old.reference_energies[element] == pytest.approx(
            -SHIFT, abs=3.0
        )  # and by errors of a short training
    first, second = load_file(old.model), load_file(new.model)
    changed = {key for key, values in second.items() if key in first and not values.equal(first[key])}
    assert changed
    part = pattern.strip("*").removeprefix("network.")
    assert [key for key in changed if part in key] == []
    assert [key for key in first if part in key]
    start = RunFolder(tmp_path / "new").start
    for one, copy in zip(predicted(name, old.model, data["old"]), predicted(name, start, data["old"]), strict=True):
        assert copy.energy == pytest.approx(one.energy, abs=1e-4)
    with pytest.raises(UserError, match="no parameter matches 'nothing'; the network has "):
        trained(name, data["new"], tmp_path / "wrong", finetune={"weights": str(old.model), "freeze": ["nothing"]})
    with pytest.raises(UserError, match="own trainer has no low-rank changes"):
        trained(name, data["new"], tmp_path / "lora", finetune={"weights": str(old.model), "lora": 2})


# What the packages write themselves: a module of mace with energies of the elements and a scale of its own, and a
# model that deepmd froze.
MODULE = """
import sys
import mace  # before e3nn
import numpy as np, torch
from e3nn import o3
from mace.modules import ScaleShiftMACE, interaction_classes
torch.manual_seed(0)
residual = interaction_classes["RealAgnosticResidualInteractionBlock"]
module = ScaleShiftMACE(
    r_max=4.0, num_bessel=4, num_polynomial_cutoff=5, max_ell=1, interaction_cls=residual,
    interaction_cls_first=residual, num_interactions=2, num_elements=3, hidden_irreps=o3.Irreps("4x0e+4x1o"),
    MLP_irreps=o3.Irreps("4x0e"), atomic_energies=np.array([-1.0, -2.0, -3.0]), avg_num_neighbors=17.5,
    atomic_numbers=[29, 47, 79], correlation=2, gate=torch.nn.functional.silu, radial_MLP=[8, 8],
    atomic_inter_scale=0.7, atomic_inter_shift=0.1,
)
torch.save(module, sys.argv[1])
"""


def test_a_module_of_mace_needs_trust_and_becomes_weights_of_mace(data, tmp_path):
    install(load_baseline("mace-mp-0"))
    file = tmp_path / "small.model"
    subprocess.run([python_of(load_baseline("mace")), "-c", MODULE, file], check=True, cwd=tmp_path, timeout=600)
    with pytest.raises(UserError, match="loads pickles, which run any code"):
        trained("mace", data["new"], tmp_path / "untrusted", finetune=str(file))
    new = trained("mace", data["new"], tmp_path / "new", finetune={"weights": f"mace-mp-0:{file}", "trust": True})
    assert new.elements == ("Cu", "Ag", "Au")
    assert new.reference_energies["Ag"] == -2.0
    start = RunFolder(tmp_path / "new").start
    released = predicted("mace-mp-0", file, data["old"])
    for one, copy in zip(released, predicted("mace", start, data["old"]), strict=True):
        assert copy.energy == pytest.approx(one.energy, abs=1e-5)
        np.testing.assert_allclose(copy.forces, one.forces, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "checkpoint", "parameters"), [("sevennet-0", "22May2024", 800_000), ("chgnet", "0.3.0", 400_000)]
)
def test_a_training_goes_on_from_the_weights_in_a_package(name, checkpoint, parameters, data, tmp_path):
    new = trained(name, data["new"], tmp_path / "new", finetune=checkpoint, learning_rate=1e-4)
    start = RunFolder(tmp_path / "new").start
    released = predicted(name, present(load_baseline(name), checkpoint), data["old"])
    for one, copy in zip(released, predicted(name, start, data["old"]), strict=True):
        assert copy.energy == pytest.approx(one.energy, abs=1e-4)
        np.testing.assert_allclose(copy.forces, one.forces, atol=1e-4)
        np.testing.assert_allclose(copy.stress, one.stress, atol=1e-5)
    assert len(new.elements) == 89 and new.parameters > parameters
    assert new.validation["energy_mae"] < 0.5  # of 7 eV/atom between the levels of theory
