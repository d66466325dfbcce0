"""The neighbor list with a skin gives what a search at every step gives."""

import numpy as np
import pytest
import torch
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st
from model_samples import SAMPLES, alloy

from alphanet.graph import AtomGraph, edge_vectors
from alphanet.neighbors import build_graph
from alphanet.verlet import VerletList


def edges(graph: AtomGraph) -> list[tuple]:
    vectors = edge_vectors(graph).numpy().round(9) + 0.0
    return sorted(zip(graph.receiver.tolist(), graph.sender.tolist(), map(tuple, vectors.tolist()), strict=True))


@pytest.mark.parametrize("sample", SAMPLES)
@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31))
def test_equals_a_fresh_search_while_atoms_move_wrap_and_the_cell_changes(sample: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    atoms, neighbors = SAMPLES[sample](), VerletList(4.0, skin=0.6)
    for step in range(12):
        atoms.positions += generator.normal(scale=0.06, size=atoms.positions.shape)
        if step % 3 == 1:
            atoms.wrap()
        if step == 7 and atoms.pbc.all():
            atoms.set_cell(atoms.cell.array * 1.03, scale_atoms=True)
        assert edges(neighbors.graph(atoms, torch.float64)) == edges(build_graph(atoms, 4.0, torch.float64))
    assert neighbors.searches < 12


def test_small_moves_and_wrapping_do_not_search_again() -> None:
    atoms, neighbors = alloy(), VerletList(4.0, skin=0.5)
    neighbors.graph(atoms)
    atoms.positions += 0.1  # everything moves together, less than half the skin
    atoms.wrap()
    atoms.positions[0] += 3 * atoms.cell.array[1]
    neighbors.graph(atoms)
    assert neighbors.searches == 1
    atoms.positions[0] += [0.3, 0, 0]
    neighbors.graph(atoms)
    assert neighbors.searches == 2


def test_other_elements_search_again() -> None:
    atoms, neighbors = alloy(), VerletList(4.0)
    neighbors.graph(atoms)
    atoms.symbols[0] = "Si"
    assert neighbors.graph(atoms).numbers[0] == 14
    assert len(neighbors.graph(Atoms("H")).numbers) == 1
