"""Claims of a card, decided at one scale from the samples of a run."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np

from alphanet.benchmark.card import AnyCard
from alphanet.benchmark.claims.card import (
    Best,
    Bound,
    Check,
    Exponent,
    Less,
    Monotone,
    Printed,
    Rank,
    Untested,
    Value,
    Wins,
    WithinRatio,
)
from alphanet.benchmark.claims.deciding import Decision, Side, all_of, count_of, decide
from alphanet.benchmark.claims.evidence import Evidence, NotTestedError
from alphanet.benchmark.claims.samples import Sample, Samples
from alphanet.benchmark.findings import Findings
from alphanet.benchmark.judging import judge
from alphanet.benchmark.statistics import holm, prediction_interval
from alphanet.errors import UserError
from alphanet.results.schema import Claim, ClaimVerdict, Independent

FEWEST_SIZES = 3  # of an exponent: any line fits two


def evaluate_claims(
    card: AnyCard, scale: str, samples: Samples, findings: Findings, deviations: Sequence[str] = ()
) -> list[Claim]:
    """The claims of `card` at `scale`, with p values adjusted for their number.

    Args:
        card: with the claims.
        scale: that was run.
        samples: of its kind.
        findings: with the reasons of cells without a number.
        deviations: differences from the protocol, which make absolute numbers untestable.
    """
    claims = [_Evaluation(card, scale, samples, findings, deviations, claim).result() for claim in card.claims]
    tested = [place for place, claim in enumerate(claims) if claim.p is not None]
    for place, adjusted in zip(tested, holm([claims[place].p or 0.0 for place in tested]), strict=True):
        claims[place] = claims[place].model_copy(update={"adjusted": adjusted})
    return claims


class _Evaluation(Evidence):
    """The decision on one claim."""

    def result(self) -> Claim:
        try:
            decision, side, unit = self._decided()
        except (NotTestedError, UserError) as lack:
            return self._claim_of("not tested", f"not tested: {lack}", needs=str(lack), details=self._all_details())
        verdict = f"{decision.outcome} at scale {self.scale}: {decision.text}{f' {unit}' if unit else ''}"
        if decision.needs:
            verdict += f"; needs {decision.needs}"
        return self._claim_of(
            decision.outcome,
            verdict,
            effect=decision.effect,
            effect_title=decision.title,
            unit=unit,
            interval=decision.interval,
            threshold=side.threshold,
            bounds=side.bounds,
            direction=side.direction,
            p=decision.p,
            seeds=decision.seeds,
            repeats=self._repeats(),
            frames=decision.frames,
            needs=decision.needs,
            details=self._all_details(),
            records=tuple(dict.fromkeys(record.id for record in self.records)),
        )

    def _claim_of(self, outcome: ClaimVerdict, verdict: str, **values: object) -> Claim:
        claim = self.claim
        return Claim.model_validate(
            {
                "id": claim.id,
                "about": claim.about,
                "text": claim.text,
                "place": claim.place,
                "importance": claim.importance,
                "scale": self.scale,
                "test": claim.rule,
                "outcome": outcome,
                "verdict": verdict,
                **values,
            }
        )

    def _repeats(self) -> Independent:
        """What was repeated: passes, if times take part; none, if nothing is random but the frames."""
        used = {sample.repeats for sample in self.used.values()}
        return "pass" if "pass" in used else "seed" if "seed" in used else "none"

    def _all_details(self) -> tuple[str, ...]:
        note = [self.claim.note] if self.claim.note else []
        return (*note, *self.details, *self._printed_too())

    def _decided(self) -> tuple[Decision, Side, str]:
        """The decision, the side on which the effect makes the claim true, and the effect's unit."""
        claim = self.claim
        if isinstance(claim, Untested):
            raise NotTestedError(claim.needs)
        published = [name in self.card.metrics and self.card.metrics[name].deterministic for name in claim.quantities]
        if isinstance(claim, Printed):
            for row in claim.row:  # what is missing is told before what is wrong with the protocol
                self.columns((row,), claim.metric)
        if claim.absolute and not all(published):
            self.require_the_papers_protocol(claim.rows, claim.named_columns)
        tests: dict[type, Callable[..., tuple[Decision, Side, str]]] = {
            Less: self._less,
            WithinRatio: self._within,
            Wins: self._wins,
            Monotone: self._monotone,
            Exponent: self._exponent,
            Bound: self._bound,
            Best: self._best,
            Rank: self._rank,
            Check: self._check,
            Value: self._value,
            Printed: self._printed,
        }
        decision, side, unit = tests[type(claim)](claim)
        self.require_one_machine()
        return decision, side, unit

    def _less(self, claim: Less) -> tuple[Decision, Side, str]:
        side = _side(claim.relation, claim.factor)
        of_rivals = {other: self.columns((claim.row, other), claim.metric) for other in claim.than}
        return self._against(claim.metric, claim.row, of_rivals, side), side, ""

    def _within(self, claim: WithinRatio) -> tuple[Decision, Side, str]:
        low, high = claim.within
        side = Side("within", low, high)
        columns = self.columns((claim.row, claim.over), claim.metric)
        pieces = [self._ratio(claim.metric, claim.row, claim.over, column, side) for column in columns]
        return self._together(pieces, side), side, ""

    def _wins(self, claim: Wins) -> tuple[Decision, Side, str]:
        pieces = []
        for metric in claim.metric:
            side = _side(self.better(metric), 1.0)
            for column in self.columns((claim.row, claim.over), metric):
                pieces.append(self._ratio(metric, claim.row, claim.over, column, side))
        at_least = max(1, math.ceil(claim.share * len(pieces) - 1e-9))
        decision = count_of(pieces, at_least, f"comparisons of {len(pieces)} that {claim.row} wins")
        self.details += [piece.text for piece in pieces]
        return decision, Side("above", at_least - 0.5), ""

    def _monotone(self, claim: Monotone) -> tuple[Decision, Side, str]:
        columns = self.columns((claim.row,), claim.metric)
        if len(columns) < 2:
            raise NotTestedError("two sizes, at least")
        side = _side("below" if claim.relation == "falls" else "above", 1.0)
        pieces = []
        for first, second in itertools.pairwise(columns):
            pair = [self.sample(claim.row, column, claim.metric) for column in (second, first)]
            pieces.append(decide(f"{second} over {first}", pair, _log_ratio, side, log=True))
        return self._together(pieces, side), side, ""

    def _exponent(self, claim: Exponent) -> tuple[Decision, Side, str]:
        side = _bounded(claim.below, claim.above)
        pieces = [self._exponent_of(claim, other, side) for other in claim.than or (None,)]
        return self._together(pieces, side), side, ""

    def _exponent_of(self, claim: Exponent, other: str | None, side: Side) -> Decision:
        """The decision on the exponent of the claim's row, less that of `other` if there is one."""
        rows = (claim.row,) if other is None else (claim.row, other)
        columns = [name for name in self.columns(rows, claim.metric) if self.card.axis(name) is not None]
        if len(columns) < FEWEST_SIZES:
            raise NotTestedError(f"{FEWEST_SIZES} sizes, at least")
        columns = self.repeated(rows, columns, claim.metric, FEWEST_SIZES)
        sizes = np.array([self.card.axis(column) for column in columns], dtype=float)
        if other is not None:
            for column in columns:
                self.require_equal_terms((claim.row, other), column, claim.metric)
        of_rows = [[self.sample(row, column, claim.metric) for column in columns] for row in rows]

        def difference(values: np.ndarray) -> np.ndarray:
            own = _slope(sizes, values[:, : len(sizes)])
            return own if other is None else own - _slope(sizes, values[:, len(sizes) :])

        for row, of_row in zip(rows, of_rows, strict=True):
            bend = decide(
                f"bend of {row} (second-order term in the logarithms)", of_row, _bend(sizes), Side("above", 0.0)
            )
            form = "a curve that bends describes it better" if bend.outcome != "undecided" else "no bend is resolved"
            if (text := f"{bend.text}: {form}") not in self.details:
                self.details.append(text)
        title = f"exponent of {claim.row}" + ("" if other is None else f" minus that of {other}")
        return decide(title, [sample for of_row in of_rows for sample in of_row], difference, side)

    def _bound(self, claim: Bound) -> tuple[Decision, Side, str]:
        side = _bounded(claim.below, claim.above)
        pieces = [
            decide(f"{row}{f', {column}' if column else ''}", [self.sample(row, column, claim.metric)], _first, side)
            for row in claim.row
            for column in self.columns((row,), claim.metric)
        ]
        return self._together(pieces, side), side, self.unit(claim.metric)

    def _best(self, claim: Best) -> tuple[Decision, Side, str]:
        relation = "below" if claim.test == "least" else self.better(claim.metric)
        side = _side(relation, 1.0)
        of_rivals, missing = self._rivals(claim.metric, claim.row, claim.among)
        decision = self._against(claim.metric, claim.row, of_rivals, side)
        if missing and decision.outcome == "supported":
            decision = replace(decision, outcome="undecided", needs="; ".join(missing))
        return decision, side, ""

    def _rank(self, claim: Rank) -> tuple[Decision, Side, str]:
        side = _side(self.better(claim.metric), 1.0)
        of_rivals, missing = self._rivals(claim.metric, claim.row, claim.among)
        pieces = self._ratios(claim.metric, claim.row, of_rivals, side)
        pieces += [Decision("undecided", math.nan, needs=lack) for lack in missing]
        last = len(pieces) + 1
        decision = count_of(pieces, last - claim.at_most, f"place of {claim.row} among {last}")
        interval = decision.interval and (last - decision.interval[1], last - decision.interval[0])
        self.details += [piece.text for piece in pieces if piece.title]
        return (
            replace(decision, effect=last - decision.effect, interval=interval),
            Side("below", high=claim.at_most + 0.5),
            "",
        )

    def _check(self, claim: Check) -> tuple[Decision, Side, str]:
        side = _side("above" if claim.passes else "below", 0.5)
        pieces = [
            decide(row, [self.sample(row, self.columns((row,), claim.metric)[0], claim.metric)], _first, side)
            for row in claim.row
        ]
        return self._together(pieces, side), side, ""

    def _value(self, claim: Value) -> tuple[Decision, Side, str]:
        described = self.card.metrics[claim.metric]
        (column,) = self.columns((claim.row,), claim.metric)
        sample = self.sample(claim.row, column, claim.metric)
        values = list(sample.values.values())
        outcome = judge(claim.printed, values, described)
        printed, mean = float(claim.printed), sum(values) / len(values)
        interval = None if described.deterministic else prediction_interval(values)
        words: dict[str, ClaimVerdict] = {"reproduced": "supported", "agrees": "supported", "inconclusive": "undecided"}
        decision = Decision(
            words.get(outcome, "contradicted"),
            mean,
            f"{described.title} of {claim.row}, printed {claim.printed}",
            interval,
            seeds=len(values) if sample.repeats != "fixed" else 0,
            needs="more seeds" if outcome == "inconclusive" else "",
        )
        margin = described.margin * abs(printed)
        return decision, Side("within", printed - margin, printed + margin), described.unit

    def _printed(self, claim: Printed) -> tuple[Decision, Side, str]:
        side = Side("within", 1 - claim.margin, 1 + claim.margin)
        pieces = []
        for row in claim.row:
            for column in self.columns((row,), claim.metric):
                printed = self.card.printed(row, column, claim.metric)
                if printed is None:
                    raise NotTestedError(f"a printed {claim.metric} of {row} in {column}")
                log_printed = math.log(printed)

                def log_ratio(values: np.ndarray, log_printed: float = log_printed) -> np.ndarray:
                    ratios: np.ndarray = np.log(values[:, 0]) - log_printed
                    return ratios

                title = f"{row} / printed {printed}"
                pieces.append(decide(title, [self.sample(row, column, claim.metric)], log_ratio, side, log=True))
        return self._together(pieces, side), side, ""

    def _rivals(self, metric: str, row: str, among: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
        """Columns in which both were measured, by rival; and what is missing of rivals that were not measured."""
        rivals = among or [other for other in self.card.rows if other != row and self.wanted(other, metric)]
        of_rivals, missing = {}, []
        for other in rivals:
            try:
                of_rivals[other] = self.columns((row, other), metric)
            except NotTestedError as lack:
                missing.append(str(lack))
        if not of_rivals:
            raise NotTestedError(missing[0] if missing else "a rival")
        return of_rivals, list(dict.fromkeys(missing))

    def _against(self, metric: str, row: str, of_rivals: Mapping[str, Sequence[str]], side: Side) -> Decision:
        """The decision that the ratio to every rival in every column lies on the side."""
        pieces = self._ratios(metric, row, of_rivals, side)
        pooled = [
            self._mean_ratio(metric, row, other, columns, side)
            for other, columns in of_rivals.items()
            if len(columns) > 1
        ]
        return self._together(pieces, side, pooled)

    def _ratios(self, metric: str, row: str, of_rivals: Mapping[str, Sequence[str]], side: Side) -> list[Decision]:
        return [
            self._ratio(metric, row, other, column, side) for other, columns in of_rivals.items() for column in columns
        ]

    def _mean_ratio(self, metric: str, row: str, other: str, columns: Sequence[str], side: Side) -> Decision:
        """The decision on the geometric mean of the ratios in several columns."""
        columns = self.repeated((row, other), columns, metric, 2)
        both = [self.sample(name, column, metric) for name in (row, other) for column in columns]

        def mean_log_ratio(values: np.ndarray) -> np.ndarray:
            logs = np.log(values)
            means: np.ndarray = logs[:, : len(columns)].mean(axis=1) - logs[:, len(columns) :].mean(axis=1)
            return means

        return decide(f"{row} / {other}, mean over {len(columns)} columns", both, mean_log_ratio, side, log=True)

    def _ratio(self, metric: str, row: str, other: str, column: str, side: Side) -> Decision:
        pair = [self.sample(row, column, metric), self.sample(other, column, metric)]
        title = f"{row} / {other}" + (f", {column}" if column else "")
        decision = decide(title, pair, _log_ratio, side, log=True)
        self.require_equal_terms((row, other), column, metric, (decision, side))
        return decision

    def _together(self, pieces: Sequence[Decision], side: Side, pooled: Sequence[Decision] = ()) -> Decision:
        if len(pieces) == 1:
            return pieces[0]
        self.details += [piece.text for piece in (*pieces, *pooled)]
        return all_of(pieces, side, pooled)

    def _printed_too(self) -> list[str]:
        """What the numbers that the paper prints say about the claim, if it prints all of them."""
        claim = self.claim
        if not isinstance(claim, Less | WithinRatio | Wins | Best | Rank) or not self.card.paper:
            return []
        samples = {
            (row, column, metric): Sample({0: float(printed)}, "fixed")
            for row in self.card.rows
            for column in self.card.columns
            for metric in claim.quantities
            if (printed := self.card.printed(row, column, metric)) is not None
        }
        own = _Evaluation(self.card, self.scale, samples, Findings(), (), claim)
        try:
            decision, _, _ = own._decided()
        except NotTestedError:
            return []
        word = {"supported": "hold", "contradicted": "contradict it"}.get(decision.outcome)
        return [f"the paper's own numbers {word}: {decision.text}"] if word else []


def _side(relation: str, bound: float) -> Side:
    return Side("below", high=bound) if relation == "below" else Side("above", low=bound)


def _bounded(below: Decimal | float | None, above: Decimal | float | None) -> Side:
    return Side("below", high=float(below)) if below is not None else Side("above", low=float(above or 0))


def _first(values: np.ndarray) -> np.ndarray:
    return values[:, 0]


def _log_ratio(values: np.ndarray) -> np.ndarray:
    ratios: np.ndarray = np.log(values[:, 0]) - np.log(values[:, 1])
    return ratios


def _slope(sizes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(draws,) slopes of straight lines in the logarithms."""
    x = np.log(sizes) - np.log(sizes).mean()
    slopes: np.ndarray = np.log(values) @ x / (x @ x)
    return slopes


def _bend(sizes: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The second-order term of parabolas in the logarithms."""

    def bend(values: np.ndarray) -> np.ndarray:
        coefficients: np.ndarray = np.polyfit(np.log(sizes), np.log(values).T, 2)[0]
        return coefficients

    return bend
