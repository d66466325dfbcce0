"""A report: the results of runs, and the problems of comparing them."""

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field

from alphanet.results.schema import CLAIMS, INCONSISTENT, SETTINGS, VERDICTS, BenchmarkResult, Cell, Claim, Form, Part

SCHEMA: Literal["alphanet-report"] = "alphanet-report"
VERSION: Literal[4] = 4
SETTINGS_KIND = "settings"  # of benchmarks whose cells are all read or counted
SCALES = ("full", "slice", "mini")  # largest first


class ReportedRun(Part):
    """One folder of a run."""

    id: str  # unique in the report; part of the page's addresses
    name: str  # of the benchmark, or of the folder
    title: str
    form: Form = "table"  # what the benchmark is in its paper
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
    cells: int  # without those of `settings`
    verdicts: dict[str, int]  # of measured cells
    settings: dict[str, int]  # of settings and counts, which nothing was measured for
    inconsistent: int  # cells whose printed number the paper contradicts, whatever their verdict
    with_errata: int
    claims: dict[str, dict[str, int]]  # of the paper: scale -> verdict -> their number, the largest scale first
    answer: str  # the same in one sentence
    problems: int


class Report(Part):
    """All runs, and their problems together."""

    schema_: Literal["alphanet-report"] = Field(default=SCHEMA, alias="schema")
    version: Literal[4] = VERSION
    made: str
    summary: Summary
    problems: tuple[str, ...] = ()
    runs: tuple[ReportedRun, ...]

    @property
    def results(self) -> list[BenchmarkResult]:
        """The results of all finished runs."""
        return [run.result for run in self.runs if run.result]


def summarize(runs: tuple[ReportedRun, ...], problems: tuple[str, ...]) -> Summary:
    """Count claims, cells, settings and problems."""
    results = [run.result for run in runs if run.result]
    cells = [(cell, _is_setting(cell, result)) for result in results for cell in result.cells]
    measurements = [cell for cell, setting in cells if not setting]
    settings = [cell for cell, setting in cells if setting]
    claims = claim_counts(claim for result in results for claim in result.claims if claim.about == "paper")
    return Summary(
        runs=len(runs),
        cells=len(measurements),
        verdicts={verdict: sum(cell.outcome == verdict for cell in measurements) for verdict in VERDICTS},
        settings={verdict: sum(cell.outcome == verdict for cell in settings) for verdict in (*SETTINGS, INCONSISTENT)},
        inconsistent=sum(cell.inconsistent for cell, _ in cells),
        with_errata=sum(bool(cell.errata) for cell, _ in cells),
        claims=claims,
        answer=answer(claims),
        problems=len(problems) + sum(len(run.problems) for run in runs),
    )


def claim_counts(claims: Iterable[Claim]) -> dict[str, dict[str, int]]:
    """Scale -> verdict -> number of claims, the largest scale first."""
    counts: dict[str, dict[str, int]] = {}
    for claim in claims:
        of_scale = counts.setdefault(claim.scale, dict.fromkeys(CLAIMS, 0))
        of_scale[claim.outcome] += 1
    return dict(sorted(counts.items(), key=lambda item: scale_order(item[0])))


def scale_order(scale: str) -> tuple[int, str]:
    """Sort key of scales: the largest first, others by name at the end."""
    return (SCALES.index(scale), "") if scale in SCALES else (len(SCALES), scale)


def answer(counts: Mapping[str, Mapping[str, int]]) -> str:
    """One sentence on the paper: by scale, how many claims have which verdict.

    Args:
        counts: scale -> verdict -> number of claims.
    """
    parts = []
    for scale, verdicts in counts.items():
        total = sum(verdicts.values())
        claims = "the one claim of the paper in these runs" if total == 1 else f"{total} claims of the paper"
        listed = [f"{count} {'is' if count == 1 else 'are'} {word}" for word, count in verdicts.items()]
        parts.append(f"at scale {scale}, of {claims} {', '.join(listed[:-1])} and {listed[-1]}")
    text = "; ".join(parts) or "no claim of the paper was looked at in these runs"
    return f"{text[0].upper()}{text[1:]}."


def _is_setting(cell: Cell, result: BenchmarkResult) -> bool:
    """Whether a cell is read from settings or counted, rather than measured."""
    return cell.outcome in SETTINGS or result.kind == SETTINGS_KIND
