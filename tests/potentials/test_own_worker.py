"""AlphaNet's own worker: modes, and the reference that they are compared with."""

import sys

import numpy as np
import pytest
from model_samples import alloy, ethanol, paper_config, random_model

from alphanet.model.checkpoint import save_model
from alphanet.potentials.kit import worker_kit
from alphanet.potentials.kit.worker_kit import Structures, packed
from alphanet.potentials.local import AlphaNetPotential

sys.modules.setdefault("worker_kit", worker_kit)  # as the channel has it
from alphanet.potentials.alphanet_worker import worker  # noqa: E402

pytestmark = pytest.mark.integration


@pytest.fixture
def request_(tmp_path):
    save_model(random_model(paper_config()), tmp_path / "m.safetensors")
    return {
        "checkpoint": tmp_path / "m.safetensors",
        "architecture": {},
        "dtype": "float32",
        "device": "cpu",
        "threads": 1,
    }


def test_modes_agree_with_the_reference_in_float64(request_) -> None:
    structures = Structures(**packed([alloy(), ethanol()]))
    for mode in ("eager", "blocked"):
        model = worker.load(request_ | {"mode": mode})
        assert (model.info["mode"], model.info["reference"]) == (mode, "float64 eager")
        found, exact = model.predict(structures), model.reference(structures)
        for key, values in exact.items():
            np.testing.assert_allclose(found[key], values, atol=2e-5 * np.abs(values).max())
            assert not np.array_equal(found[key], values)


def test_eager_is_what_a_request_without_a_mode_gets(request_) -> None:
    assert worker.load(request_).info["mode"] == "eager"


def test_potential_says_its_mode(request_) -> None:
    potential = AlphaNetPotential(request_["checkpoint"], mode="blocked")
    assert potential.provenance()["mode"] == "blocked"
    plain = AlphaNetPotential(request_["checkpoint"])
    for found, expected in zip(potential.predict([alloy()]), plain.predict([alloy()]), strict=True):
        np.testing.assert_allclose(found.forces, expected.forces, atol=1e-4)
