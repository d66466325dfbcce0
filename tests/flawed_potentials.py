"""A good pair potential, and a copy of it for each flaw that the physics audit is to find: `flawed_potentials:FLAW`."""

import functools

import numpy as np
import torch
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from alphanet.neighbors import build_graph, nearest_only

CUTOFF = 4.5
CAP = 45  # more than the neighbors in quartz, fewer than in the dense crystal
RANGE = 0.7  # Å
SIZE = 0.01  # of the wrong terms


class PairPotential(Calculator):
    """Repulsion of charges that depend on the element, screened and smooth at the cutoff; `flaw` says what is wrong."""

    implemented_properties = ("energy", "forces", "stress")

    def __init__(self, flaw: str, dtype: str = "float64"):
        super().__init__()
        self.flaw, self.dtype = flaw, getattr(torch, "float64" if flaw == "stubborn" else dtype)

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        if self.flaw == "fails_on_molecules" and not self.atoms.pbc.any():
            raise RuntimeError("no molecules")
        if self.flaw == "fails_on_ranks" and self.atoms.pbc.any() and len(self.atoms) / self.atoms.get_volume() > 0.15:
            raise RuntimeError("too dense")
        graph = build_graph(self.atoms, CUTOFF, self.dtype)
        if self.flaw == "cap":
            graph = nearest_only(graph, CAP)
        positions = graph.positions.clone().requires_grad_(True)
        strain = torch.zeros(3, 3, dtype=self.dtype, requires_grad=True)
        moved = positions + positions @ (strain + strain.T) / 2
        cell = graph.cell[0] + graph.cell[0] @ (strain + strain.T) / 2
        vectors = moved[graph.sender] + graph.edge_shift @ cell - moved[graph.receiver]
        energy = self.energy(graph, vectors, moved)
        gradient, virial = torch.autograd.grad(energy, (positions, strain))
        forces = -gradient.double().numpy()
        if self.flaw == "not_conservative":
            forces = forces * (1 + 1e-3 * self.atoms.numbers[:, None])
        stress = virial.double().numpy() / self.atoms.get_volume() if self.atoms.pbc.all() else np.zeros((3, 3))
        if self.flaw == "wrong_stress":
            stress = 2 * stress
        self.results = {"energy": energy.item(), "forces": forces, "stress": full_3x3_to_voigt_6_stress(stress)}

    def energy(self, graph, vectors, positions):
        if self.flaw == "triples" and graph.n_atoms < 3:
            return 0.0 * (vectors.sum() + positions.sum())
        distance = vectors.norm(dim=1)
        charge = graph.numbers.to(self.dtype).sqrt()
        envelope = 1.0 if self.flaw == "cutoff" else (1 - (distance / CUTOFF) ** 2) ** 4
        pairs = charge[graph.sender] * charge[graph.receiver] * torch.exp(-distance / RANGE) * envelope
        return 3 * pairs.sum() + SIZE * self.wrong(graph, vectors, positions, pairs) + 0.0 * positions.sum()

    def wrong(self, graph, vectors, positions, pairs):
        """A term that breaks one rule; 0 for the flaws that are made elsewhere."""
        molecule = not graph.pbc.any() and graph.n_atoms > 2
        if self.flaw == "direction":
            return (pairs * vectors[:, 0] ** 2).sum()
        if self.flaw == "handed":
            a, b, c = (
                torch.zeros_like(positions).index_add(0, graph.receiver, vectors * pairs[:, None] ** k)
                for k in (1, 2, 3)
            )
            return (torch.linalg.cross(a, b) * c).sum()
        if self.flaw == "place" and molecule:
            return positions.mean(0).square().sum()
        if self.flaw == "order" and molecule:
            return (pairs * graph.receiver).sum()
        if self.flaw == "step" and molecule:
            return torch.floor(20 * pairs.detach().sum())
        if self.flaw == "image" and graph.pbc.all():
            stored = positions @ torch.linalg.inv(graph.cell[0])
            return torch.floor((stored - stored.min(0).values) / 1.5).abs().sum()
        if self.flaw == "stored" and graph.pbc.all():
            return torch.exp(-(torch.pdist(positions) ** 2)).sum()
        if self.flaw == "size" and graph.pbc.all():
            return pairs.sum() ** 2
        if self.flaw == "far_from_zero":
            return torch.tensor(1e7, dtype=self.dtype)
        if self.flaw == "hollow":
            return -2000 * torch.exp(-vectors.square().sum(1) / 0.5).sum()
        return 0.0


def __getattr__(flaw):
    if flaw.startswith("__"):
        raise AttributeError(flaw)
    return functools.partial(PairPotential, flaw)
