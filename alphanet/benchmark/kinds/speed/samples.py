"""Samples of a sweep: times by pass, from which claims about speed and memory are decided."""

from statistics import median

from alphanet.benchmark.claims.samples import Repeats, Sample
from alphanet.benchmark.findings import Findings
from alphanet.benchmark.kinds.speed.card import SpeedCard
from alphanet.benchmark.kinds.timing import gigabytes_a_sample
from alphanet.benchmark.selection import WHOLE
from alphanet.measure.speed.points import SpeedPoint
from alphanet.measure.speed.summary import SweepSummary

MORE_MEMORY = "memory as a GPU counts it: of a process only the largest peak of all passes is kept"


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
                if passes := _passes(point, task):
                    samples[row, str(point.n_atoms), task] = Sample(passes, "pass", records)
        if points and (passes := _passes(points[-1], first)):
            rates = {number: 1e3 * points[-1].batch / ms for number, ms in passes.items()}
            samples[row, column, f"{sweep}_speed"] = Sample(rates, "pass", records)
            # Memory that CUDA allocated does not vary; that of a process does, and only its largest peak is kept.
            repeats: Repeats = "fixed" if "allocated" in points[-1].peak_memory_mb else "pass"
            memory = {0: gigabytes_a_sample(points[-1])}
            samples[row, column, f"{sweep}_memory"] = Sample(memory, repeats, records, more=MORE_MEMORY)
    return samples


def _passes(point: SpeedPoint, task: str) -> dict[int, float]:
    """By pass, the median of its rounds in ms."""
    return {number: 1e3 * median(rounds) for number, rounds in enumerate(point.rounds.get(task, ())) if rounds}
