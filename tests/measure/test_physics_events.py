"""Crossings and swaps of ranks lie where the closed forms say."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from alphanet.measure.physics.events import Path, crossings, random_path, swaps
from alphanet.neighbors import neighbor_pairs


def test_a_pair_that_flies_apart_crosses_once():
    path = Path(Atoms("H2", [[0, 0, 0], [2.9, 0, 0]]), np.array([[0, 0, 0], [1.0, 0, 0]]))
    assert crossings(path, 3.0, 0.3) == pytest.approx([0.1])


def test_a_pair_that_passes_crosses_twice():
    path = Path(Atoms("H2", [[0, 0, 0], [-0.15, 2.999, 0]]), np.array([[0, 0, 0], [1.0, 0, 0]]))
    half = np.sqrt(3.0**2 - 2.999**2)
    assert crossings(path, 3.0, 0.3) == pytest.approx([0.15 - half, 0.15 + half])


def test_the_number_of_neighbors_changes_at_a_crossing():
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=1)
    path = random_path(atoms, np.random.default_rng(0))
    times = crossings(path, 4.4, 0.3)
    assert len(times) > 3
    for t in times:
        before, after = (len(neighbor_pairs(path.at(t + step), 4.4)[0]) for step in (-1e-7, 1e-7))
        assert abs(before - after) == 2


def test_at_a_swap_the_nearest_k_change():
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=1)
    path = random_path(atoms, np.random.default_rng(0))
    found = swaps(path, 5.0, 0.3)
    assert len(found) > 10
    for t, rank in found[::4]:
        assert any(
            nearest(path.at(t - 1e-7), atom, rank) != nearest(path.at(t + 1e-7), atom, rank)
            for atom in range(len(atoms))
        )


def nearest(atoms, atom, rank):
    sender, receiver, shift, distance = neighbor_pairs(atoms, 5.0)
    mine = np.flatnonzero(receiver == atom)
    kept = mine[np.argsort(distance[mine])][:rank]
    return {(int(sender[edge]), *map(int, shift[edge])) for edge in kept}
