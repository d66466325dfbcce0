"""Parts of a landscape besides parity plots: a table of numbers, maps and binding curves."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alphanet.results.facts import value_text
from alphanet.results.records import Record
from alphanet.results.schema import Figure, Grid, Number

if TYPE_CHECKING:
    from alphanet.measure.landscape import Landscape

MILLI = 1e3
QUANTITIES: dict[str, tuple[str | None, str, float]] = {
    "sliding surface, largest difference (meV/atom)": (None, "sliding_max_difference", MILLI),
    "sliding surface, RMS difference (meV/atom)": (None, "sliding_rms_difference", MILLI),
    "sliding surface, highest minus lowest (meV/atom)": ("corrugation_reference", "corrugation_predicted", MILLI),
    "binding curve, largest difference (meV/atom)": (None, "binding_max_difference", MILLI),
    "binding curve, depth (meV/atom)": ("depth_reference", "depth_predicted", MILLI),
    "binding curve, distance of the minimum (Å)": ("distance_reference", "distance_predicted", 1.0),
}
"""Title -> names in `Landscape.metrics` of the value of the reference and of the potential, and a factor"""


def landscape_grid(measured: Mapping[str, Sequence[Record]]) -> Grid:
    """The numbers of each row's sliding surface and binding curve beside the reference's: means over its records."""
    first = next(iter(measured))
    rows = []
    for title, (reference, predicted, factor) in QUANTITIES.items():
        numbers = [_number(measured[first][:1], reference, factor, first) if reference else "–"]
        numbers += [_number(records, predicted, factor, row) for row, records in measured.items()]
        rows.append((title, *numbers))
    most = max(len(records) for records in measured.values())
    title = "Sliding surface and binding curve" + (" (mean ± standard deviation over seeds)" if most > 1 else "")
    columns = ("quantity", "reference", *measured)
    return Grid(id="landscapes", title=title, columns=columns, rows=tuple(rows))


def _number(records: Sequence[Record], metric: str, factor: float, row: str) -> str | Number:
    values = [factor * value for record in records if (value := record.value(metric)) is not None]
    if not values:
        return "–"
    spread = statistics.stdev(values) if len(values) > 1 else None
    mean = statistics.fmean(values)
    return Number(text=value_text(mean, spread), value=mean, origin=origin_of(row))


def origin_of(row: str) -> str:
    """The key of the facts behind a row's numbers."""
    return f"landscape/{row}"


def draw_landscape(
    folder: Path, title: str, row: tuple[str, str], energies: "Landscape", below: float | None
) -> list[Figure]:
    """Draw maps of the sliding surface and the binding curve into `folder`.

    Args:
        folder: of the figure.
        title: above the drawings.
        row: the row, whose model names the files.
        energies: of the row's potential beside the reference.
        below: the claimed bound of the difference, meV/atom; None if there is none.
    """
    from alphanet.figures.landscape import binding_figure, sliding_figure, write_landscape_csv
    from alphanet.figures.style import figure_files

    name, model = row
    sliding, binding = f"sliding_{model}", f"binding_{model}"
    sliding_figure(folder / sliding, title, name, energies, below)
    binding_figure(folder / binding, title, name, energies)
    write_landscape_csv(folder, model, energies)
    titles = {
        sliding: f"Energy over the sliding vector: reference, {name}, difference",
        binding: f"Energy against the distance between the layers: {name}",
    }
    return [Figure(name=file, title=text, files=figure_files(file, "csv")) for file, text in titles.items()]
