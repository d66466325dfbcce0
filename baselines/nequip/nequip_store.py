"""Frames of an ASE-LMDB store for nequip, read one by one, so that memory does not grow with their number."""

import numpy as np
from nequip.data import from_ase
from nequip.data.datamodule import NequIPDataModule
from nequip.data.dataset import AtomicDataset
from worker_kit import evenly_spaced, frame_of, open_store


class StoreDataset(AtomicDataset):
    """Frames of `file_path`, `limit` of them evenly spaced; if the loss uses `stress`, frames without one get NaN."""

    def __init__(self, file_path, stress, transforms, limit=None):
        super().__init__(transforms=transforms)
        self._store, self._stress = open_store(file_path), stress
        self._indices = evenly_spaced(len(self._store), limit)

    def __len__(self):
        return len(self._indices)

    def _get_data_list(self, indices):
        if isinstance(indices, slice):
            indices = range(*indices.indices(len(self)))
        return [self._data(int(index)) for index in indices]

    def _data(self, index):
        atoms = frame_of(self._store.get(id=int(self._indices[index]) + 1))
        labels = {key: atoms.calc.results[key] for key in ("energy", "forces")}
        if self._stress:
            labels["stress"] = atoms.calc.results.get("stress", np.full(6, np.nan))
        atoms.calc.results = labels
        return from_ase(atoms)


class StoreDataModule(NequIPDataModule):
    """nequip's data module, except that a resumed run keeps the order of frames it would have had.

    Lightning restores the state after `setup` has made the random generators from it.
    """

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        if hasattr(self, "train_generator"):
            self.train_generator.set_state(self.train_generator_state)
            self.generator.set_state(self.generator_state)
