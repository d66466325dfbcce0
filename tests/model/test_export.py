"""A compiled package predicts what its model predicts, and is not written otherwise."""

import shutil
import sys

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from typer.testing import CliRunner

from alphanet import AlphaNetCalculator
from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.graph import collate
from alphanet.model import export as module
from alphanet.model.checkpoint import save_model
from alphanet.model.config import AlphaNetConfig
from alphanet.model.create import create_model
from alphanet.model.export import ExportedModel, export_model
from alphanet.model.prediction import predict
from alphanet.potentials.kit import worker_kit
from alphanet.potentials.local import AlphaNetPotential
from alphanet.potentials.opening import best_dtype
from alphanet.potentials.specification import specified
from alphanet.programs import remember

pytestmark = [pytest.mark.integration, pytest.mark.long]

CONFIG = AlphaNetConfig(
    elements=["H", "Cu"],
    num_layers=1,
    hidden_channels=8,
    heads=2,
    num_basis=4,
    temporal_channels=2,
    cutoff=4.0,
    zbl=True,
)


@pytest.fixture(scope="module")
def model():
    return create_model(CONFIG, seed=1)


@pytest.fixture(scope="module")
def package(model, tmp_path_factory):
    """One compilation for all tests."""
    folder = tmp_path_factory.mktemp("export")
    save_model(model, folder / "model.safetensors")
    command = ["export", str(folder / "model.safetensors"), "-o", str(folder / "model.pt2"), "--json"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0
    return folder / "model.pt2"


def structures():
    crystal = bulk("Cu", cubic=True)
    crystal.rattle(0.1, seed=2)
    yield Atoms("H")
    yield Atoms("H2", [[0, 0, 0], [0, 0, 0.5]])  # the repulsion reaches 0.62 Å
    yield crystal
    yield crystal.repeat((3, 2, 1))


def test_every_command_takes_a_package(package, model):
    sys.modules.setdefault("worker_kit", worker_kit)  # as the channel has it
    from alphanet.potentials.alphanet_worker import worker

    assert specified(str(package)).kind == "file" and best_dtype(str(package)) == "float32"
    request = {"checkpoint": str(package), "architecture": {}, "dtype": "float32", "device": "cpu", "threads": 1}
    timed = worker.load(request)
    assert (timed.info["mode"], timed.info["cutoff"]) == ("exported", 4.0) and not hasattr(timed, "train_step")
    frames = list(structures())
    found = timed.predict(worker_kit.Structures(**worker_kit.packed(frames)))
    wanted = [predict(model, model.graph(atoms)) for atoms in frames]
    np.testing.assert_allclose(found["energy"], [float(one.energy) for one in wanted], rtol=1e-5, atol=1e-6)
    with pytest.raises(worker_kit.RefusedError, match="was exported in float32"):
        worker.load(request | {"dtype": "float64"})
    with pytest.raises(worker_kit.RefusedError, match="no use for mode"):
        worker.load(request | {"mode": "compiled"})


def test_sizes_that_were_not_traced(package, model):
    exported = ExportedModel(package)
    graphs = [exported.graph(atoms) for atoms in structures()]
    for graph in [*graphs, collate(graphs)]:
        found, wanted = exported.predict(graph), predict(model, graph)
        for name in ("energy", "atomic_energies", "forces", "stress"):
            a, b = getattr(found, name), getattr(wanted, name)
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, atol=2e-5, rtol=1e-5)


def test_what_differs_is_not_written(package, tmp_path, monkeypatch):
    other = create_model(CONFIG, seed=2)
    monkeypatch.setattr(module, "_compile", lambda _model, out, _extra: shutil.copy(package, out))
    with pytest.raises(UserError, match=r"is not written: what was compiled differs"):
        export_model(other, tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())


def test_elements_and_files_are_checked(package, model, tmp_path):
    with pytest.raises(UserError, match="does not know O"):
        ExportedModel(package).graph(Atoms("O"))
    with pytest.raises(UserError, match=r"written as \.pt2"):
        export_model(model, tmp_path / "model.onnx")
    with pytest.raises(UserError, match="no such file"):
        ExportedModel(tmp_path / "absent.pt2")
    (tmp_path / "text.pt2").write_text("text")
    with pytest.raises(UserError, match="you did not export it here"):
        ExportedModel(tmp_path / "text.pt2")
    remember(tmp_path / "text.pt2")
    with pytest.raises(UserError, match="alphanet export"):
        ExportedModel(tmp_path / "text.pt2")
    assert ExportedModel(package).dtype == torch.float32


def test_calculator_and_potential_take_a_package(package, model):
    crystal = list(structures())[-1]
    calculator = AlphaNetCalculator(package)
    assert calculator.mode == "exported"
    crystal.calc = calculator
    reference = crystal.copy()
    reference.calc = AlphaNetCalculator(model)
    np.testing.assert_allclose(crystal.get_forces(), reference.get_forces(), atol=2e-5)
    np.testing.assert_allclose(crystal.get_stress(), reference.get_stress(), atol=2e-6)
    potential = AlphaNetPotential(package)
    (found,) = potential.predict([crystal])
    assert found.energy == pytest.approx(reference.get_potential_energy(), abs=1e-4)
    assert potential.provenance()["mode"] == "exported"
    with pytest.raises(UserError, match="exported in float32"):
        AlphaNetPotential(package, dtype="float64")
    with pytest.raises(UserError, match="exported for cpu"):
        AlphaNetPotential(package, device="cuda")
