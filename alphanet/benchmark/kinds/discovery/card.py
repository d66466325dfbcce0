"""Cards of crystal stability: rows whose predictions are published, a user's, or made here by relaxing."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from alphanet.benchmark.card import AD_HOC, AD_HOC_REASON, BenchmarkCard, Column, Row, ScaleSettings
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


def predictions_card(
    name: str,
    predictions: Path,
    *,
    column: str | None = None,
    subset: Subset | None = None,
    max_error: float = 5.0,
    decimals: int | None = None,
    threshold: float = 0.0,
    cross_check: bool = False,
) -> DiscoveryCard:
    """The card of one file of predictions, with scale `ad-hoc`; errors and figures are part of its result.

    Args:
        name: of the benchmark and its folder.
        predictions: a table, see `alphanet.measure.discovery.tables.join`.
        column: of the predictions, if several could be it.
        subset: full, unique or most-stable; all if None.
        max_error: eV/atom; predictions further from the DFT energy count as missing.
        decimals: of eV/atom, to which labels and predictions are rounded first; the leaderboard counts with 3.
        threshold: eV/atom above the hull, up to which a structure is stable.
        cross_check: compute the metrics with the package matbench-discovery, too; a difference is a failure.

    Raises:
        UserError: a value is not valid.
    """
    scale = {
        "protocol": f"{predictions.name} against labels of WBM; more than {max_error:g} eV/atom off counts as missing.",
        "column": column,
        "subset": subset,
        "max_error": max_error,
        "decimals": decimals,
        "threshold": threshold,
        "cross_check": cross_check,
    }
    row = re.sub(r"\.(csv|parquet|jsonl|ndjson|json)(\.\w+)?$", "", predictions.name)
    return _ad_hoc(name, f"Stability of WBM's crystals: {row}", {row: {"model": row, "file": predictions}}, scale)


def relaxation_card(
    name: str,
    *,
    models: Sequence[str],
    engine: str = "ase",
    batch_size: int | str = 32,
    dtype: str | None = None,
    fmax: float | None = None,
    steps: int | None = None,
    geometry: Path | None = None,
    config: Path | None = None,
    trust: bool = False,
) -> DiscoveryCard:
    """The card of models whose predictions are made here, with scale `ad-hoc`.

    Sample, structures, reference entries and labels are options of the run.

    Args:
        name: of the benchmark and its folder.
        models: in any form of `alphanet.potentials.forms.FORMS`.
        engine: ase, one structure at a time; torch-sim, `batch_size` at once.
        batch_size: structures that torch-sim relaxes together; auto: as many as memory is enough for.
        dtype: float32 or float64; that of the model's published entry if None.
        fmax: force at which a relaxation ends, eV/Å; that of the published entry if None.
        steps: of a relaxation, at most; those of the published entry if None.
        geometry: file of published relaxed structures, with which geometries are compared.
        config: JSON of an AlphaNet checkpoint that carries none.
        trust: accept pickled weights whose checksum is not known.

    Raises:
        UserError: a value is not valid, or a model is named twice or is none.
    """
    relaxation = {
        "engine": engine,
        "batch_size": batch_size,
        "dtype": dtype,
        "fmax": fmax,
        "steps": steps,
        "geometry": geometry,
        "config": None if config is None else config.resolve(),
        "trust": trust,
    }
    rows = {model: {"model": specified(model).absolute, "relaxation": relaxation} for model in models}
    if len(rows) != len(models):
        raise UserError("a model is named twice")
    scale = {"protocol": f"Initial structures of WBM, relaxed by {engine}, against labels of WBM."}
    return _ad_hoc(name, f"Stability of WBM's crystals: {', '.join(models)}", rows, scale)


def _ad_hoc(name: str, title: str, rows: Mapping[str, Any], scale: Mapping[str, Any]) -> DiscoveryCard:
    from alphanet.cards import validate

    values = {
        "kind": "discovery",
        "name": name,
        "title": title,
        "figures": True,
        "rows": rows,
        "scales": {AD_HOC: {"comparable": False, "reason": AD_HOC_REASON, "fetch": False, **scale}},
    }
    return validate(values, DiscoveryCard, name)
