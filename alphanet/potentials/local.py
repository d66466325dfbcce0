"""AlphaNet models behind the Potential protocol, in this process."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from pydantic import JsonValue
from torch import Tensor

from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.graph import collate
from alphanet.model.base import InteratomicModel
from alphanet.model.evaluator import evaluator
from alphanet.model.prediction import Prediction, has_stress
from alphanet.model.released import model_files
from alphanet.potentials.protocol import FramePrediction


class AlphaNetPotential:
    """A model, or the file of one, as a Potential.

    Args:
        model: a model; a file or the name of released weights (see `alphanet.load_model` for both and `config`); or a
            package of `alphanet export`.
        dtype: precision, for files.
        device: where to compute.
        name: as it appears in records.
        mode: eager, blocked or compiled, see `alphanet.model.evaluator.evaluation`; compiling pays off from some
            hundreds of structures on.
        max_memory: bytes, for `blocked` and `compiled`, see `alphanet.model.fast.model.fast_model`.
    """

    def __init__(
        self,
        model: InteratomicModel | str | Path,
        *,
        config: Any = None,
        dtype: str = "float32",
        device: str = "cpu",
        name: str = "alphanet",
        mode: str = "eager",
        max_memory: int | None = None,
    ) -> None:
        self.name = name
        self.file = None if isinstance(model, InteratomicModel) else model_files(model, config)[0]
        given = model.to(device) if isinstance(model, InteratomicModel) else model
        ready = evaluator(given, config, dtype=dtype, device=device, mode=mode, max_memory=max_memory)
        self.model, self.mode, self._predict = ready.model, ready.mode, ready.predict

    def predict(self, frames: Sequence[Atoms], *, batch_size: int = 8) -> list[FramePrediction]:
        """Energies, forces and stresses of `frames`, in order.

        Raises:
            UserError: unknown elements, unsound structures, or a prediction that is not finite, with the frame's place.
        """
        predictions: list[FramePrediction] = []
        for first in range(0, len(frames), batch_size):
            predictions += self._batch(frames[first : first + batch_size], first)
        return predictions

    def provenance(self) -> dict[str, JsonValue]:
        """The origin of the numbers: weights' sha256, settings, precision, device, mode, version of torch."""
        return {
            "weights_sha256": sha256_of(self.file) if self.file else None,
            "parameters": self.model.n_parameters,
            "settings": self.model.config.model_dump(mode="json"),
            "precision": str(self.model.dtype).removeprefix("torch."),
            "device": str(self.model.device),
            "mode": self.mode,
            "torch": torch.__version__,
        }

    def close(self) -> None:
        """Release nothing; the model lives as long as this object."""

    def _batch(self, frames: Sequence[Atoms], first: int) -> list[FramePrediction]:
        graphs = []
        for place, atoms in enumerate(frames, first):
            try:
                graphs.append(self.model.graph(atoms))
            except UserError as error:
                raise UserError(f"frame {place}: {error}") from error
        graph = collate(graphs).to(device=self.model.device)
        answers = list(_split(self._predict(graph), graph.batch, has_stress(graph)))
        for place, answer in enumerate(answers, first):
            if not (np.isfinite(answer.energy) and np.isfinite(answer.forces).all()):
                raise UserError(f"frame {place}: the prediction is not finite")
        return answers


def _split(answer: Prediction, batch: Tensor, stressed: Tensor) -> Iterator[FramePrediction]:
    assert answer.forces is not None and answer.stress is not None
    counts = torch.bincount(batch, minlength=len(stressed)).tolist()
    ends = np.cumsum(counts)[:-1]
    forces = np.split(answer.forces.double().cpu().numpy(), ends)
    energies = np.split(answer.atomic_energies.detach().double().cpu().numpy(), ends)
    stress = answer.stress.double().cpu().numpy()
    for index, energy in enumerate(answer.energy.tolist()):
        yield FramePrediction(energy, forces[index], stress[index] if stressed[index] else None, energies[index])
