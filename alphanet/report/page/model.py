"""A report: the results of runs, and the problems of comparing them."""

from typing import Literal

from pydantic import Field

from alphanet.results.schema import CLAIMS, SETTINGS, VERDICTS, BenchmarkResult, Part

SCHEMA: Literal["alphanet-report"] = "alphanet-report"
VERSION: Literal[3] = 3


class ReportedRun(Part):
    """One folder of a run."""

    id: str  # unique in the report; part of the page's addresses
    name: str  # of the benchmark, or of the folder
    title: str
    folder: str  # as the user would name it
    state: Literal["finished", "unfinished", "unreadable"]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    figures: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Name of a figure -> ending -> path of the file in the report"""
    result: BenchmarkResult | None = None  # of a finished run


class Summary(Part):
    """Counts over all runs."""

    runs: int
    cells: int
    verdicts: dict[str, int]  # of measured cells
    settings: dict[str, int]  # of settings and counts
    inconsistent: int  # cells whose printed number the paper contradicts, whatever their verdict
    with_errata: int
    claims: dict[str, int]
    problems: int


class Report(Part):
    """All runs, and their problems together."""

    schema_: Literal["alphanet-report"] = Field(default=SCHEMA, alias="schema")
    version: Literal[3] = VERSION
    made: str
    summary: Summary
    problems: tuple[str, ...] = ()
    runs: tuple[ReportedRun, ...]

    @property
    def results(self) -> list[BenchmarkResult]:
        """The results of all finished runs."""
        return [run.result for run in self.runs if run.result]


def summarize(runs: tuple[ReportedRun, ...], problems: tuple[str, ...]) -> Summary:
    """Count cells, claims and problems."""
    results = [run.result for run in runs if run.result]
    cells = [cell for result in results for cell in result.cells]
    claims = [claim for result in results for claim in result.claims]
    return Summary(
        runs=len(runs),
        cells=len(cells),
        verdicts={verdict: sum(cell.outcome == verdict for cell in cells) for verdict in VERDICTS},
        settings={verdict: sum(cell.outcome == verdict for cell in cells) for verdict in SETTINGS},
        inconsistent=sum(cell.inconsistent for cell in cells),
        with_errata=sum(bool(cell.errata) for cell in cells),
        claims={verdict: sum(claim.outcome == verdict for claim in claims) for verdict in CLAIMS},
        problems=len(problems) + sum(len(run.problems) for run in runs),
    )
