"""The steps of atoms between the walks over edges, from sums over neighbors to what neighbors send next."""

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from alphanet.model.alphanet import Complex, rotate
from alphanet.model.smooth import soft_unit


class SourceFeatures(nn.Module):
    """From the sums of the embedding: s (N, H), what neighbors send to the surroundings (N, H), and centers (N, 3).

    Args:
        source: the map of s behind what neighbors send.
        centered: whether centers are given; if not, the first two are all.
    """

    def __init__(self, source: nn.Module, *, centered: bool) -> None:
        super().__init__()
        self.source, self.centered = source, centered

    def forward(self, sums: Tensor, z: Tensor) -> tuple[Tensor, ...]:
        """From (N, H + 4) and the embeddings (N, H)."""
        H = z.shape[1]
        received, vector, count = sums.split([H, 3, 1], dim=1)
        s = z + received
        source = F.silu(F.layer_norm(self.source(s), (H,)))
        return (s, source, vector / (1 + count)) if self.centered else (s, source)


class Features(nn.Module):
    """(N, F) what a layer's neighbors send: features of m1, m2, m3 and vectors, or without m2 and vectors.

    Args:
        norm: of s.
        features: H to 3 H.
        divisor: the square of what the sums of vectors are divided by.
    """

    def __init__(self, norm: nn.Module, features: nn.Module, divisor: int) -> None:
        super().__init__()
        self.norm, self.features, self.divisor = norm, features, divisor

    def forward(self, s: Tensor, rotation: Complex | None = None, v: Tensor | None = None) -> Tensor:
        """From s (N, H), the rotation (N, H / 2) and v (N, 3, H), as far as there are any."""
        x1, x2, x3 = self.features(self.norm(rotate(s, rotation))).split(s.shape[1], dim=1)
        x3 = x3 / math.sqrt(self.divisor)
        if v is None:
            return torch.cat([x1, x3], dim=1)
        return torch.cat([x1, x2 / math.sqrt(3 * self.divisor), x3, v.flatten(1)], dim=1)


class Update(nn.Module):
    """Update of the atoms from the sums of a layer: the new s, v and memory, and what the next layer's neighbors send.

    A reading's own gives `received` and `output`.

    Args:
        n_branch: columns of the sums that are of the branch; 0: there is none.
        first: whether no layer comes before, so that there is no v.
        following: features of the next layer; None after the last.
        transition: frame transition, if there is one.
        kernel: (2, H, C, C) of the memory, if there is one.
        softness: of the memory's modulus.
    """

    def __init__(
        self,
        *,
        n_branch: int,
        first: bool,
        following: Features | None,
        transition: nn.Module | None,
        kernel: Tensor | None,
        softness: float = 0.0,
    ) -> None:
        super().__init__()
        self.n_branch, self.first, self.next, self.transition, self.softness = (
            n_branch,
            first,
            following,
            transition,
            softness,
        )
        self.register_buffer("kernel", None if kernel is None else kernel.detach().clone())

    @property
    def n_inputs(self) -> int:
        """Tensors that it takes."""
        return 2 + (not self.first) + 2 * (self.kernel is not None)

    def forward(self, sums: Tensor, s: Tensor, *others: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(N,) output after the last layer, else what neighbors send, then s, v and the memory.

        Args:
            sums: (N, C) over the neighbors.
            s: (N, H).
            others: v (N, 3, H), unless this is the first layer, and the memory's parts (N, C), if there is one.
        """
        v, memory = (None, others) if self.first else (others[0], others[1:])
        ds, dv, rotation = self.received(sums)
        s, v = s + ds, dv if v is None else v + dv
        if memory:
            assert isinstance(self.kernel, Tensor)
            memory = soft_unit(*_complex_step(self.kernel, s, (memory[0], memory[1])), self.softness)
        if self.transition is not None:
            ds, dv = self.transition(s, v)
            s, v = s + ds, v + dv
        return self.output(s, memory) if self.next is None else (self.next(s, rotation, v), s, v, *memory)

    def received(self, sums: Tensor) -> tuple[Tensor, Tensor, Complex | None]:
        """Updates of s (N, H) and v (N, 3, H), and the rotation of the next layer's features, if there is one."""
        raise NotImplementedError

    def output(self, s: Tensor, memory: tuple[Tensor, ...]) -> Tensor:
        """(N,) from s (N, H) and the memory's parts (N, C) after the last layer."""
        raise NotImplementedError


def _complex_step(kernel: Tensor, s: Tensor, history: Complex) -> Complex:
    """(N, C) real and imaginary parts of q_k <- sum_nc M_nkc s_n q_c.

    Args:
        kernel: (2, H, C, C), real and imaginary parts of M.
        s: (N, H).
        history: (N, C) q.
    """
    _, H, C, _ = kernel.shape
    mixed = (s @ kernel.permute(1, 0, 2, 3).reshape(H, -1)).view(-1, 2, C, C)
    # A product and a sum: batched products of matrices as small as these are slower.
    real, imaginary = ((mixed * part[:, None, None, :]).sum(-1) for part in history)
    return real[:, 0] - imaginary[:, 1], real[:, 1] + imaginary[:, 0]
