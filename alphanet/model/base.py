"""The parts that both readings share: elements, reference energies, and the border between structures and graphs."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols
from torch import Tensor, nn

from alphanet.errors import UserError
from alphanet.graph import AtomGraph
from alphanet.model.config import Config
from alphanet.model.double_buffers import DoubleBuffers
from alphanet.model.repulsion import Repulsion
from alphanet.neighbors import build_graph

# Threads of OpenMP do not survive a fork: a pool's processes would wait for those of their parent for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


class ReferenceEnergies(DoubleBuffers):
    """Energy of each element and scale of the network's output, in float64 whatever the network's precision.

    CP2K's total energies are near -1228 eV/atom, where float32 resolves 1e-4 eV: the large part must not pass through
    the network's precision.
    """

    energies: Tensor
    scale: Tensor

    def __init__(self, n_elements: int) -> None:
        super().__init__()
        self.register_buffer("energies", torch.zeros(n_elements, dtype=torch.float64))
        self.register_buffer("scale", torch.ones((), dtype=torch.float64))

    def forward(self, output: Tensor, element: Tensor) -> Tensor:
        """(N,) atomic energies in eV, float64, from the network's (N,) output and each atom's element index (N,)."""
        return output.to(torch.float64) * self.scale + self.energies[element]


class InteratomicModel(nn.Module, ABC):
    """A model that turns an AtomGraph into atomic energies.

    Subclasses give `network(graph)`, the (N,) output in units of the energy scale, and `linear_weights`.

    Args:
        config: of the reading.
        repulsion: of nuclei, which is added to the network's energies; None if there is none (`zbl: false`).
    """

    config: Config
    repulsion: Repulsion | None
    element_of_number: Tensor

    def __init__(self, config: Config, repulsion: Repulsion | None = None) -> None:
        super().__init__()
        self.config, self.repulsion = config, repulsion
        self.reference = ReferenceEnergies(len(config.elements))
        lookup = torch.full((len(chemical_symbols),), -1, dtype=torch.int64)
        for index, symbol in enumerate(config.elements):
            lookup[atomic_numbers[symbol]] = index
        self.register_buffer("element_of_number", lookup, persistent=False)

    @abstractmethod
    def network(self, graph: AtomGraph) -> Tensor:
        """(N,) output of the network."""

    @abstractmethod
    def linear_weights(self) -> tuple[Tensor, ...]:
        """Weights in which energies and forces are linear when all others are kept: the readout's and the shifts."""

    def forward(self, graph: AtomGraph) -> Tensor:
        """(N,) atomic energies in eV, float64; their sum over a structure is its energy."""
        return self.atomic_energies(self.network(graph), graph)

    def atomic_energies(self, output: Tensor, graph: AtomGraph) -> Tensor:
        """(N,) eV, float64, from the network's (N,) output: scaled, above reference energies and with the repulsion."""
        energies: Tensor = self.reference(output, self.element_of_number[graph.numbers])
        return energies if self.repulsion is None else energies + self.repulsion(graph).to(torch.float64)

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the network."""
        return next(self.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def graph(self, atoms: Atoms, dtype: torch.dtype | None = None, device: torch.device | None = None) -> AtomGraph:
        """The graph of one structure as this model wants it, in its precision and on its device if not said otherwise.

        Raises:
            UserError: an element that the model does not know, overlapping atoms, a periodic cell without volume.
        """
        self.require_elements(atoms)
        return self.limit_neighbors(build_graph(atoms, self.config.cutoff, dtype or self.dtype, device or self.device))

    def limit_neighbors(self, graph: AtomGraph) -> AtomGraph:
        """The graph with the neighbors that this model looks at: all within the cutoff."""
        return graph

    def require_elements(self, atoms: Atoms) -> None:
        """Raise UserError if `atoms` contain an element that the model does not know."""
        unknown = sorted(set(atoms.get_chemical_symbols()) - set(self.config.elements))
        if unknown:
            known = ", ".join(self.config.elements)
            raise UserError(
                f"{atoms.get_chemical_formula()}: the model does not know {', '.join(unknown)}; it knows {known}"
            )

    def set_reference(self, energies: Mapping[str, float], scale: float) -> None:
        """Set each element's reference energy (eV) and the scale of the network's output (eV).

        Raises:
            UserError: an element of the model without a reference energy, or a scale that is not positive.
        """
        missing = [symbol for symbol in self.config.elements if symbol not in energies]
        if missing:
            raise UserError(f"no reference energy for {', '.join(missing)}")
        if not scale > 0:
            raise UserError(f"energy scale must be positive, got {scale}")
        self.reference.energies.copy_(torch.tensor([energies[s] for s in self.config.elements], dtype=torch.float64))
        self.reference.scale.fill_(scale)

    @property
    def n_parameters(self) -> int:
        """Number of trainable values."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)
