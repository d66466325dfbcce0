"""The reading official-v1 on blocks of edges: its folded weights and messages.

What folding uses (exactly): the map to complex numbers, their convolution over heads and the sums over kernel channels
are linear in the message m1, so that two complex numbers an edge remain, A = sum_k alpha_k conv_k and B = sum_k conv_k;
`dia(alpha_k diachi1 + 1)` is alpha_k U + V, and `fc_mps` goes into U and V.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from alphanet.graph import AtomGraph
from alphanet.model.alphanet import Complex
from alphanet.model.basis import envelope
from alphanet.model.fast.choice import Backend, embedding_and_surroundings
from alphanet.model.fast.edge_arrays import EdgeArrays
from alphanet.model.fast.layer_stage import LayerWeights
from alphanet.model.fast.layout import EdgeLayout
from alphanet.model.fast.network import BlockNetwork
from alphanet.model.fast.products import linear, weight_and_bias
from alphanet.model.fast.radial import radial_columns
from alphanet.model.fast.scalar_network import NetworkScalarsStage
from alphanet.model.fast.updates import Features, SourceFeatures, Update
from alphanet.model.native.scalars import NativeScalarsStage
from alphanet.model.official import OfficialAlphaNet, OfficialMessageLayer

UNIT_EPSILON = 1e-10  # Å, added to distances where the public code divides by them


class OfficialNetwork(BlockNetwork):
    """Evaluates an `OfficialAlphaNet` with constant weights, without dropout; arguments are those of `PaperNetwork`."""

    official = True

    def __init__(self, model: OfficialAlphaNet, tolerance: float, backend: Backend) -> None:
        self._model = model
        H, cutoff, layers = model.config.hidden_channels, model.config.cutoff, model.message_layers

        def smooth(distance: Tensor) -> Tensor:
            return envelope(distance, cutoff, "cosine")

        columns = radial_columns(model.radial_emb, model.radial_lin, smooth, cutoff, tolerance)
        frequencies = model.radial_emb.bessel_weights
        (w1, b1), (w2, b2) = weight_and_bias(model.lin[0]), weight_and_bias(model.lin[2])
        network = (w1, b1, w2[0], b2)
        super().__init__(
            columns=columns,
            stages=(
                *embedding_and_surroundings(columns, frequencies, "cosine", cutoff, backend, UNIT_EPSILON),
                NetworkScalarsStage(network, H, backend.compiler)
                if backend.kernels is None
                else NativeScalarsStage(network, 0.0, H, backend.kernels),
            ),
            source=SourceFeatures(model.S_vector["lin1"], centered=False),
            features=_features(layers[0]),
            layers=[_layer(model, number, columns.features) for number in range(len(layers))],
            branch=_angles,
            tables=(model.z_emb, model.neighbor_emb["embedding"]),
            scale=model.a,
            shift=model.b,
            backend=backend,
        )

    def _rows(self, numbers: Tensor) -> Tensor:
        return numbers

    def _ends(self, surroundings: Tensor, center: list[Tensor], graph: AtomGraph, edges: EdgeArrays) -> list[Tensor]:  # noqa: ARG002
        position, mean = graph.positions, _centers(graph.positions, edges.layout)
        return [torch.cat(parts, dim=1) for parts in ((surroundings, position), (surroundings, position - mean, mean))]

    def _memory(self, z: Tensor) -> tuple[Tensor, ...]:
        return (z @ self._model.kernel1).chunk(2, dim=1)


def _centers(positions: Tensor, layout: EdgeLayout) -> Tensor:
    """(N, 3) means of the neighbors' stored positions, without waiting for the device to count them."""
    of_senders = positions.index_select(0, layout.sender.flatten()).unflatten(0, layout.sender.shape)
    total = torch.zeros_like(positions).index_add(0, layout.receiver, (layout.filled * of_senders).sum(1))
    count = positions.new_zeros(len(positions), 1).index_add(0, layout.receiver, layout.filled.sum(1))
    return total / count.clamp(min=1)


