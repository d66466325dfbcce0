"""Claims as a card holds them: what the paper says, where, and the test that decides it."""

from abc import abstractmethod
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, model_validator

from alphanet.cards import Card

Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]
"""One name, or several"""


def _require_a_bound(below: object, above: object) -> None:
    if (below is None) == (above is None):
        raise ValueError("give `below` or `above`")


class ClaimCard(Card):
    """A statement of the paper."""

    absolute: ClassVar[bool] = False
    """Whether it is about a number that only the paper's own data and settings can give"""

    id: str  # unique in the card
    text: str  # what the paper says, in a sentence
    place: str  # where it says so: "section 2.1", "Table 8"
    importance: Literal[1, 2, 3] = 2  # 1 a headline, 3 a detail
    about: Literal["paper", "suite"] = "paper"  # what it is a statement on: the paper's model, or this suite itself
    note: str = ""  # what the test leaves out, or assumes

    @property
    @abstractmethod
    def rows(self) -> tuple[str, ...]:
        """Rows that it names."""

    @property
    def named_columns(self) -> tuple[str, ...]:
        """Columns that it names."""
        return tuple(getattr(self, "columns", ()))

    @property
    def quantities(self) -> tuple[str, ...]:
        """Metrics, or other quantities of the kind, that it names."""
        return (str(self.metric),) if hasattr(self, "metric") else ()

    @property
    @abstractmethod
    def rule(self) -> str:
        """The test in words."""


class Less(ClaimCard):
    """A metric of one row is below that of other rows, in every column."""

    test: Literal["less"]
    metric: str
    row: str
    than: Names
    columns: Names = ()  # all if empty
    factor: PositiveFloat = 1.0  # at most this part of the other's
    relation: Literal["below", "above"] = "below"

    @property
    def rows(self) -> tuple[str, ...]:
        """Its row and the others."""
        return (self.row, *self.than)

    @property
    def rule(self) -> str:
        """The test in words."""
        times = "" if self.factor == 1 else f"{self.factor:g} times "
        return f"{self.metric} of {self.row} {self.relation} {times}that of {', '.join(self.than)}, in every column"


class WithinRatio(ClaimCard):
    """The ratio of two rows lies within bounds: "comparable to"."""

    test: Literal["ratio"]
    metric: str
    row: str
    over: str
    within: tuple[PositiveFloat, PositiveFloat]
    columns: Names = ()

    @property
    def rows(self) -> tuple[str, ...]:
        """Both."""
        return self.row, self.over

    @property
    def rule(self) -> str:
        """The test in words."""
        low, high = self.within
        return f"{self.metric} of {self.row} over that of {self.over} between {low:g} and {high:g}, in every column"


class Wins(ClaimCard):
    """One row is better than another in at least a part of the columns: "on nearly all"."""

    test: Literal["wins"]
    metric: Names
    row: str
    over: str
    share: Annotated[float, Field(gt=0, le=1)]  # of the measured columns, at least
    columns: Names = ()

    @property
    def rows(self) -> tuple[str, ...]:
        """Both."""
        return self.row, self.over

    @property
    def quantities(self) -> tuple[str, ...]:
        """Its metrics."""
        return self.metric

    @property
    def rule(self) -> str:
        """The test in words."""
        return f"{self.row} better than {self.over} in {', '.join(self.metric)} in {self.share:.0%} of the columns"


class Monotone(ClaimCard):
    """A metric falls from each column to the next."""

    test: Literal["monotone"]
    metric: str
    row: str
    columns: Names = ()  # in the order of their axis
    relation: Literal["falls", "rises"] = "falls"

    @property
    def rows(self) -> tuple[str, ...]:
        """Its row."""
        return (self.row,)

    @property
    def rule(self) -> str:
        """The test in words."""
        return f"{self.metric} of {self.row} {self.relation} from each size to the next"


class Exponent(ClaimCard):
    """The exponent of a power law lies below or above a bound, or below that of another row."""

    test: Literal["power_law", "slope"]
    """Of an error against the number of frames, with a look at whether it bends; of a time against the size"""
    metric: str
    row: str
    than: Names = ()  # the bound is on the difference of the exponents of `row` and each of these, if there are any
    columns: Names = ()
    below: float | None = None
    above: float | None = None

    @property
    def rows(self) -> tuple[str, ...]:
        """Its row and the others."""
        return (self.row, *self.than)

    @property
    def rule(self) -> str:
        """The test in words."""
        less = f" minus that of {', '.join(self.than)}" if self.than else ""
        bound = f"below {self.below:g}" if self.below is not None else f"above {self.above:g}"
        return f"exponent of {self.metric} of {self.row}{less} {bound}"

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        _require_a_bound(self.below, self.above)
        return self


