"""The log of a training while it grows: a line for the caller at each validation, and the best of them at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from loop import METRICS
from loop.table import validations, write_rows
from worker_kit import logger


class ValidationLog:
    """`logs/metrics.csv` of a run, over all its resumptions."""

    def __init__(
        self, out: Path, epochs: int | None, rows: Callable[[], Sequence[Mapping[str, Any]]] | None = None
    ) -> None:
        """Take note of what is there already.

        Args:
            out: folder of the run.
            epochs: number that is planned, if it is known.
            rows: reads the log of a package's own trainer, which is then written as `logs/metrics.csv`; the columns
                are those of `loop.table`.
        """
        self._file, self._epochs, self._rows = out / METRICS, epochs, rows
        self._last = max((int(row["step"]) for row in self._validations()), default=-1)

    def read(self) -> None:
        """Log the validations since the last time."""
        for row in self._validations():
            if row["step"] > self._last:
                self._last = int(row["step"])
                of = f"/{self._epochs}" if self._epochs else ""
                energy, force = 1000 * row["valid_energy_mae"], 1000 * row["valid_force_mae"]
                said = "epoch %g%s: validation energy %.3g meV/atom, force %.3g meV/Å"
                logger.info(said, row["epoch"], of, energy, force)

    def best(self) -> dict[str, Any]:
        """`best_epoch` and `validation` of the smallest loss: loss, energy_mae (eV/atom), force_mae (eV/Å), …"""
        best = min(self._validations(), key=lambda row: row["valid_loss"])
        found = {name.removeprefix("valid_"): value for name, value in best.items() if name.startswith("valid_")}
        return {"best_epoch": int(best["epoch"]), "validation": found}

    def _validations(self) -> list[dict[str, float]]:
        if self._rows is not None:
            write_rows(self._file, self._rows())
        return validations(self._file)
