"""The public AlphaNet v1 model, to the letter of its checkpoints.

Written from the mathematics of the released model, flaws included (frames from stored positions, L1 norm, angles with
a branch cut, no envelope on messages, 50 neighbors at most): it exists to load and reproduce released checkpoints. The
attribute names are the checkpoints' keys. For new work use the paper's reading, `alphanet.model.alphanet`.

Shapes: H hidden channels, R radial functions, C message or temporal channels, K kernel channels, X complex channels.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from alphanet.graph import AtomGraph, add_over_edges, edge_vectors, sum_over_edges
from alphanet.model.base import InteratomicModel
from alphanet.model.basis import BesselBasis, envelope
from alphanet.model.config import OfficialConfig
from alphanet.model.repulsion import fitted_repulsion
from alphanet.neighbors import nearest_only

EMBEDDING_ROWS = 95
ENERGY_ROWS = 108
# Keys that released checkpoints carry and the model never uses.
UNUSED_KEYS = ("unitary", "fc_dx.weight", "fc_dx.bias")


class OfficialAlphaNet(InteratomicModel):
    """Public AlphaNet v1."""

    config: OfficialConfig

    def __init__(self, config: OfficialConfig) -> None:
        super().__init__(config, fitted_repulsion(config.cutoff) if config.zbl else None)
        H, R, C, L = config.hidden_channels, config.num_basis, config.temporal_channels, config.num_layers
        self.z_emb = nn.Embedding(EMBEDDING_ROWS, H)
        self.neighbor_emb = nn.ModuleDict({"embedding": nn.Embedding(EMBEDDING_ROWS, H)})
        self.radial_emb = BesselBasis(R, config.cutoff)
        self.radial_lin = nn.Sequential(nn.Linear(R, H), nn.SiLU(), nn.Linear(H, H))
        self.S_vector = nn.ModuleDict({"lin1": nn.Sequential(nn.Linear(H, H))})
        self.lin = nn.Sequential(nn.Linear(3, H // 4), nn.SiLU(), nn.Linear(H // 4, 1))
        self.message_layers = nn.ModuleList(OfficialMessageLayer(config) for _ in range(L))
        self.FTEs = nn.ModuleList(OfficialFrameTransition(H) for _ in range(L))
        self.kernel1 = nn.Parameter(torch.randn(H, 2 * C) / math.sqrt(H))
        self.kernels_real = nn.Parameter(torch.randn(L, H, C, C) / math.sqrt(2 * H * C))
        self.kernels_imag = nn.Parameter(torch.randn(L, H, C, C) / math.sqrt(2 * H * C))
        self.last_layer = nn.Linear(H, 1)
        self.last_layer_quantum = nn.Linear(2 * C, 1)
        self.a = nn.Parameter(torch.full((ENERGY_ROWS,), config.energy_scale))
        self.b = nn.Parameter(torch.full((ENERGY_ROWS,), config.energy_shift))

    def limit_neighbors(self, graph: AtomGraph) -> AtomGraph:
        """The graph with at most `max_neighbors` neighbors an atom, the nearest ones."""
        return nearest_only(graph, self.config.max_neighbors)

    def network(self, graph: AtomGraph) -> Tensor:
        """(N,) atomic energies in eV."""
        H, numbers = self.config.hidden_channels, graph.numbers
        vector = edge_vectors(graph)
        distance = torch.linalg.vector_norm(vector, dim=1)
        direction = vector / (distance + 1e-10)[:, None]
        env = envelope(distance, self.config.cutoff, "cosine")[:, None]
        rbf = self.radial_emb(distance)
        rad = env * self.radial_lin(rbf)

        z0 = F.layer_norm(self.z_emb(numbers), (H,))
        neighbor = F.layer_norm(self.neighbor_emb["embedding"](numbers), (H,))
        s = add_over_edges(z0, rad * neighbor[graph.sender], graph)

        frame = self.frames(graph, direction)
        source = F.silu(F.layer_norm(self.S_vector["lin1"](s), (H,)))
        S = sum_over_edges(direction[:, :, None] * (rad * source[graph.sender])[:, None, :], graph)
        scalar_i, scalar_j = (self._scalars(frame, S[n]) for n in (graph.receiver, graph.sender))
        weights = torch.cat([scalar_i * env, scalar_j * env, rad, rbf], dim=1)

        quantum = torch.complex(*(z0 @ self.kernel1).chunk(2, dim=1))
        v = s.new_zeros(graph.n_atoms, 3, H)
        rope = None
        for layer, (message, transition) in enumerate(zip(self.message_layers, self.FTEs, strict=True)):
            ds, dv, rope = message(s, v, rope, rbf, weights, direction, graph)
            s, v = s + ds, v + dv
            kernel = torch.complex(self.kernels_real[layer], self.kernels_imag[layer])
            quantum = torch.einsum("nh,hkc,nc->nk", s.to(kernel.dtype), kernel, quantum)
            quantum = quantum / quantum.abs()
            ds, dv = transition(s, v)
            s, v = s + ds, v + dv

        history = torch.cat([quantum.real, quantum.imag], dim=1)
        output = self.last_layer(s) + self.last_layer_quantum(history) / self.config.temporal_channels
        return self.a[numbers] * output.squeeze(1) + self.b[numbers]

    def linear_weights(self) -> tuple[Tensor, ...]:
        """Weights of both last layers, and the table b, which does what the biases do."""
        return self.last_layer.weight, self.last_layer_quantum.weight, self.b

    def frames(self, graph: AtomGraph, direction: Tensor) -> Tensor:
        """(E, 3, 3) frames from the positions as stored, periodic images ignored, as the public code does."""
        position = graph.positions
        count = torch.bincount(graph.receiver, minlength=graph.n_atoms).clamp(min=1).to(position)
        center = sum_over_edges(position[graph.sender], graph) / count[:, None]
        from_center_i = position[graph.receiver] - center[graph.receiver]
        from_center_j = position[graph.sender] - center[graph.receiver]
        e2 = torch.linalg.cross(from_center_i, from_center_j)
        return torch.stack([direction, e2, torch.linalg.cross(direction, e2)], dim=1)

    def _scalars(self, frame: Tensor, S: Tensor) -> Tensor:
        """(E, H) invariants of the (E, 3, H) surroundings of one end of each edge."""
        first, second, third = torch.einsum("eax,exh->eha", frame, S).unbind(dim=-1)
        invariants = torch.stack([first, second.abs(), third], dim=-1)
        return (self.lin(invariants).squeeze(-1) + first) / math.sqrt(self.config.hidden_channels)


class OfficialMessageLayer(nn.Module):
    """One message layer of the public model."""

    def __init__(self, config: OfficialConfig) -> None:
        super().__init__()
        H, R, C, K = config.hidden_channels, config.num_basis, config.message_channels, config.kernel_channels
        X, heads = config.complex_channels, config.heads
        self.config = config
        self.x_layernorm = nn.LayerNorm(H)
        self.x_proj = nn.Sequential(nn.Linear(H, H), nn.SiLU(), nn.Linear(H, 3 * H))
        self.rbf_proj = nn.Linear(R, 3 * H)
        self.dir_proj = nn.Sequential(nn.Linear(3 * H + R, 3 * H), nn.SiLU(), nn.Linear(3 * H, 3 * H))
        self.scale = nn.Linear(H, 2 * X)
        self.kernel_real = nn.Parameter(torch.randn(heads + 1, X // heads, K))
        self.kernel_imag = nn.Parameter(torch.randn(heads + 1, X // heads, K))
        self.diagonal = nn.Sequential(nn.Linear(3 * H, X // 2), nn.SiLU(), nn.Linear(X // 2, K))
        self.diachi1 = nn.Parameter(torch.randn(C))
        self.dia = nn.Linear(C, C)
        self.fc_mps = nn.Linear(C, C)
        self.scale2 = nn.Sequential(nn.Linear(C, H // 2))
        if config.norm_before or config.norm_after:
            self.dx_layer_norm = nn.LayerNorm(C + H if config.norm_before else C)

    def forward(
        self,
        s: Tensor,
        v: Tensor,
        rope: Tensor | None,
        rbf: Tensor,
        weights: Tensor,
        direction: Tensor,
        graph: AtomGraph,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Updates of s (N, H) and v (N, 3, H), and the complex rotation (N, H / 2) for the next layer."""
        H = self.config.hidden_channels
        xh = self.x_proj(self.x_layernorm(rotated(s, rope)))
        gates = self.rbf_proj(rbf) * self.dir_proj(weights)
        m1, m2, m3 = (xh[graph.sender] * gates).split(H, dim=1)

        angle, ds = self.received(sum_over_edges(torch.cat([self._angles(m1, gates), m1], dim=1), graph))

        vectors = v[graph.sender] * (m2 / math.sqrt(3))[:, None, :] + direction[:, :, None] * m3[:, None, :]
        dv = sum_over_edges(vectors, graph) / math.sqrt(H)
        return ds, dv, torch.complex(torch.cos(angle), torch.sin(angle))

    def received(self, summed: Tensor) -> tuple[Tensor, Tensor]:
        """Angles (N, H / 2) of the rotation for the next layer and updates of s (N, H), from sums (N, C + H)."""
        if self.config.norm_before:
            summed = self.dx_layer_norm(summed)
        t, ds = summed.split([self.config.message_channels, self.config.hidden_channels], dim=1)
        if self.config.norm_after:
            t = self.dx_layer_norm(t)
        return self.scale2(t), ds

    def _angles(self, m1: Tensor, gates: Tensor) -> Tensor:
        """(E, C) angles of complex numbers convolved over heads."""
        config = self.config
        parts = self.scale(m1).chunk(2, dim=1)
        if config.dropout:
            parts = tuple(F.dropout(part, 0.5, self.training) for part in parts)
        phi = torch.complex(*parts).unflatten(1, (config.heads, -1))
        phi = torch.cat([torch.ones_like(phi[:, :1]), phi], dim=1)
        kernel = torch.complex(self.kernel_real, self.kernel_imag) / math.sqrt(config.hidden_channels // config.heads)
        convolved = torch.einsum("eab,abk->ek", phi, kernel)

        alpha = F.silu(self.diagonal(gates))
        mixing = self.dia(alpha[:, :, None] * self.diachi1 + 1)
        y = torch.einsum("ek,ekc->ec", convolved, mixing.to(convolved.dtype))
        return torch.angle(torch.complex(self.fc_mps(y.real), self.fc_mps(y.imag)))


def rotated(s: Tensor, rope: Tensor | None) -> Tensor:
    """Features (N, H) read as H / 2 complex numbers, their first half real, and multiplied by `rope`."""
    if rope is None:
        return s
    turned = torch.complex(*s.chunk(2, dim=1)) * rope
    return torch.cat([turned.real, turned.imag], dim=1)


class OfficialFrameTransition(nn.Module):
    """Frame transition encoding of the public model."""

    def __init__(self, hidden_channels: int) -> None:
        super().__init__()
        H = hidden_channels
        self.vec_proj = nn.Linear(H, 2 * H, bias=False)
        self.xvec_proj = nn.Sequential(nn.Linear(2 * H, H), nn.SiLU(), nn.Linear(H, 3 * H))

    def forward(self, s: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Updates of s (N, H) and v (N, 3, H)."""
        H = s.shape[1]
        v1, v2 = self.vec_proj(v).split(H, dim=2)
        l1_norm = v1.abs().sum(dim=1)
        product = (v1 * v2).sum(dim=1) / math.sqrt(H)
        f1, f2, f3 = self.xvec_proj(torch.cat([s, l1_norm], dim=1)).split(H, dim=1)
        return (f1 + f2 + product) / math.sqrt(2), f3[:, None, :] * v2
