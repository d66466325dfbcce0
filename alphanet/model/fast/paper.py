"""The paper's reading on blocks of edges: its folded weights, its branch, and its steps of atoms."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from alphanet.graph import AtomGraph
from alphanet.model.alphanet import AlphaNet, Complex, MessageLayer
from alphanet.model.basis import envelope
from alphanet.model.fast.choice import Backend, embedding_and_surroundings
from alphanet.model.fast.edge_arrays import EdgeArrays
from alphanet.model.fast.layer_stage import LayerWeights
from alphanet.model.fast.local_stages import ScalarsStage
from alphanet.model.fast.network import BlockNetwork
from alphanet.model.fast.products import along, cross, linear, weight_and_bias
from alphanet.model.fast.radial import radial_columns
from alphanet.model.fast.updates import Features, SourceFeatures, Update
from alphanet.model.native.scalars import NativeScalarsStage
from alphanet.model.smooth import scaled_vectors, soft_abs


class PaperNetwork(BlockNetwork):
    """Evaluates an `AlphaNet` with constant weights.

    Args:
        model: its weights are read now.
        tolerance: of the radial columns, see `radial_columns`.
        backend: evaluates it.
    """

    official = False

    def __init__(self, model: AlphaNet, tolerance: float, backend: Backend) -> None:
        self._model = model
        config, structure, layers = model.config, model.structure, model.messages
        H = config.hidden_channels

        def smooth(distance: Tensor) -> Tensor:
            return envelope(distance, config.cutoff, config.envelope)

        def scalars(frame: Tensor, sender: Tensor, receiver: Tensor, mixing: Tensor) -> Tensor:
            return _scalars(frame, sender, receiver, mixing, config.softness)

        columns = radial_columns(structure.basis, structure.radial, smooth, config.cutoff, tolerance)
        frequencies = structure.basis.bessel_weights
        super().__init__(
            columns=columns,
            stages=(
                *embedding_and_surroundings(columns, frequencies, config.envelope, config.cutoff, backend),
                ScalarsStage(scalars, (structure.scalarize,), H, backend.compiler)
                if backend.kernels is None
                else NativeScalarsStage((structure.scalarize,), config.softness, H, backend.kernels),
            ),
            source=SourceFeatures(structure.source, centered=True),
            features=_features(layers[0]),
            layers=[_layer(model, number, columns.features) for number in range(len(layers))],
            branch=_heads,
            tables=(structure.atom_embedding, structure.neighbor_embedding),
            scale=model.element_scale,
            shift=model.element_shift,
            backend=backend,
        )

    def _rows(self, numbers: Tensor) -> Tensor:
        return self._model.element_of_number[numbers]

    def _ends(self, surroundings: Tensor, center: list[Tensor], graph: AtomGraph, edges: EdgeArrays) -> list[Tensor]:  # noqa: ARG002
        return [surroundings, torch.cat([surroundings, *center], dim=1)]

    def _memory(self, z: Tensor) -> tuple[Tensor, ...]:
        return self._model.temporal.start(z) if self._model.config.temporal else ()


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


def _heads(read, scalar, smooth, to_gate, gate_bias, to_heads, heads_bias):  # type: ignore[no-untyped-def]
    """(n, 2 h) sums that the rotation is made from, of (n, P, B) and the scalar messages (n, P, H)."""
    gate = F.silu(linear(F.silu(read), to_gate, gate_bias))
    heads = linear(scalar, to_heads) + smooth * heads_bias  # the bias, too, fades at the cutoff
    n = gate.shape[-1]
    return torch.cat([(heads[..., :n] * gate).sum(1), (heads[..., n:] * gate).sum(1)], dim=1)


def _layer(model: AlphaNet, number: int, features: Tensor) -> tuple[LayerWeights, "_Update"]:
    config, layer, last = model.config, _checked(model.messages[number]), number == len(model.messages) - 1
    branched = config.rope and not last
    n_heads = 2 * config.heads if branched else 0
    weights = LayerWeights.folded(
        features,
        layer.surroundings,
        layer.radial,
        layer.gate[0] if branched else None,
        (*weight_and_bias(layer.gate[2]), *weight_and_bias(layer.to_heads)) if branched else (),
        vectors=number > 0,
    )
    return weights, _Update(model, number, n_heads)


def _checked(layer: torch.nn.Module) -> MessageLayer:
    assert isinstance(layer, MessageLayer)
    return layer


def _features(layer: torch.nn.Module) -> Features:
    layer = _checked(layer)
    return Features(layer.norm, layer.features, 1)


class _Update(Update):
    """Takes sums (N, 4 H + n_heads); the rotation is made from the last ones, if there are any."""

    def __init__(self, model: AlphaNet, number: int, n_heads: int) -> None:
        config, last = model.config, number == len(model.messages) - 1
        super().__init__(
            n_branch=n_heads,
            first=number == 0,
            following=None if last else _features(model.messages[number + 1]),
            transition=model.transitions[number] if config.frame_transition else None,
            kernel=model.temporal.kernel[number] if config.temporal else None,
            softness=config.softness,
        )
        self.layer = _checked(model.messages[number])
        if last:
            self.readout, self.of_memory = model.readout, model.temporal.output if config.temporal else None

    def received(self, sums: Tensor) -> tuple[Tensor, Tensor, Complex | None]:
        H = (sums.shape[1] - self.n_branch) // 4
        scalar, vectors, heads = sums.split([H, 3 * H, self.n_branch], dim=1)
        rotation = self.layer.rotation(heads) if self.n_branch else None
        return self.layer.sum_norm(scalar), scaled_vectors(vectors.unflatten(1, (3, H))), rotation

    def output(self, s: Tensor, memory: tuple[Tensor, ...]) -> Tensor:
        output = self.readout(s).squeeze(1)
        return output if self.of_memory is None else output + self.of_memory(torch.cat(memory, dim=1)).squeeze(1)
