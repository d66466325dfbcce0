"""MACE behind the worker protocol."""

import mace  # noqa: F401  before e3nn: it makes torch.load accept the constants that e3nn 0.4.4 ships

# isort: split
import numpy as np
import torch
from ase.data import atomic_numbers, chemical_symbols
from e3nn import o3
from mace import data, modules, tools
from mace.tools import torch_geometric
from worker_kit import RefusedError, refuse_unknown

FIRST = "RealAgnosticInteractionBlock"
LATER = "RealAgnosticResidualInteractionBlock"


def load(request):
    """A model that the package saved, or one with random weights where `request["checkpoint"]` is None."""
    torch.set_num_threads(request["threads"])
    torch.set_default_dtype(getattr(torch, request["dtype"]))
    if request["checkpoint"] is None:
        network = _untrained(request)
    else:
        network = torch.load(request["checkpoint"], map_location="cpu", weights_only=False)
        network = network.to(torch.get_default_dtype())
    return Model(network, request["device"])


class Model:
    """A MACE network on a device; structures become the package's batches."""

    def __init__(self, network, device):
        self._network = network.eval().requires_grad_(False).to(device)
        self._device = device
        self._cutoff = float(network.r_max)
        self._numbers = tools.AtomicNumberTable([int(number) for number in network.atomic_numbers])
        self._elements = [chemical_symbols[number] for number in self._numbers.zs]
        self.info = {
            "parameters": sum(weights.numel() for weights in network.parameters()),
            "elements": self._elements,
            "cutoff": self._cutoff,
        }

    def predict(self, structures):
        """Energies (B,) eV, forces (N, 3) eV/Å, stresses (B, 3, 3) eV/Å^3."""
        refuse_unknown(structures.numbers, self._elements)
        graphs = [
            data.AtomicData.from_config(data.config_from_atoms(atoms), z_table=self._numbers, cutoff=self._cutoff)
            for atoms in structures.atoms()
        ]
        batch = torch_geometric.Batch.from_data_list(graphs).to(self._device)
        answer = self._network(batch.to_dict(), training=False, compute_force=True, compute_stress=True)
        return {key: answer[key].detach().cpu().numpy() for key in ("energy", "forces", "stress")}


def _untrained(request):
    if not request["elements"]:
        raise RefusedError("random weights need to know the elements: give settings elements: [H, C, …]")
    torch.manual_seed(request["seed"])
    settings = dict(request["architecture"])
    for key in ("hidden_irreps", "MLP_irreps"):
        settings[key] = o3.Irreps(settings[key])
    numbers = sorted(atomic_numbers[symbol] for symbol in request["elements"])
    return modules.ScaleShiftMACE(
        interaction_cls=modules.interaction_classes[LATER],
        interaction_cls_first=modules.interaction_classes[FIRST],
        num_elements=len(numbers),
        atomic_numbers=numbers,
        atomic_energies=np.zeros(len(numbers)),
        gate=torch.nn.functional.silu,
        atomic_inter_scale=1.0,
        atomic_inter_shift=0.0,
        **settings,
    )
