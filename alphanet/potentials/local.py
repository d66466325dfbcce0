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
from alphanet.model.evaluator import Model, evaluator
from alphanet.model.prediction import Prediction, has_stress
from alphanet.model.released import model_files
from alphanet.potentials.protocol import FramePrediction
from alphanet.potentials.runs import alphanet_files
from alphanet.spread import Spread


class AlphaNetPotential:
    """A model, the file of one, or a committee as a Potential.

    Args:
        model: a model; a file or the name of released weights (see `alphanet.load_model` for both and `config`); a
            package of `alphanet export`; the folder of a run or of a committee; or a sequence of models or files, which
            are a committee.
        dtype: precision, for files; if None, float32, or that of a package.
        device: where to compute.
        name: as it appears in records.
        mode: eager, blocked or compiled, see `alphanet.model.evaluator.evaluation`. If not given: kernels in C++ where
            they serve the model (float32, on a CPU), after their compilation, once on a machine.
        max_memory: bytes, for every mode but `eager`, see `alphanet.model.fast.model.fast_model`.
    """

    def __init__(
        self,
        model: Model | Sequence[Model],
        *,
        config: Any = None,
        dtype: str | None = None,
        device: str = "cpu",
        name: str = "alphanet",
        mode: str | None = None,
        max_memory: int | None = None,
    ) -> None:
        self.name = name
        given = alphanet_files(model)
        members = [given] if isinstance(given, InteratomicModel | str | Path) else given
        self.files = [model_files(one, config)[0] for one in members if not isinstance(one, InteratomicModel)]
        for one in members:
            if isinstance(one, InteratomicModel):
                one.to(device)
        ready = evaluator(given, config, dtype=dtype, device=device, mode=mode, max_memory=max_memory, waits=True)
        self.model, self.members, self._engine = ready.model, ready.members, ready.engine

    @property
    def mode(self) -> str:
        """How predictions are made: eager, blocked, compiled or exported."""
        return self._engine.mode

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
        """The origin of the numbers: weights' sha256, settings, precision, device, mode, version of torch.

        Of a committee: the sha256 of all members' weights, and the sum of their parameters.
        """
        digests: list[JsonValue] = [sha256_of(file) for file in self.files]
        committee: dict[str, JsonValue] = {"members": len(self.members)} if len(self.members) > 1 else {}
        return {
            "weights_sha256": digests if committee else next(iter(digests), None),
            **committee,
            "parameters": sum(member.n_parameters for member in self.members),
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
        answers = list(_split(self._engine.predict(graph), graph.batch, has_stress(graph)))
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
    spreads = [None] * len(counts) if answer.spread is None else list(_split_spread(answer.spread, ends, stressed))
    for index, energy in enumerate(answer.energy.tolist()):
        own_stress = stress[index] if stressed[index] else None
        yield FramePrediction(energy, forces[index], own_stress, energies[index], spreads[index])


def _split_spread(spread: Spread, ends: np.ndarray, stressed: Tensor) -> Iterator[Spread]:
    forces = np.split(spread.forces.double().cpu().numpy(), ends)
    energies = np.split(spread.energies.detach().double().cpu().numpy(), ends)
    stress = spread.stress.double().cpu().numpy()
    for index, energy in enumerate(spread.energy.tolist()):
        own_stress = stress[index] if stressed[index] else None
        yield Spread(spread.members, energy, forces[index], own_stress, energies[index])