class Bound(ClaimCard):
    """A number lies below or above a bound."""

    absolute: ClassVar[bool] = True
    test: Literal["bound"]
    metric: str
    row: Names
    columns: Names = ()
    below: Decimal | None = None
    above: Decimal | None = None

    @property
    def rows(self) -> tuple[str, ...]:
        """Its rows, each of which must keep the bound."""
        return self.row

    @property
    def rule(self) -> str:
        """The test in words."""
        bound = f"below {self.below}" if self.below is not None else f"above {self.above}"
        return f"{self.metric} of {', '.join(self.row)} {bound}, in every column"

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        _require_a_bound(self.below, self.above)
        return self


class Best(ClaimCard):
    """A row is ahead of all others in every column: the fastest, the least, the best."""

    test: Literal["fastest", "least", "best"]
    metric: str
    row: str
    among: Names = ()  # all rows of the paper if empty
    columns: Names = ()

    @property
    def rows(self) -> tuple[str, ...]:
        """Its row and its rivals, if they are named."""
        return (self.row, *self.among)

    @property
    def rule(self) -> str:
        """The test in words."""
        of = f"of {', '.join((self.row, *self.among))}" if self.among else "of all rows that the paper has"
        return f"{self.metric} of {self.row} {self.test} {of}, in every column"


class Rank(ClaimCard):
    """At most a number of rows are ahead of a row."""

    test: Literal["rank"]
    metric: str
    row: str
    among: Names = ()
    columns: Names = ()
    at_most: PositiveInt  # its place from the top

    @property
    def rows(self) -> tuple[str, ...]:
        """Its row and its rivals, if they are named."""
        return (self.row, *self.among)

    @property
    def rule(self) -> str:
        """The test in words."""
        return f"{self.row} among the first {self.at_most} in {self.metric}"


class Check(ClaimCard):
    """Rows pass, or fail, a check of physics."""

    test: Literal["check"]
    metric: str  # name of the check
    row: Names
    passes: bool = True

    @property
    def rows(self) -> tuple[str, ...]:
        """Its rows."""
        return self.row

    @property
    def rule(self) -> str:
        """The test in words."""
        return f"{', '.join(self.row)} {'pass' if self.passes else 'fail'} the check {self.metric!r}"


class Value(ClaimCard):
    """A number in running text."""

    absolute: ClassVar[bool] = True
    test: Literal["value"]
    metric: str
    row: str
    column: str = ""
    printed: Decimal  # quoted: its decimals are its precision

    @property
    def rows(self) -> tuple[str, ...]:
        """Its row."""
        return (self.row,)

    @property
    def named_columns(self) -> tuple[str, ...]:
        """Its column."""
        return (self.column,) if self.column else ()

    @property
    def rule(self) -> str:
        """The test in words."""
        return f"{self.metric} of {self.row} is {self.printed}, by the rule of the cells"


class Printed(ClaimCard):
    """Rows meet the numbers that the card prints for them, within a margin: a check of the way of measuring."""

    absolute: ClassVar[bool] = True
    test: Literal["printed"]
    metric: str
    row: Names
    columns: Names = ()
    margin: Annotated[float, Field(gt=0, lt=1)]  # part of the printed number

    @property
    def rows(self) -> tuple[str, ...]:
        """Its rows, each of which must meet its number."""
        return self.row

    @property
    def rule(self) -> str:
        """The test in words."""
        return f"{self.metric} of {', '.join(self.row)} within {self.margin:.3g} of the printed number, relative to it"


class Untested(ClaimCard):
    """Nothing here tests it."""

    test: Literal["none"]
    needs: str  # what a test would take

    @property
    def rows(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def rule(self) -> str:
        """The test in words."""
        return "none here"


AnyClaim = Annotated[
    Less | WithinRatio | Wins | Monotone | Exponent | Bound | Best | Rank | Check | Value | Printed | Untested,
    Field(discriminator="test"),
]
