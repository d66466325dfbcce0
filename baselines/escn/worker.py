"""Networks of fairchem-core 2 behind the worker protocol: whatever backbone and heads its HydraModel is given."""

import torch
from fairchem.core.datasets.atomic_data import AtomicData, atomicdata_list_to_batch
from fairchem.core.models.base import HydraModel


def load(request):
    """A network with the weights of a state dict, or random ones where `request["checkpoint"]` is None."""
    torch.set_num_threads(request["threads"])
    torch.manual_seed(request["seed"])
    network = HydraModel(**request["architecture"], otf_graph=True)
    if request["checkpoint"] is not None:
        network.load_state_dict(torch.load(request["checkpoint"], map_location="cpu", weights_only=True))
    return Model(network.to(getattr(torch, request["dtype"])), request["device"])


class Model:
    """The network on a device; structures become the package's batches."""

    def __init__(self, network, device):
        self._network = network.eval().requires_grad_(False).to(device)
        self._dtype = next(network.parameters()).dtype
        self._device = device
        self.info = {"parameters": sum(weights.numel() for weights in network.parameters())}

    def predict(self, structures):
        """Energies (B,) eV, forces (N, 3) eV/Å, stresses (B, 3, 3) eV/Å^3."""
        options = {"r_energy": False, "r_forces": False, "r_stress": False, "r_data_keys": None, "task_name": "omat"}
        batch = atomicdata_list_to_batch([AtomicData.from_ase(atoms, **options) for atoms in structures.atoms()])
        batch = batch.to(self._device)
        batch.pos, batch.cell = batch.pos.to(self._dtype), batch.cell.to(self._dtype)
        answer = _flat(self._network(batch))
        found = {key: answer[key].detach().cpu().numpy() for key in ("energy", "forces")}
        found["stress"] = answer["stress"].detach().reshape(-1, 3, 3).cpu().numpy()
        return found


def _flat(answer):
    """The heads' outputs by property, wherever the heads put them."""
    flat = {}
    for key, value in answer.items():
        flat |= _flat(value) if isinstance(value, dict) else {key: value}
    return flat
