"""Evidence: what was measured for one claim, and what it lacks."""

from collections.abc import Sequence

from alphanet.benchmark.card import AnyCard
from alphanet.benchmark.claims.card import AnyClaim
from alphanet.benchmark.claims.deciding import Decision, Side
from alphanet.benchmark.claims.samples import Sample, Samples, place_reason, unequal
from alphanet.benchmark.findings import Findings
from alphanet.results.records import Record


class NotTestedError(Exception):
    """What a claim lacks, in words."""


class Evidence:
    """The samples that one claim rests on, with what was used of them."""

    def __init__(
        self,
        card: AnyCard,
        scale: str,
        samples: Samples,
        findings: Findings,
        deviations: Sequence[str],
        claim: AnyClaim,
    ) -> None:
        """Nothing is used yet; see `evaluate_claims`."""
        self.card, self.scale, self.samples, self.claim = card, scale, samples, claim
        self.findings, self.deviations = findings, deviations
        self.used: dict[tuple[str, str, str], Sample] = {}
        self.details: list[str] = []

    @property
    def records(self) -> list[Record]:
        """The records of everything that was used."""
        return [record for sample in self.used.values() for record in sample.records]

    def columns(self, rows: Sequence[str], metric: str) -> list[str]:
        """Columns in which all rows were measured, in the order of their axis if they have one.

        Raises:
            NotTestedError: there is none, or one that the claim names is missing.
        """
        known = list(dict.fromkeys([*self.card.columns, *(column for _, column, _ in self.samples)])) or [""]
        named = self.claim.named_columns
        columns = [name for name in known if name in named] if named else known
        having = [name for name in columns if all((row, name, metric) in self.samples for row in rows)]
        lacking = [name for name in columns if name not in having]
        if not having or (named and lacking):
            raise NotTestedError(self.lack(rows, lacking or list(named) or [""], metric))
        left = [name for name in lacking if name in self.card.columns]
        if left and (text := f"measured in {len(having)} of {len(columns)} columns") not in self.details:
            self.details.append(text)
        return sorted(having, key=lambda name: (self.card.axis(name) or 0.0, columns.index(name)))

    def repeated(self, rows: Sequence[str], columns: Sequence[str], metric: str, fewest: int) -> list[str]:
        """The columns in which no row has a single seed or pass; all of them if those are fewer than `fewest`."""
        samples = self.samples
        enough = [
            column
            for column in columns
            if all((one := samples[row, column, metric]).repeats == "fixed" or len(one.values) > 1 for row in rows)
        ]
        return enough if len(enough) >= fewest else list(columns)

    def lack(self, rows: Sequence[str], columns: Sequence[str], metric: str) -> str:
        """Why the first of these cells has no number."""
        for column in columns:
            for row in rows:
                if (row, column, metric) not in self.samples:
                    place = "/".join(filter(None, (row, column)))
                    return f"{place}: {place_reason(self.findings, (row, column), metric)}"
        return f"{metric} of {', '.join(rows)}"

    def sample(self, row: str, column: str, metric: str) -> Sample:
        """The sample of a cell, which is then used.

        Raises:
            NotTestedError: its records are not measurements of one thing, or only a part of what was published.
        """
        sample = self.samples[row, column, metric]
        described = self.card.metrics.get(metric)
        if described is not None and described.deterministic and self.deviations:
            raise NotTestedError(f"all of the published labels and predictions (here: {', '.join(self.deviations)})")
        if sample.problem:
            raise NotTestedError(f"{'/'.join(filter(None, (row, column)))}: {sample.problem}")
        self.used[row, column, metric] = sample
        return sample

    def require_the_papers_protocol(self, rows: Sequence[str], columns: Sequence[str]) -> None:
        """Check that the cells are measured by the paper's protocol.

        Raises:
            NotTestedError: they are not.
        """
        settings = self.card.scale(self.scale)
        if not settings.comparable:
            raise NotTestedError(f"the paper's data and settings ({settings.reason})")
        if self.deviations:
            raise NotTestedError(f"the paper's protocol (here: {', '.join(self.deviations)})")
        for row in rows:
            for column in columns or [*self.card.columns, ""]:
                if reason := self.card.incomparable(self.scale, row, column):
                    raise NotTestedError(f"the paper's protocol ({row}: {reason})")

    def require_equal_terms(
        self, rows: tuple[str, str], column: str, metric: str, decided: tuple[Decision, Side] | None = None
    ) -> None:
        """Check that two rows had the same steps or compute, or that it was to the disadvantage of what was decided.

        A network that is ahead with less would be ahead with as much, too. So a decided ratio of the first row to the
        second stands if the row that it speaks for had less.

        Raises:
            NotTestedError: they had not.
        """
        own, other = (self.samples[row, column, metric].spent for row in rows)
        reason = unequal({rows[0]: own, rows[1]: other})
        if not reason or own is None or other is None:
            return
        if decided is not None and own.equal != "convergence":
            decision, side = decided
            speaks_for_own = (decision.outcome == "supported") == (side.direction == self.better(metric))
            less = own.amount < other.amount
            if decision.outcome != "undecided" and side.direction != "within" and speaks_for_own == less:
                self.details.append(f"{rows[0] if less else rows[1]} had less: {reason}")
                return
        raise NotTestedError(reason)

    def require_one_machine(self) -> None:
        """Check that times are from one machine, and that trainings had the same versions.

        Raises:
            NotTestedError: they are not.
        """
        records = self.records
        timed = any(sample.repeats == "pass" for sample in self.used.values())
        if timed and len({repr(record.environment.get("hardware")) for record in records}) > 1:
            raise NotTestedError("all times from one machine: these are from several")
        trained = [record for sample in self.used.values() if sample.repeats == "seed" for record in sample.records]
        versions = {repr(record.environment.get("software")) for record in trained}
        if len(versions) > 1:
            raise NotTestedError("records with the same versions: these were made with several")
        if len({repr(record.environment.get("hardware")) for record in trained}) > 1:
            self.details.append("trained on several machines with the same versions")

    def wanted(self, row: str, metric: str) -> bool:
        """Whether a row takes part if no rivals are named; floors such as the mean and rows beyond the paper do not.

        The paper has the rows of which it prints the metric, or if it prints it of none, those of which it prints
        anything. Of a figure without numbers it has all of them.
        """
        if self.card.rows[row].trivial:
            return False
        printing = [name for name in self.card.rows if self._prints(name, metric)] or list(self.card.paper)
        return row in printing or not printing

    def _prints(self, row: str, metric: str) -> bool:
        return any(self.card.printed(row, column, metric) is not None for column in self.card.columns)

    def better(self, metric: str) -> str:
        """The side on which a better row's ratio to another lies."""
        described = self.card.metrics.get(metric)
        return "above" if described is not None and described.better == "higher" else "below"

    def unit(self, metric: str) -> str:
        """The unit of a metric, or of another quantity of the kind."""
        described = self.card.metrics.get(metric)
        return described.unit if described is not None else self.card.unit(metric)
