"""Orb v2 behind the worker protocol."""

import copy

import numpy as np
import torch
from ase.data import chemical_symbols
from network import build
from orb_models.forcefield.base import AtomGraphs
from orb_models.forcefield.load import load_forcefield_state_dict
from torch_kit import batched, compile_module, in_float64, on_host, with_dimer, without_dimer
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
    return Model(network.to(torch.get_default_dtype()), request)


class Model:
    """An Orb network on a device; its edges come from the common neighbor lists."""

    def __init__(self, network, request):
        """Store the network; `request` gives `elements`, `device` and `mode`: eager, or compiled as in the package."""
        elements, device = request["elements"] or TRAINED, request["device"]
        self._network = network.eval().requires_grad_(False).to(device)
        self._reference = None
        self._compiled = request.get("mode", "eager") == "compiled"
        if self._compiled:
            compile_module(self._network, device)
        self._system = network.system_config
        self._elements, self._device, self._dtype = elements, device, torch.get_default_dtype()
        self.info = {
            "parameters": sum(weights.numel() for weights in network.parameters()),
            "elements": list(elements),
            "cutoff": self._system.radius,
            "dtype": str(self._dtype).removeprefix("torch."),
            "mode": "compiled" if self._compiled else "eager",
            "reference": "float64 eager",
        }

    def predict(self, structures):
        """Energies (B,) eV, forces (N, 3) eV/Å, stresses (B, 3, 3) eV/Å^3, all predicted by the network itself."""
        return self.evaluate(self.prepare(structures))

    def prepare(self, structures):
        """The package's batch on the device, and (B,) which structures have a volume; a dimer last if compiled."""
        return self._prepared(with_dimer(structures) if self._compiled else structures, self._dtype)

    def evaluate(self, inputs):
        """Predictions of the network for the batch, on the host."""
        answer = self._evaluated(self._network, inputs)
        return without_dimer(answer) if self._compiled else answer

    def reference(self, structures):
        """Predictions of `predict`, computed in float64 without compilation."""
        if self._reference is None:
            self._reference = copy.deepcopy(self._network).double()  # a copy of a compiled network is not compiled
        with in_float64():
            return self._evaluated(self._reference, self._prepared(structures, torch.float64))

    def _prepared(self, structures, dtype):
        refuse_unknown(structures.numbers, self._elements)
        batch = batched(structures, self._system.radius)
        solid = torch.linalg.det(batch.cells) != 0
        return self._graphs(batch, dtype).to(self._device), solid.to(self._device)

    @torch.no_grad()
    def _evaluated(self, network, inputs):
        graphs, solid = inputs
        answer = network.predict(graphs)
        stresses = torch.where(solid[:, None], answer["stress"].view(-1, 6), 0.0)[:, VOIGT]
        found = {"energy": answer["energy"].view(-1), "forces": answer["forces"], "stress": stresses}
        return on_host(found)

    def _graphs(self, batch, dtype):
        """The package's batch; its senders are the common list's receivers, each with its nearest neighbors."""
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
                "positions": batch.positions.to(dtype),
                "atomic_numbers": batch.numbers,
                "atomic_numbers_embedding": torch.nn.functional.one_hot(batch.numbers, EMBEDDED).to(dtype),
            },
            edge_features={"vectors": vectors[kept].to(dtype)},
            # the package takes a structure without a cell for a molecule and then removes the torque
            system_features={"cell": (batch.cells * batch.pbc.any(dim=1)[:, None, None]).to(dtype)},
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
    # what the package fills in itself, normalization and reference energies, may be missing; networks may not
    missing = [name for name in found.missing_keys if ".mlp." in name]
    if missing:
        raise RefusedError(f"{path} is not a whole checkpoint of Orb v2: it lacks {', '.join(missing)}")
