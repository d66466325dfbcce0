"""The reading official-v1 between the walks over edges: what is done with sums over neighbors, atom by atom."""

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from alphanet.model.fast.temporal import complex_step
from alphanet.model.official import OfficialAlphaNet, OfficialFrameTransition, OfficialMessageLayer

Complex = tuple[Tensor, Tensor]


class SourceFeatures(nn.Module):
    """From the sums of the embedding: s (N, H), and what neighbors send to the surroundings (N, H)."""

    def __init__(self, model: OfficialAlphaNet) -> None:
        super().__init__()
        self.source = model.S_vector["lin1"]

    def forward(self, sums: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """From (N, H + 4) and the embeddings (N, H)."""
        H = z.shape[1]
        s = z + sums[:, :H]
        return s, F.silu(F.layer_norm(self.source(s), (H,)))


class Features(nn.Module):
    """(N, F) what a layer's neighbors send; the factors of the vectors' sums are in it."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        assert isinstance(layer, OfficialMessageLayer)
        self.x_layernorm, self.x_proj = layer.x_layernorm, layer.x_proj

    def forward(self, s: Tensor, rope: Complex | None = None, v: Tensor | None = None) -> Tensor:
        """From s (N, H), the rotation (N, H / 2) and v (N, 3, H), as far as there are any."""
        H = s.shape[1]
        if rope is not None:
            real, imaginary = s.chunk(2, dim=1)
            s = torch.cat([real * rope[0] - imaginary * rope[1], real * rope[1] + imaginary * rope[0]], dim=1)
        x1, x2, x3 = self.x_proj(self.x_layernorm(s)).split(H, dim=1)
        x3 = x3 / math.sqrt(H)
        if v is None:
            return torch.cat([x1, x3], dim=1)
        return torch.cat([x1, x2 / math.sqrt(3 * H), x3, v.flatten(1)], dim=1)


class Update(nn.Module):
    """Update of the atoms from the sums of a layer: the new s, v and memory, and what the next layer's neighbors send.

    Args:
        model: the reference.
        number: of the layer.
        n_angles: columns of the sums that are angles; 0: there are none.
    """

    def __init__(self, model: OfficialAlphaNet, number: int, n_angles: int) -> None:
        super().__init__()
        layer, transition = model.message_layers[number], model.FTEs[number]
        assert isinstance(layer, OfficialMessageLayer) and isinstance(transition, OfficialFrameTransition)
        self.config = model.config
        self.first, self.last, self.n_angles = number == 0, number == model.config.num_layers - 1, n_angles
        self.transition = transition
        kernel = torch.stack([model.kernels_real[number], model.kernels_imag[number]])
        self.register_buffer("kernel", kernel.detach())
        if n_angles:
            self.layer = layer
        if self.last:
            self.last_layer, self.last_layer_quantum = model.last_layer, model.last_layer_quantum
        else:
            self.next = Features(model.message_layers[number + 1])

    @property
    def n_inputs(self) -> int:
        """Tensors that it takes."""
        return 4 + (not self.first)

    def forward(self, sums: Tensor, s: Tensor, *others: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(N, 1) of the last layer's output, else what neighbors send, then s, v and the memory.

        Args:
            sums: (N, n_angles + 4 H) over the neighbors.
            s: (N, H).
            others: v (N, 3, H), unless this is the first layer, and the memory's parts (N, C).
        """
        H = s.shape[1]
        v, quantum = (None, others) if self.first else (others[0], others[1:])
        summed, vectors = sums.split([self.n_angles + H, 3 * H], dim=1)
        ds, rope = summed, None
        if self.n_angles:
            angle, ds = self.layer.received(summed)
            rope = (torch.cos(angle), torch.sin(angle))
        s, dv = s + ds, vectors.unflatten(1, (3, H))
        v = dv if v is None else v + dv
        assert isinstance(self.kernel, Tensor)
        real, imaginary = complex_step(self.kernel, s, (quantum[0], quantum[1]))
        modulus = (real.square() + imaginary.square()).sqrt()
        quantum = (real / modulus, imaginary / modulus)
        ds, dv = self.transition(s, v)
        s, v = s + ds, v + dv
        if not self.last:
            return self.next(s, rope, v), s, v, *quantum
        return self.last_layer(s) + self.last_layer_quantum(torch.cat(quantum, dim=1)) / self.config.temporal_channels
