"""Batches as large as memory allows: `auto` instead of a number of structures."""

import logging
import re
from collections.abc import Sequence
from typing import Literal

from ase import Atoms
from pydantic import JsonValue

from alphanet.errors import UserError
from alphanet.hardware.devices import free_unused
from alphanet.hardware.exhausted import is_out_of_memory
from alphanet.potentials.protocol import FramePrediction, Potential
from alphanet.printed import one_line

BatchSize = int | Literal["auto"]
LARGEST = 128  # structures that `auto` begins with

logger = logging.getLogger(__name__)


def fitted(potential: Potential, batch_size: BatchSize) -> tuple[Potential, int]:
    """The potential and the number of structures to hand it at once; with `auto` it halves what is too much."""
    return (HalvingPotential(potential), LARGEST) if batch_size == "auto" else (potential, batch_size)


class HalvingPotential:
    """A potential that predicts in smaller batches once memory was not enough, and remembers their size.

    Only the batch that failed is computed again.

    Args:
        potential: predicts; whoever opened it closes it, or this.
    """

    def __init__(self, potential: Potential) -> None:
        self.potential, self.name = potential, potential.name
        self.largest: int | None = None
        """Structures at once, from the first time that memory was not enough on"""

    def predict(self, frames: Sequence[Atoms], *, batch_size: int = LARGEST) -> list[FramePrediction]:
        """Energies, forces and stresses of `frames`, in order.

        Raises:
            UserError: as the potential's `predict`, or memory is not enough for a single structure.
        """
        answers: list[FramePrediction] = []
        while len(answers) < len(frames):
            first, size = len(answers), min(batch_size, self.largest or batch_size)
            batch = frames[first : first + size]
            try:
                answers += self.potential.predict(batch, batch_size=size)
            except Exception as error:  # every library has an error of its own for it
                if not is_out_of_memory(error):
                    raise _placed(error, first) from error
                reason = one_line(error, 200)
                if len(batch) == 1:
                    raise UserError(
                        f"frame {first}: not enough memory for this structure of {len(batch[0])} atoms alone ({reason})"
                    ) from error
            else:
                continue
            # Behind the exception, whose traceback holds the arrays of the failed call.
            self.largest = len(batch) // 2
            logger.info("not enough memory for %d structures at once; going on with %d", len(batch), self.largest)
            free_unused()
        return answers

    def provenance(self) -> dict[str, JsonValue]:
        """That of the potential."""
        return self.potential.provenance()

    def close(self) -> None:
        """Close the potential."""
        self.potential.close()


def _placed(error: Exception, first: int) -> Exception:
    """The error of a call with the frames from `first` on; a user's mistake counts frames from the first of all."""
    if not isinstance(error, UserError) or first == 0:
        return error
    return UserError(re.sub(r"\bframe (\d+):", lambda found: f"frame {first + int(found[1])}:", str(error), count=1))
