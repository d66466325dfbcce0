"""The kernels in Triton against the reference: on a GPU if there is one, else by Triton's interpreter."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_criterion import assert_as_exact
from model_samples import CONFIGS, alloy, official_config, paper_config, random_model, slab, structures

from alphanet.graph import AtomGraph, collate
from alphanet.model.base import InteratomicModel
from alphanet.model.fast import model as module
from alphanet.model.fast.model import FastModel
from alphanet.model.gpu.replay import Replay

pytestmark = pytest.mark.integration

pytest.importorskip("triton")
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BOTH = ("paper, 3 layers", "official, 3 layers")


@cache
def exact_model(name: str) -> InteratomicModel:
    return random_model(CONFIGS[name]).to(DEVICE)


@cache
def single_model(name: str) -> InteratomicModel:
    return random_model(CONFIGS[name]).float().to(DEVICE)


def by_kernels(model: InteratomicModel, block: int | None = None, max_memory: int | None = None) -> FastModel:
    return FastModel(model, compiled=False, triton=True, block=block, max_memory=max_memory)


def graph_of(model: InteratomicModel, *frames: Atoms) -> AtomGraph:
    return collate([model.graph(atoms) for atoms in frames]).to(DEVICE)


@pytest.mark.parametrize(("max_memory", "block"), [(None, None), (0, 48)], ids=["all stays", "nothing stays"])
@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_reference(name: str, max_memory: int | None, block: int | None) -> None:
    single = single_model(name)
    graph = graph_of(single, alloy())
    assert_as_exact(by_kernels(single, block, max_memory), exact_model(name), single, graph)


@pytest.mark.parametrize("stays", ["all", "weights"])
@pytest.mark.parametrize("name", BOTH)
def test_formulas_in_double_precision(name: str, stays: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "retention", lambda *_: stays)
    exact = exact_model(name)
    assert_as_exact(by_kernels(exact, 160), exact, exact, graph_of(exact, slab(), alloy()), relative=1e-10)


@pytest.mark.parametrize("hidden_channels", [24, 80])
@pytest.mark.parametrize("make", [paper_config, official_config], ids=["paper", "official-v1"])
def test_channels_that_do_not_fill_blocks(make, hidden_channels: int) -> None:
    exact = random_model(make(hidden_channels=hidden_channels, num_basis=4)).to(DEVICE)
    single = random_model(make(hidden_channels=hidden_channels, num_basis=4)).float().to(DEVICE)
    assert_as_exact(by_kernels(single), exact, single, graph_of(single, alloy()))


@pytest.mark.parametrize("name", BOTH)
def test_few_atoms_few_edges_or_none(name: str) -> None:
    single = single_model(name)
    lonely, pair = Atoms("Cu"), Atoms("CO", positions=[[0, 0, 0], [0.2, 0.1, 1.2]])
    for frames in ([lonely], [pair], [lonely, lonely], [lonely, alloy(), pair]):
        # Near singular points of official-v1 every rounding counts many times.
        assert_as_exact(by_kernels(single), exact_model(name), single, graph_of(single, *frames), rounding=20)


@settings(max_examples=6, deadline=None)
@given(st.lists(structures(), min_size=1, max_size=2), st.sampled_from(BOTH), st.sampled_from([24, 512]))
def test_random_batches(frames: list[Atoms], name: str, block: int) -> None:
    single = single_model(name)
    assert_as_exact(by_kernels(single, block), exact_model(name), single, graph_of(single, *frames), rounding=20)


def test_senders_without_the_filling() -> None:
    from alphanet.model.fast.layout import edge_layout
    from alphanet.model.gpu.layer import segments_of

    graph = graph_of(single_model("paper"), slab())
    for index, block in enumerate(edge_layout(graph).blocks(48)):
        visit = SimpleNamespace(block=block, index=index, senders=graph.positions, kept={})
        found = segments_of(visit)
        sender, real = block.sender.flatten(), block.filled.flatten() > 0
        for atom in range(graph.n_atoms):
            sent = found.order[found.first_place[atom] : found.first_place[atom + 1]]
            assert torch.equal(sent, torch.nonzero(real & (sender == atom)).squeeze(1))
            received = torch.arange(found.first_chunk[atom], found.first_chunk[atom + 1], device=sent.device)
            assert torch.equal(received, torch.nonzero(block.receiver == atom).squeeze(1))
        assert segments_of(visit).order is found.order


def test_kernels_compile_for_gpus(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    script = Path(__file__).with_name("kernels_for_gpus.py")
    subprocess.run([sys.executable, str(script)], check=True, env=environment | {"TRITON_CACHE_DIR": str(tmp_path)})


@pytest.mark.parametrize("name", BOTH)
def test_surplus_chunks_change_nothing(name: str) -> None:
    exact = exact_model(name)
    fast, graph = by_kernels(exact), graph_of(exact, alloy())
    found, expected = Replay(fast).predict(graph), fast.predict(graph)
    torch.testing.assert_close(found.forces, expected.forces, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(found.stress, expected.stress, rtol=1e-10, atol=1e-10)
