"""AlphaNet as the paper describes it: the readable reference that every faster path must agree with.

"AlphaNet: Scaling Up Local Frame-based Neural Network Interatomic Potentials", arXiv 2501.07155, section 4. Where the
paper's formulas have singularities or cut-offs that would make the energy or the forces jump, the smooth form chosen
here is named in the docstring; `docs/smooth_forms.md` says why it was chosen.

Shapes: N atoms, E edges, H hidden channels, R radial functions, C temporal channels, h heads.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from alphanet.graph import AtomGraph, sum_over_edges
from alphanet.model.base import InteratomicModel
from alphanet.model.config import AlphaNetConfig
from alphanet.model.geometry import EdgeGeometry, LocalStructure
from alphanet.model.repulsion import universal_repulsion
from alphanet.model.smooth import complex_product, scaled_vectors, soft_norm, soft_unit, sum_norm

Complex = tuple[Tensor, Tensor]  # real and imaginary part


class AlphaNet(InteratomicModel):
    """The paper's model: a conservative potential from local frames.

    Its energy does not change under rotation, reflection, translation, wrapping, permutation and change of supercell,
    and has continuous first and second derivatives, also where neighbors cross the cutoff.

    Example:
        >>> model = AlphaNet(preset("table1-formate"))
        >>> predict(model, model.graph(atoms)).forces
    """

    config: AlphaNetConfig

    def __init__(self, config: AlphaNetConfig) -> None:
        super().__init__(config, universal_repulsion(config.cutoff, config.envelope) if config.zbl else None)
        H, n_elements = config.hidden_channels, len(config.elements)
        self.structure = LocalStructure(config)
        self.messages = nn.ModuleList(MessageLayer(config) for _ in range(config.num_layers))
        if config.frame_transition:
            self.transitions = nn.ModuleList(FrameTransition(config) for _ in range(config.num_layers))
        if config.temporal:
            self.temporal = TemporalConnection(config)
        self.readout = nn.Linear(H, 1)
        self.element_scale = nn.Parameter(torch.ones(n_elements))
        self.element_shift = nn.Parameter(torch.zeros(n_elements))
        if config.initial_weights == "xavier":
            self._set_xavier_weights()

    def network(self, graph: AtomGraph) -> Tensor:
        """(N,) output of the network, in units of the energy scale."""
        element = self.element_of_number[graph.numbers]
        z, s, edges = self.structure(graph, element)
        v = s.new_zeros(graph.n_atoms, 3, s.shape[1])
        rotation: Complex | None = None
        history = self.temporal.start(z) if self.config.temporal else None

        for layer, message in enumerate(self.messages):
            ds, dv, rotation = message(s, v, rotation, edges, graph)
            s, v = s + ds, v + dv
            if history is not None:
                history = self.temporal.step(layer, s, history)
            if self.config.frame_transition:
                ds, dv = self.transitions[layer](s, v)
                s, v = s + ds, v + dv
            if history is not None and self.config.temporal_residual and layer + 1 < self.config.num_layers:
                s = s + self.temporal.residual(layer, history)

        output = self.readout(s).squeeze(1)
        if history is not None:
            output = output + self.temporal.readout(history)
        return self.element_scale[element] * output + self.element_shift[element]

    def linear_weights(self) -> tuple[Tensor, ...]:
        """Weights of the readout and of the memory's, and the elements' shifts, which do what the biases do."""
        memory = (self.temporal.output.weight,) if self.config.temporal else ()
        return self.readout.weight, *memory, self.element_shift

    def _set_xavier_weights(self) -> None:
        """Initial weights of messages and FTE as in the public code: Glorot's uniform ones, and biases of zero."""
        parts: list[Any] = [
            part for layer in self.messages for part in (layer.features, layer.radial, layer.surroundings)
        ]
        if self.config.frame_transition:
            parts.append(self.transitions)
        for linear in (module for part in parts for module in part.modules() if isinstance(module, nn.Linear)):
            nn.init.xavier_uniform_(linear.weight)
            if linear.bias is not None:
                nn.init.zeros_(linear.bias)


