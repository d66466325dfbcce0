"""Around a package's own trainer: its child process, its wall time, its log in the columns of every training."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from loop import METRICS
from loop.table import errors_text, validations, write_rows
from worker_kit import logger, run_module


class Best(TypedDict):
    """The epoch of the smallest loss on the validation frames."""

    best_epoch: int
    validation: dict[str, float]  # loss, energy_mae (eV/atom), force_mae (eV/Å), …


class ValidationLog:
    """`logs/metrics.csv` of a run while it grows, over all its resumptions."""

    def __init__(
        self, out: Path, epochs: int | None, rows: Callable[[], Sequence[Mapping[str, float | str]]] | None = None
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
                errors = {name.removeprefix("valid_"): value for name, value in row.items()}
                logger.info("epoch %d%s: validation %s", row["epoch"], of, errors_text(errors))

    def best(self) -> Best:
        """The best validation so far."""
        best = min(self._validations(), key=lambda row: row["valid_loss"])
        errors = {name.removeprefix("valid_"): value for name, value in best.items() if name.startswith("valid_")}
        return {"best_epoch": int(best["epoch"]), "validation": errors}

    def _validations(self) -> list[dict[str, float]]:
        if self._rows is not None:
            by_step = {int(row["step"]): row for row in self._rows()}  # a resumed run repeats steps
            write_rows(self._file, [by_step[step] for step in sorted(by_step)])
        return validations(self._file)


def run_trainer(arguments: Sequence[object], folder: Path, log: ValidationLog) -> float:
    """Run `python -m arguments…` in `folder`; returns its wall time in seconds, over all starts in this folder.

    Raises:
        RuntimeError: it ended with an error; what it printed is in the worker's log.
    """
    clock = folder / "seconds.txt"
    before = float(clock.read_text()) if clock.exists() else 0.0
    started = time.monotonic()

    def progress() -> None:
        log.read()
        clock.write_text(str(before + time.monotonic() - started))

    run_module(arguments, folder, progress)
    return before + time.monotonic() - started


def is_finished(request: Mapping[str, Any], epochs: int, steps: int) -> bool:
    """Whether a training took all the epochs or steps that `request` has."""
    return epochs >= (request["epochs"] or float("inf")) or steps >= (request["steps"] or float("inf"))
