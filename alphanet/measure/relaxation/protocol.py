"""IS2RE-SR: from the initial structure to the relaxed energy, as Matbench Discovery has its models do it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

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
    """eV/Å: converged when no atom and no row of the cell's generalised forces has a larger norm"""
    max_steps: int = 500

    def described(self) -> dict[str, Any]:
        """Everything that the result depends on."""
        limits = {"smallest_distance": SMALLEST_DISTANCE, "largest_force": LARGEST_FORCE}
        return {
            "task": "IS2RE-SR",
            "optimizer": OPTIMIZER,
            "cell_filter": CELL_FILTER,
            **asdict(self),
            **limits,
            "largest_volume": LARGEST_VOLUME,
        }

    @property
    def digest(self) -> str:
        """Hash of `described`, 16 hex digits."""
        return hashlib.sha256(json.dumps(self.described(), sort_keys=True).encode()).hexdigest()[:16]
