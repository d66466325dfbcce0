"""Per-atom arrays that a format has no place for travel in `info["arrays"]`."""

from typing import Any

import numpy as np
from ase import Atoms

from alphanet.data.labels import labels_of, other_results, with_labels

KEY = "arrays"
RESULTS = ("magmoms", "charges", "energies", "stresses", "born_effective_charges")  # of atoms, besides forces


def with_kept_arrays(atoms: Atoms) -> Atoms:
    """The frame itself; arrays in `info["arrays"]` are its arrays again, or results, if ASE calls them so."""
    kept = atoms.info.get(KEY)
    if not isinstance(kept, dict) or not kept:
        return atoms
    arrays = {str(name): _array(values) for name, values in kept.items()}
    if any(array.shape[:1] != (len(atoms),) for array in arrays.values()):
        return atoms
    del atoms.info[KEY]
    results = {name: arrays.pop(name) for name in RESULTS if name in arrays}
    atoms.arrays.update(arrays)
    return with_labels(atoms, labels_of(atoms), other_results(atoms) | results) if results else atoms


def _array(values: Any) -> np.ndarray:
    array = np.asarray(values)
    return array.astype(object) if array.dtype.kind == "U" else array
