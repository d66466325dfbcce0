"""With which settings a potential is relaxed: those of its published entry, as its card has them."""

import re
from pathlib import Path

from alphanet.measure.relaxation.protocol import RelaxationProtocol
from alphanet.potentials.card_parts import Relaxation


def settings_of(model: str) -> Relaxation:
    """What the card of `model` says; the usual settings where it has none.

    Raises:
        UserError: the card is not valid.
    """
    from alphanet.potentials.cards import baseline_names, load_baseline

    name = model.partition(":")[0]
    return load_baseline(name).relaxation if name in baseline_names() else Relaxation()


def protocol_of(model: str, *, fmax: float | None = None, max_steps: int | None = None) -> RelaxationProtocol:
    """The protocol for `model`, with what the user asks for instead.

    Raises:
        UserError: the card is not valid.
    """
    card = settings_of(model)
    return RelaxationProtocol(fmax or card.fmax, max_steps or card.max_steps)


def label(model: str) -> str:
    """A model's name as it can stand in names of columns and folders."""
    name = Path(model).stem if Path(model).suffix else model
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-")
