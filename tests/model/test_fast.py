"""The fast model against the reference: every switch, hard shapes, blocks of every size, both precisions."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st
from model_samples import (
    CONFIGS,
    SAMPLES,
    alloy,
    ethanol,
    official_config,
    paper_config,
    patterned_model,
    random_model,
    slab,
    structures,
)
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from alphanet.graph import AtomGraph, collate
from alphanet.model.base import InteratomicModel
from alphanet.model.fast import arena
from alphanet.model.fast.layout import CHUNK
from alphanet.model.fast.model import FastModel
from alphanet.model.prediction import Prediction, predict

pytestmark = pytest.mark.integration

GOLDEN = Path(__file__).parents[1] / "golden"


@cache
def reference(name: str) -> InteratomicModel:
    return random_model(CONFIGS[name])


@cache
def fast(name: str, block: int) -> FastModel:
    return FastModel(reference(name), compiled=False, block=block)


def assert_close(found: Prediction, expected: Prediction, relative: float) -> None:
    for key in ("energy", "atomic_energies", "forces", "stress"):
        value, truth = getattr(found, key).double(), getattr(expected, key).double()
        allowed = relative * max(float(truth.abs().max()) if truth.numel() else 0.0, 1e-3)
        assert value.shape == truth.shape
        assert torch.isfinite(value).all()
        assert float((value - truth).abs().max()) <= allowed if truth.numel() else True, key


@pytest.mark.parametrize("stays", ["all", "weights", "nothing"])
@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_reference(name: str, stays: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from alphanet.model.fast import model as module

    monkeypatch.setattr(module, "retention", lambda *_: stays)
    model = reference(name)
    for make in (alloy, slab, ethanol):
        graph = model.graph(make())
        for block in (16, 512):
            assert_close(fast(name, block).predict(graph), predict(model, graph), 1e-10)


def test_nothing_of_the_edges_stays_within_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is larger than ten numbers an edge (cells of edges have nine), where weights alone have more than 32."""
    monkeypatch.setattr(arena, "SMALLEST", 1)
    graph = reference("paper").graph(bulk("Cu", cubic=True).repeat((3, 3, 3)))
    bounded, largest = FastModel(reference("paper"), compiled=False, block=64, max_memory=0), 0

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal largest
            found = function(*args, **(kwargs or {}))
            if isinstance(found, Tensor):
                largest = max(largest, found.numel())
            return found

    with Watch():
        bounded.predict(graph)
    assert largest <= 10 * (graph.n_edges + CHUNK * graph.n_atoms)


@settings(max_examples=40, deadline=None)
@given(st.lists(structures(), min_size=1, max_size=3), st.sampled_from(sorted(CONFIGS)), st.sampled_from([4, 24, 512]))
def test_random_batches(frames: list[Atoms], name: str, block: int) -> None:
    model = reference(name)
    graph = collate([model.graph(atoms) for atoms in frames])
    assert_close(fast(name, block).predict(graph), predict(model, graph), 1e-10)


@pytest.mark.parametrize("name", ["paper", "official"])
@pytest.mark.parametrize("make", SAMPLES.values(), ids=SAMPLES)
def test_single_precision(name: str, make) -> None:
    model = random_model(CONFIGS[name])
    graph = model.graph(make(), torch.float32)
    exact = predict(model, graph.to(dtype=torch.float64))
    single = model.float()
    found, rounded = FastModel(single, compiled=False).predict(graph), predict(single, graph)
    assert found.energy.dtype == torch.float64
    for key in ("energy", "forces", "stress"):
        truth = getattr(exact, key)
        lost = float((getattr(rounded, key) - truth).abs().max())
        allowed = 1e-5 * float(truth.abs().max()) + 3 * lost
        assert float((getattr(found, key) - truth).abs().max()) <= allowed, key


def test_fewer_radial_columns_in_single_precision_change_nothing() -> None:
    """Wide enough that columns are left out; the error stated is that of a comparison on distances."""
    model = random_model(paper_config(hidden_channels=48, num_basis=4)).float()
    small = FastModel(model, compiled=False)
    assert 0 < small.radial_error <= 1e-8
    graph = model.graph(alloy())
    exact = predict(model.double(), graph.to(dtype=torch.float64))
    found = small.predict(graph)
    assert float((found.forces - exact.forces).abs().max()) < 3e-5 * float(exact.forces.abs().max())


@pytest.mark.parametrize("reading", ["paper", "official-v1"])
@pytest.mark.parametrize("sample", SAMPLES)
def test_golden_values(reading: str, sample: str) -> None:
    expected = json.loads((GOLDEN / f"{reading}.json").read_text())[sample]
    model = patterned_model({"paper": paper_config, "official-v1": official_config}[reading]())
    found = FastModel(model, compiled=False).predict(model.graph(SAMPLES[sample]()))
    largest = np.abs(expected["forces"]).max()
    assert float(found.energy) == pytest.approx(expected["energy"], rel=1e-9)
    np.testing.assert_allclose(found.forces, expected["forces"], atol=1e-8 * largest)
    np.testing.assert_allclose(found.stress[0], expected["stress"], atol=1e-8 * largest)


@pytest.mark.parametrize("name", ["paper", "official"])
def test_no_edges_and_one_atom(name: str) -> None:
    model = reference(name)
    for atoms in (Atoms("H"), Atoms("Cu", cell=[20, 20, 20], pbc=True), Atoms("H2", positions=[[0, 0, 0], [9, 0, 0]])):
        graph = model.graph(atoms)
        assert graph.n_edges == 0
        assert_close(fast(name, 512).predict(graph), predict(model, graph), 1e-10)


@pytest.mark.parametrize("name", ["paper", "official"])
def test_what_fills_chunks_is_never_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever vector the filling has, and whichever atom it points at."""
    from alphanet.model.fast import layout
    from alphanet.model.fast import model as module

    made = reference(name)
    graph = made.graph(ethanol())
    before = fast(name, 512).predict(graph)

    def other(of: AtomGraph) -> layout.EdgeLayout:
        found = layout.edge_layout(of)
        last = torch.full_like(found.sender, of.n_atoms - 1)
        return replace(found, sender=torch.where(found.filled[..., 0] > 0, found.sender, last))

    monkeypatch.setattr(module, "edge_layout", other)
    after = fast(name, 512).predict(graph)
    assert torch.equal(before.forces, after.forces)
    assert torch.equal(before.energy, after.energy)


@pytest.mark.parametrize("name", ["paper", "official"])
def test_runs_are_bit_equal(name: str) -> None:
    graph = reference(name).graph(slab())
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        first, second = (fast(name, 64).predict(graph) for _ in range(2))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(first.forces, second.forces)
    assert torch.equal(first.energy, second.energy)
    assert torch.equal(first.stress, second.stress)


def test_energy_alone_keeps_nothing_for_a_backward() -> None:
    graph = reference("paper").graph(alloy())
    found = fast("paper", 512).predict(graph, forces=False, stress=False)
    assert found.forces is None and found.stress is None
    assert float(found.energy) == pytest.approx(float(predict(reference("paper"), graph).energy), rel=1e-12)
    only_forces = fast("paper", 512).predict(graph, stress=False)
    assert only_forces.stress is None and only_forces.forces is not None
