import json
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from pydantic import ValidationError
from training_samples import Data, copper_frames, dataset_of, messages, small_config

from alphanet.data.store import write_store
from alphanet.files import sha256_of
from alphanet.model.base import InteratomicModel
from alphanet.model.checkpoint import load_model, read_metadata
from alphanet.model.config import config_from
from alphanet.model.create import create_model
from alphanet.model.prediction import predict
from alphanet.potentials.local import AlphaNetPotential
from alphanet.training.readout import changed, normal_equations, solution, solve_readout
from alphanet.training.run import PROVENANCE_KEY, predictor, run_training

SIZES = {"num_layers": 1, "heads": 2, "num_basis": 4, "temporal_channels": 4, "cutoff": 3.0, "elements": ("Cu", "Au")}
OFFICIAL = {"reading": "official-v1", "message_channels": 4, "kernel_channels": 2, "complex_channels": 4}
READINGS = {
    "paper": SIZES | {"hidden_channels": 8},
    "without memory": SIZES | {"hidden_channels": 8, "temporal": False},
    "official": SIZES | OFFICIAL | {"hidden_channels": 8, "dropout": False},
}


def model_of(reading: str) -> InteratomicModel:
    model = create_model(config_from(READINGS[reading], "test"), seed=1).double().eval()
    model.set_reference({"Cu": -1.0, "Au": -2.0}, 1.5)
    return model


def labeled_by(model: InteratomicModel, frames: list[Atoms], lacking: dict[int, str] | None = None) -> list[Atoms]:
    """The frames with the model's labels; some lack one."""
    for place, (atoms, answer) in enumerate(zip(frames, AlphaNetPotential(model).predict(frames), strict=True)):
        labels = {"energy": answer.energy, "forces": answer.forces}
        labels.pop((lacking or {}).get(place, ""), None)
        atoms.calc = SinglePointCalculator(atoms, **labels)
    return frames


def worst(model: InteratomicModel, frames: list[Atoms]) -> tuple[float, float]:
    """Largest errors of energies and forces, eV and eV/Å."""
    answers = AlphaNetPotential(model).predict(frames)
    energies = [
        abs(answer.energy - atoms.get_potential_energy()) for answer, atoms in zip(answers, frames, strict=True)
    ]
    forces = [np.abs(answer.forces - atoms.get_forces()).max() for answer, atoms in zip(answers, frames, strict=True)]
    return max(energies), float(max(forces))


@pytest.mark.parametrize("reading", READINGS)
def test_finds_the_weights_that_made_the_labels(reading: str, tmp_path: Path) -> None:
    model = model_of(reading)
    size = sum(weight.numel() for weight in model.linear_weights())
    truth = changed(model, np.random.default_rng(0).normal(size=size))
    write_store(tmp_path / "x.aselmdb", labeled_by(truth, copper_frames(12, seed=0), {0: "energy", 5: "forces"}), {})
    energies, forces = normal_equations(model, dataset_of(tmp_path / "x.aselmdb", model))
    solved = changed(model, solution(energies, forces, 1e-2))
    others = labeled_by(truth, copper_frames(3, seed=1))
    before, after = worst(model, others), worst(solved, others)
    assert all(now < 1e-2 * old for now, old in zip(after, before, strict=True)), (before, after)


def test_without_anything_to_gain_the_weights_stay(tmp_path: Path) -> None:
    model = model_of("paper")
    write_store(tmp_path / "x.aselmdb", labeled_by(model, copper_frames(4, seed=0)), {})
    change = solution(*normal_equations(model, dataset_of(tmp_path / "x.aselmdb", model)), 1e-2)
    assert np.abs(change).max() < 1e-5


@pytest.mark.integration
def test_a_training_ends_with_the_better_readout(data: Data, tmp_path: Path) -> None:
    with messages() as lines:
        plain, solved = (
            run_training(small_config(epochs=2, solve_readout=on), data, tmp_path / str(on)) for on in (False, True)
        )
    assert solved.validation["loss"] < plain.validation["loss"]
    assert any(line.startswith("readout in closed form: energy") and line.endswith("after") for line in lines)
    assert (solved.steps, solved.best_epoch, solved.flops) == (plain.steps, plain.best_epoch, plain.flops)
    old, new = (load_model(result.model).state_dict() for result in (plain, solved))
    moved = {name for name in old if not torch.equal(old[name], new[name])}
    assert moved == {"readout.weight", "temporal.output.weight", "element_shift"}
    provenance = json.loads(read_metadata(solved.model)[PROVENANCE_KEY])
    assert provenance["validation"] == solved.validation
    assert provenance["readout"]["force_weight"] > 0
    model = load_model(solved.model)
    frames = [dataset_of(data.valid, model)[index] for index in range(6)]
    errors = [abs(float(predict(model, one.graph).energy - one.energy)) / one.graph.n_atoms for one in frames]
    assert np.mean(errors) == pytest.approx(solved.validation["energy_mae"], rel=1e-4)


@pytest.mark.integration
def test_solving_again_changes_nothing(data: Data, tmp_path: Path) -> None:
    """A run that was killed before its result was written solves once only, and keeps what that cost."""
    settings = small_config(epochs=2, solve_readout=True)
    result = run_training(settings, data, tmp_path)
    before = sha256_of(result.model)
    (tmp_path / "result.json").unlink()
    again = run_training(settings, data, tmp_path)
    assert sha256_of(result.model) == before
    assert again.validation == result.validation
    sets = tuple(dataset_of(path, load_model(result.model)) for path in (data.train, data.valid))
    solved = solve_readout(result.model, PROVENANCE_KEY, (sets[0], sets[1]), settings, predictor(settings))
    assert solved.validation == result.validation
    assert result.cpu_seconds > solved.costs["cpu_seconds"] > 0


def test_is_refused_where_it_would_undo_a_start_from_trained_weights() -> None:
    with pytest.raises(ValidationError, match="solve_readout: with finetune"):
        small_config(model={}, finetune="old.safetensors", solve_readout=True)
