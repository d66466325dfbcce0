"""LMDB files that are no ASE-LMDB: OC20's older ones hold pickled graphs, which could run any code and are not read."""

from itertools import islice
from pathlib import Path

from alphanet.data.store import environment
from alphanet.errors import UserError

PICKLE = b"\x80"  # begins every pickle of protocol 2 and later
LOOKED_AT = 20  # values


def refuse_pickles(path: Path) -> None:
    """Raise UserError if the LMDB file at `path` holds pickles, with the way to convert them."""
    with environment(path).begin() as transaction:
        pickled = any(value[:1] == PICKLE for _, value in islice(transaction.cursor(), LOOKED_AT))
    if pickled:
        raise UserError(
            f"{path} is not an ASE-LMDB store: it holds pickled graphs, as OC20's older LMDB files do, and pickles can "
            "run any code. Use the .extxyz.xz files of the same data, or convert it where fairchem is installed: "
            "unpickle each value there, make ase.Atoms of pos, atomic_numbers, cell, y and force, and write extxyz"
        )
