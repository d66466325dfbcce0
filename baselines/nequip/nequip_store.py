"""Frames of an ASE-LMDB store as a data set of nequip, read when they are asked for, so that memory stays the same."""

import os

import numpy as np
from nequip.data import from_ase
from nequip.data.dataset import AtomicDataset
from worker_kit import open_store


class StoreDataset(AtomicDataset):
    """The frames of `file_path`; `stress` says whether the loss uses it, frames without one then get NaN."""

    def __init__(self, file_path, stress, transforms):
        super().__init__(transforms=transforms)
        self._path, self._stress = file_path, stress
        self._process = self._store = None
        self._length = len(open_store(file_path))

    def __len__(self):
        return self._length

    def __getstate__(self):
        return self.__dict__ | {"_process": None, "_store": None}

    def _get_data_list(self, indices):
        if isinstance(indices, slice):
            indices = range(*indices.indices(len(self)))
        if self._process != os.getpid():  # LMDB does not survive a fork
            self._process, self._store = os.getpid(), open_store(self._path)
        return [self._data(int(index)) for index in indices]

    def _data(self, index):
        atoms = self._store.get(id=index + 1).toatoms()
        labels = {key: atoms.calc.results[key] for key in ("energy", "forces")}
        if self._stress:
            labels["stress"] = atoms.calc.results.get("stress", np.full(6, np.nan))
        atoms.calc.results = labels
        return from_ase(atoms)
