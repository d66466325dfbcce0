"""The start of a baseline's training from trained weights, for networks that the loop of AlphaNet trains."""

import json
from pathlib import Path
from typing import Any

from ase.data import atomic_numbers
from safetensors import SafetensorError, safe_open

from alphanet.errors import UserError
from alphanet.potentials.cards import BaselineCard
from alphanet.potentials.remote import RemotePotential
from alphanet.potentials.settings import BaselineSettings
from alphanet.training.data import LabeledFrames
from alphanet.training.fine_tuning import refitted
from alphanet.training.references import Statistics

SETTINGS = "settings"  # of a checkpoint, in its metadata


def baseline_start(
    card: BaselineCard, settings: BaselineSettings, statistics: Statistics, frames: LabeledFrames, device: str
) -> dict[str, Any]:
    """The parts of a worker's request that the weights decide: architecture, elements, references, scale.

    Args:
        card: the baseline.
        settings: of the training, with `finetune`.
        statistics: of the training frames.
        frames: of the training.
        device: to compute the old network's energies on.

    Raises:
        UserError: the package has its own trainer, the file is not one that `train` wrote for this baseline, or the
            network has tables of elements that lack one of the new frames.
    """
    start = settings.finetune
    assert start is not None
    if card.fixed_settings:
        raise UserError(f"{card.name}: its package's own trainer cannot start from weights here")
    weights = start.weights.expanduser()
    stored, energies, scale = _contents(weights, card)
    known = stored["elements"]
    if unknown := sorted(set(statistics.elements) - set(known or statistics.elements)):
        raise UserError(f"{weights} knows {', '.join(known)}; {', '.join(unknown)} cannot be added to {card.name}")
    elements = list(known or statistics.elements)
    before = {symbol: energies[atomic_numbers[symbol]] for symbol in elements}
    if isinstance(settings.reference_energies, dict):
        references = before | settings.reference_energies
    elif start.references == "keep":
        references = before
    else:
        with RemotePotential(card, model=weights, device=device, threads=settings.threads or 1) as old:
            references = refitted(
                before, lambda atoms: [answer.energy for answer in old.predict(atoms)], frames, statistics
            )
    return {
        "architecture": stored["architecture"],
        "elements": elements,
        "references": references,
        "energy_scale": scale,
    }


def _contents(weights: Path, card: BaselineCard) -> tuple[dict[str, Any], list[float], float]:
    """Settings of the network, reference energies (eV) by atomic number, and the scale of the output (eV)."""
    try:
        with safe_open(weights, framework="pt") as stored:
            settings = json.loads((stored.metadata() or {})[SETTINGS])
            energies, scale = stored.get_tensor("references").tolist(), float(stored.get_tensor("scale"))
        return {"elements": settings["elements"], "architecture": settings["architecture"]}, energies, scale
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise UserError(f"{weights} is not a file that `alphanet train` wrote for {card.name}: {error}") from error
