"""The one schema of results: written by the runner as `results.json`, read by the page and by scripts."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from alphanet.errors import UserError
from alphanet.files import read_json_object, write_text
from alphanet.results.records import Record

SCHEMA: Literal["alphanet-results"] = "alphanet-results"
VERSION: Literal[4] = 4
RESULTS = "results.json"
INCONSISTENT = "paper inconsistent"

Verdict = Literal[
    "reproduced",
    "better",
    "worse",
    "inconclusive",
    "paper inconsistent",
    "not comparable",
    "not run",
    "not in the paper",
    "agrees",
    "differs",
]
ClaimVerdict = Literal["supported", "contradicted", "undecided", "not tested"]

Axis = Literal["row", "column", "metric"]
Form = Literal["table", "figure"]
Independent = Literal["seed", "pass", "none"]
"""Repeats of a measurement: trainings with several seeds; passes of timing, each in new processes; none of what is
published, such as released weights"""

VERDICTS: dict[Verdict, str] = {
    "reproduced": "comparable, and one run of the paper would lie within the margin of the printed value",
    "better": "comparable, and better than the paper by more than seeds or passes explain",
    "worse": "comparable, and worse than the paper by more than seeds or passes explain",
    "inconclusive": "comparable, and too few seeds or passes or too large a spread to tell",
    "paper inconsistent": "comparable, but the paper contradicts its own value; the cell says which one it agrees with",
    "not comparable": "measured by another protocol than the paper's, which the cell states; not judged",
    "not run": "not measured; the cell says what it needs or what went wrong",
    "not in the paper": "measured here; the paper has no such number",
}
"""Outcomes of measured numbers"""
SETTINGS: dict[Verdict, str] = {
    "agrees": "a setting or a count of this code that rounds to the printed digits",
    "differs": "a setting or a count of this code that does not",
}
"""Outcomes of settings and counts, which nothing is measured for; they are counted apart"""
CLAIMS: dict[ClaimVerdict, str] = {
    "supported": "the 95 % interval of the effect lies on the claim's side of the threshold",
    "contradicted": "the 95 % interval of the effect lies on the other side",
    "undecided": "the interval holds the threshold, or seeds or passes are too few; the claim says what would decide",
    "not tested": "nothing was measured that tests it; the claim says what it needs",
}


class Part(BaseModel):
    """Base of every part of a result: unknown keys are errors, NaN and infinities are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Hardware(Part):
    """The machine, without its name."""

    cpu: str
    cores: int
    memory_gib: float
    gpus: tuple[str, ...] = ()


class Code(Part):
    """Version of this project; in a checkout also the commit and whether files differ from it."""

    version: str
    commit: str | None = None
    dirty: bool | None = None


class Provenance(Part):
    """Command, machine, versions and code of a run."""

    command: str
    hardware: Hardware
    software: dict[str, str]
    code: Code


class Cell(Part):
    """One number of a table. `paper`, `measured` and all spreads and bounds are in `unit`."""

    table: str
    row: str
    column: str
    metric: str
    metric_title: str
    unit: str
    scale: str
    printed: str | None = None  # the paper's text: its decimals are the precision
    paper: float | None = None
    measured: float | None = None  # mean over seeds or passes
    spread: float | None = None  # sample standard deviation over seeds or passes; None with a single one
    repeats: Independent = "seed"  # what the spread and the prediction are over
    interval: tuple[float, float] | None = None  # 95 %, of the measured value, if the record has one
    ratio: float | None = None  # measured over paper
    prediction: tuple[float, float] | None = None  # 95 %, of one run of the paper; None with one seed or pass
    margin: float | None = None  # the largest difference that counts as equal; None if not judged
    comparable: bool
    reason: str = ""  # why it is not comparable, or not measured
    follows: str = ""  # the public settings that its row was measured by
    outcome: Verdict
    verdict: str  # the outcome with its reasons
    inconsistent: bool = False  # the paper contradicts `paper`, whatever the outcome is
    errata: tuple[str, ...] = ()
    records: tuple[str, ...] = ()  # ids of the records behind `measured`
    origin: str = ""  # key of `origins`; empty if nothing was measured


class Claim(Part):
    """A statement, tested at one scale."""

    id: str  # unique in the result
    about: Literal["paper", "suite"] = "paper"  # whose statement it is: the paper's, or that this suite measures right
    text: str  # what is said
    place: str  # where: "section 2.1", "Table 8"
    importance: Literal[1, 2, 3] = 2  # 1 a headline, 3 a detail
    scale: str
    test: str  # in words
    outcome: ClaimVerdict
    verdict: str  # the outcome with its reason
    effect: float | None = None  # the measured quantity that decides
    effect_title: str = ""
    unit: str = ""  # of effect, interval and threshold; empty for a pure number
    interval: tuple[float, float] | None = None  # 95 %, of the effect
    threshold: float | None = None  # value of the effect at which the claim turns false; of `within` the upper one
    bounds: tuple[float, float] | None = None  # of `within`
    direction: Literal["below", "above", "within"] = "below"  # side of the threshold on which the claim is true
    p: float | None = None  # of an effect at the threshold, two-sided
    adjusted: float | None = None  # p after Holm, over the claims of the result
    seeds: int = 0  # behind the effect, or passes, as `repeats` says; 0 if nothing is random
    repeats: Independent = "seed"
    frames: int = 0  # test frames that were resampled; 0 if none were
    needs: str = ""  # seeds, passes or frames that would decide, or what is missing
    details: tuple[str, ...] = ()
    records: tuple[str, ...] = ()  # ids of the records behind the effect


