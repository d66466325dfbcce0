"""Tables of trainings: errors on each split, and the settings that differ from one training to the next."""

from collections.abc import Mapping, Sequence
from typing import Any

from alphanet.results.facts import number_or_dash
from alphanet.results.records import Record
from alphanet.results.schema import Grid, Number
from alphanet.training.folder import TrainingResult
from alphanet.training.settings import flat

MILLI = 1e3
SPLITS = ("valid", "test", "valid, before", "test, before", "old, before", "old")
ERRORS = (
    ("energy_mae", "energy MAE (meV/atom)"),
    ("energy_rmse", "energy RMSE (meV/atom)"),
    ("force_mae", "force MAE (meV/Å)"),
    ("force_rmse", "force RMSE (meV/Å)"),
    ("stress_mae", "stress MAE (meV/Å^3)"),
)
QUANTITIES = (("energy", "meV/atom"), ("force", "meV/Å"), ("stress", "meV/Å^3"))


def error_grid(trainings: Mapping[str, Sequence[Record]], splits: Sequence[str] = SPLITS) -> Grid:
    """Errors of each training on each split; a column stays out if no training has its number.

    Args:
        trainings: records of the splits, by the training's title.
        splits: to show.
    """
    shown = [
        (title, record)
        for title, records in trainings.items()
        for record in records
        if record.data.get("split") in splits
    ]
    errors = [(key, text) for key, text in ERRORS if any(record.value(key) is not None for _, record in shown)]
    rows = tuple(
        (
            title,
            str(record.data["split"]),
            str(record.metrics["n_structures"]),
            *(number_or_dash(record.value(key), record.id, factor=MILLI) for key, _ in errors),
        )
        for title, record in shown
    )
    columns = ("training", "frames of", "frames", *(text for _, text in errors))
    return Grid(id="errors", title="Errors of the trained models", columns=columns, rows=rows)


def calibration_grid(records: Sequence[Record]) -> Grid:
    """A committee's spread against its errors: a row for each split and quantity."""
    rows = []
    for record in records:
        measured: Any = record.metrics.get("calibration", {})
        for quantity, unit in QUANTITIES:
            if quantity in measured:
                values = measured[quantity]
                sizes = [number_or_dash(values[key], record.id, factor=MILLI) for key in ("rmse", "spread")]
                ratios = [number_or_dash(values[key], record.id) for key in ("scale", "calibration", "spearman")]
                rows.append((f"{quantity} ({unit})", str(record.data["split"]), *sizes, *ratios))
    columns = ("quantity", "frames of", "RMSE", "RMS spread", "RMSE / spread", "calibration", "rank correlation")
    return Grid(id="calibration", title="Spread of the committee against its errors", columns=columns, rows=tuple(rows))


def text_rows(grid: Grid) -> list[tuple[str, ...]]:
    """The rows of a grid as texts."""
    return [tuple(cell.text if isinstance(cell, Number) else cell for cell in row) for row in grid.rows]


def settings_grid(trained: TrainingResult) -> Grid:
    """Every setting of a training."""
    values = flat(trained.settings)
    rows = tuple((key, _text(value)) for key, value in values.items())
    return Grid(id="settings", title="Settings", columns=("key", "value"), rows=rows, folded=True)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
