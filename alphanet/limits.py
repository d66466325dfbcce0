"""How much a file may ask for: one table of limits for all readers, from the machine's memory, adjustable in one place.

A file from elsewhere can announce more than any machine holds. Every reader compares what is announced with the size of
the file, if that bounds it, and with a limit of this table; both before anything is allocated.
"""

import os
from dataclasses import dataclass, fields, replace
from functools import cache

from alphanet.errors import UserError, did_you_mean

VARIABLE = "ALPHANET_LIMITS"  # names other limits: line=1e9,neighbors=1e6
GIGABYTE = 10**9
PAIR_BYTES = 250  # of one pair of neighbors at the peak of a search: arrays of it, and copies in other types
WEIGHT_BYTES = 16  # of one parameter while a model is loaded: random values, those of the file, and a copy of each
REACH = 1e6  # Å, of a coordinate or a lattice vector; native code counts cells in integers
DIGITS = 300  # of an integer; float64 holds no number with more than 308
DEPTH = 100  # of lists and mappings in a card or configuration
CUTOFFS = (0.1, 100.0)  # Å, of a model
WIDEST = 10**6  # entries of one dimension of a model
YAML_GROWTH = 10  # values that anchors may make of a byte of YAML


@dataclass(frozen=True)
class Limits:
    """What no file may exceed; see `docs/guides/limits.md`."""

    line: float
    """Bytes in one line of text"""
    atoms: float
    """In one frame"""
    columns: float
    """Numbers in one line of an extended XYZ file"""
    ratio: float
    """Bytes that unpack from one byte of a packed file, on average"""
    array: float
    """Bytes of one array in a file, and of a document of JSON or YAML"""
    neighbors: float
    """Of one atom on average"""
    pairs: float
    """Of atoms and their neighbors in one structure"""
    parameters: float
    """Of one model"""


@cache
def limits() -> Limits:
    """The limits of this process: those of its machine, with the changes that `ALPHANET_LIMITS` names.

    Raises:
        UserError: the variable names something that is no limit, or a value that is no positive number.
    """
    memory = _memory()
    usual = Limits(
        line=min(0.25 * GIGABYTE, memory / 32),
        atoms=1e7,
        columns=1e4,
        ratio=1000,
        array=memory / 2,
        neighbors=1e5,
        pairs=memory / 2 / PAIR_BYTES,
        parameters=memory / 2 / WEIGHT_BYTES,
    )
    return replace(usual, **_changes(os.environ.get(VARIABLE, "")))


def require(value: float, name: str, what: str) -> None:
    """Check a number that a file announces against the limit of that name.

    Args:
        value: the number.
        name: a field of `Limits`.
        what: begins the message: says what has, or needs, so many.

    Raises:
        UserError: it is larger.
    """
    limit = float(getattr(limits(), name))
    if not value <= limit:
        raise UserError(
            f"{what} {amount(value)} {_WORDS[name]}, and the limit is {amount(limit)}; if that is right, set "
            f"{VARIABLE}={name}=NUMBER"
        )


def amount(value: float) -> str:
    """A number in a message: `1,234`, or `1.2e+09` if it is long."""
    return f"{value:,.0f}" if abs(value) < GIGABYTE / 1000 else f"{value:.3g}"


_WORDS = {
    "line": "bytes in one line",
    "atoms": "atoms in one frame",
    "columns": "columns",
    "ratio": "times its size when unpacked",
    "array": "bytes",
    "neighbors": "neighbors of each atom",
    "pairs": "pairs of neighbors",
    "parameters": "parameters",
}


def _changes(text: str) -> dict[str, float]:
    known = [field.name for field in fields(Limits)]
    changes = {}
    for part in filter(None, (word.strip() for word in text.split(","))):
        name, _, given = part.partition("=")
        if name not in known:
            raise UserError(f"{VARIABLE}: unknown limit {name!r}{did_you_mean(name, known)}")
        try:
            value = float(given)
        except ValueError:
            value = 0.0
        if not value > 0:
            raise UserError(f"{VARIABLE}: {name} must be a positive number, found {given!r}")
        changes[name] = value
    return changes


def _memory() -> float:
    """Bytes that this machine has."""
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