class MessageLayer(nn.Module):
    """Messages along edges: invariant, vectorial, and the complex number that rotates the next layer's features.

    Every message carries the envelope, so nothing jumps when a neighbor crosses the cutoff. The rotation of an atom is
    1 + a learned linear map of the complex numbers that its edges send, one a head, divided by its modulus (`unit`): no
    angle is ever taken, so there is no branch cut.
    """

    def __init__(self, config: AlphaNetConfig) -> None:
        super().__init__()
        H, R = config.hidden_channels, config.num_basis
        self.config = config
        self.norm = nn.LayerNorm(H)
        self.features = nn.Sequential(nn.Linear(H, H), nn.SiLU(), nn.Linear(H, 3 * H))
        self.radial = nn.Linear(R, 3 * H)
        self.surroundings = nn.Sequential(nn.Linear(3 * H + R, 3 * H), nn.SiLU(), nn.Linear(3 * H, 3 * H))
        self.sum_norm = sum_norm(H)
        if config.rope:
            self.to_heads = nn.Linear(H, 2 * config.heads)
            self.gate = nn.Sequential(nn.Linear(3 * H, H), nn.SiLU(), nn.Linear(H, config.heads), nn.SiLU())
            self.heads_norm = sum_norm(2 * config.heads)
            self.to_rotation = nn.Linear(2 * config.heads, H if config.rotation == "unit" else H // 2)

    def forward(
        self, s: Tensor, v: Tensor, rotation: Complex | None, edges: EdgeGeometry, graph: AtomGraph
    ) -> tuple[Tensor, Tensor, Complex | None]:
        """Updates of s (N, H) and v (N, 3, H), and the rotation (N, H / 2) for the next layer."""
        H = s.shape[1]
        features = self.features(self.norm(rotate(s, rotation)))
        gates = self.radial(edges.basis) * self.surroundings(edges.weights)
        message = edges.envelope[:, None] * features[graph.sender] * gates
        scalar, carried, directed = message.split(H, dim=1)

        ds = self.sum_norm(sum_over_edges(scalar, graph))
        vectors = v[graph.sender] * (carried / math.sqrt(3))[:, None, :]
        vectors = vectors + edges.direction[:, :, None] * directed[:, None, :]
        dv = scaled_vectors(sum_over_edges(vectors, graph))
        return ds, dv, self._rotation(scalar, gates, edges, graph) if self.config.rope else None

    def _rotation(self, scalar: Tensor, gates: Tensor, edges: EdgeGeometry, graph: AtomGraph) -> Complex:
        """Unit complex numbers (N, H / 2)."""
        weight, bias = self.to_heads.weight, self.to_heads.bias
        heads = F.linear(scalar, weight) + edges.envelope[:, None] * bias  # the bias, too, fades at the cutoff
        gated = heads.unflatten(1, (2, -1)) * self.gate(gates)[:, None, :]
        return self.rotation(sum_over_edges(gated.flatten(1), graph))

    def rotation(self, received: Tensor) -> Complex:
        """Unit complex numbers (N, H / 2) from what the edges sent to each atom, (N, 2 h)."""
        number = self.to_rotation(self.heads_norm(received))
        if self.config.rotation == "exponential":
            return torch.cos(number), torch.sin(number)
        real, imaginary = number.chunk(2, dim=1)
        return soft_unit(1 + real, imaginary, self.config.softness)


def rotate(s: Tensor, rotation: Complex | None) -> Tensor:
    """Features (N, H) read as H / 2 complex numbers, their first half real, and multiplied by `rotation`."""
    if rotation is None:
        return s
    real, imaginary = s.chunk(2, dim=1)
    return torch.cat(complex_product((real, imaginary), rotation), dim=1)


class FrameTransition(nn.Module):
    """Frame transition encoding (FTE): vector features meet in invariant products and are scaled by invariants."""

    def __init__(self, config: AlphaNetConfig) -> None:
        super().__init__()
        H = config.hidden_channels
        self.softness, self.gated = config.softness, config.transition_gate
        self.mix = nn.Linear(H, 2 * H, bias=False)
        self.features = nn.Sequential(nn.Linear(2 * H, H), nn.SiLU(), nn.Linear(H, 3 * H))

    def forward(self, s: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Updates of s (N, H) and v (N, 3, H)."""
        H = s.shape[1]
        v1, v2 = self.mix(v).split(H, dim=2)
        product = (v1 * v2).sum(dim=1) / math.sqrt(H)
        added, gate, scale = self.features(torch.cat([s, soft_norm(v1, self.softness, dim=1)], dim=1)).split(H, dim=1)
        ds = (added + (gate * product if self.gated else gate) + product) / math.sqrt(2)
        return ds, scale[:, None, :] * v2


class TemporalConnection(nn.Module):
    """Complex memory of an atom across layers: q_k <- sum_nc M_nkc s_n q_c, brought back to unit modulus.

    The public code divides by the modulus, which can vanish; here the division is smooth through zero.
    """

    def __init__(self, config: AlphaNetConfig) -> None:
        super().__init__()
        H, C, L = config.hidden_channels, config.temporal_channels, config.num_layers
        self.softness = config.softness
        self.initial = nn.Linear(H, 2 * C, bias=False)
        self.kernel = nn.Parameter(torch.randn(L, 2, H, C, C) / math.sqrt(2 * H * C))
        self.output = nn.Linear(2 * C, 1)
        if config.temporal_residual:
            self.residuals = nn.ModuleList(nn.Linear(2 * C, H) for _ in range(L - 1))

    def start(self, z: Tensor) -> Complex:
        """The memory (N, C) before the first layer, from the embedding (N, H)."""
        real, imaginary = self.initial(z).chunk(2, dim=1)
        return real, imaginary

    def step(self, layer: int, s: Tensor, history: Complex) -> Complex:
        """The memory (N, C) after `layer`, given the features s (N, H)."""
        kernel = torch.einsum("nh,phkc->pnkc", s, self.kernel[layer])
        real, imaginary = (torch.einsum("pnkc,nc->pnk", kernel, part) for part in history)
        return soft_unit(real[0] - imaginary[1], real[1] + imaginary[0], self.softness)

    def residual(self, layer: int, history: Complex) -> Tensor:
        """(N, H) that the memory after `layer` adds to the features of the next one."""
        added: Tensor = self.residuals[layer](torch.cat(history, dim=1))
        return added

    def readout(self, history: Complex) -> Tensor:
        """(N,) contribution to the output."""
        return self.output(torch.cat(history, dim=1)).squeeze(1)