class Number(Part):
    """A number of a grid, as shown and in full."""

    text: str  # begins with the value, rounded
    value: float
    origin: str  # key of `origins`
    interval: tuple[float, float] | None = None
    paper: bool = False  # printed in the paper
    rank: float | None = None  # among the numbers of its row, from 0, the best, to 1, the last; colors it


class Grid(Part):
    """A table beside the paper's own: rows of text and numbers."""

    id: str  # unique in the result
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Annotated[str | Number, Field(union_mode="left_to_right")], ...], ...]
    folded: bool = False  # long, and open only on demand


class Point(Part):
    """One measured point of a curve."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    seed: int | None = None
    record: str = ""  # id


class PowerLaw(Part):
    """`y = prefactor * x ** exponent`; errors are those of a straight line in the logarithms."""

    prefactor: float  # in the unit of y, at x = 1
    exponent: float
    exponent_error: float | None = None  # standard error; None for two points, which any line fits
    interval: tuple[float, float] | None = None  # 95 % of the exponent, Student's t

    def at(self, x: float) -> float:
        """The value at `x`, in the unit of y."""
        return float(self.prefactor * x**self.exponent)


class Curve(Part):
    """Data of a figure: points of one row and quantity, and the power law through them."""

    row: str
    quantity: str
    x_title: str
    y_title: str
    unit: str = ""
    points: tuple[Point, ...] = ()
    law: PowerLaw | None = None


class Figure(Part):
    """A drawn figure. `files` maps an ending (png, svg, pdf, csv, html) to a path relative to the result's folder."""

    name: str
    title: str
    files: dict[str, str]


class BenchmarkResult(Part):
    """All that a run of a benchmark measured and decided."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)

    schema_: Literal["alphanet-results"] = Field(default=SCHEMA, alias="schema")
    version: Literal[4] = VERSION
    kind: str
    form: Form = "table"  # what it is in its paper
    name: str
    title: str
    scale: str
    scales: tuple[str, ...] = ()  # that the card has
    source: str = ""  # of the paper's values
    protocol: str = ""  # one sentence for people
    conditions: str = ""  # data, machine and precision in one line
    comparable: bool
    reason: str = ""  # why not
    when: str = ""  # of the newest record
    across: tuple[Axis, ...] = ()  # of the cells: printed across the paper's table; empty if the card does not say
    trivial: tuple[str, ...] = ()  # rows that are floors, such as the mean
    cells: tuple[Cell, ...] = ()
    claims: tuple[Claim, ...] = ()
    grids: tuple[Grid, ...] = ()
    curves: tuple[Curve, ...] = ()
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()  # rows without a number, broken records, anything a reader must know
    failures: tuple[str, ...] = ()  # errors that cost cells
    records: dict[str, Record] = Field(default_factory=dict)  # by id
    origins: dict[str, dict[str, str]] = Field(default_factory=dict)  # facts behind a number, by name
    options: dict[str, JsonValue] = Field(default_factory=dict)  # asked for by the user
    provenance: Provenance

    def outcomes(self) -> Counter[str]:
        """The number of cells of each outcome; those of `SETTINGS` are no measurements."""
        return Counter(cell.outcome for cell in self.cells)

    def to_json(self) -> str:
        """The content of `results.json`."""
        return self.model_dump_json(by_alias=True, indent=1) + "\n"

    def write(self, folder: Path) -> Path:
        """Write `results.json` into `folder` atomically; returns its path.

        Raises:
            UserError: the folder cannot be written.
        """
        path = folder / RESULTS
        write_text(path, self.to_json())
        return path


def read_result(path: Path) -> BenchmarkResult:
    """The result in `path`, a `results.json`.

    Raises:
        UserError: the file cannot be read, is cut off, is no result, or was written by another version.
    """
    values = read_json_object(path)
    if values.get("schema") != SCHEMA:
        if {"title", "scale", "provenance"} <= values.keys():
            raise UserError(
                f"{path} was written before results had a schema; run `alphanet repro {path.parent.name}` again: "
                "it keeps what was measured under the same conditions"
            )
        raise UserError(f"{path} is no result of a benchmark: its key 'schema' is not {SCHEMA!r}")
    if values.get("version") != VERSION:
        raise UserError(
            f"{path} has version {values.get('version')} of the schema, and this program reads version {VERSION}; "
            f"run `alphanet repro {values.get('name', path.parent.name)}` again, or use the program that wrote it"
        )
    try:
        return BenchmarkResult.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise UserError(f"{path}: {key}: {first['msg']}; the file was edited or is damaged") from error
