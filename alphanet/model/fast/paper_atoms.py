"""The paper's reading between the walks over edges: what is done with sums over neighbors, atom by atom."""

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from alphanet.model.alphanet import AlphaNet, Complex, MessageLayer, rotate
from alphanet.model.config import AlphaNetConfig
from alphanet.model.fast.temporal import complex_step
from alphanet.model.smooth import scaled_vectors, soft_unit


class SourceFeatures(nn.Module):
    """From the sums of the embedding: s (N, H), what neighbors send to the surroundings (N, H), centers (N, 3)."""

    def __init__(self, model: AlphaNet) -> None:
        super().__init__()
        self.source = model.structure.source

    def forward(self, sums: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From (N, H + 4) and the embeddings (N, H)."""
        H = z.shape[1]
        received, vector, count = sums.split([H, 3, 1], dim=1)
        s = z + received
        return s, F.silu(F.layer_norm(self.source(s), (H,))), vector / (1 + count)


class Features(nn.Module):
    """(N, F) what a layer's neighbors send: features of m1, m2, m3 and vectors, or without m2 and vectors."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        assert isinstance(layer, MessageLayer)
        self.norm, self.features = layer.norm, layer.features

    def forward(self, s: Tensor, rotation: Complex | None = None, v: Tensor | None = None) -> Tensor:
        """From s (N, H), the rotation (N, H / 2) and v (N, 3, H), as far as there are any."""
        H = s.shape[1]
        x1, x2, x3 = self.features(self.norm(rotate(s, rotation))).split(H, dim=1)
        if v is None:
            return torch.cat([x1, x3], dim=1)
        return torch.cat([x1, x2 / math.sqrt(3), x3, v.flatten(1)], dim=1)


class Update(nn.Module):
    """Update of the atoms from the sums of a layer: the new s, v and memory, and what the next layer's neighbors send.

    Args:
        model: the reference.
        number: of the layer.
        n_heads: columns of the sums that the rotation is made from; 0: there is none.
    """

    def __init__(self, model: AlphaNet, number: int, n_heads: int) -> None:
        super().__init__()
        self.config: AlphaNetConfig = model.config
        layer = model.messages[number]
        assert isinstance(layer, MessageLayer)
        self.first, self.last, self.n_heads = number == 0, number == model.config.num_layers - 1, n_heads
        self.layer = layer
        if model.config.temporal:
            self.register_buffer("kernel", model.temporal.kernel[number].detach().clone())
        if model.config.frame_transition:
            self.transition = model.transitions[number]
        if self.last:
            self.readout = model.readout
            if model.config.temporal:
                self.output = model.temporal.output
        else:
            self.next = Features(model.messages[number + 1])

    @property
    def n_inputs(self) -> int:
        """Tensors that it takes."""
        return 2 + (not self.first) + 2 * self.config.temporal

    def forward(self, sums: Tensor, s: Tensor, *others: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(N,) of the readout after the last layer, else what neighbors send, then s, v and the memory.

        Args:
            sums: (N, 4 H + n_heads) over the neighbors.
            s: (N, H).
            others: v (N, 3, H), unless this is the first layer, and the memory's parts (N, C), if there is one.
        """
        H = s.shape[1]
        v, history = (None, others) if self.first else (others[0], others[1:])
        scalar, vectors, heads = sums.split([H, 3 * H, self.n_heads], dim=1)
        s = s + self.layer.sum_norm(scalar)
        dv = scaled_vectors(vectors.unflatten(1, (3, H)))
        v = dv if v is None else v + dv
        if history:
            assert isinstance(self.kernel, Tensor)
            real, imaginary = complex_step(self.kernel, s, (history[0], history[1]))
            history = soft_unit(real, imaginary, self.config.softness)
        if self.config.frame_transition:
            ds, dv = self.transition(s, v)
            s, v = s + ds, v + dv
        if not self.last:
            return self.next(s, self.layer.rotation(heads) if self.n_heads else None, v), s, v, *history
        output = self.readout(s).squeeze(1)
        return output + self.output(torch.cat(history, dim=1)).squeeze(1) if history else output
