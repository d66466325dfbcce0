"""Hold a table of settings against the code, by its name, and write everything that shows it."""

from collections.abc import Callable
from dataclasses import dataclass

from alphanet.paper.benchmark import read_benchmark
from alphanet.paper.settings import SCALE, Options, Outcome, read_settings
from alphanet.paper.settings_cards import SettingsTable
from alphanet.provenance import by_command
from alphanet.report.sheet import Sheet, make_sheet
from alphanet.report.tables import write_tables


@dataclass(frozen=True)
class Finished:
    """A table that was read and written."""

    outcome: Outcome
    sheet: Sheet  # as it is read


def run_settings(name: str, options: Options, report: Callable[[str], None]) -> Finished:
    """Read the presets of the table `name`; write the table and `results.json` into `options.folder`.

    Raises:
        UserError: no such table, or a wrong card.
    """
    card = read_benchmark(name, SettingsTable)
    outcome = read_settings(card, options, report)
    sheet = make_sheet(card, SCALE, outcome.cells)
    provenance = by_command()
    write_tables(options.folder, sheet, outcome.cells, {"failures": outcome.failures, "provenance": provenance})
    return Finished(outcome, sheet)
