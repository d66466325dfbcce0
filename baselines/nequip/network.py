"""NequIP models from its own builder, and what they predict."""

import warnings
from pathlib import Path

import numpy as np
import torch
from nequip.data import AtomicDataDict, from_dict
from nequip.data.transforms import ChemicalSpeciesToAtomTypeMapper, NeighborListTransform
from nequip.model import NequIPGNNModel
from nequip.utils.global_state import set_global_state
from weights import restore
from worker_kit import RefusedError, refuse_unknown

warnings.filterwarnings("ignore", message=".*TorchScript.*")


def load(request):
    """A model that was trained here, or with random weights where `request["checkpoint"]` is None."""
    torch.set_num_threads(request["threads"])
    set_global_state()
    make = _untrained if request["checkpoint"] is None else _trained
    return Model(*make(request), request["device"])


class Model:
    """A nequip model on a device; the structures it is given become nequip's data, a batch at a time."""

    def __init__(self, network, settings, device):
        self._network = network.eval().requires_grad_(False).to(device)
        self._device = device
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
        }

    def predict(self, structures):
        """Energies (B,) eV, forces (N, 3) eV/Å, stresses (B, 3, 3) eV/Å^3; those without a volume are zero."""
        return self.evaluate(self.prepare(structures))

    def prepare(self, structures):
        """nequip's data with its neighbour list, on the device."""
        refuse_unknown(structures.numbers, self._elements)
        batch = AtomicDataDict.batched_from_list([self._data(*one) for one in structures])
        return AtomicDataDict.to_(batch, self._device)

    def evaluate(self, batch):
        """What the network makes of the data, on the host; the data stay as they were."""
        answer = self._network(dict(batch))
        forces, stress = answer[AtomicDataDict.FORCE_KEY], answer[AtomicDataDict.STRESS_KEY]
        return {
            "energy": answer[AtomicDataDict.TOTAL_ENERGY_KEY].detach().view(-1).cpu().numpy(),
            "forces": forces.detach().cpu().numpy(),
            # nequip answers NaN where there is no volume to divide by
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
    """In the precision that is asked for, whichever it was trained in."""
    return restore(Path(request["checkpoint"]), request["dtype"])
