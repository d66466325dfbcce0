"""Any potential as a torch_sim model: every step is one call with the whole batch, wherever the potential runs."""

from typing import Any

import torch
from ase import Atoms
from torch import Tensor
from torch_sim.models.interface import ModelInterface

from alphanet.potentials.protocol import Potential


class PotentialModel(ModelInterface):
    """Energies, forces and stresses of all systems of a torch_sim state by one call of `Potential.predict`.

    Positions and cells are float64 on the CPU, as potentials take them; in which precision and where the network
    computes is the potential's own business.
    """

    def __init__(self, potential: Potential) -> None:
        """The potential stays open; who opened it closes it."""
        super().__init__()
        self._potential = potential
        self._device, self._dtype = torch.device("cpu"), torch.float64
        self._compute_forces = self._compute_stress = True

    def forward(self, state: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Energy (B,) eV, forces (N, 3) eV/Å, stress (B, 3, 3) eV/Å^3 of the B systems of `state`.

        Raises:
            UserError: as the potential's `predict`.
            NotImplementedError: the potential gives no stress.
        """
        del kwargs
        frames = _frames(state)
        answers = self._potential.predict(frames, batch_size=len(frames))
        if any(answer.stress is None for answer in answers):
            raise NotImplementedError(f"{self._potential.name} gives no stress")
        return {
            "energy": torch.tensor([answer.energy for answer in answers], dtype=self._dtype),
            "forces": torch.cat([torch.as_tensor(answer.forces, dtype=self._dtype) for answer in answers]),
            "stress": torch.stack([torch.as_tensor(answer.stress, dtype=self._dtype) for answer in answers]),
        }


def _frames(state: Any) -> list[Atoms]:
    positions, cells = state.positions.numpy(), state.row_vector_cell.numpy()
    numbers = state.atomic_numbers.numpy()
    ends = torch.bincount(state.system_idx, minlength=state.n_systems).cumsum(0).tolist()
    return [
        Atoms(numbers[first:last], positions[first:last], cell=cell, pbc=True)
        for cell, first, last in zip(cells, [0, *ends], ends, strict=False)
    ]
