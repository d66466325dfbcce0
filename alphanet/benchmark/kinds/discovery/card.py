"""Cards of crystal stability: rows whose predictions are published, a user's, or made here by relaxing."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from alphanet.benchmark.card import BenchmarkCard, Column, Row, ScaleSettings
from alphanet.cards import Card
from alphanet.data.cards import SourceFile, load_card
from alphanet.errors import UserError, did_you_mean
from alphanet.potentials.specification import specified

Subset = Literal["full", "unique", "most-stable"]


class RelaxationSettings(Card):
    """How a row's structures are relaxed; for a value of None, the model's published entry decides."""

    engine: Literal["ase", "torch-sim"] = "ase"
    batch_size: PositiveInt | Literal["auto"] = 32  # structures that torch-sim relaxes together
    dtype: Literal["float32", "float64"] | None = None
    fmax: PositiveFloat | None = None  # eV/Å
    steps: PositiveInt | None = None  # at most
    geometry: Path | None = None  # published relaxed structures, with which geometries are compared
    config: Path | None = None  # JSON of an AlphaNet checkpoint that carries none
    trust: bool = False  # accept pickled weights whose checksum is not known


class DiscoveryRow(Row):
    """One potential, and the source of its WBM predictions: exactly one of the three."""

    predictions: str | SourceFile | None = None  # a group of the files of the data set wbm, or a published file
    file: Path | None = None  # a user's predictions
    relaxation: RelaxationSettings | None = None  # relaxations here give the predictions

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if sum(source is not None for source in (self.predictions, self.file, self.relaxation)) != 1:
            raise ValueError("give exactly one of predictions, file and relaxation")
        return self

    @property
    def source(self) -> SourceFile:
        """The published file of predictions.

        Raises:
            UserError: the data set has no such group.
        """
        if isinstance(self.predictions, SourceFile):
            return self.predictions
        groups = {file.group: file for at in load_card("wbm").scales.values() for file in at.files if file.group}
        if self.predictions not in groups:
            raise UserError(
                f"predictions: the data set wbm has no group {self.predictions!r}"
                f"{did_you_mean(str(self.predictions), groups)}"
            )
        return groups[self.predictions]


class DiscoveryScale(ScaleSettings):
    """How predictions are scored."""

    subset: Subset | None = None  # of the cells; if None, all subsets in a separate table
    decimals: NonNegativeInt | None = None  # of eV/atom, to which labels and predictions are rounded first
    max_error: PositiveFloat = 5.0  # eV/atom; predictions further off count as missing
    threshold: float = 0.0  # eV/atom above the hull, up to which a structure is stable
    column: str | None = None  # of the predictions, if several would do
    fetch: bool = True  # whether published files that are not on this machine are fetched
    cross_check: bool = False  # compute the metrics with the package matbench-discovery, too


class DiscoveryCard(BenchmarkCard[DiscoveryScale, DiscoveryRow, Column]):
    """A table of stability metrics."""

    kind: Literal["discovery"]
    figures: bool = False  # whether each row's predictions are drawn

    @model_validator(mode="after")
    def _has_at_most_one_column(self) -> Self:
        if len(self.columns) > 1:
            raise ValueError("columns: predictions of WBM fill one column")
        return self


def predictions_card(name: str, predictions: Path, *, max_error: float = 5.0, **scale: Any) -> DiscoveryCard:
    """The card of one file of predictions; errors and figures are part of its result.

    Args:
        name: of the benchmark and its folder.
        predictions: a table, see `alphanet.measure.discovery.tables.join`.
        max_error: eV/atom; predictions further from the DFT energy count as missing.
        scale: other keys of `DiscoveryScale`.

    Raises:
        UserError: a value is not valid.
    """
    row = re.sub(r"\.(csv|parquet|jsonl|ndjson|json)(\.\w+)?$", "", predictions.name)
    return DiscoveryCard.ad_hoc(
        name,
        title=f"Stability of WBM's crystals: {row}",
        protocol=f"{predictions.name} against labels of WBM; more than {max_error:g} eV/atom off counts as missing.",
        figures=True,
        rows={row: {"model": row, "file": predictions}},
        scale={"fetch": False, "max_error": max_error, **scale},
    )


def relaxation_card(
    name: str, *, models: Sequence[str], engine: str = "ase", config: Path | None = None, **relaxation: Any
) -> DiscoveryCard:
    """The card of models whose predictions are made here.

    Sample, structures, reference entries and labels are options of the run.

    Args:
        name: of the benchmark and its folder.
        models: in any form of `alphanet.potentials.forms.FORMS`.
        engine: ase, one structure at a time; torch-sim, several at once.
        config: JSON of an AlphaNet checkpoint that carries none.
        relaxation: other keys of `RelaxationSettings`.

    Raises:
        UserError: a value is not valid, or a model is named twice or is none.
    """
    settings = {**relaxation, "engine": engine, "config": None if config is None else config.resolve()}
    rows = {model: {"model": specified(model).absolute, "relaxation": settings} for model in models}
    if len(rows) != len(models):
        raise UserError("a model is named twice")
    return DiscoveryCard.ad_hoc(
        name,
        title=f"Stability of WBM's crystals: {', '.join(models)}",
        protocol=f"Initial structures of WBM, relaxed by {engine}, against labels of WBM.",
        figures=True,
        rows=rows,
        scale={"fetch": False},
    )
