"""Everything about edges that does not change from layer to layer: distances, local frames, scalarised surroundings."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from alphanet.graph import AtomGraph, add_over_edges, edge_vectors, sum_over_edges
from alphanet.model.basis import BesselBasis, envelope
from alphanet.model.config import AlphaNetConfig
from alphanet.model.smooth import soft_abs


@dataclass(frozen=True)
class EdgeGeometry:
    """Terms of each edge; H hidden channels, R radial functions."""

    direction: Tensor  # (E, 3) unit vector from receiver to sender
    envelope: Tensor  # (E,) smooth cutoff
    basis: Tensor  # (E, R) radial functions
    weights: Tensor  # (E, 3 H + R) invariant description of the edge and its surroundings: A_ij of the paper


class LocalStructure(nn.Module):
    """Atom embedding and local structure encoding (paper, section 4: A_ij = f(Scalarize(S, F_ij))).

    The frame of an edge i <- j is e1 = u, the direction to j; e2 = u x b_i, with b_i the envelope-weighted mean of the
    minimum-image vectors to the neighbors of i (the paper's center x-bar seen from atom i, so that e2 is parallel to
    (x_i - x-bar) x (x_j - x-bar)); and e3 = e1 x e2. e2 and e3 keep their length: they vanish smoothly where the
    paper's normalized ones are undefined, in collinear and centrosymmetric neighborhoods.

    Where i is a center of inversion, b_i and the surroundings S_i vanish, and the edge sees distances only. With
    `moments: 2` it also sees second moments, which do not vanish there: b_i gains the mean of the neighbors weighted by
    their cosine to the edge, and the vectors Q_n e1 are scalarised beside S_n, where Q_n is the traceless second moment
    of what S_n is the first of. They still vanish in cubic surroundings, whose lowest moment is the fourth.
    """

    def __init__(self, config: AlphaNetConfig) -> None:
        super().__init__()
        H, R, n_elements = config.hidden_channels, config.num_basis, len(config.elements)
        self.config = config
        self.atom_embedding = nn.Embedding(n_elements, H)
        self.neighbor_embedding = nn.Embedding(n_elements, H)
        self.basis = BesselBasis(R, config.cutoff)
        self.radial = nn.Sequential(nn.Linear(R, H), nn.SiLU(), nn.Linear(H, H))
        self.source = nn.Linear(H, H)
        self.scalarize = nn.Parameter(torch.randn(3, H) / 3**0.5)
        if config.moments == 2:
            self.scalarize_second = nn.Parameter(torch.randn(3, H) / 3**0.5)

    def forward(self, graph: AtomGraph, element: Tensor) -> tuple[Tensor, Tensor, EdgeGeometry]:
        """Embedding z (N, H), first features s (N, H) and the edges' geometry."""
        H = self.config.hidden_channels
        vector = edge_vectors(graph)
        distance = torch.linalg.vector_norm(vector, dim=1)
        direction = vector / distance[:, None]
        smooth = envelope(distance, self.config.cutoff, self.config.envelope)
        basis = self.basis(distance)
        radial = smooth[:, None] * self.radial(basis)

        z = F.layer_norm(self.atom_embedding(element), (H,))
        neighbor = F.layer_norm(self.neighbor_embedding(element), (H,))
        s = add_over_edges(z, radial * neighbor[graph.sender], graph)

        source = F.silu(F.layer_norm(self.source(s), (H,)))
        received = radial * source[graph.sender]
        surroundings = sum_over_edges(direction[:, :, None] * received[:, None, :], graph)
        frame = self.frames(graph, vector, direction, smooth)
        ends = graph.receiver, graph.sender
        scalars = [self._scalars(frame, surroundings[n], self.scalarize) for n in ends]
        if self.config.moments == 2:
            second = second_moments(direction, received, graph)
            seen = [torch.einsum("exyh,ey->exh", second[n], direction) for n in ends]
            scalars = [a + self._scalars(frame, b, self.scalarize_second) for a, b in zip(scalars, seen, strict=True)]
        weights = torch.cat([*(smooth[:, None] * scalar for scalar in scalars), radial, basis], dim=1)
        return z, s, EdgeGeometry(direction, smooth, basis, weights)

    def frames(self, graph: AtomGraph, vector: Tensor, direction: Tensor, smooth: Tensor) -> Tensor:
        """(E, 3, 3) frames, row a is e_a."""
        weighted = sum_over_edges(smooth[:, None] * vector, graph)
        norm = 1 + sum_over_edges(smooth, graph)
        center = (weighted / norm[:, None])[graph.receiver]
        if self.config.moments == 2:
            by_cosine = sum_over_edges(smooth[:, None, None] * vector[:, :, None] * direction[:, None, :], graph)
            by_cosine = by_cosine / norm[:, None, None]
            center = center + torch.einsum("exy,ey->ex", by_cosine[graph.receiver], direction)
        e2 = torch.linalg.cross(direction, center)
        e3 = torch.linalg.cross(direction, e2)
        return torch.stack([direction, e2, e3], dim=1)

    def _scalars(self, frame: Tensor, surroundings: Tensor, weights: Tensor) -> Tensor:
        """(E, H) invariants of the (E, 3, H) surroundings of one end of each edge, seen from the edge's frame.

        The component along e2 changes sign under reflection, so only its modulus enters. The network f of the paper's
        A_ij = f(Scalarize(S, F_ij)) is linear here: the layers' networks of the edge weights follow it.
        """
        first, second, third = torch.einsum("eax,exh->aeh", frame, surroundings)
        invariants = torch.stack([first, soft_abs(second, self.config.softness), third])
        return torch.einsum("aeh,ah->eh", invariants, weights)


def second_moments(direction: Tensor, received: Tensor, graph: AtomGraph) -> Tensor:
    """(N, 3, 3, H) traceless second moments of what atoms receive, (E, H), along the unit vectors (E, 3)."""
    outer = direction[:, :, None] * direction[:, None, :] - torch.eye(3).to(direction) / 3
    return sum_over_edges(outer[:, :, :, None] * received[:, None, None, :], graph)
