"""Compute a table of training cost by its name, and write everything that shows it."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from alphanet.paper.benchmark import read_benchmark
from alphanet.paper.cost import Options, Outcome, measure_costs
from alphanet.paper.cost_cards import CostTable
from alphanet.provenance import by_command
from alphanet.report.sheet import Sheet, make_sheet
from alphanet.report.speed import write_speed
from alphanet.report.tables import write_tables


@dataclass(frozen=True)
class Finished:
    """A table that was measured and written."""

    outcome: Outcome
    sheet: Sheet  # as it is read


def run_costs(name: str, options: Options, report: Callable[[str], None]) -> Finished:
    """Time the steps behind the table `name` that are not timed yet; write the table, `results.json` and the sweeps.

    Everything goes into `options.folder`, the steps of a column into a folder of its name there.

    Raises:
        UserError: no such table or scale, a wrong card, or steps that cannot be timed here at all. Columns whose steps
            fail are in `outcome.failures`.
    """
    card = read_benchmark(name, CostTable)
    outcome = measure_costs(card, options, report)
    for column, summary in outcome.summaries.items():
        write_speed(options.folder / column, summary)
    sheet = make_sheet(card, options.scale, outcome.cells)
    sheet = dataclasses.replace(sheet, notes=(*sheet.notes, *outcome.assumptions))
    beside = {
        "failures": outcome.failures,
        "assumptions": outcome.assumptions,
        "provenance": by_command(),
    }
    write_tables(options.folder, sheet, outcome.cells, beside)
    return Finished(outcome, sheet)
