"""Table 6: settings and numbers of parameters, read from the presets that the code trains with."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alphanet.errors import UserError, did_you_mean
from alphanet.model.config import preset
from alphanet.paper.cells import Cell, Place, build_cells
from alphanet.paper.settings_cards import SettingsTable
from alphanet.provenance import code_digest, where
from alphanet.results import Record, append_once
from alphanet.training.config import card_defaults, preset_config

SCALE = "full"  # settings are the paper's, or they are not
READINGS = ("paper", "official-v1")
PRESETS = [
    "training/defaults.yaml",
    "training/config.py",
    "training/settings.py",
    "model",
]  # what the numbers depend on

Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What the user may ask for."""

    folder: Path  # of the table


@dataclass
class Outcome:
    """What came of it."""

    cells: list[Cell] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def read_settings(card: SettingsTable, options: Options, report: Report) -> Outcome:
    """The settings of every column and their cells; the log keeps one line for each time they were other ones.

    Raises:
        UserError: a metric of the card is no key of the presets.
    """
    (row,) = card.rows
    records: dict[Place, list[Record]] = {}
    for name, column in card.columns.items():
        found = settings_of(column.dataset)
        for metric in card.metrics:
            if metric not in found:
                raise UserError(f"{card.name}: metrics: no key {metric!r} in the presets{did_you_mean(metric, found)}")
        records[row, name] = [_record(card, column.dataset, found, options.folder / "records.jsonl")]
        report(f"{name}: {found['parameters_paper']:,} parameters, reading paper")
    return Outcome(build_cells(card, SCALE, records, missing={}))


def settings_of(dataset: str) -> dict[str, Any]:
    """What the presets say for a data set at scale `full`: training, network, and `parameters_READING` counted.

    Raises:
        UserError: no preset for this data set.
    """
    config = preset_config(dataset, SCALE)
    networks = {reading: preset(config.model["preset"], reading=reading) for reading in READINGS}
    counts = {f"parameters_{reading}": _count(network) for reading, network in networks.items()}
    return {**config.model_dump(mode="json"), **networks["paper"].model_dump(mode="json"), **counts}


def _count(network: Any) -> int:
    import torch

    from alphanet.model.create import create_model

    with torch.device("meta"):  # shapes without memory
        return create_model(network).n_parameters


def _record(card: SettingsTable, dataset: str, found: dict[str, Any], log: Path) -> Record:
    """The settings with their provenance; the line of before where nothing is new."""
    network = preset_config(dataset, SCALE).model["preset"]
    record = Record(
        what={metric: found[metric] for metric in card.metrics},
        on={"dataset": dataset, "scale": SCALE},
        model={"name": "alphanet", "preset": network},
        how={"protocol": f"{card.name}/{SCALE}", "presets": _digest(dataset)},
        where=where(),
    )
    return append_once(log, record)


def _digest(dataset: str) -> str:
    """Hash of what the settings depend on: the code, and the defaults of the data set's card by content."""
    depends = [code_digest(PRESETS), card_defaults(dataset, SCALE)]
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()
