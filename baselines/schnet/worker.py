"""SchNet of torch_geometric behind the worker protocol, with periodic graphs."""

import numpy as np
import torch
from matscipy.neighbours import neighbour_list
from torch_geometric.nn.models import SchNet


def load(request):
    """A network with the weights of a state dict, or random ones where `request["checkpoint"]` is None."""
    torch.set_num_threads(request["threads"])
    torch.manual_seed(request["seed"])
    network = PeriodicSchNet(request["architecture"])
    if request["checkpoint"] is not None:
        network.load_state_dict(torch.load(request["checkpoint"], map_location="cpu", weights_only=True))
    return Model(network.to(getattr(torch, request["dtype"])), request["device"])


class PeriodicSchNet(torch.nn.Module):
    """SchNet whose edges and distances come with the structures instead of from its own radius graph."""

    def __init__(self, architecture):
        super().__init__()
        self.network = SchNet(**architecture, interaction_graph=self._given)
        self._edges = None

    def forward(self, numbers, batch, edge_index, distances):
        """Energies (B,)."""
        self._edges = edge_index, distances
        return self.network(numbers, distances.new_zeros(len(numbers), 3), batch).view(-1)

    def _given(self, _positions, _batch):
        return self._edges


class Model:
    """The network on a device; forces and stress are derivatives of its energy."""

    def __init__(self, network, device):
        self._network = network.eval().requires_grad_(False).to(device)
        self._dtype = next(network.parameters()).dtype
        self._device = device
        self._cutoff = network.network.cutoff
        self.info = {
            "parameters": sum(weights.numel() for weights in network.parameters()),
            "cutoff": self._cutoff,
        }

    def predict(self, structures):
        """Energies (B,) eV, forces (N, 3) eV/Å, stresses (B, 3, 3) eV/Å^3; zero where the cell has no volume."""
        edge_index, shifts = (
            torch.from_numpy(part).to(self._device) for part in periodic_edges(structures, self._cutoff)
        )
        batch = torch.from_numpy(structures.batch).to(self._device)
        numbers = torch.from_numpy(structures.numbers).to(self._device)
        positions = torch.from_numpy(structures.positions).to(self._device).requires_grad_(True)
        strain = positions.new_zeros(len(structures.counts), 3, 3).requires_grad_(True)
        symmetric = (strain + strain.transpose(1, 2)) / 2
        sender, receiver = edge_index
        vectors = positions[sender] + shifts - positions[receiver]
        vectors = vectors + torch.einsum("ei,eij->ej", vectors, symmetric[batch[receiver]])
        distances = vectors.norm(dim=1).to(self._dtype)
        energy = self._network(numbers, batch, edge_index, distances)
        force, virial = torch.autograd.grad(energy.sum(), (positions, strain), materialize_grads=True)
        volume = np.abs(np.linalg.det(structures.cells))[:, None, None]
        stress = np.divide(virial.cpu().numpy(), volume, out=np.zeros_like(structures.cells), where=volume > 0)
        return {"energy": energy.detach().cpu().numpy(), "forces": -force.cpu().numpy(), "stress": stress}


def periodic_edges(structures, cutoff):
    """(2, E) sender and receiver of each directed edge, and (E, 3) the Å that are added to the sender's position."""
    edges, shifts, first = [], [], 0
    for numbers, positions, cell, pbc in structures:
        # matscipy wants a cell of full rank, also where nothing is periodic
        full = np.where(np.any(cell, axis=1, keepdims=True), cell, np.eye(3) * (np.ptp(positions) + 2 * cutoff))
        receiver, sender, images = neighbour_list("ijS", positions=positions, cell=full, pbc=pbc, cutoff=cutoff)
        edges.append(np.stack([sender, receiver]).astype(np.int64) + first)
        shifts.append(images @ full)
        first += len(numbers)
    return np.concatenate(edges, axis=1), np.concatenate(shifts)