def _angles(read, scalar, filled, to_alpha, alpha_bias, kernel, kernel_bias, u, v, bias):  # type: ignore[no-untyped-def]
    """(n, C) sums of the branch's angles, from (n, P, B) and the scalar messages (n, P, H)."""
    alpha = F.silu(linear(F.silu(read), to_alpha, alpha_bias))
    convolved = linear(scalar, kernel, kernel_bias)
    K = alpha.shape[-1]
    parts = []
    for part in (convolved[..., :K], convolved[..., K:]):
        parts.append((part * alpha).sum(-1, keepdim=True) * u + part.sum(-1, keepdim=True) * v + bias)
    return (filled * torch.atan2(parts[1], parts[0])).sum(1)


def _layer(model: OfficialAlphaNet, number: int, features: Tensor) -> tuple[LayerWeights, "_Update"]:
    config, layer, last = model.config, _checked(model.message_layers[number]), number == len(model.message_layers) - 1
    branched = config.norm_before or not last
    n_angles = config.message_channels if branched else 0
    weights = LayerWeights.folded(
        features,
        layer.dir_proj,
        layer.rbf_proj,
        layer.diagonal[0] if branched else None,
        _folded_branch(layer) if branched else (),
        vectors=number > 0,
    )
    return weights, _Update(model, number, n_angles)


def _checked(layer: torch.nn.Module) -> OfficialMessageLayer:
    assert isinstance(layer, OfficialMessageLayer)
    return layer


def _features(layer: torch.nn.Module) -> Features:
    """Those of a layer; the factors of the vectors' sums are in them."""
    layer = _checked(layer)
    return Features(layer.x_layernorm, layer.x_proj, layer.config.hidden_channels)


def _folded_branch(layer: OfficialMessageLayer) -> tuple[Tensor, ...]:
    """Linear, SiLU for alpha; m1 to conv (real parts, then imaginary ones); U, V and the bias behind them."""
    config = layer.config
    K = config.kernel_channels
    scale = math.sqrt(config.hidden_channels // config.heads)
    real, imaginary = layer.kernel_real / scale, layer.kernel_imag / scale
    tr, ti = real[1:].reshape(-1, K).T, imaginary[1:].reshape(-1, K).T  # (K, X)
    (wp, wq), (bp, bq) = layer.scale.weight.chunk(2), layer.scale.bias.chunk(2)
    kernel = torch.cat([tr @ wp - ti @ wq, ti @ wp + tr @ wq])  # (2 K, H)
    bias = torch.cat([tr @ bp - ti @ bq + real[0].sum(0), ti @ bp + tr @ bq + imaginary[0].sum(0)])
    dia, fc = layer.dia, layer.fc_mps
    u, v = fc.weight @ (dia.weight @ layer.diachi1), fc.weight @ (dia.weight.sum(1) + dia.bias)
    return (*weight_and_bias(layer.diagonal[2]), kernel, bias, u, v, fc.bias.detach())


class _Update(Update):
    """Takes sums (N, n_angles + 4 H)."""

    def __init__(self, model: OfficialAlphaNet, number: int, n_angles: int) -> None:
        last = number == len(model.message_layers) - 1
        super().__init__(
            n_branch=n_angles,
            first=number == 0,
            following=None if last else _features(model.message_layers[number + 1]),
            transition=model.FTEs[number],
            kernel=torch.stack([model.kernels_real[number], model.kernels_imag[number]]),
        )
        self.config = model.config
        if n_angles:
            self.layer = _checked(model.message_layers[number])
        if last:
            self.last_layer, self.last_layer_quantum = model.last_layer, model.last_layer_quantum

    def received(self, sums: Tensor) -> tuple[Tensor, Tensor, Complex | None]:
        H = (sums.shape[1] - self.n_branch) // 4
        summed, vectors = sums.split([self.n_branch + H, 3 * H], dim=1)
        dv = vectors.unflatten(1, (3, H))
        if not self.n_branch:
            return summed, dv, None
        angle, ds = self.layer.received(summed)
        return ds, dv, (torch.cos(angle), torch.sin(angle))

    def output(self, s: Tensor, memory: tuple[Tensor, ...]) -> Tensor:
        of_memory = self.last_layer_quantum(torch.cat(memory, dim=1)) / self.config.temporal_channels
        return (self.last_layer(s) + of_memory).squeeze(1)
