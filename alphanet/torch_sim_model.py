"""AlphaNet as a torch_sim model: many structures at once in molecular dynamics and relaxation."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch_sim
from ase import Atoms
from torch import Tensor
from torch_sim.models.interface import ModelInterface

from alphanet.graph import AtomGraph, collate
from alphanet.model.base import InteratomicModel
from alphanet.model.checkpoint import load_model
from alphanet.model.prediction import predict


class AlphaNetModel(ModelInterface):
    """Energies, forces and stresses of all systems of a torch_sim state in one call.

    Args:
        model: a model, the file of one or the name of released weights; see `alphanet.load_model`.
        config: see `alphanet.load_model`.
        dtype: precision of the network when `model` is a file.
        device: the device to compute on.
        compute_forces: whether to compute forces.
        compute_stress: whether to compute stresses.

    Example:
        >>> model = AlphaNetModel("model.safetensors", device="cuda")
        >>> torch_sim.optimize(system=structures, model=model, optimizer=torch_sim.frechet_cell_fire)
    """

    def __init__(
        self,
        model: InteratomicModel | str | Path,
        config: Any = None,
        *,
        dtype: str = "float32",
        device: str = "cpu",
        compute_forces: bool = True,
        compute_stress: bool = True,
    ) -> None:
        super().__init__()
        loaded = model if isinstance(model, InteratomicModel) else load_model(model, config, dtype, device)
        self.network = loaded.eval().requires_grad_(False).to(device)
        self._device, self._dtype = torch.device(device), self.network.dtype
        self._compute_forces, self._compute_stress = compute_forces, compute_stress

    def forward(self, state: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Energy (B,) eV, forces (N, 3) eV/Å, stress (B, 3, 3) eV/Å^3 of the B systems of `state`.

        Raises:
            UserError: an element that the model does not know, overlapping atoms, a periodic cell without volume.
        """
        del kwargs
        state = state if isinstance(state, torch_sim.SimState) else torch_sim.SimState(**state)
        graph = collate(list(self._graphs(state))).to(device=self._device)
        answer = predict(self.network, graph, forces=self._compute_forces, stress=self._compute_stress)
        results = {"energy": answer.energy.to(state.positions.dtype)}
        if answer.forces is not None:
            results["forces"] = answer.forces.detach().to(state.positions.dtype)
        if answer.stress is not None:
            results["stress"] = answer.stress.detach().to(state.positions.dtype)
        return results

    def _graphs(self, state: Any) -> Iterator[AtomGraph]:
        """Yield one graph per system, on CPU; pairs are found in float64."""
        positions, cells = (
            values.detach().double().cpu().numpy() for values in (state.positions, state.row_vector_cell)
        )
        numbers = state.atomic_numbers.cpu().numpy()
        ends = torch.bincount(state.system_idx, minlength=state.n_systems).cumsum(0).tolist()
        pbc = np.broadcast_to(torch.as_tensor(state.pbc).cpu().numpy(), 3)  # one for all systems
        for cell, first, last in zip(cells, [0, *ends], ends, strict=False):
            yield self.network.graph(Atoms(numbers[first:last], positions[first:last], cell=cell, pbc=pbc))
