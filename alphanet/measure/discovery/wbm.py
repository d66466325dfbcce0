"""The score of a file of WBM predictions, as the leaderboard of Matbench Discovery scores it: subset by subset."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import JsonValue

from alphanet.data.cards import SourceFile, load_card
from alphanet.data.fetching import local_path
from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.measure.discovery.intervals import bootstrap_intervals
from alphanet.measure.discovery.metrics import UNIQUE_PREVALENCE, discovery_metrics
from alphanet.measure.discovery.tables import UNIQUE, Joined, join

Subset = Literal["full", "unique", "most-stable"]
SUBSETS: tuple[Subset, ...] = ("full", "unique", "most-stable")
MOST_STABLE = 10_000  # structures
MAX_ERROR = 5.0  # eV/atom
STRUCTURES = 256_963  # in the published summary
NOT_CALLED_UNIQUE = f"the truth has no column {UNIQUE}, as the published summary has"


@dataclass(frozen=True)
class Wbm:
    """Predictions beside the published labels."""

    joined: Joined
    predictions: Path
    truth: Path

    def only(self, ids: Iterable[str]) -> "Wbm":
        """The predictions of the structures `ids` alone, for example of a sample."""
        return replace(self, joined=_rows(self.joined, np.flatnonzero(np.isin(self.joined.ids, list(ids)))))

    def select(self, subset: Subset) -> Joined:
        """The structures of a subset.

        `full`: all. `unique`: those whose prototype occurs neither in the Materials Project nor earlier in WBM.
        `most-stable`: the 10,000 of `unique` with the lowest predicted hull distance, the first of the truth where
        two are equal.

        Raises:
            UserError: the truth does not say which prototypes are unique.
        """
        joined = self.joined
        if subset == "full":
            return joined
        if joined.unique is None:
            raise UserError(f"{self.truth}: no subset {subset}: {NOT_CALLED_UNIQUE}")
        unique = np.flatnonzero(joined.unique)
        if subset == "unique":
            return _rows(joined, unique)
        predicted = unique[~np.isnan(joined.predicted[unique])]
        lowest = np.argsort(joined.predicted[predicted], kind="stable")[:MOST_STABLE]
        return _rows(joined, np.sort(predicted[lowest]))

    def score(self, subset: Subset, threshold: float = 0.0) -> dict[str, JsonValue]:
        """Metrics of a subset with 95 % bootstrap intervals, as `discovery_metrics` names them.

        A structure is stable if it lies at most `threshold` (eV/atom) above the hull.

        DAF divides by the stable fraction of the full set there, and by that of the published unique prototypes,
        32942 / 215488, on both other subsets.

        Returns:
            subset, n, missing, the metrics, intervals ([low, high] for each ratio and error).

        Raises:
            UserError: see `select`.
        """
        chosen = self.select(subset)
        prevalence = None if subset == "full" else UNIQUE_PREVALENCE
        metrics = discovery_metrics(chosen.true, chosen.predicted, threshold, prevalence=prevalence)
        intervals = bootstrap_intervals(chosen.true, chosen.predicted, threshold, prevalence=prevalence)
        return {
            "subset": subset,
            "n": len(chosen.true),
            "missing": chosen.missing,
            **metrics,
            "intervals": {name: None if pair is None else [*pair] for name, pair in intervals.items()},
        }

    def available(self) -> tuple[Subset, ...]:
        """The subsets that the truth allows."""
        return SUBSETS if self.joined.unique is not None else SUBSETS[:1]

    def described(self) -> dict[str, JsonValue]:
        """The columns read and the structures left out, counted over both files for all subsets."""
        return {
            "unlabeled": self.joined.unlabeled,
            "unknown": self.joined.unknown,
            "discarded": self.joined.discarded,
            "column": self.joined.column,
            "predictions": {"file": self.predictions.name, "sha256": sha256_of(self.predictions)},
            "truth": {"file": self.truth.name, "sha256": sha256_of(self.truth)},
        }


def read_wbm(
    predictions: Path,
    truth: Path | None = None,
    column: str | None = None,
    *,
    max_error: float = MAX_ERROR,
    decimals: int | None = None,
) -> Wbm:
    """Predictions and labels; structures without either DFT label are left out.

    Args:
        predictions: a table, see `alphanet.measure.discovery.tables.join`.
        truth: the published summary or a table with its columns; if None, the summary that `alphanet data` fetched.
        column: of the predictions.
        max_error: eV/atom; a prediction further from the DFT value counts as missing.
        decimals: of eV/atom, to which labels and predictions are rounded first; not rounded if None.

    Raises:
        UserError: a file has a mistake, or the truth is not on this machine.
    """
    labels = published_summary() if truth is None else truth
    joined = join(predictions, labels, column, both_labels=True, max_error=max_error, decimals=decimals)
    return Wbm(joined, predictions, labels)


def published_file(part: str) -> SourceFile:
    """The published file whose name contains `part`, as the card of the data set names it."""
    return next(file for file in load_card("wbm").at("full").files if file.name and part in file.name)


def summary_file() -> SourceFile:
    """The published labels."""
    return published_file("summary")


def published_summary() -> Path:
    """The published labels, where `alphanet data fetch` puts them.

    Raises:
        UserError: they are not there; the message says what to do.
    """
    path = local_path(summary_file())
    if not path.is_file():
        raise UserError(
            f"the published WBM summary is not here ({path}); fetch it with `alphanet data fetch wbm --scale full`, "
            "or name a file with its columns as the truth"
        )
    return path


def _rows(joined: Joined, rows: np.ndarray) -> Joined:
    return replace(
        joined,
        ids=joined.ids[rows],
        true=joined.true[rows],
        predicted=joined.predicted[rows],
        unique=None if joined.unique is None else joined.unique[rows],
        formulas=None if joined.formulas is None else joined.formulas[rows],
    )
