"""Structures of any size and periodicity as one batch of deepmd's lower interface: atoms, ghosts, neighbor lists.

deepmd's own search takes batches of one size that are periodic in all directions or in none.
"""

from dataclasses import dataclass

import numpy as np
from edges import periodic_edges

PADDING = -1  # deepmd's type of atoms that are not there, and of neighbors that are not


@dataclass
class Extended:
    """B structures, each with `width` places for its atoms and further places for images of atoms."""

    coord: np.ndarray  # (B, A, 3) Å
    atype: np.ndarray  # (B, A) index in the model's elements
    mapping: np.ndarray  # (B, A) the atom that a place is, or is an image of
    nlist: np.ndarray  # (B, width, M) places of the neighbors of each atom, nearest first
    places: tuple[np.ndarray, np.ndarray]  # (N,), (N,) structure and place of every atom, in order


def extended(structures, cutoff, types):
    """All neighbors within `cutoff` (Å) of every atom; `types` (119,) gives the model's index of an atomic number."""
    counts, batch = structures.counts, structures.batch
    first = np.cumsum(counts) - counts
    local = np.arange(len(batch)) - first[batch]
    width = int(counts.max())
    (sender, receiver), images = periodic_edges(structures, cutoff)

    outside = np.flatnonzero(images.any(axis=1))
    ghosts, which = _distinct(sender[outside], images[outside].astype(np.int64))
    owner = batch[ghosts[:, 0]]
    within = np.arange(len(ghosts)) - np.searchsorted(owner, np.arange(len(counts)))[owner]
    length = width + int(within.max(initial=-1)) + 1

    place = local[sender]
    place[outside] = width + within[which]
    shifts = np.einsum("gi,gij->gj", ghosts[:, 1:].astype(float), structures.cells[owner])
    shape = (len(counts), length)
    coord, atype, mapping = np.zeros((*shape, 3)), np.full(shape, PADDING), np.zeros(shape, np.int64)
    for rows, columns, atoms, shift in (
        (batch, local, np.arange(len(batch)), 0.0),
        (owner, width + within, ghosts[:, 0], shifts),
    ):
        coord[rows, columns] = structures.positions[atoms] + shift
        atype[rows, columns] = types[structures.numbers[atoms]]
        mapping[rows, columns] = local[atoms]

    distances = np.linalg.norm(coord[batch[receiver], place] - structures.positions[receiver], axis=1)
    order = np.lexsort((distances, receiver))
    starts = np.searchsorted(receiver[order], np.arange(len(batch)))
    rank = np.arange(len(order)) - starts[receiver[order]]
    nlist = np.full((len(counts), width, int(rank.max(initial=0)) + 1), PADDING)
    nlist[batch[receiver[order]], local[receiver[order]], rank] = place[order]
    return Extended(coord, atype, mapping, nlist, (batch, local))


def _distinct(sender, images):
    """(G, 4) distinct pairs of atom and image, sorted by atom; (E,) which of them each edge comes from."""
    span = int(np.abs(images).max(initial=0)) * 2 + 1
    shifted = images + span // 2
    keys = ((sender * span + shifted[:, 0]) * span + shifted[:, 1]) * span + shifted[:, 2]
    _, chosen, which = np.unique(keys, return_index=True, return_inverse=True)
    return np.column_stack([sender, images])[chosen], which
