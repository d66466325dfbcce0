"""Samples of a sweep: times and memory by pass, from which claims about them are decided."""

from alphanet.benchmark.claims.samples import Sample
from alphanet.benchmark.findings import Findings
from alphanet.benchmark.kinds.speed.card import SpeedCard
from alphanet.benchmark.kinds.timing import memory_by_pass, times_by_pass
from alphanet.benchmark.selection import WHOLE
from alphanet.measure.speed.points import SpeedPoint
from alphanet.measure.speed.summary import SweepSummary

MILLISECONDS = 1e3


def samples_of_sweep(
    card: SpeedCard, sweep: str, summary: SweepSummary, findings: Findings
) -> dict[tuple[str, str, str], Sample]:
    """The samples of one sweep.

    Args:
        card: with the rows.
        sweep: its name.
        summary: of it.
        findings: with the records of the rows.

    Returns:
        For each row and number of atoms the time of a batch of every task (ms); for the largest system, in the card's
        column, `SWEEP_speed` (structures/s) and `SWEEP_memory` (GB a structure).
    """
    samples: dict[tuple[str, str, str], Sample] = {}
    column = next(iter(card.columns), WHOLE)
    first = summary.tasks[0]
    for row, described in card.rows.items():
        records = tuple(
            record for record in findings.records.get((row, column), ()) if f"{sweep}_speed" in record.metrics
        )
        points = [point for point in summary.points_of(described.model) if first in point.times_ms]
        for point in points:
            for task in summary.tasks:
                if passes := times_by_pass(point, task):
                    values = {number: MILLISECONDS * seconds for number, seconds in passes.items()}
                    samples[row, str(point.n_atoms), task] = Sample(values, "pass", records)
        if points and (rates := rates_by_pass(points[-1], first)):
            samples[row, column, f"{sweep}_speed"] = Sample(rates, "pass", records)
            samples[row, column, f"{sweep}_memory"] = Sample(memory_by_pass(points[-1]), "pass", records)
    return samples


def rates_by_pass(point: SpeedPoint, task: str) -> dict[int, float]:
    """By pass, structures per second."""
    return {number: point.batch / seconds for number, seconds in times_by_pass(point, task).items()}
