"""Reproduce a table of accuracies by its name, and write everything that shows it."""

from collections.abc import Callable
from dataclasses import dataclass

from alphanet.paper.benchmark import load_benchmark
from alphanet.paper.power_law import curve_lines, curves
from alphanet.paper.reproduce import Options, Outcome, reproduce
from alphanet.provenance import by_command
from alphanet.report.figures import parity_figure, write_parity_csv
from alphanet.report.scaling import scaling_figure, write_scaling_csv
from alphanet.report.sheet import Sheet, make_sheet
from alphanet.report.tables import write_tables


@dataclass(frozen=True)
class Finished:
    """A table that was measured and written."""

    outcome: Outcome
    sheet: Sheet  # as it is read
    lines: tuple[str, ...]  # what is told under it: power laws


def run_benchmark(name: str, options: Options, report: Callable[[str], None]) -> Finished:
    """Measure what is not measured yet of the benchmark `name`; write tables, figures and `results.json`.

    Args:
        name: of a card of accuracies in `benchmarks/`, or in the folder that `ALPHANET_BENCHMARKS` names.
        options: what is asked for; everything is written into `options.folder`.
        report: takes lines for the user.

    Raises:
        UserError: no such benchmark, a wrong card, or options that name what it does not have. Potentials that fail are
            in `outcome.failures`.
    """
    benchmark = load_benchmark(name)
    outcome = reproduce(benchmark, options, report)
    sheet = make_sheet(benchmark, options.scale, outcome.cells)
    provenance = by_command()
    found = curves(benchmark, outcome.records)
    laws = {"power_laws": [curve.as_dict() for curve in found]} if benchmark.power_law else {}
    beside = {**laws, "failures": outcome.failures, "provenance": provenance}
    write_tables(options.folder, sheet, outcome.cells, beside)
    for parity in outcome.parities:
        parity_figure(options.folder / parity.name, parity.title, parity.samples)
        write_parity_csv(options.folder / f"{parity.name}.csv", parity.samples)
    if scaling_figure(options.folder / benchmark.name, benchmark, options.scale, found):
        write_scaling_csv(options.folder / f"{benchmark.name}.csv", found)
    return Finished(outcome, sheet, tuple(curve_lines(benchmark, found)))
