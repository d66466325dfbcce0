"""A trainer's CSV logs, read while they grow: a line an epoch for the caller, and the best epoch at the end."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path


class EpochLog:
    """Lightning's CSV logs below a folder, over all resumptions of a run."""

    def __init__(self, folder: Path, epochs: int | None, report: Callable[[str], None], prefix: str = "") -> None:
        """Read `folder/logs/version_*/metrics.csv`.

        Args:
            folder: of the run.
            epochs: how many are planned, if that is known.
            report: takes the lines.
            prefix: of the columns `energy` (eV/atom), `force` (eV/Å) and `weighted_sum` (the smaller the better).
        """
        self._folder, self._epochs, self._report, self._prefix = folder, epochs, report, prefix
        self._told = max((int(row["epoch"]) for row in self._rows()), default=-1)

    def read(self) -> None:
        """Report the epochs that have ended since the last time."""
        for row in self._rows():
            if int(row["epoch"]) > self._told:
                self._told = int(row["epoch"])
                of = f"/{self._epochs}" if self._epochs else ""
                energy, force = (1000 * float(row[self._prefix + name]) for name in ("energy", "force"))
                self._report(f"epoch {self._told + 1}{of}: valid {energy:.2f} meV/atom, {force:.1f} meV/Å")

    def best(self) -> dict[str, float]:
        """`energy_mae` (eV/atom) and `force_mae` (eV/Å) of the epoch with the smallest weighted sum."""
        best = min(self._rows(), key=lambda row: float(row[f"{self._prefix}weighted_sum"]))
        return {
            "energy_mae": float(best[f"{self._prefix}energy"]),
            "force_mae": float(best[f"{self._prefix}force"]),
        }

    def _rows(self) -> list[dict[str, str]]:
        files = sorted(self._folder.glob("logs/version_*/metrics.csv"), key=lambda file: file.stat().st_mtime)
        rows = [row for file in files for row in csv.DictReader(file.open())]
        return [row for row in rows if row.get(f"{self._prefix}weighted_sum")]
