"""Equal terms: the settings that rows of a table share, and the differences that its card declares."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import JsonValue

from alphanet.benchmark.findings import Place
from alphanet.benchmark.kinds.accuracy.card import AccuracyCard, TrainingRun
from alphanet.benchmark.kinds.accuracy.trainers import trainer_of
from alphanet.results.records import Record
from alphanet.training.defaults import ALPHANET, settings_for
from alphanet.training.settings import flat

SHARED = (
    "loss.kind",
    "loss.energy_loss",
    "loss.energy_weight",
    "loss.force_loss",
    "loss.force_weight",
    "loss.stress_weight",
    "loss.dynamic",
    "reference_energies",
    "limit_train",
)
"""Settings that are equal in all rows of a column. The frames of training, validation and test are equal because they
belong to the data set and the scale, and every trainer keeps the weights with the best validation"""


def unequal_terms(card: AccuracyCard, scale: str) -> list[str]:
    """What breaks equal terms in a card at a scale, a line for each place and setting; empty if nothing does.

    A row breaks them if it differs from AlphaNet's first row in a shared setting without a reason under `unequal`, or
    gives a reason where nothing differs.

    Raises:
        UserError: a run has unknown settings.
    """
    problems = []
    for column, described in card.columns.items():
        runs = _trained(card, scale, column)
        settings = {row: _shared(card.rows[row].model, described.dataset, scale, run) for row, run in runs.items()}
        reference = next((row for row in runs if card.rows[row].model == ALPHANET), next(iter(runs), None))
        for row, run in runs.items():
            different = {key for key in SHARED if settings[row][key] != settings[str(reference)][key]}
            problems += [
                f"{card.name}/{scale}, {row} on {column}: {key} is {settings[row][key]}, of {reference} it is "
                f"{settings[str(reference)][key]}"
                for key in SHARED
                if key in different and key not in run.unequal
            ]
            problems += [
                f"{card.name}/{scale}, {row} on {column}: `unequal` names {key}, which does not differ"
                for key in run.unequal
                if key not in different
            ]
    return problems


def declared_differences(card: AccuracyCard, scale: str) -> list[str]:
    """A line for each difference from equal terms that the card declares."""
    reasons: dict[tuple[str, str, str], None] = {}
    for column in card.columns:
        for row, run in _trained(card, scale, column).items():
            reasons |= dict.fromkeys((row, key, reason) for key, reason in run.unequal.items())
    return [f"{row}, {key}: {reason}" for row, key, reason in reasons]


def loss_weights(records: Mapping[Place, Sequence[Record]]) -> str:
    """The weights of the trained rows' losses, energies by both conventions; empty if nothing was trained."""
    rows: dict[str, list[str]] = {}
    for (row, _), measured in records.items():
        for text in filter(None, map(_weights_text, measured)):
            if row not in rows.setdefault(text, []):
                rows[text].append(row)
    if not rows:
        return ""
    return "Weights of the loss: " + "; ".join(f"{', '.join(names)}: {text}" for text, names in rows.items())


def _weights_text(record: Record) -> str:
    energy, settings = record.training.get("energy_weight"), record.training.get("settings")
    if not isinstance(energy, dict) or not isinstance(settings, dict):
        return ""
    forces = flat(settings).get("loss.force_weight")
    total, per_atom, atoms = (_number(energy[name]) for name in ("total", "per_atom", "atoms"))
    return f"energy {total} of the total ({per_atom} per atom at {atoms} atoms), forces {_number(forces)}"


def _number(value: JsonValue) -> str:
    return f"{value:.3g}" if isinstance(value, int | float) else str(value)


def _trained(card: AccuracyCard, scale: str, column: str) -> dict[str, TrainingRun]:
    """Rows of a column that are trained step by step, with their runs."""
    at = card.scale(scale)
    if column in at.skip_columns:
        return {}
    runs = {title: at.run_of(row.run_key, column) for title, row in card.rows.items()}
    return {row: run for row, run in runs.items() if run is not None and trainer_of(card.rows[row].model).seeded}


def _shared(model: str, dataset: str, scale: str, run: TrainingRun) -> dict[str, JsonValue]:
    values = settings_for(model, dataset, scale, run.settings).model_dump(mode="json")
    return dict(_chosen(values, SHARED))


def _chosen(values: Mapping[str, JsonValue], keys: Iterable[str]) -> Iterable[tuple[str, JsonValue]]:
    for key in keys:
        value: JsonValue = dict(values)
        for part in key.split("."):
            value = value[part] if isinstance(value, dict) else None
        yield key, value
