"""The frames as mace's trainer reads them: separate stores, without the energies of the elements.

The trainer computes with energies in the network's precision, in which CP2K's would lose their digits.
"""

from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from edges import periodic_edges
from worker_kit import Structures, packed, read_store

FRAMES_PER_COMMIT = 500  # bounds LMDB's memory of pages that are not written yet


def write_frames(source, target, references):
    """Write the frames of the store `source` to `target`, energies less the `references` (eV of each element)."""
    target.parent.mkdir(exist_ok=True)
    part = target.with_name(f".{target.name}")
    part.unlink(missing_ok=True)
    with connect(part, type="aselmdb", use_lock_file=False) as database:
        for count, atoms in enumerate(read_store(source), 1):
            database.write(_without(atoms, references))
            if count % FRAMES_PER_COMMIT == 0:
                database.txn.commit()
                database.txn = database.env.begin(write=True)
    part.with_name(f"{part.name}-lock").unlink(missing_ok=True)
    part.rename(target)


def mean_neighbors(store, cutoff):
    """Mean number of neighbors within `cutoff` (Å)."""
    edges, atoms_in_all = 0, 0
    for atoms in read_store(store):
        edges += periodic_edges(Structures(**packed([atoms])), cutoff)[0].shape[1]
        atoms_in_all += len(atoms)
    return edges / atoms_in_all


def _without(atoms, references):
    known = atoms.calc.results
    results = {key: known[key] for key in ("forces", "stress") if key in known}
    results["energy"] = known["energy"] - sum(references[symbol] for symbol in atoms.symbols)
    bare = atoms.copy()
    bare.info, bare.constraints = {}, []
    bare.calc = SinglePointCalculator(bare, **results)
    return bare
