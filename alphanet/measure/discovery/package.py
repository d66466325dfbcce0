"""The metrics of the package matbench-discovery, computed in the package's own environment."""

import logging
from pathlib import Path

import numpy as np

from alphanet.cards import Card, read_yaml, validate
from alphanet.errors import UserError
from alphanet.measure.discovery.metrics import Metrics
from alphanet.paths import resources
from alphanet.potentials.card_parts import Environment
from alphanet.potentials.channel import Worker
from alphanet.potentials.environments import install_if_missing, python_of, resolved_versions

logger = logging.getLogger(__name__)

TIMEOUT = 900.0  # seconds; the first import on a busy machine takes more than a minute


class ToolCard(Card):
    """A package that is not a potential and has its own environment."""

    name: str
    title: str
    source: str
    license: str
    citation: str
    environment: Environment
    places: tuple[Path, ...]
    """The folder of card.yaml and worker.py; filled in when the card is read"""

    @property
    def known_as(self) -> str:
        """Its name; its environment is made when it is needed."""
        return self.name


def load_tool(folder: Path) -> ToolCard:
    """The card in `folder`.

    Raises:
        UserError: unreadable or invalid card.
    """
    file = folder / "card.yaml"
    values = read_yaml(file)
    return validate(values | {"places": [folder]} if isinstance(values, dict) else values, ToolCard, str(file))


def package_metrics(true: np.ndarray, predicted: np.ndarray, threshold: float) -> tuple[Metrics, dict[str, object]]:
    """The package's metrics of hull distances, and its versions; the environment is made at the first use.

    Args:
        true: (n,) DFT energy above hull, eV/atom.
        predicted: (n,) eV/atom; NaN is a missing prediction.
        threshold: eV/atom, up to which a structure is stable.

    Returns:
        The metrics as `discovery_metrics` names them, and `package`, `version`, `packages` (all versions).
        With missing predictions the package divides the accuracy by the predictions made, not by the structures.

    Raises:
        UserError: the environment cannot be made, or the package fails, as it does if a metric is 0/0.
    """
    card = load_tool(resources("benchmarks") / "discovery")
    _make_environment(card)
    worker = Worker(card.name, python_of(card), card.places, threads=1)
    try:
        request = {"true": true, "predicted": predicted, "threshold": threshold}
        answer = worker.call("load", request, timeout=TIMEOUT)
    finally:
        worker.close()
    metrics = {name.lower(): value for name, value in answer["metrics"].items()}
    return metrics, {"package": card.name, "version": answer["version"], "packages": resolved_versions(card)}


def _make_environment(card: ToolCard) -> None:
    try:
        install_if_missing(card)
    except UserError as error:
        raise UserError(
            f"{error} (the first score installs {card.name} from the package index that pip or uv is set to; "
            "it needs no network afterwards)"
        ) from error
