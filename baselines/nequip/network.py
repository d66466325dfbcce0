"""NequIP models from its own builder, and their predictions."""

import warnings
from pathlib import Path

import numpy as np
import torch
from amplification import amplify
from nequip.data import AtomicDataDict, from_dict
from nequip.data.transforms import ChemicalSpeciesToAtomTypeMapper, NeighborListTransform
from nequip.model import NequIPGNNModel
from nequip.utils.global_state import set_global_state
from torch_kit import part_sizes, require_compiler, with_dimer, without_dimer
from weights import restore
from worker_kit import RefusedError, refuse_unknown

warnings.filterwarnings("ignore", message=".*TorchScript.*")


def load(request):
    """A model that was trained here, or with random weights if `request["checkpoint"]` is None."""
    torch.set_num_threads(request["threads"])
    set_global_state()
    make = _untrained if request["checkpoint"] is None else _trained
    network, settings = make(request)
    if request["checkpoint"] is None:
        amplify(network, request.get("amplification", 1.0))
    return Model(network, settings, request)


class Model:
    """A nequip model on a device; the structures it is given become nequip's data, a batch at a time."""

    def __init__(self, network, settings, request):
        """Store the network; `request` gives the `device` and the `mode`: eager, or compiled by nequip's own means."""
        self._device, self._settings = request["device"], settings
        self._compiled = request.get("mode", "eager") == "compiled"
        self._network = self._placed(network)
        self._reference = self._training = None
        self._elements = list(settings["type_names"])
        self._transforms = [
            ChemicalSpeciesToAtomTypeMapper(model_type_names=self._elements),
            NeighborListTransform(r_max=settings["r_max"]),
        ]
        self.info = {
            "parameters": sum(weights.numel() for weights in network.parameters()),
            "elements": self._elements,
            "cutoff": settings["r_max"],
            "dtype": settings["model_dtype"],
            "mode": "compiled" if self._compiled else "eager",
            "reference": "float64 eager",
            "amplification": request.get("amplification", 1.0),
        }
        if self._compiled:
            require_compiler(self._device)
            part_sizes()
            self._network = self._twin(compile_mode="compile")

    def predict(self, structures):
        """Energies (B,) eV, forces (N, 3) eV/Å, stresses (B, 3, 3) eV/Å^3; those without a volume are zero."""
        return self.evaluate(self.prepare(structures))

    def prepare(self, structures):
        """nequip's data with its neighbor list, on the device; with a dimer at their end if it is compiled.

        nequip does not run a single structure compiled.
        """
        return self._prepared(with_dimer(structures) if self._compiled else structures)

    def evaluate(self, batch):
        """Predictions of the network for the data, on the host; the data stay as they were."""
        answer = self._evaluated(self._network, batch)
        return without_dimer(answer) if self._compiled else answer

    def reference(self, structures):
        """Predictions of `predict`, in float64 and without compilation."""
        if self._reference is None:
            self._reference = self._twin(model_dtype="float64")
        return self._evaluated(self._reference, self._prepared(structures))

    def train_step(self, batch):
        """The loss before a step of Adam towards energies per atom and forces of zero, on the result of `prepare`.

        The steps change a copy of the network, which is not compiled.
        """
        if self._training is None:
            network = self._twin().train().requires_grad_(True)
            self._training = network, torch.optim.Adam(network.parameters(), 1e-3)
        network, optimizer = self._training
        optimizer.zero_grad()
        answer = network(dict(batch))
        energies = answer[AtomicDataDict.TOTAL_ENERGY_KEY].view(-1) / batch[AtomicDataDict.NUM_NODES_KEY]
        loss = energies.abs().mean() + answer[AtomicDataDict.FORCE_KEY].abs().mean()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    def _twin(self, **changes):
        """The same weights in a network with other settings."""
        network = NequIPGNNModel(**self._settings | changes)
        network.load_state_dict(self._network.state_dict())
        return self._placed(network)

    def _placed(self, network):
        return network.eval().requires_grad_(False).to(self._device)

    def _prepared(self, structures):
        refuse_unknown(structures.numbers, self._elements)
        batch = AtomicDataDict.batched_from_list([self._data(*one) for one in structures])
        return AtomicDataDict.to_(batch, self._device)

    def _evaluated(self, network, batch):
        answer = network(dict(batch))
        forces, stress = answer[AtomicDataDict.FORCE_KEY], answer[AtomicDataDict.STRESS_KEY]
        return {
            "energy": answer[AtomicDataDict.TOTAL_ENERGY_KEY].detach().view(-1).cpu().numpy(),
            "forces": forces.detach().cpu().numpy(),
            # nequip returns NaN if there is no volume to divide by
            "stress": np.nan_to_num(stress.detach().cpu().numpy(), nan=0.0),
        }

    def _data(self, numbers, positions, cell, pbc):
        data = from_dict(
            {
                AtomicDataDict.POSITIONS_KEY: positions,
                AtomicDataDict.CELL_KEY: cell,
                AtomicDataDict.PBC_KEY: pbc,
                AtomicDataDict.ATOMIC_NUMBERS_KEY: numbers,
            }
        )
        for transform in self._transforms:
            data = transform(data)
        return data


def _untrained(request):
    if not request["elements"]:
        raise RefusedError("random weights need to know the elements: give settings elements: [H, C, …]")
    settings = {
        "per_type_energy_scales": 1.0,
        "per_type_energy_shifts": 0.0,
        "avg_num_neighbors": 40.0,
        **request["architecture"],
        "type_names": request["elements"],
        "model_dtype": request["dtype"],
        "seed": request["seed"],
    }
    return NequIPGNNModel(**settings), settings


def _trained(request):
    """The model in the requested precision, whatever its training's was."""
    return restore(Path(request["checkpoint"]), request["dtype"])
