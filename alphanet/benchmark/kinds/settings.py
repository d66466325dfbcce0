"""Settings: hyperparameters and numbers of parameters, read from the presets that the code trains with.

One task is a column.
"""

import logging
from collections.abc import Iterator
from typing import Any, Literal, Self

from pydantic import JsonValue, model_validator

from alphanet.benchmark.card import BenchmarkCard, DataColumn, Row, ScaleSettings
from alphanet.benchmark.findings import Finding, Findings, Measured, Place, Shown
from alphanet.benchmark.kind import Kind, Plan, Task
from alphanet.errors import UserError, did_you_mean
from alphanet.provenance import code_digest, digest_of, where
from alphanet.results.records import Record

__all__ = ["Settings", "SettingsCard", "settings_of"]

logger = logging.getLogger(__name__)

SCALE = "full"  # of the presets, at every scale of a card, because only these settings are the paper's
READINGS = ("paper", "official-v1")
COUNTS = tuple(f"parameters_{reading}" for reading in READINGS)
CODE = ("training/defaults.yaml", "training/config.py", "training/settings.py", "model")  # settings depend on it


class SettingsCard(BenchmarkCard[ScaleSettings, Row, DataColumn]):
    """A table of hyperparameters. Its metrics are keys of the presets, or `parameters_READING`."""

    kind: Literal["settings"]

    @model_validator(mode="after")
    def _has_one_row(self) -> Self:
        if len(self.rows) != 1:
            raise ValueError("rows: a table of settings has one row, the model whose presets are read")
        return self


class Settings(Kind[SettingsCard, str]):
    """A table of hyperparameters; the work of a task is the name of a data set."""

    card_type = SettingsCard

    def plan(self) -> Plan[str]:
        """One task a column.

        Raises:
            UserError: a metric of the card is no key of the presets, or a data set has no preset.
        """
        return Plan(tuple(self._task(column) for column in self.card.columns), "seconds; nothing is trained", 0.0)

    def measure(self, task: Task[str], places: tuple[Place, ...], seconds: float | None) -> Iterator[Finding]:  # noqa: ARG002
        """Read the presets of a data set and count parameters."""
        values = settings_of(task.work)
        logger.info("%s: %s parameters, reading paper", task.title, format(values["parameters_paper"], ","))
        record = Record(
            metrics={metric: values[metric] for metric in self.card.metrics},
            data={"dataset": task.work, "scale": SCALE},
            model={"name": "alphanet", "preset": _network_name(task.work)},
            protocol={"benchmark": f"{self.card.name}/{self.options.scale}", "key": task.keys[places[0]]},
            environment=where(),
        )
        yield Measured(record, places)

    def show(self, findings: Findings) -> Shown:  # noqa: ARG002
        """Return nothing: a table of settings has only cells."""
        return Shown()

    def _task(self, column: str) -> Task[str]:
        dataset = self.card.columns[column].dataset
        known = [*_preset_values(dataset), *COUNTS]
        for metric in self.card.metrics:
            if metric not in known:
                raise UserError(
                    f"{self.card.name}: metrics: no key {metric!r} in the presets{did_you_mean(metric, known)}"
                )
        (row,) = self.card.rows
        return Task(column, ((row, column),), dataset, 0.0, keys={(row, column): self._key(dataset)})

    def _key(self, dataset: str) -> str:
        """Hash of the code and of the presets of the data set, on which the settings depend."""
        depends = [list(self.card.metrics), dataset, code_digest(CODE), _preset_values(dataset)]
        return digest_of(depends)


def settings_of(dataset: str) -> dict[str, JsonValue]:
    """Settings of the presets for a data set at scale `full`: training, network, and `parameters_READING` counted.

    Raises:
        UserError: no preset for this data set.
    """
    from alphanet.model.config import preset

    name = _network_name(dataset)
    counts = {f"parameters_{reading}": _count(preset(name, reading=reading)) for reading in READINGS}
    return {**_preset_values(dataset), **counts}


def _preset_values(dataset: str) -> dict[str, JsonValue]:
    """Settings of training and network by key."""
    from alphanet.model.config import preset
    from alphanet.training.config import preset_config

    training = preset_config(dataset, SCALE).model_dump(mode="json")
    return training | preset(_network_name(dataset), reading=READINGS[0]).model_dump(mode="json")


def _network_name(dataset: str) -> str:
    from alphanet.training.config import preset_config

    return str(preset_config(dataset, SCALE).model["preset"])


def _count(network: Any) -> int:
    import torch

    from alphanet.model.create import create_model

    with torch.device("meta"):  # shapes without memory
        return create_model(network).n_parameters
