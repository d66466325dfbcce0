"""Cards of tables of settings: what the paper prints of them, and whose presets stand beside."""

from collections.abc import Mapping

from alphanet.paper.benchmark import DataColumn, Protocol, Table


class SettingsProtocol(Protocol):
    """Where the settings are from; nothing is trained or timed."""


class SettingsTable(Table):
    """A table of hyperparameters. Its metrics are keys of the presets, or `parameters_READING`."""

    columns: Mapping[str, DataColumn]
    scales: Mapping[str, SettingsProtocol]
