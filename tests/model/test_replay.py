"""Evaluations with filling, for structures that follow each other; captured where there is a GPU."""

import pytest
import torch
from ase import Atoms
from model_samples import alloy, ethanol, official_config, paper_config, random_model

from alphanet.graph import AtomGraph
from alphanet.model.base import InteratomicModel
from alphanet.model.fast.layout import edge_layout
from alphanet.model.fast.model import FastModel
from alphanet.model.gpu.replay import Replay
from alphanet.model.prediction import Prediction

pytestmark = pytest.mark.integration

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
READINGS = pytest.mark.parametrize("make", [paper_config, official_config], ids=["paper", "official-v1"])


def model_and_fast(make) -> tuple[InteratomicModel, FastModel]:
    model = random_model(make()).to(DEVICE)
    return model, FastModel(model, compiled=False)


def graph_of(model: InteratomicModel, atoms: Atoms) -> AtomGraph:
    return model.graph(atoms).to(DEVICE)


def moved(atoms: Atoms, seed: int) -> Atoms:
    atoms = atoms.copy()
    atoms.rattle(0.02, seed=seed)
    return atoms


def assert_equal(found: Prediction, expected: Prediction) -> None:
    for key in ("energy", "atomic_energies", "forces", "stress"):
        one, other = getattr(found, key), getattr(expected, key)
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@READINGS
def test_later_structures_use_what_the_first_left(make) -> None:
    model, fast = model_and_fast(make)
    replay = Replay(fast)
    graphs = [graph_of(model, moved(alloy(), seed)) for seed in range(4)]
    found = [replay.predict(graphs[0])]
    held = replay._held
    found += [replay.predict(graph) for graph in graphs[1:]]
    assert replay._held is held
    assert len({graph.n_edges for graph in graphs}) > 1
    for one, graph in zip(found, graphs, strict=True):  # also the first, which later calls must not write to
        assert_equal(one, fast.predict(graph))


@READINGS
def test_what_does_not_fit_is_captured_anew(make) -> None:
    model, fast = model_and_fast(make)
    replay = Replay(fast)
    denser = alloy()
    denser.set_cell(0.9 * denser.cell, scale_atoms=True)
    for atoms in (alloy(), denser, ethanol(), alloy()):
        held, graph = replay._held, graph_of(model, atoms)
        assert_equal(replay.predict(graph), fast.predict(graph))
        assert replay._held is not held
    held = replay._held
    found = replay.predict(graph, stress=False)
    assert replay._held is not held
    assert_equal(found, fast.predict(graph, stress=False))


def test_no_edges_and_the_reference() -> None:
    model, fast = model_and_fast(paper_config)
    graph = graph_of(model, Atoms("Cu"))
    assert_equal(Replay(fast).predict(graph), fast.predict(graph))
    fast.mode = "eager"
    assert_equal(Replay(fast).predict(graph), fast.predict(graph))


def test_surplus_chunks_are_spread_over_the_atoms() -> None:
    model, _ = model_and_fast(paper_config)
    graph = graph_of(model, alloy())
    least = edge_layout(graph)
    layout = edge_layout(graph, least.n_chunks + 10)
    assert layout.n_chunks == least.n_chunks + 10
    assert float(layout.filled.sum()) == graph.n_edges
    assert torch.equal(layout.sender.flatten()[layout.slot], graph.sender)
    assert torch.equal(layout.receiver.repeat_interleave(4)[layout.slot], graph.receiver)
    added = torch.bincount(layout.receiver) - torch.bincount(least.receiver)
    assert added.tolist() == [3, 3, 2, 2]
    with pytest.raises(ValueError, match="1 chunks more"):
        edge_layout(graph, least.n_chunks - 1)
