"""Repulsion of nuclei at short distance: the screened Coulomb energy of Ziegler, Biersack and Littmark (ZBL).

Of two nuclei r apart, with the envelope c that ends the energy at r_c:

    V(r) = coulomb Z_i Z_j / r  sum_k w_k exp(-b_k r / a)  c(r / r_c),    a = length / (Z_i^power + Z_j^power)
"""

from dataclasses import dataclass

import torch
from ase.data import covalent_radii
from torch import Tensor

from alphanet.graph import AtomGraph, edge_vectors, sum_over_edges
from alphanet.model.basis import envelope
from alphanet.model.double_buffers import DoubleBuffers

THOMAS_FERMI = 0.8854  # (9 pi^2 / 128)^(1/3), as both forms round it
BOHR = 0.529177210903  # Å, CODATA 2018
COULOMB = 14.399645478425  # eV Å, e^2 / (4 pi epsilon_0), CODATA 2018


@dataclass(frozen=True)
class Screening:
    """Constants of a screening function."""

    weights: tuple[float, ...]  # w
    exponents: tuple[float, ...]  # b
    power: float  # of the atomic numbers
    length: float  # Å


UNIVERSAL = Screening(
    weights=(0.1818, 0.5099, 0.2802, 0.02817),
    exponents=(3.2, 0.9423, 0.4029, 0.2016),
    power=0.23,
    length=THOMAS_FERMI * BOHR,
)
"""J. F. Ziegler, J. P. Biersack, U. Littmark, The Stopping and Range of Ions in Solids, vol. 1, Pergamon (1985)"""

FITTED = Screening(
    weights=(0.187, 0.3769, 0.189, 0.081, 0.003, 0.037, 0.0546, 0.0715),
    exponents=(3.20, 1.10, 0.102, 0.958, 1.28, 1.14, 1.69, 5.0),
    power=0.6032,
    length=1.001 * THOMAS_FERMI * BOHR,
)
"""The public AlphaNet code's since v0.1.1; its zbl.md says that they were fitted to 6,520 pairs calculated with VASP.
Its checkpoints carry them, and the numbers in a checkpoint go before these"""
FITTED_REACH = 1.0  # Å, r_c of every pair


class Repulsion(DoubleBuffers):
    """The repulsion in one of its forms; `universal_repulsion` and `fitted_repulsion` make them.

    The constants are buffers in float64, whatever the network's precision, and checkpoints keep them.

    Args:
        screening: the constants.
        reach: (numbers,) Å by atomic number; r_c of a pair is the sum of its two.
        cutoff: Å, of the model's neighbors, which no r_c exceeds.
        kind: of the envelope.
    """

    weights: Tensor
    exponents: Tensor
    power: Tensor
    length: Tensor
    coulomb: Tensor
    reach: Tensor

    def __init__(self, screening: Screening, reach: Tensor, cutoff: float, kind: str) -> None:
        super().__init__()
        self.cutoff, self.kind = cutoff, kind
        for name in ("weights", "exponents", "power", "length"):
            self.register_buffer(name, torch.tensor(getattr(screening, name), dtype=torch.float64))
        self.register_buffer("coulomb", torch.tensor(COULOMB, dtype=torch.float64))
        self.register_buffer("reach", reach.double(), persistent=False)

    def forward(self, graph: AtomGraph) -> Tensor:
        """(N,) eV, half of the energy of every pair at each of its atoms."""
        energy = self.pairs(edge_vectors(graph), graph.numbers[graph.receiver], graph.numbers[graph.sender])
        return sum_over_edges(0.5 * energy, graph)

    def pairs(self, vector: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """(…) eV of pairs.

        Args:
            vector: (…, 3) Å from one nucleus to the other.
            first: (…) or what broadcasts to it, atomic numbers of the one.
            second: (…) atomic numbers of the other.
        """
        distance = torch.linalg.vector_norm(vector, dim=-1)
        charges, powers, reach = self._of_numbers(distance)
        x = distance * (powers[first] + powers[second]) / self.length.to(distance)
        screened = torch.zeros_like(x)
        for weight, exponent in zip(self.weights.to(x), self.exponents.to(x), strict=True):
            screened = screened + weight * torch.exp(-exponent * x)
        bare = self.coulomb.to(x) * charges[first] * charges[second] / distance
        ends = (reach[first] + reach[second]).clamp(max=self.cutoff)
        return bare * screened * envelope(distance / ends, 1.0, self.kind)

    def halves_and_gradient(self, vector: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Half of `pairs`, (…) eV, and its derivative by `vector`, (…, 3) eV/Å; arguments as there."""
        with torch.enable_grad():
            vector = vector.detach().requires_grad_()
            halves = 0.5 * self.pairs(vector, first, second)
            (gradient,) = torch.autograd.grad(halves.sum(), vector)
        return halves.detach(), gradient

    def _of_numbers(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Charges, their powers and reaches (Å) by atomic number, (numbers,)."""
        charges = torch.arange(len(self.reach), device=like.device, dtype=torch.float64)
        return charges.to(like), charges.pow(self.power).to(like), self.reach.to(like)


def universal_repulsion(cutoff: float, kind: str) -> Repulsion:
    """The universal form, which ends where two covalent spheres (ASE's radii) part, or at `cutoff` (Å) if that is less.

    At the length of a single bond little or nothing is left of it. What it has in shorter ones (1.1 eV in C=O, 3.6 eV
    in N≡N) the network takes off again. With the envelope `polynomial` its first two derivatives end at zero, too.
    """
    return Repulsion(UNIVERSAL, torch.as_tensor(covalent_radii), cutoff, kind)


def fitted_repulsion(cutoff: float) -> Repulsion:
    """The form of the public code, which ends at 1 Å with the envelope `cosine`."""
    return Repulsion(FITTED, torch.full((len(covalent_radii),), FITTED_REACH / 2), cutoff, "cosine")
