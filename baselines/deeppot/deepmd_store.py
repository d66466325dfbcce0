"""Frames of an ASE-LMDB store in deepmd's own LMDB format: one record per frame, of any size and composition."""

import math
from collections import Counter

import lmdb
import msgpack
import numpy as np
from ase.stress import voigt_6_to_full_3x3_stress
from worker_kit import RefusedError, read_store

KEY = "012d"
LARGEST = 2**40  # bytes that a file may grow to
TOGETHER = 1000  # frames in a transaction


class Summary:
    """Facts about the frames that training needs before it starts."""

    def __init__(self):
        self.groups = Counter()  # frames by number of atoms and whether they have a stress
        self.atoms, self.volume = 0, 0.0  # of the frames that have a stress; Å^3

    def batches(self, size):
        """Number of batches of `size` frames in an epoch; deepmd puts only frames of the same kind together."""
        return sum(math.ceil(count / size) for count in self.groups.values())


def write_store(source, target, references, cutoff, *, stress):
    """Write the frames of the store `source` to the folder `target`, without the elements' `references` (eV).

    Args:
        source: an ASE-LMDB store.
        target: folder that is made.
        references: energy of each element; their order gives the types.
        cutoff: Å; directions that are not periodic are made longer by more than twice of it.
        stress: whether the stresses are wanted.
    """
    summary, sizes = Summary(), []
    with lmdb.open(str(target), map_size=LARGEST) as store:
        pending = []
        for atoms in read_store(source):
            record, labeled = _record(atoms, references, cutoff, stress)
            pending.append((format(len(sizes), KEY).encode(), msgpack.packb(record)))
            sizes.append(len(atoms))
            summary.groups[len(atoms), labeled] += 1
            if labeled:
                summary.atoms += len(atoms)
                summary.volume += atoms.get_volume()
            if len(pending) == TOGETHER:
                _put(store, pending)
                pending = []
        about = {"nframes": len(sizes), "frame_idx_fmt": KEY, "type_map": list(references), "frame_nlocs": sizes}
        _put(store, [*pending, (b"__metadata__", msgpack.packb(about))])
    return summary


def _record(atoms, references, cutoff, stress):
    """A frame as deepmd names its parts, and whether it has a stress."""
    types = {element: index for index, element in enumerate(references)}
    unknown = sorted(set(atoms.symbols) - set(types))
    if unknown:
        raise RefusedError(f"frames have {', '.join(unknown)}, which are not among the model's elements")
    labels = atoms.calc.results
    energy = labels["energy"] - math.fsum(references[symbol] for symbol in atoms.symbols)
    record = {
        "atom_types": _packed(np.array([types[symbol] for symbol in atoms.symbols], np.int32)),
        "coords": _packed(atoms.positions),
        "cells": _packed(periodic_cell(atoms, cutoff)),
        "energies": _packed(np.array([energy])),
        "forces": _packed(labels["forces"]),
    }
    labeled = stress and "stress" in labels and bool(atoms.pbc.all())
    if labeled:
        virial = -voigt_6_to_full_3x3_stress(labels["stress"]) * atoms.get_volume()
        record["virials"] = _packed(virial)
    return record, labeled


def periodic_cell(atoms, cutoff):
    """A cell with vectors in all directions: where the frame is not periodic, too long for images to be seen."""
    cell = np.where(atoms.pbc[:, None], atoms.cell.array, 0.0)
    extent = np.ptp(atoms.positions, axis=0)
    inert = float(np.linalg.norm(extent)) + 2 * cutoff + 1.0
    complete = type(atoms.cell)(cell).complete().array
    return np.where(atoms.pbc[:, None], cell, complete * inert)


def _packed(array):
    array = np.ascontiguousarray(array)
    return {"type": array.dtype.str, "shape": list(array.shape), "data": array.tobytes()}


def _put(store, records):
    with store.begin(write=True) as transaction:
        for key, value in records:
            transaction.put(key, value)
