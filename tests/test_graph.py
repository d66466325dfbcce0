"""AtomGraph: collation, sums, strain."""

import torch
from model_samples import alloy, ethanol, slab

from alphanet.graph import collate, edge_vectors, strained, sum_over_atoms, sum_over_edges
from alphanet.neighbors import build_graph


def graphs() -> list:
    return [build_graph(atoms, 4.0, torch.float64) for atoms in (alloy(), ethanol(), slab())]


def test_collate_keeps_every_edge_and_its_vector() -> None:
    parts = graphs()
    whole = collate(parts)
    torch.testing.assert_close(edge_vectors(whole), torch.cat([edge_vectors(part) for part in parts]))
    assert (whole.receiver.diff() >= 0).all()
    assert whole.batch.bincount().tolist() == [part.n_atoms for part in parts]


def test_sums_go_to_receivers_and_structures() -> None:
    whole = collate(graphs())
    ones = torch.ones(whole.n_edges, 2, dtype=torch.float64)
    counts = torch.bincount(whole.receiver, minlength=whole.n_atoms).double()
    torch.testing.assert_close(sum_over_edges(ones, whole), counts[:, None].expand(-1, 2))
    torch.testing.assert_close(sum_over_atoms(counts, whole).sum(), torch.tensor(float(whole.n_edges)).double())


def test_strain_acts_on_edges_as_on_space_and_only_by_its_symmetric_part() -> None:
    whole = collate(graphs())
    strain = 0.01 * torch.arange(27, dtype=torch.float64).reshape(3, 3, 3)
    symmetric = 0.5 * (strain + strain.transpose(1, 2))
    expected = edge_vectors(whole) + torch.einsum(
        "ea,eab->eb", edge_vectors(whole), symmetric[whole.batch[whole.receiver]]
    )
    torch.testing.assert_close(edge_vectors(strained(whole, strain)), expected)


def test_to_changes_only_real_valued_fields() -> None:
    moved = graphs()[0].to(dtype=torch.float32)
    assert moved.positions.dtype == moved.cell.dtype == moved.edge_shift.dtype == torch.float32
    assert moved.edge_index.dtype == moved.numbers.dtype == torch.int64
    assert moved.pbc.dtype == torch.bool
