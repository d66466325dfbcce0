"""Findings of a run: records, cells without a number, and the grids and figures beside the cells."""

from dataclasses import dataclass, field

from alphanet.results.records import Record
from alphanet.results.schema import Curve, Figure, Grid

Place = tuple[str, str]  # row and column


@dataclass(frozen=True)
class Measured:
    """A record, and the cells whose numbers it holds; without cells it is kept beside them."""

    record: Record
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Missing:
    """Cells that have no number, and why."""

    places: tuple[Place, ...]
    reason: str
    metrics: tuple[str, ...] = ()  # empty: all
    failed: bool = False  # an error, rather than a choice or a lack of time


Finding = Measured | Missing


@dataclass
class Findings:
    """Records and reasons of the cells of a run."""

    records: dict[Place, list[Record]] = field(default_factory=dict)  # one a seed
    beside: list[Record] = field(default_factory=list)  # records of no cell
    missing: dict[tuple[str, ...], str] = field(default_factory=dict)  # row, column and perhaps metric -> why
    failures: list[str] = field(default_factory=list)


@dataclass
class Shown:
    """The parts of a result besides its cells."""

    grids: list[Grid] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    origins: dict[str, dict[str, str]] = field(default_factory=dict)
    conditions: str = ""
