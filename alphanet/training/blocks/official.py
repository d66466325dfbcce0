"""The reading official-v1 on blocks of edges; `alphanet.model.official` is the reference and says what is computed.

The complex branch is folded: without dropout `scale` and the kernel are one linear map, and the mixing over kernel
channels, which is affine in alpha, leaves two complex numbers of an edge for `fc_mps`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from alphanet.graph import AtomGraph, edge_vectors
from alphanet.model.basis import envelope
from alphanet.model.official import OfficialAlphaNet, OfficialMessageLayer, rotated
from alphanet.training.blocks.edges import EdgeBlock, edge_blocks, edge_weights
from alphanet.training.blocks.frames import components
from alphanet.training.blocks.product import linear
from alphanet.training.blocks.scalar_network import scalar_network
from alphanet.training.blocks.silu import silu, two_layers

DROPPED = 0.5


def network(model: OfficialAlphaNet, graph: AtomGraph) -> Tensor:
    """(N,) atomic energies in eV, as `model.network`."""
    config, numbers = model.config, graph.numbers
    blocks = _geometry(model, graph)
    embeddings = (model.z_emb(numbers), model.neighbor_emb["embedding"](numbers))
    source = model.S_vector["lin1"]
    z, s, weights = edge_weights(blocks, embeddings, model.radial_lin, source, partial(_scalars, model))
    quantum = torch.complex(*(z @ model.kernel1).chunk(2, dim=1))
    v: Tensor | None = None
    rope: Tensor | None = None
    for layer, (message, transition) in enumerate(zip(model.message_layers, model.FTEs, strict=True)):
        assert isinstance(message, OfficialMessageLayer)
        ds, dv, rope = _message(message, rotated(s, rope), v, blocks, weights)
        s, v = s + ds, dv if v is None else v + dv
        kernel = torch.complex(model.kernels_real[layer], model.kernels_imag[layer])
        quantum = torch.einsum("nh,hkc,nc->nk", s.to(kernel.dtype), kernel, quantum)
        quantum = quantum / quantum.abs()
        ds, dv = transition(s, v)
        s, v = s + ds, v + dv
    history = torch.cat([quantum.real, quantum.imag], dim=1)
    output = model.last_layer(s) + model.last_layer_quantum(history) / config.temporal_channels
    return model.a[numbers] * output.squeeze(1) + model.b[numbers]


def _geometry(model: OfficialAlphaNet, graph: AtomGraph) -> list[EdgeBlock]:
    vector = edge_vectors(graph)
    distance = torch.linalg.vector_norm(vector, dim=1)
    direction = vector / (distance + 1e-10)[:, None]
    smooth = envelope(distance, model.config.cutoff, "cosine")[:, None]
    return edge_blocks(graph, direction, smooth, model.radial_emb(distance), model.frames(graph, direction))


def _scalars(model: OfficialAlphaNet, frame: Tensor, S: Tensor) -> Tensor:
    """(e, H) invariants of the (e, 3, H) surroundings of one end of each edge."""
    first, second, third = components(frame, S).unbind(dim=1)
    invariants = torch.stack([first, second.abs(), third]).flatten(1)
    scalar = scalar_network(model.lin, invariants).view_as(first)
    return (scalar + first) / math.sqrt(model.config.hidden_channels)


def _message(
    layer: OfficialMessageLayer,
    turned: Tensor,
    v: Tensor | None,
    blocks: Sequence[EdgeBlock],
    weights: Sequence[Tensor],
) -> tuple[Tensor, Tensor, Tensor]:
    """As the layer's own forward."""
    H = layer.config.hidden_channels
    xh = layer.x_proj(layer.x_layernorm(turned))
    branch = _branch(layer)
    sums, vectors = [], []
    for b, w, dropped in zip(blocks, weights, _dropout(layer, blocks), strict=True):
        gates = linear(layer.rbf_proj, b.basis) * two_layers(layer.dir_proj, w)
        m1, m2, m3 = (xh.index_select(0, b.sender) * gates).split(H, dim=1)
        read = m1 if dropped is None else layer.scale(m1) * dropped
        angles = branch.angles(F.linear(read, branch.kernel, branch.constant), silu(two_layers(layer.diagonal, gates)))
        sums.append(b.summed(torch.cat([angles, m1], dim=1)))
        vector = b.summed_vectors(m3)
        vectors.append(vector if v is None else vector + b.summed_products(v, m2 / math.sqrt(3)))
    angle, ds = layer.received(torch.cat(sums))
    return ds, torch.cat(vectors) / math.sqrt(H), torch.complex(torch.cos(angle), torch.sin(angle))


@dataclass(frozen=True)
class _Branch:
    """The folded complex branch of a layer; K kernel channels, C message channels."""

    kernel: Tensor  # (2 K, H), or (2 K, 2 X) of what `scale` gives where there is dropout
    constant: Tensor  # (2 K,)
    slope: Tensor  # (C,) what `fc_mps` makes of a number times alpha
    level: Tensor  # (C,) and of the number alone
    shift: Tensor  # (C,)

    def angles(self, convolved: Tensor, alpha: Tensor) -> Tensor:
        """(e, C) angles, from the convolved numbers (e, 2 K), real parts first, and alpha (e, K)."""
        real, imaginary = (
            (part * alpha).sum(1, keepdim=True) * self.slope + part.sum(1, keepdim=True) * self.level + self.shift
            for part in convolved.chunk(2, dim=1)
        )
        return torch.angle(torch.complex(real, imaginary))


def _branch(layer: OfficialMessageLayer) -> _Branch:
    config = layer.config
    root = math.sqrt(config.hidden_channels // config.heads)
    real, imaginary = layer.kernel_real / root, layer.kernel_imag / root
    rows = real[1:].flatten(0, 1).t(), imaginary[1:].flatten(0, 1).t()  # (K, X)
    kernel = torch.cat([torch.cat([rows[0], -rows[1]], dim=1), torch.cat([rows[1], rows[0]], dim=1)])
    constant = torch.cat([real[0].sum(0), imaginary[0].sum(0)])  # of the row of ones
    if not _drops(layer):
        kernel, constant = kernel @ layer.scale.weight, constant + kernel @ layer.scale.bias
    mixing, mps = layer.dia, layer.fc_mps
    return _Branch(
        kernel=kernel,
        constant=constant,
        slope=mps.weight @ (mixing.weight @ layer.diachi1),
        level=mps.weight @ (mixing.weight.sum(1) + mixing.bias),
        shift=mps.bias,
    )


def _drops(layer: OfficialMessageLayer) -> bool:
    return layer.config.dropout and layer.training


def _dropout(layer: OfficialMessageLayer, blocks: Sequence[EdgeBlock]) -> Sequence[Tensor | None]:
    """Each block's (e, 2 X) factors of dropout, drawn for all edges at once as the reference draws them."""
    if not _drops(layer):
        return [None] * len(blocks)
    sizes = [b.sender.shape[0] for b in blocks]
    ones = layer.scale.weight.new_ones(sum(sizes), layer.config.complex_channels)
    return torch.cat([F.dropout(ones, DROPPED) for _ in range(2)], dim=1).split(sizes)
