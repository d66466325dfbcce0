"""Around a package's own trainer: its log in the columns of every training, and its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from loop import METRICS
from loop.table import epoch_text, validations, write_rows
from worker_kit import logger


class Length(TypedDict):
    """The part of a request that says how long to train; at least one is given."""

    epochs: int | None
    steps: int | None


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
                logger.info("epoch %d%s: %s", row["epoch"], of, epoch_text(row))

    def best(self, steps_per_epoch: int, planned: int) -> Best:
        """The best validation so far, at the end of an epoch or of the training.

        That in the midst of an epoch that `max_time` cut counts only if there is no other.
        """
        validations = self._validations()
        whole = [row for row in validations if row["step"] % steps_per_epoch == 0 or row["step"] == planned]
        best = min(whole or validations, key=lambda row: row["valid_loss"])
        errors = {name.removeprefix("valid_"): value for name, value in best.items() if name.startswith("valid_")}
        return {"best_epoch": int(best["epoch"]), "validation": errors}

    def _validations(self) -> list[dict[str, float]]:
        if self._rows is not None:
            by_step = {int(row["step"]): row for row in self._rows()}  # a resumed run repeats steps
            write_rows(self._file, [by_step[step] for step in sorted(by_step)])
        return validations(self._file)


def planned_steps(request: Length, steps_per_epoch: int) -> int:
    """Steps of the whole training that `request` asks for."""
    lengths = (request["steps"], request["epochs"] and request["epochs"] * steps_per_epoch)
    return int(min(length for length in lengths if length is not None))


def training_answer(
    costs: Mapping[str, Any], request: Length, steps_per_epoch: int, log: ValidationLog
) -> dict[str, object]:
    """What every trainer answers: costs, numbers of epochs and steps, whether all were taken, the best validation.

    Args:
        costs: `costs.costs_of`, and `steps`.
        request: of the training.
        steps_per_epoch: of its data.
        log: of its validations.
    """
    steps, planned = int(costs["steps"]), planned_steps(request, steps_per_epoch)
    return {
        **costs,
        "epochs": steps // steps_per_epoch,
        "steps_per_epoch": steps_per_epoch,
        "finished": steps >= planned,
        **log.best(steps_per_epoch, planned),
    }
