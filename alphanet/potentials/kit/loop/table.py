"""The log of a training as a CSV file, with the same columns for every model; needs neither torch nor Lightning."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

QUANTITIES = ("loss", "energy_mae", "force_mae", "stress_mae")  # eV/atom, eV/Å, eV/Å^3
COLUMNS = (
    "step",
    "epoch",
    "learning_rate",
    "energy_weight",
    *(f"train_{name}" for name in QUANTITIES),
    *(f"valid_{name}" for name in QUANTITIES),
    "seconds",  # since this start
)
UNITS = {"energy_mae": "meV/atom", "force_mae": "meV/Å", "stress_mae": "meV/Å^3"}  # thousandths of the columns


def errors_text(errors: Mapping[str, float]) -> str:
    """Energy, force and stress errors (eV/atom, eV/Å, eV/Å^3) in words, as far as there are any; or the loss."""
    parts = [
        f"{name.removesuffix('_mae')} {1000 * errors[name]:.3g} {unit}"
        for name, unit in UNITS.items()
        if name in errors
    ]
    return ", ".join(parts) or f"loss {errors['loss']:.3g}"


def epoch_text(row: Mapping[str, float]) -> str:
    """What is known of an epoch, from the columns of its row: the training's loss, and the validation's errors."""
    known = {part: _part(row, part) for part in ("train", "valid")}
    texts = []
    if "loss" in known["train"]:
        texts.append(f"training loss {known['train']['loss']:.3g}")
    if known["valid"]:
        texts.append(f"validation {errors_text(known['valid'])}")
    elif len(known["train"]) > 1:
        texts.append(errors_text(known["train"]))
    return "; ".join(texts)


def _part(row: Mapping[str, float], part: str) -> dict[str, float]:
    return {name: row[f"{part}_{name}"] for name in QUANTITIES if f"{part}_{name}" in row}


def keep_rows(path: Path, step: int) -> None:
    """Keep the rows up to `step`, from which a run goes on, and the header."""
    kept: list[list[str]] = []
    if path.exists():
        with path.open(newline="") as stream:
            rows = [row for row in csv.reader(stream) if len(row) == len(COLUMNS) and row[0].isdigit()]
        kept = [row for row in rows if int(row[0]) <= step and step > 0]
    _write(path, [COLUMNS, *kept])


def write_rows(path: Path, rows: Sequence[Mapping[str, float | str]]) -> None:
    """Write a whole log; columns without a value stay empty."""
    _write(path, [COLUMNS, *([str(row.get(name, "")) for name in COLUMNS] for row in rows)])


def append_row(path: Path, row: Mapping[str, float | str]) -> None:
    """Append a row; columns without a value stay empty."""
    with path.open("a", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerow(row.get(name, "") for name in COLUMNS)


def rows_of(path: Path) -> list[dict[str, float]]:
    """The whole rows of a log, with the values they have."""
    if not path.exists():
        return []
    with path.open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if None not in row.values()]
    return [{name: float(value) for name, value in row.items() if value} for row in rows]


def validations(path: Path) -> list[dict[str, float]]:
    """The rows that have a validation, with the values they have."""
    return [row for row in rows_of(path) if "valid_loss" in row]


def _write(path: Path, rows: Sequence[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text("".join(",".join(row) + "\n" for row in rows))
    part.replace(path)
