"""Benchmark cards: the paper's numbers, and the protocol by which each scale measures them."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Generic, Literal, Self, TypeVar, get_args

from pydantic import Field, JsonValue, PositiveFloat, model_validator

from alphanet.benchmark.claims.card import AnyClaim
from alphanet.cards import Card, validate
from alphanet.errors import UserError, did_you_mean
from alphanet.results.schema import Axis, Form

AD_HOC = "ad-hoc"  # the scale of a card that the command line makes
AD_HOC_REASON = "asked for on the command line; no paper prints these numbers"


class Metric(Card):
    """One measured quantity of a table."""

    title: str
    unit: str  # as the table prints it; empty for a pure number
    factor: PositiveFloat = 1  # value in the table over value in the record (eV, eV/Å)
    better: Literal["lower", "higher", "equal"] = "lower"  # `equal`: a setting or a count, not a measurement
    deterministic: bool = False  # follows from published predictions: nothing in it is random
    margin: PositiveFloat = 0.1  # part of the printed value; a smaller difference counts as equal

    @property
    def is_random(self) -> bool:
        """Whether another seed gives another number: not of settings, counts and what follows from published files."""
        return self.better != "equal" and not self.deterministic


class Protocol(Card):
    """Whether something is measured as the paper did, and by which public settings."""

    comparable: bool = True  # false if its protocol is known to differ from the paper's, at every scale
    reason: str = ""  # why not comparable
    follows: str = ""  # the public input whose settings it has: a file and its address, a section of the paper

    @model_validator(mode="after")
    def _reason_is_given(self) -> Self:
        if not self.comparable and not self.reason:
            raise ValueError("what is not comparable says why in `reason`")
        return self


class Row(Protocol):
    """One potential of a table or figure."""

    model: str  # in a form of `alphanet.potentials.forms.FORMS`; of a row that is trained also "mean" and alike
    note: str = ""  # explanation, if the name is not enough
    trivial: bool = False  # a floor such as the mean, beside the potentials; tables fold it


class Column(Card):
    """One system or data set of a table."""

    title: str


class DataColumn(Column):
    """One column that rests on a data set."""

    dataset: str  # the name of a data-set card


class Contradiction(Card):
    """Another value of a number that the paper prints, in the unit of its cell."""

    where: str  # another place of the paper, or the public record: "the text of section 2.1"
    other_value: Decimal | None = None  # None if the printed value is excluded and nothing else is given


class Erratum(Card):
    """A contradiction or an open question in the paper, and the cells it touches (no key: all)."""

    text: str  # printed beside the cells
    rows: tuple[str, ...] = ()  # of the cells that it touches; empty: all
    columns: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    contradicts: Contradiction | None = None  # set if the numbers of these cells themselves are contradicted

    def touches(self, row: str, column: str, metric: str) -> bool:
        """Whether it must be stated beside this cell."""
        pairs = ((self.rows, row), (self.columns, column), (self.metrics, metric))
        return all(not named or value in named for named, value in pairs)


class ScaleSettings(Card):
    """How a scale measures. Only the paper's own data and settings are comparable with the paper's numbers."""

    comparable: bool  # whether its numbers may be judged against the paper's
    reason: str = ""  # why not comparable
    protocol: str  # one sentence for people

    @model_validator(mode="after")
    def _says_why_not(self) -> Self:
        if not self.comparable and not self.reason:
            raise ValueError("a scale that is not comparable says why in `reason`")
        return self


ScaleT = TypeVar("ScaleT", bound=ScaleSettings)
RowT = TypeVar("RowT", bound=Row)
ColumnT = TypeVar("ColumnT", bound=Column)


class BenchmarkCard(Card, Generic[ScaleT, RowT, ColumnT]):
    """A table or figure, whatever it measures."""

    kind: str  # what is measured, and by which module
    name: str  # that of the file
    title: str  # above the table
    form: Form = "table"  # what it is in its paper
    source: str = ""  # where the printed numbers are from
    metrics: dict[str, Metric] = Field(default_factory=dict)  # by their names in records
    columns: dict[str, ColumnT] = Field(default_factory=dict)  # data sets or systems
    across: tuple[Axis, ...] = ()  # printed across the table, the outermost first; the others run down
    rows: dict[str, RowT]  # potentials, by the names that the paper prints
    paper: dict[str, dict[str, dict[str, Decimal]]] = Field(default_factory=dict)
    """Row -> column -> metric -> number as printed, quoted: its decimals are its precision"""
    errata: tuple[Erratum, ...] = ()  # contradictions and open questions of the paper
    notes: tuple[str, ...] = ()  # for the reader, under the table
    scales: dict[str, ScaleT] = Field(min_length=1)  # mini, slice, full: how each of them measures
    claims: tuple[AnyClaim, ...] = ()  # what the paper says, and the tests that decide it

    @model_validator(mode="after")
    def _cells_exist(self) -> Self:
        for row, columns in self.paper.items():
            _require_known("row", [row], self.rows)
            _require_known("column", columns, self.columns)
            for metrics in columns.values():
                _require_known("metric", metrics, self.metrics)
        for erratum in self.errata:
            _require_known("row", erratum.rows, self.rows)
            _require_known("column", erratum.columns, self.columns)
            _require_known("metric", erratum.metrics, self.metrics)
        return self

    @model_validator(mode="after")
    def _claims_name_what_exists(self) -> Self:
        for claim in self.claims:
            if sum(claim.id == other.id for other in self.claims) > 1:
                raise ValueError(f"claims: {claim.id!r} is the id of several")
            for part, names, known in (
                ("row", claim.rows, self.rows),
                ("column", claim.named_columns, self.claim_columns),
                ("quantity", claim.quantities, self.claim_quantities),
            ):
                try:
                    _require_known(part, names, known)
                except ValueError as error:
                    raise ValueError(f"claim {claim.id}: {error}") from error
        return self

    @classmethod
    def ad_hoc(cls, name: str, *, protocol: str, scale: Mapping[str, JsonValue], **values: Any) -> Self:
        """A card that the command line or a script makes, with the single scale `AD_HOC`.

        Args:
            name: of the benchmark and its folder.
            protocol: of the scale, in a sentence.
            scale: other keys of the scale.
            values: other keys of the card.

        Raises:
            UserError: an unknown key, or a value that no card may have.
        """
        (kind,) = get_args(cls.model_fields["kind"].annotation)
        whole = {"comparable": False, "reason": AD_HOC_REASON, "protocol": protocol, **scale}
        return validate({"kind": kind, "name": name, **values, "scales": {AD_HOC: whole}}, cls, name)

    @property
    def claim_columns(self) -> tuple[str, ...]:
        """Names of columns that claims may use."""
        return tuple(self.columns)

    @property
    def claim_quantities(self) -> tuple[str, ...]:
        """Names of quantities that claims may use: the metrics, and what else the kind measures."""
        return tuple(self.metrics)

    def axis(self, column: str) -> float | None:  # noqa: ARG002
        """The size that a column stands for, such as a number of frames or atoms; None if it stands for none."""
        return None

    def unit(self, quantity: str) -> str:  # noqa: ARG002
        """The unit of a quantity that is no metric."""
        return ""

    @property
    def references(self) -> tuple[str, ...]:
        """Names of the benchmarks whose results or cards this one rests on."""
        return ()

    def printed(self, row: str, column: str, metric: str) -> Decimal | None:
        """The paper's value of a cell; None if it prints none."""
        return self.paper.get(row, {}).get(column, {}).get(metric)

    def contradictions(self, row: str, column: str, metric: str) -> tuple[Contradiction, ...]:
        """The contradictions of the paper, or of the public record that it quotes, to its own value of a cell."""
        touching = (erratum for erratum in self.errata if erratum.touches(row, column, metric))
        return tuple(erratum.contradicts for erratum in touching if erratum.contradicts)

    def protocols(self, scale: str, row: str, column: str) -> tuple[Protocol, ...]:  # noqa: ARG002
        """The parts of the card that say how a cell is measured, besides the scale itself."""
        return (self.rows[row],)

    def incomparable(self, scale: str, row: str, column: str) -> str:
        """Why a cell's protocol is not the paper's, whatever the scale says; empty if it may be."""
        return "; ".join(part.reason for part in self.protocols(scale, row, column) if not part.comparable)

    def follows(self, scale: str, row: str, column: str) -> str:
        """The public settings that a cell is measured by; empty if none are named."""
        return "; ".join(part.follows for part in self.protocols(scale, row, column) if part.follows)

    def scale(self, name: str) -> ScaleT:
        """The settings of the scale `name`.

        Raises:
            UserError: there is none.
        """
        if name not in self.scales:
            raise UserError(f"{self.name} has no scale {name!r}{did_you_mean(name, self.scales)}")
        return self.scales[name]

    def shows(self, scale: str, row: str, column: str, metric: str) -> bool:  # noqa: ARG002
        """Whether a cell is part of the table at `scale`."""
        return True


AnyCard = BenchmarkCard[Any, Any, Any]


def _require_known(part: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"no {part} {name!r}{did_you_mean(name, known)}")
