"""IS2RE-SR: from the initial structure to the relaxed energy, as Matbench Discovery has its models do it."""

from dataclasses import asdict, dataclass

from pydantic import JsonValue

from alphanet.potentials.card_parts import Relaxation
from alphanet.potentials.specification import specified
from alphanet.provenance import digest_of

OPTIMIZER, CELL_FILTER = "FIRE", "FrechetCellFilter"

SMALLEST_DISTANCE = 0.4
"""Å; atoms that are nearer than this overlap: no bond is as short (H2 has 0.74 Å)"""

LARGEST_FORCE = 1e4
"""eV/Å; beyond it a relaxation has diverged"""

LARGEST_VOLUME = 10.0
"""Ratio to the initial volume beyond which, or below whose inverse, a relaxation has diverged"""

SUSPICIOUS_VOLUME = 2.0
"""Ratio to the initial volume beyond which, or below whose inverse, a record is flagged"""


@dataclass(frozen=True)
class RelaxationProtocol:
    """How every structure is relaxed; atoms and cell, with the defaults of ASE's FIRE and FrechetCellFilter.

    The defaults are those of Matbench Discovery's runner; a baseline's card has what its published entry used instead.
    """

    fmax: float = 0.05
    """eV/Å: converged if no atom and no row of the cell's generalized forces has a larger norm"""
    max_steps: int = 500

    def described(self) -> dict[str, JsonValue]:
        """Everything that the result depends on."""
        return {
            "task": "IS2RE-SR",
            "optimizer": OPTIMIZER,
            "cell_filter": CELL_FILTER,
            **asdict(self),
            "smallest_distance": SMALLEST_DISTANCE,
            "largest_force": LARGEST_FORCE,
            "largest_volume": LARGEST_VOLUME,
        }

    @property
    def digest(self) -> str:
        """Hash of `described`, 16 hex digits."""
        return digest_of(self.described())


def settings_of(model: str) -> Relaxation:
    """The settings in the card of `model`; the usual ones if it has none.

    Raises:
        UserError: there is no such model, or its card is not valid.
    """
    card = specified(model).card
    if card is None:
        return Relaxation()
    settings = card.relaxation
    return settings if settings.dtype in card.dtypes else settings.model_copy(update={"dtype": card.usual_dtype})


def protocol_of(model: str, *, fmax: float | None = None, max_steps: int | None = None) -> RelaxationProtocol:
    """The protocol for `model`; `fmax` (eV/Å) and `max_steps` replace those of its card.

    Raises:
        UserError: the card is not valid.
    """
    card = settings_of(model)
    return RelaxationProtocol(fmax or card.fmax, max_steps or card.max_steps)
