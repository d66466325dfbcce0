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
from alphanet.model.basis import envelope
from alphanet.model.fast.atoms import AtomFunction
from alphanet.model.fast.choice import Backend, LayerStages, embedding_and_surroundings
from alphanet.model.fast.edge_arrays import EdgeArrays
from alphanet.model.fast.layer_stage import LayerWeights
from alphanet.model.fast.layout import EdgeLayout
from alphanet.model.fast.linear import linear, weight_and_bias
from alphanet.model.fast.official_atoms import Features, SourceFeatures, Update
from alphanet.model.fast.radial import radial_columns
from alphanet.model.fast.scalar_network import NetworkScalarsStage
from alphanet.model.fast.stages import Stage, run_stage
from alphanet.model.native.scalars import NativeScalarsStage
from alphanet.model.official import OfficialAlphaNet, OfficialMessageLayer

UNIT_EPSILON = 1e-10  # Å, added to distances where the public code divides by them


class OfficialNetwork:
    """Evaluates an `OfficialAlphaNet` with constant weights, without dropout.

    Args:
        model: its weights are read now.
        tolerance: of the radial columns, see `radial_columns`.
        backend: evaluates it.
    """

    def __init__(self, model: OfficialAlphaNet, tolerance: float, backend: Backend) -> None:
        config = model.config
        self._model, self._config = model, config
        H, cutoff = config.hidden_channels, config.cutoff

        def smooth(distance: Tensor) -> Tensor:
            return envelope(distance, cutoff, "cosine")

        columns = radial_columns(model.radial_emb, model.radial_lin, smooth, cutoff, tolerance)
        self.n_columns, self.radial_error = columns.n_columns, columns.error
        frequencies = model.radial_emb.bessel_weights
        self._embedding, self._surroundings = embedding_and_surroundings(
            columns, frequencies, "cosine", cutoff, backend, UNIT_EPSILON
        )
        (w1, b1), (w2, b2) = weight_and_bias(model.lin[0]), weight_and_bias(model.lin[2])
        network = (w1, b1, w2[0], b2)
        self._scalars = (
            NetworkScalarsStage(network, H, backend.compiler)
            if backend.kernels is None
            else NativeScalarsStage(network, 0.0, H, backend.kernels)
        )
        layers, kept = LayerStages(_messages_of, _angles, H, True, backend), self._scalars.kept
        self._source = AtomFunction(SourceFeatures(model), 2, backend.compiler)
        self._features = AtomFunction(Features(model.message_layers[0]), 1, backend.compiler)
        self._layers: list[tuple[Stage, AtomFunction]] = []
        for number, layer in enumerate(model.message_layers):
            assert isinstance(layer, OfficialMessageLayer)
            last, first_one = number == config.num_layers - 1, number == 0
            branched = config.norm_before or not last
            n_angles = config.message_channels if branched else 0
            weights = _folded(layer, columns.features, branched, not first_one)
            stage = layers.stage(number, last, 4 * H + n_angles, weights, not first_one)
            kept += stage.kept
            update = Update(model, number, n_angles)
            self._layers.append((stage, AtomFunction(update, update.n_inputs, backend.compiler)))

        self.kept = kept

    def __call__(self, graph: AtomGraph, edges: EdgeArrays, token: Tensor) -> Tensor:
        """(N,) atomic energies in eV."""
        model, H, numbers = self._model, self._config.hidden_channels, graph.numbers
        z = F.layer_norm(model.z_emb(numbers), (H,))
        neighbor = F.layer_norm(model.neighbor_emb["embedding"](numbers), (H,))
        sums, token = run_stage(self._embedding, edges, token, neighbor)
        s, source = self._source(sums, z)
        surroundings, token = run_stage(self._surroundings, edges, token, source)
        position, center = graph.positions, _centers(graph.positions, edges.layout)
        of_sender = torch.cat([surroundings, position], dim=1)
        of_receiver = torch.cat([surroundings, position - center, center], dim=1)
        _, token = run_stage(self._scalars, edges, token, of_sender, of_receiver)

        features, known = self._features(s), (s, *(z @ model.kernel1).chunk(2, dim=1))
        for stage, update in self._layers[:-1]:
            sums, token = run_stage(stage, edges, token, features)
            features, *known = update(sums, *known)
        stage, update = self._layers[-1]
        sums, token = run_stage(stage, edges, token, features)
        return model.a[numbers] * update(sums, *known).squeeze(1) + model.b[numbers]


