"""The kit for networks in PyTorch, as the workers import it: by its bare name."""

import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import primitive_neighbor_list

import alphanet.potentials.kit
from alphanet.potentials.conformance import cluster, crystal
from alphanet.potentials.kit.worker_kit import packed

CUTOFF = 4.0


@pytest.fixture(scope="module")
def kit():
    folder = str(Path(alphanet.potentials.kit.__file__).parent)
    sys.path.insert(0, folder)
    try:
        import torch_kit
        from worker_kit import Structures

        yield torch_kit, Structures
    finally:
        sys.path.remove(folder)


def wire() -> Atoms:
    """Periodic along a vector that is none of the axes, without other lattice vectors."""
    return Atoms(
        "C3", [[0, 0, 0], [0.3, 1.2, 0.9], [2.0, 0.1, 2.1]], cell=[[0, 0, 3.1], [0, 0, 0], [0, 0, 0]], pbc=[1, 0, 0]
    )


@pytest.mark.parametrize("atoms", [crystal(("C", "O")), cluster(("C",)), wire(), Atoms("H")], ids=str)
def test_edges_equal_ases(kit, atoms):
    torch_kit, structures = kit
    other = crystal(("Si",), seed=5)  # edges of a batch do not mix
    edges, images = torch_kit.periodic_edges(structures(**packed([other, atoms])), CUTOFF)
    first = len(other)
    mine = edges[0] >= first
    found = sorted(
        zip((edges[1, mine] - first).tolist(), (edges[0, mine] - first).tolist(), images[mine].tolist(), strict=True)
    )
    cell = atoms.cell.complete().array
    expected = primitive_neighbor_list("ijS", atoms.pbc, cell, atoms.positions, CUTOFF)
    assert found == sorted(
        (int(i), int(j), shift.astype(float).tolist()) for i, j, shift in zip(*expected, strict=True)
    )
    assert np.all(np.diff(edges[1]) >= 0)
