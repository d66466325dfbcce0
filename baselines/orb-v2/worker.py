"""Orb v2 behind the worker protocol."""

import numpy as np
import torch
from ase.data import chemical_symbols
from network import build
from orb_models.forcefield.base import AtomGraphs
from orb_models.forcefield.load import load_forcefield_state_dict
from torch_kit import batched
from worker_kit import RefusedError, refuse_unknown

TRAINED = [*chemical_symbols[1:84], *chemical_symbols[89:95]]  # the 89 elements of MPtrj and Alexandria
EMBEDDED = 118
VOIGT = [[0, 5, 4], [5, 1, 3], [4, 3, 2]]  # places of xx, yy, zz, yz, xz, xy in a stress tensor


def load(request):
    """Released weights or random ones."""
    torch.set_num_threads(request["threads"])
    torch.set_default_dtype(getattr(torch, request["dtype"]))
    torch.manual_seed(request["seed"])
    network = build(request["architecture"])
    if request["checkpoint"] is not None:
        _restore(network, request["checkpoint"])
    return Model(network.to(torch.get_default_dtype()), request["elements"] or TRAINED, request["device"])


class Model:
    """An Orb network on a device; its edges come from the common neighbour lists."""

    def __init__(self, network, elements, device):
        self._network = network.eval().requires_grad_(False).to(device)
        self._system = network.system_config
        self._elements, self._device, self._dtype = elements, device, torch.get_default_dtype()
        self.info = {
            "parameters": sum(weights.numel() for weights in network.parameters()),
            "elements": list(elements),
            "cutoff": self._system.radius,
            "dtype": str(self._dtype).removeprefix("torch."),
        }

    @torch.no_grad()
    def predict(self, structures):
        """Energies (B,) eV, forces (N, 3) eV/Å, stresses (B, 3, 3) eV/Å^3, all predicted by the network itself."""
        refuse_unknown(structures.numbers, self._elements)
        batch = batched(structures, self._system.radius)
        answer = self._network.predict(self._graphs(batch).to(self._device))
        solid = (torch.linalg.det(batch.cells) != 0).to(self._device)
        stresses = torch.where(solid[:, None], answer["stress"].view(-1, 6), 0.0)[:, VOIGT]
        found = {"energy": answer["energy"].view(-1), "forces": answer["forces"], "stress": stresses}
        return {key: value.double().cpu().numpy() for key, value in found.items()}

    def _graphs(self, batch):
        """The package's batch; its senders are the common list's receivers, each with its nearest neighbours."""
        vectors = batch.vectors()
        kept = _nearest(batch.edge_index[1].numpy(), vectors.norm(dim=1).numpy(), self._system.max_num_neighbors)
        neighbors, atoms = batch.edge_index[:, kept]
        size = len(batch.counts)
        return AtomGraphs(
            senders=atoms,
            receivers=neighbors,
            n_node=batch.counts,
            n_edge=torch.bincount(batch.batch[atoms], minlength=size),
            node_features={
                "positions": batch.positions.to(self._dtype),
                "atomic_numbers": batch.numbers,
                "atomic_numbers_embedding": torch.nn.functional.one_hot(batch.numbers, EMBEDDED).to(self._dtype),
            },
            edge_features={"vectors": vectors[kept].to(self._dtype)},
            # the package takes a structure without a cell for a molecule and then removes the torque
            system_features={"cell": (batch.cells * batch.pbc.any(dim=1)[:, None, None]).to(self._dtype)},
            node_targets=None,
            edge_targets=None,
            system_targets=None,
            system_id=None,
            fix_atoms=None,
            tags=None,
            radius=self._system.radius,
            max_num_neighbors=torch.full((size,), self._system.max_num_neighbors),
        )


def _nearest(atoms, lengths, limit):
    """Places of the `limit` shortest edges of every atom; `atoms` (E,) is sorted."""
    order = np.lexsort((lengths, atoms))
    counts = np.bincount(atoms)
    rank = np.arange(len(atoms)) - np.repeat(np.cumsum(counts) - counts, counts)
    return torch.from_numpy(order[rank < limit])


def _restore(network, path):
    """Fill `network` from released weights, which have the names of the package's earlier versions."""
    try:
        found = load_forcefield_state_dict(network, torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise RefusedError(f"{path} is not a checkpoint of Orb v2: {str(error).splitlines()[0]}") from None
    # what the package fills in itself, normalisation and reference energies, may be missing; networks may not
    missing = [name for name in found.missing_keys if ".mlp." in name]
    if missing:
        raise RefusedError(f"{path} is not a whole checkpoint of Orb v2: it lacks {', '.join(missing)}")