def _centers(positions: Tensor, layout: EdgeLayout) -> Tensor:
    """(N, 3) means of the neighbors' stored positions, without waiting for the device to count them."""
    of_senders = positions.index_select(0, layout.sender.flatten()).unflatten(0, layout.sender.shape)
    total = torch.zeros_like(positions).index_add(0, layout.receiver, (layout.filled * of_senders).sum(1))
    count = positions.new_zeros(len(positions), 1).index_add(0, layout.receiver, layout.filled.sum(1))
    return total / count.clamp(min=1)


def _messages_of(branched: bool, with_vectors: bool):  # type: ignore[no-untyped-def]
    """The message function of a kind of layers; sums are (n, C) angles if branched, (n, H) and (n, 3 H)."""

    def messages(gates, read, features, frame, filled, *constants):  # type: ignore[no-untyped-def]
        scalar = filled * features[0] * gates[0]
        directed = filled * features[2 if with_vectors else 1] * gates[-1]
        sums = []
        if branched:
            sums.append(_angles(read, scalar, filled, *constants))
        sums.append(scalar.sum(1))
        carried = filled * features[1] * gates[1] if with_vectors else None
        for axis, along_axis in enumerate(frame[0].split(1, -1)):
            vectors = along_axis * directed
            if carried is not None:
                vectors = vectors + features[3 + axis] * carried
            sums.append(vectors.sum(1))
        return torch.cat(sums, dim=1)

    return messages


def _angles(read, scalar, filled, to_alpha, alpha_bias, kernel, kernel_bias, u, v, bias):  # type: ignore[no-untyped-def]
    """(n, C) sums of the branch's angles, from (n, P, B) and the scalar messages (n, P, H)."""
    alpha = F.silu(linear(F.silu(read), to_alpha, alpha_bias))
    convolved = linear(scalar, kernel, kernel_bias)
    K = alpha.shape[-1]
    parts = []
    for part in (convolved[..., :K], convolved[..., K:]):
        parts.append((part * alpha).sum(-1, keepdim=True) * u + part.sum(-1, keepdim=True) * v + bias)
    return (filled * torch.atan2(parts[1], parts[0])).sum(1)


def _folded(layer: OfficialMessageLayer, features: Tensor, branched: bool, with_vectors: bool) -> LayerWeights:
    """A layer's weights on 2 H scalars and K radial columns."""
    H, K = features.shape
    w1, b1 = weight_and_bias(layer.dir_proj[0])
    w2, b2 = weight_and_bias(layer.dir_proj[2])
    wq, bq = weight_and_bias(layer.rbf_proj)
    R = wq.shape[1]
    radial = w1[:, 2 * H : 3 * H] @ features
    radial[:, K - R :] += w1[:, 3 * H :]
    w1 = torch.cat([w1[:, : 2 * H], radial], dim=1)
    if not branched:
        if not with_vectors:  # nothing reads the middle gates
            rows = torch.cat([torch.arange(H), torch.arange(2 * H, 3 * H)]).to(wq.device)
            w2, b2, wq, bq = w2[rows], b2[rows], wq[rows], bq[rows]
        return LayerWeights((w1, -b1), (w2, -b2), (wq, -bq), None, ())
    branch = weight_and_bias(layer.diagonal[0])
    return LayerWeights((w1, -b1), (w2, -b2), (wq, -bq), branch, _folded_branch(layer))


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
