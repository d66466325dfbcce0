"""AlphaNet as a torch_sim model: many structures at once in molecular dynamics and relaxation."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch_sim
from ase import Atoms
from torch import Tensor, nn
from torch_sim.models.interface import ModelInterface

from alphanet.graph import AtomGraph, collate
from alphanet.model.evaluator import Model, evaluator
from alphanet.potentials.runs import alphanet_files


class AlphaNetModel(ModelInterface):
    """Energies, forces and stresses of all systems of a torch_sim state in one call.

    Args:
        model: a model, the file of one or the name of released weights (see `alphanet.load_model`), or the folder of a
            run; for a committee the folder of one, or a sequence of models or files.
        config: see `alphanet.load_model`.
        dtype: precision of the network when `model` is a file.
        device: the device to compute on.
        compute_forces: whether to compute forces.
        compute_stress: whether to compute stresses.
        mode: eager, blocked or compiled, see `alphanet.model.evaluator.evaluation`; if not given, kernels in C++ where
            they serve the model (float32, on a CPU).

    Example:
        >>> model = AlphaNetModel("model.safetensors", device="cuda")
        >>> torch_sim.optimize(system=structures, model=model, optimizer=torch_sim.frechet_cell_fire)
    """

    def __init__(
        self,
        model: Model | Sequence[Model],
        config: Any = None,
        *,
        dtype: str = "float32",
        device: str = "cpu",
        compute_forces: bool = True,
        compute_stress: bool = True,
        mode: str | None = None,
    ) -> None:
        super().__init__()
        given = alphanet_files(model)
        for one in [given] if isinstance(given, nn.Module | str | Path) else given:
            if isinstance(one, nn.Module):
                one.to(device)
        ready = evaluator(given, config, dtype=dtype, device=device, mode=mode)
        self.members = nn.ModuleList(one for one in ready.members if isinstance(one, nn.Module))
        self.members.requires_grad_(False)
        self.network, self._engine = ready.model, ready.engine
        self._device, self._dtype = torch.device(device), self.network.dtype
        self._compute_forces, self._compute_stress = compute_forces, compute_stress

    def forward(self, state: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Energy (B,) eV, forces (N, 3) eV/Å, stress (B, 3, 3) eV/Å^3 of the B systems of `state`.

        Of a committee these are means, and their deviations stand beside them: energy_spread (B,), forces_spread (N,),
        the norm of each atom's deviation, stress_spread (B, 3, 3).

        Raises:
            UserError: an element that the model does not know, overlapping atoms, a periodic cell without volume.
        """
        del kwargs
        state = state if isinstance(state, torch_sim.SimState) else torch_sim.SimState(**state)
        graph = collate(list(self._graphs(state))).to(device=self._device)
        answer = self._engine.predict(graph, forces=self._compute_forces, stress=self._compute_stress)
        results = {"energy": answer.energy, "forces": answer.forces, "stress": answer.stress}
        if (spread := answer.spread) is not None:
            results |= {"energy_spread": spread.energy, "stress_spread": spread.stress}
            results["forces_spread"] = None if spread.forces is None else spread.of_atoms
        return {
            name: values.detach().to(state.positions.dtype) for name, values in results.items() if values is not None
        }

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
