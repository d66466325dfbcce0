"""Golden values: outputs of the public code for official-v1, and arrays of our own for both readings."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from model_samples import SAMPLES, answer, official_config, paper_config, patterned_model

from alphanet.model.checkpoint import load_model
from alphanet.model.prediction import predict

GOLDEN = Path(__file__).parents[1] / "golden"
MODELS = {"paper": paper_config, "official-v1": official_config}


@pytest.mark.parametrize("reading", MODELS)
@pytest.mark.parametrize("sample", SAMPLES)
def test_values_of_this_project(reading: str, sample: str) -> None:
    """`tests/golden/make.py` wrote them when official-v1 agreed with the public code to 1e-13."""
    expected = json.loads((GOLDEN / f"{reading}.json").read_text())[sample]
    found = answer(patterned_model(MODELS[reading]()), SAMPLES[sample]())
    assert float(found.energy) == pytest.approx(expected["energy"], rel=1e-9)
    np.testing.assert_allclose(found.forces, expected["forces"], atol=1e-8 * np.abs(expected["forces"]).max())
    np.testing.assert_allclose(found.stress[0], expected["stress"], atol=1e-8 * np.abs(expected["forces"]).max())


@pytest.mark.parametrize(("dtype", "relative"), [("float64", 1e-8), ("float32", 1e-4)])
@pytest.mark.parametrize("name", ["small", "medium"])
def test_public_model(shared: Path, name: str, dtype: str, relative: float) -> None:
    folder = shared / "official" / "golden"
    model = load_model(folder / f"{name}.ckpt", folder / f"{name}.json", dtype)
    arrays = np.load(folder / f"{name}.npz")
    for structure in sorted({key.split("/")[0] for key in arrays.files}):
        golden = {
            key: arrays[f"{structure}/{key}"] for key in ("numbers", "positions", "cell", "energy", "forces", "stress")
        }
        atoms = Atoms(golden["numbers"], golden["positions"], cell=golden["cell"], pbc=True)
        found = predict(model, model.graph(atoms))
        for key, value in (("energy", found.energy), ("forces", found.forces), ("stress", found.stress)):
            error = np.abs(value.numpy().squeeze() - golden[key]).max() / np.abs(golden[key]).max()
            assert error < relative, (structure, key)
