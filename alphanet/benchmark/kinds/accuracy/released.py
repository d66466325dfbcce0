"""Rows of released weights, `BASELINE:CHECKPOINT`: nothing is trained, the published file is evaluated as it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from alphanet.benchmark.needs import DataNeed
from alphanet.cards import Card
from alphanet.potentials.cards import load_baseline
from alphanet.potentials.weights import fetch, is_present, present, released

if TYPE_CHECKING:
    from alphanet.benchmark.kinds.accuracy.trainers import Trained, TrainingRequest
    from alphanet.potentials.remote import RemotePotential


class ReleasedWeights(Card):
    """What was evaluated in place of a training."""

    checkpoint: str  # its name in the baseline's card
    sha256: str | None  # of the file; None if the package carries it
    trained_on: str
    stop: str = ""  # as `TrainingResult.stop`; nothing stops it


def need_weights(model: str) -> DataNeed:
    """The file that `model`, `BASELINE:CHECKPOINT`, needs.

    Raises:
        UserError: no such baseline or checkpoint.
    """
    name, _, checkpoint = model.partition(":")
    card = load_baseline(name)
    described, here = released(card, checkpoint), is_present(card, checkpoint)
    get = "" if here else f"alphanet baselines fetch {model}"
    return DataNeed(name=model, files=1, size=described.bytes, here=here, get=get, address=described.source)


class ReleasedTrainer:
    """Takes the place of a trainer for weights that the authors of a baseline released."""

    seeded = False

    def __init__(self, model: str, mirror: str | None = None) -> None:
        """Read the card that `model`, `BASELINE:CHECKPOINT`, names.

        Args:
            model: the baseline and the name of one of its checkpoints.
            mirror: an address that serves `HOST/PATH` of the weights.

        Raises:
            UserError: no such baseline, or it has no such checkpoint.
        """
        name, _, self._checkpoint = model.partition(":")
        self._card, self._mirror = load_baseline(name), mirror
        released(self._card, self._checkpoint)

    def code(self) -> list[str | Path]:
        """The baseline's worker, and its card with the address of the weights."""
        return [*self._card.places, "potentials/kit"]

    def epochs(self, dataset: str, scale: str, settings: Mapping[str, JsonValue]) -> int | None:  # noqa: ARG002
        """None: nothing is trained."""
        return None

    def prepare(self) -> None:
        """Make the environment, and download the weights, if they are missing.

        Raises:
            UserError: one of them cannot be had here; the message names the file, its address and its size.
        """
        from alphanet.potentials.environments import install_if_missing

        fetch(self._card, self._checkpoint, mirror=self._mirror)
        install_if_missing(self._card)

    def train(self, request: "TrainingRequest", out: Path) -> ReleasedWeights:  # noqa: ARG002
        """Which weights they are."""
        weights = present(self._card, self._checkpoint)
        trained_on = self._card.checkpoints[self._checkpoint].trained_on
        return ReleasedWeights(checkpoint=self._checkpoint, sha256=weights.sha256, trained_on=trained_on)

    def open(self, request: "TrainingRequest", out: Path, trained: "Trained") -> "RemotePotential":  # noqa: ARG002
        """The weights in a worker."""
        import torch

        from alphanet.potentials.remote import RemotePotential

        weights, threads = present(self._card, self._checkpoint), torch.get_num_threads()
        return RemotePotential(self._card, model=weights, dtype=request.dtype, device=request.device, threads=threads)
