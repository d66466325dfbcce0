"""Neighbor lists against ASE's, edge for edge, on structures that Hypothesis makes."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import primitive_neighbor_list
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from alphanet.device_neighbors import is_installed
from alphanet.errors import UserError
from alphanet.graph import AtomGraph, edge_vectors
from alphanet.neighbors import build_graph, graph_on_device, nearest_only, neighbor_pairs

pbc = st.tuples(st.booleans(), st.booleans(), st.booleans())


@st.composite
def structures(draw: st.DrawFn) -> Atoms:
    """Triclinic cells from far smaller to larger than the cutoff, mixed periodicity, atoms outside the cell."""
    count = draw(st.integers(1, 7))
    positions = draw(arrays(float, (count, 3), elements=st.floats(-8, 8, width=32), unique=True))
    lengths = draw(arrays(float, (3,), elements=st.floats(1.5, 9)))
    skew = draw(arrays(float, (3, 3), elements=st.floats(-0.6, 0.6)))
    return Atoms("H" * count, positions=positions, cell=np.diag(lengths) @ (np.eye(3) + skew), pbc=draw(pbc))


def ase_pairs(atoms: Atoms, cutoff: float) -> list[tuple[int, ...]]:
    receiver, sender, shift = primitive_neighbor_list("ijS", atoms.pbc, atoms.cell.complete(), atoms.positions, cutoff)
    return sorted(map(tuple, np.column_stack([receiver, sender, shift]).tolist()))


def our_pairs(atoms: Atoms, cutoff: float) -> list[tuple[int, ...]]:
    sender, receiver, shift, _ = neighbor_pairs(atoms, cutoff)
    return sorted(map(tuple, np.column_stack([receiver, sender, shift]).tolist()))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(atoms=structures(), cutoff=st.floats(1.0, 5.0))
def test_equals_ase_edge_for_edge(atoms: Atoms, cutoff: float) -> None:
    assume(abs(atoms.get_volume()) > 1.0)
    distances = primitive_neighbor_list("d", atoms.pbc, atoms.cell.complete(), atoms.positions, cutoff + 1e-6)
    assume(not np.any(np.abs(distances - cutoff) < 1e-9))  # a pair exactly at the cutoff may go either way
    assert our_pairs(atoms, cutoff) == ase_pairs(atoms, cutoff)


@pytest.mark.parametrize(
    "atoms",
    [
        Atoms("H", positions=[[1, 2, 3]]),
        Atoms("H3", positions=[[0, 0, 0], [1, 0, 0], [50, 0, 0]]),
        Atoms("H2", positions=[[0, 0, 0], [0.4, 0.5, 0]], cell=[2, 0, 0], pbc=[1, 0, 0]),
        Atoms("H2", positions=[[0, 0, 0], [0.4, 0.5, 9]], cell=[2, 3, 0], pbc=[1, 1, 0]),
        bulk("Cu"),
    ],
    ids=["isolated", "molecule", "wire", "slab", "primitive"],
)
def test_equals_ase_on_special_structures(atoms: Atoms) -> None:
    assert our_pairs(atoms, 5.0) == ase_pairs(atoms, 5.0)


def test_graph_is_sorted_by_receiver_and_vectors_have_the_listed_lengths() -> None:
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=0)
    graph = build_graph(atoms, 5.0, torch.float64)
    _, _, _, distance = neighbor_pairs(atoms, 5.0)
    assert (graph.receiver.diff() >= 0).all()
    np.testing.assert_allclose(edge_vectors(graph).norm(dim=1).numpy(), distance, rtol=1e-12)


def test_no_edges_make_an_empty_graph() -> None:
    graph = build_graph(Atoms("H"), 5.0)
    assert graph.n_edges == 0
    assert graph.edge_shift.shape == (0, 3)


def test_nearest_only_keeps_the_nearest() -> None:
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=0)
    graph = build_graph(atoms, 5.0, torch.float64)
    kept = nearest_only(graph, 12)
    assert torch.bincount(kept.receiver).tolist() == [12] * 4
    distance, limit = edge_vectors(graph).norm(dim=1), edge_vectors(kept).norm(dim=1)
    for atom in range(4):
        nearest = distance[graph.receiver == atom].sort().values[:12]
        torch.testing.assert_close(limit[kept.receiver == atom].sort().values, nearest)


@pytest.mark.parametrize(
    ("atoms", "words"),
    [
        (Atoms("H2", positions=[[0, 0, 0], [0, 0, 0.001]]), "overlap"),
        (Atoms("H", cell=[1, 1, 0], pbc=True), "no volume"),
        (Atoms("H", pbc=True), "no volume"),
        (Atoms("H", positions=[[np.nan, 0, 0]]), "NaN"),
    ],
)
def test_unsound_structures_are_refused(atoms: Atoms, words: str) -> None:
    with pytest.raises(UserError, match=words):
        build_graph(atoms, 5.0)


def test_a_hundred_thousand_atoms_stay_below_four_gigabytes() -> None:
    script = (
        "import resource; from ase.build import bulk; from alphanet.neighbors import build_graph;"
        "atoms = bulk('Cu', cubic=True) * (30, 30, 28); atoms.rattle(0.1); graph = build_graph(atoms, 5.0);"
        "print(len(atoms), graph.n_edges, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    atoms, edges, kilobytes = map(int, done.stdout.split())
    assert atoms > 100_000
    assert edges > 40 * atoms
    assert kilobytes < 4e6


@pytest.mark.skipif(not is_installed(), reason="needs the extra gpu")
@settings(max_examples=60, deadline=None, derandomize=True)
@given(atoms=structures(), cutoff=st.floats(1.0, 5.0))
def test_the_list_for_gpus_equals_the_list_for_cpus(atoms: Atoms, cutoff: float) -> None:
    """Its kernels run on CPUs as well."""
    assume(abs(atoms.get_volume()) > 1.0)
    _, _, _, distances = neighbor_pairs(atoms, cutoff + 1e-6)
    assume(not np.any(np.abs(distances - cutoff) < 1e-9) and distances.min(initial=1.0) > 0.01)
    found = graph_on_device(atoms, cutoff, torch.float64, torch.device("cpu"))
    expected = build_graph(atoms, cutoff, torch.float64)
    assert _edges(found) == _edges(expected)
    assert bool((found.receiver.diff() >= 0).all())
    for name in ("positions", "numbers", "cell", "pbc", "batch"):
        assert torch.equal(getattr(found, name), getattr(expected, name)), name


@pytest.mark.skipif(not is_installed(), reason="needs the extra gpu")
def test_the_list_for_gpus_names_overlapping_atoms() -> None:
    with pytest.raises(UserError, match="overlap"):
        graph_on_device(Atoms("H2", [[0, 0, 0], [0, 0, 0.001]]), 3.0, torch.float32, torch.device("cpu"))


def _edges(graph: AtomGraph) -> list[tuple[float, ...]]:
    return sorted(map(tuple, torch.cat([graph.edge_index.T, graph.edge_shift], dim=1).tolist()))
