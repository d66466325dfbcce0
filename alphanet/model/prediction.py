"""Energies, forces and stresses from a model, as exact derivatives."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from alphanet.graph import AtomGraph, strained, sum_over_atoms
from alphanet.spread import Spread


@dataclass(frozen=True)
class Prediction:
    """Predictions for a graph of B structures and N atoms."""

    energy: Tensor  # (B,) eV, float64
    atomic_energies: Tensor  # (N,) eV, float64
    forces: Tensor | None = None  # (N, 3) eV/Å
    stress: Tensor | None = None  # (B, 3, 3) eV/Å^3, dE/dstrain / V; zero rows where `has_stress` is false
    spread: Spread | None = None  # of a committee, about these means


def has_stress(graph: AtomGraph) -> Tensor:
    """(B,) whether a stress is defined: at least one periodic direction and a cell with a volume."""
    return graph.pbc.any(dim=1) & (_volume(graph) > 0)


def predict(
    model: Callable[[AtomGraph], Tensor],
    graph: AtomGraph,
    *,
    forces: bool = True,
    stress: bool = True,
    create_graph: bool = False,
) -> Prediction:
    """Energy, and its derivatives by positions and by a symmetric strain of positions and cell.

    Args:
        model: any reading, or another function from a graph to (N,) atomic energies in eV.
        graph: made by `model.graph`, in the model's precision and on its device.
        forces: also give forces.
        stress: also give the stress.
        create_graph: keep what is needed to differentiate forces and stress by the parameters, for training.
    """
    if not (forces or stress):
        with torch.set_grad_enabled(create_graph):
            atomic_energies = model(graph)
        return Prediction(sum_over_atoms(atomic_energies, graph), atomic_energies)
    positions = graph.positions.detach().requires_grad_()
    strain = torch.zeros_like(graph.cell, requires_grad=stress)
    with torch.enable_grad():
        moved = replace(graph, positions=positions)
        atomic_energies = model(strained(moved, strain) if stress else moved)
        energy = sum_over_atoms(atomic_energies, graph)
        by = [positions, strain] if stress else [positions]
        gradients = torch.autograd.grad(energy.sum(), by, create_graph=create_graph, materialize_grads=True)
    if not create_graph:
        energy, atomic_energies = energy.detach(), atomic_energies.detach()
    return Prediction(
        energy,
        atomic_energies,
        forces=-gradients[0] if forces else None,
        stress=per_volume(gradients[1], graph) if stress else None,
    )


def per_volume(virial: Tensor, graph: AtomGraph) -> Tensor:
    """(B, 3, 3) eV/Å^3 from the (B, 3, 3) derivatives by strain; zero where no stress is defined."""
    defined = has_stress(graph)
    volume = torch.where(defined, _volume(graph), torch.ones_like(graph.cell[:, 0, 0]))
    return torch.where(defined[:, None, None], virial / volume[:, None, None], torch.zeros_like(virial))


def _volume(graph: AtomGraph) -> Tensor:
    """(B,) Å^3; a triple product, because determinants of singular cells have no derivative."""
    a, b, c = graph.cell.unbind(dim=1)
    return torch.linalg.cross(a, b).mul(c).sum(dim=1).abs()
