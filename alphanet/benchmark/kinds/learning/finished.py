"""Rows of finished models: files, folders, cards that do not train, callables. They are evaluated as they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from alphanet.benchmark.kinds.accuracy.released import ReleasedWeights
from alphanet.benchmark.kinds.accuracy.trainers import TRAINERS
from alphanet.potentials.cards import baseline_names, card_file
from alphanet.potentials.specification import specified, split_preset

if TYPE_CHECKING:
    from alphanet.benchmark.kinds.accuracy.trainers import Trained, TrainingRequest
    from alphanet.potentials.protocol import Potential


def is_finished(model: str) -> bool:
    """Whether `model` is neither trained (AlphaNet, a baseline, the path of a card that trains) nor learns nothing.

    Raises:
        UserError: it is none of the forms.
    """
    name, _ = split_preset(model)
    if name in TRAINERS or name in baseline_names():
        return False
    card = specified(model).card
    return card is None or not card.trainable or card_file(Path(name)) is None  # it may be weights of a card


class FinishedModel:
    """Takes the place of a trainer for a model in any form of `FORMS` that is not trained."""

    seeded = False

    def __init__(self, model: str) -> None:
        """Read what `model` means.

        Raises:
            UserError: it is none of the forms.
        """
        self._model = specified(model)

    def code(self) -> list[str | Path]:
        """The sources of AlphaNet, or of the card's worker."""
        return ["model"] if self._model.card is None else [*self._model.card.places, "potentials/kit"]

    def settings(self) -> dict[str, JsonValue]:
        """What tells the model from another of the same name."""
        return {"digest": self._model.digest}

    def epochs(self, dataset: str, scale: str, settings: Mapping[str, JsonValue]) -> int | None:  # noqa: ARG002
        """None: nothing is trained."""
        return None

    def prepare(self) -> None:
        """Make the environment of a card if it is missing.

        Raises:
            UserError: it cannot be made here.
        """
        from alphanet.potentials.environments import install_if_missing

        if self._model.card is not None:
            install_if_missing(self._model.card)

    def train(self, request: "TrainingRequest", out: Path) -> ReleasedWeights:  # noqa: ARG002
        """Which model it is."""
        self.prepare()
        return ReleasedWeights(checkpoint=self._model.text, sha256=self._model.digest, trained_on="data of its own")

    def open(self, request: "TrainingRequest", out: Path, trained: "Trained") -> "Potential":  # noqa: ARG002
        """The model, in the precision of the other rows if it computes in it."""
        import torch

        from alphanet.potentials.opening import LoadOptions, open_potential

        card = self._model.card
        dtype = request.dtype if card is None or request.dtype in card.dtypes else card.usual_dtype
        threads = None if self._model.kind == "python" else torch.get_num_threads()
        return open_potential(self._model.text, LoadOptions(dtype=dtype, device=request.device, threads=threads))
