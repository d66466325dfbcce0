"""The paper's reading on blocks of edges: its folded weights and messages."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from alphanet.graph import AtomGraph
from alphanet.model.alphanet import AlphaNet, MessageLayer
from alphanet.model.basis import envelope
from alphanet.model.fast.atoms import AtomFunction
from alphanet.model.fast.choice import Backend, LayerStages, embedding_and_surroundings
from alphanet.model.fast.edge_arrays import EdgeArrays
from alphanet.model.fast.frames import along, cross
from alphanet.model.fast.layer_stage import LayerWeights
from alphanet.model.fast.linear import linear, weight_and_bias
from alphanet.model.fast.local_stages import ScalarsStage
from alphanet.model.fast.paper_atoms import Features, SourceFeatures, Update
from alphanet.model.fast.radial import radial_columns
from alphanet.model.fast.stages import Stage, run_stage
from alphanet.model.native.scalars import NativeScalarsStage
from alphanet.model.smooth import soft_abs


class PaperNetwork:
    """Evaluates an `AlphaNet` with constant weights.

    Args:
        model: its weights are read now.
        tolerance: of the radial columns, see `radial_columns`.
        backend: evaluates it.
    """

    def __init__(self, model: AlphaNet, tolerance: float, backend: Backend) -> None:
        config, structure = model.config, model.structure
        self._model, self._config = model, config
        H, heads = config.hidden_channels, config.heads

        def smooth(distance: Tensor) -> Tensor:
            return envelope(distance, config.cutoff, config.envelope)

        columns = radial_columns(structure.basis, structure.radial, smooth, config.cutoff, tolerance)
        self.n_columns, self.radial_error = columns.n_columns, columns.error
        self._embedding, self._surroundings = embedding_and_surroundings(
            columns, structure.basis.bessel_weights, config.envelope, config.cutoff, backend
        )
        softness = config.softness

        def scalars(frame: Tensor, sender: Tensor, receiver: Tensor, mixing: Tensor) -> Tensor:
            return _scalars(frame, sender, receiver, mixing, softness)

        self._scalars = (
            ScalarsStage(scalars, (structure.scalarize,), H, backend.compiler)
            if backend.kernels is None
            else NativeScalarsStage((structure.scalarize,), softness, H, backend.kernels)
        )
        layers, self.kept = LayerStages(_messages_of, _heads, H, False, backend), 0
        self._source = AtomFunction(SourceFeatures(model), 2, backend.compiler)
        self._features = AtomFunction(Features(model.messages[0]), 1, backend.compiler)
        self._layers: list[tuple[Stage, AtomFunction]] = []
        for number, layer in enumerate(model.messages):
            assert isinstance(layer, MessageLayer)
            last, first = number == config.num_layers - 1, number == 0
            branched = config.rope and not last
            n_heads = 2 * heads if branched else 0
            weights = _folded(layer, columns.features, branched, not first)
            stage = layers.stage(number, last, 4 * H + n_heads, weights, not first)
            self.kept += stage.kept
            update = Update(model, number, n_heads)
            self._layers.append((stage, AtomFunction(update, update.n_inputs, backend.compiler)))

    def __call__(self, graph: AtomGraph, edges: EdgeArrays, token: Tensor) -> Tensor:
        """(N,) output of the network, in units of the energy scale."""
        model, H = self._model, self._config.hidden_channels
        structure = model.structure
        element = model.element_of_number[graph.numbers]
        z = F.layer_norm(structure.atom_embedding(element), (H,))
        neighbor = F.layer_norm(structure.neighbor_embedding(element), (H,))
        sums, token = run_stage(self._embedding, edges, token, neighbor)
        s, source, center = self._source(sums, z)
        surroundings, token = run_stage(self._surroundings, edges, token, source)
        _, token = run_stage(self._scalars, edges, token, surroundings, torch.cat([surroundings, center], dim=1))

        features, known = self._features(s), (s, *(model.temporal.start(z) if self._config.temporal else ()))
        for stage, update in self._layers[:-1]:
            sums, token = run_stage(stage, edges, token, features)
            features, *known = update(sums, *known)
        stage, update = self._layers[-1]
        sums, token = run_stage(stage, edges, token, features)
        return model.element_scale[element] * update(sums, *known) + model.element_shift[element]


def _scalars(frame: Tensor, sender: Tensor, receiver: Tensor, mixing: Tensor, softness: float) -> Tensor:
    """(n, P, 2 H) from the frames (n, P, 4), S of the senders (n, P, 3 H), S and the center of the receivers."""
    H = mixing.shape[1]
    e1, smooth = frame[..., :3], frame[..., 3:]
    e2 = cross(e1, receiver[..., 3 * H :])
    e3 = cross(e1, e2)
    ends = []
    for end in (receiver[..., : 3 * H], sender):
        first, second, third = along(end, (e1, e2, e3))
        ends.append(smooth * (first * mixing[0] + soft_abs(second, softness) * mixing[1] + third * mixing[2]))
    return torch.cat(ends, dim=-1)


def _messages_of(branched: bool, with_vectors: bool):  # type: ignore[no-untyped-def]
    """The message function of a kind of layers; sums are (n, H), (n, 3 H) and, if branched, (n, 2 h)."""

    def messages(gates, read, features, frame, _filled, *constants):  # type: ignore[no-untyped-def]
        direction, smooth = frame
        scalar = smooth * features[0] * gates[0]
        directed = smooth * features[2 if with_vectors else 1] * gates[-1]
        sums = [scalar.sum(1)]
        carried = smooth * features[1] * gates[1] if with_vectors else None
        for axis, along_axis in enumerate(direction.split(1, -1)):
            vectors = along_axis * directed
            if carried is not None:
                vectors = vectors + features[3 + axis] * carried
            sums.append(vectors.sum(1))
        if branched:
            sums.append(_heads(read, scalar, smooth, *constants))
        return torch.cat(sums, dim=1)

    return messages


def _heads(read, scalar, smooth, to_gate, gate_bias, to_heads, heads_bias):  # type: ignore[no-untyped-def]
    """(n, 2 h) sums that the rotation is made from, of (n, P, B) and the scalar messages (n, P, H)."""
    gate = F.silu(linear(F.silu(read), to_gate, gate_bias))
    heads = linear(scalar, to_heads) + smooth * heads_bias  # the bias, too, fades at the cutoff
    n = gate.shape[-1]
    return torch.cat([(heads[..., :n] * gate).sum(1), (heads[..., n:] * gate).sum(1)], dim=1)


def _folded(layer: MessageLayer, features: Tensor, branched: bool, with_vectors: bool) -> LayerWeights:
    """A layer's weights on 2 H scalars and K radial columns."""
    H, K = features.shape
    w1, b1 = weight_and_bias(layer.surroundings[0])
    w2, b2 = weight_and_bias(layer.surroundings[2])
    wq, bq = weight_and_bias(layer.radial)
    R = wq.shape[1]
    radial = w1[:, 2 * H : 3 * H] @ features
    radial[:, K - R :] += w1[:, 3 * H :]
    w1 = torch.cat([w1[:, : 2 * H], radial], dim=1)
    if not branched and not with_vectors:  # nothing reads the middle gates
        rows = torch.cat([torch.arange(H), torch.arange(2 * H, 3 * H)]).to(wq.device)
        w2, b2, wq, bq = w2[rows], b2[rows], wq[rows], bq[rows]
    if not branched:
        return LayerWeights((w1, -b1), (w2, -b2), (wq, -bq), None, ())
    others = (*weight_and_bias(layer.gate[2]), *weight_and_bias(layer.to_heads))
    return LayerWeights((w1, -b1), (w2, -b2), (wq, -bq), weight_and_bias(layer.gate[0]), others)
