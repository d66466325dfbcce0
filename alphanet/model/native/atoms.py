"""Constants of what the kernels do on atoms between the walks over edges, in both readings (`update.hpp`)."""

import ctypes
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from alphanet.model.alphanet import AlphaNet, FrameTransition, MessageLayer
from alphanet.model.fast.products import weight_and_bias
from alphanet.model.native.packing import Matrix, Packer
from alphanet.model.official import OfficialAlphaNet, OfficialFrameTransition, OfficialMessageLayer

_NORM_OF_BOTH, _NORM_OF_BRANCH = 1, 2


class Features(ctypes.Structure):
    """What neighbors send to a layer."""

    _fields_ = tuple((name, Matrix) for name in ("first", "second", "to_normed", "to_hidden"))


class _Transition(ctypes.Structure):
    _fields_ = tuple((name, Matrix) for name in ("mix", "first", "second", "to_vectors", "to_input", "to_hidden"))


class Update(ctypes.Structure):
    """What becomes of the sums of a layer."""

    _fields_ = (
        *((name, Matrix) for name in ("rotation", "to_branch", "memory", "to_state")),
        ("next", Features),
        ("transition", _Transition),
        *((name, ctypes.c_void_p) for name in ("weight", "bias", "readout", "of_memory")),
        *((name, ctypes.c_float) for name in ("shift", "softness")),
        *((name, ctypes.c_int64) for name in ("branch", "C", "official", "norm", "angles", "rotates")),
        *((name, ctypes.c_int64) for name in ("first", "last", "transits", "gated", "remembers")),
    )


class Constants:
    """Makes them of a model's modules; they live as long as the packer.

    Args:
        packer: for the model's channels.
    """

    def __init__(self, packer: Packer) -> None:
        self._packer = packer

    def features(self, norm: nn.Module, network: nn.Module, divisor: int, *, vectors: bool) -> Features:
        """Of the features of a layer, see `fast.updates.Features`; without vectors those of m1 and m3 alone."""
        assert isinstance(network, nn.Sequential) and isinstance(norm, nn.LayerNorm)
        w1, b1 = _behind(norm.weight, norm.bias, *weight_and_bias(network[0]))
        w2, b2 = (one.double() for one in weight_and_bias(network[2]))
        H = len(w1)
        factors = torch.tensor([1.0, 1 / math.sqrt(3 * divisor), 1 / math.sqrt(divisor)], dtype=torch.float64)
        factor = factors.repeat_interleave(H)
        w2, b2 = w2 * factor[:, None], b2 * factor
        if not vectors:
            w2, b2 = (torch.cat([one[:H], one[2 * H :]]) for one in (w2, b2))
        return Features(self._matrix(w1, b1), self._matrix(w2, b2), self._matrix(w1.t()), self._matrix(w2.t()))

    def updates(self, model: AlphaNet | OfficialAlphaNet, branches: Sequence[int]) -> list[Update]:
        """Of all layers.

        Args:
            model: of either reading.
            branches: columns of each layer's sums that are of the branch.
        """
        if isinstance(model, AlphaNet):
            return [self._paper(model, number, columns) for number, columns in enumerate(branches)]
        return [self._official(model, number, columns) for number, columns in enumerate(branches)]

    def parts(self, values: Tensor) -> Tensor:
        """(…, 2 CP) from real and imaginary parts (…, 2 C), each filled up."""
        halves = [self._packer.filled(part.movedim(-1, 0)) for part in values.chunk(2, dim=-1)]
        return torch.cat(halves).movedim(0, -1)

    def _paper(self, model: AlphaNet, number: int, branch: int) -> Update:
        config, last = model.config, number == len(model.messages) - 1
        layer = model.messages[number]
        assert isinstance(layer, MessageLayer)
        update = self._common(number, last=last, branch=branch, softness=config.softness)
        update.weight, update.bias = (self._padded(one) for one in (layer.sum_norm.weight, layer.sum_norm.bias))
        if branch and not last:
            update.rotates, update.angles = 1, config.rotation == "exponential"
            w, b = _behind(layer.heads_norm.weight, layer.heads_norm.bias, *weight_and_bias(layer.to_rotation))
            if not update.angles:  # 1 + a complex number
                b = b + (torch.arange(len(b)) < len(b) // 2)
                w, b = (torch.cat([self._packer.filled(part) for part in one.chunk(2)]) for one in (w, b))
            self._rotation(update, w, b)
        if config.frame_transition:
            transition = model.transitions[number]
            assert isinstance(transition, FrameTransition)
            update.transits, update.gated = 1, transition.gated
            update.transition = self._transition(transition.mix, transition.features)
        if config.temporal:
            self._memory(update, model.temporal.kernel[number])
        if not last:
            following = model.messages[number + 1]
            assert isinstance(following, MessageLayer)
            update.next = self.features(following.norm, following.features, 1, vectors=True)
            return update
        (w, b) = weight_and_bias(model.readout)
        update.readout, shift = self._padded(w[0]), float(b)
        if config.temporal:
            w, b = weight_and_bias(model.temporal.output)
            update.of_memory, shift = self._padded(self.parts(w[0])), shift + float(b)
        update.shift = shift
        return update

    def _official(self, model: OfficialAlphaNet, number: int, branch: int) -> Update:
        config, last = model.config, number == len(model.message_layers) - 1
        layer, transition = model.message_layers[number], model.FTEs[number]
        assert isinstance(layer, OfficialMessageLayer) and isinstance(transition, OfficialFrameTransition)
        update = self._common(number, last=last, branch=branch, softness=0.0)
        update.official, update.transits = 1, 1
        update.transition = self._transition(transition.vec_proj, transition.xvec_proj)
        self._memory(update, torch.stack([model.kernels_real[number], model.kernels_imag[number]]))
        w, b = weight_and_bias(layer.scale2[0])
        if branch and (config.norm_before or config.norm_after):
            update.norm = _NORM_OF_BOTH if config.norm_before else _NORM_OF_BRANCH
            scale, shift = layer.dx_layer_norm.weight, layer.dx_layer_norm.bias
            w, b = _behind(scale[:branch], shift[:branch], w, b)
            if config.norm_before:
                update.weight, update.bias = (self._padded(one[branch:]) for one in (scale, shift))
        if branch and not last:
            update.rotates = update.angles = 1
            self._rotation(update, w, b)
        if not last:
            following = model.message_layers[number + 1]
            assert isinstance(following, OfficialMessageLayer)
            divisor = config.hidden_channels
            update.next = self.features(following.x_layernorm, following.x_proj, divisor, vectors=True)
            return update
        (w, b), (wq, bq) = weight_and_bias(model.last_layer), weight_and_bias(model.last_layer_quantum)
        C = config.temporal_channels
        update.readout, update.of_memory = self._padded(w[0]), self._padded(self.parts(wq[0] / C))
        update.shift = float(b) + float(bq) / C
        return update

    def _common(self, number: int, *, last: bool, branch: int, softness: float) -> Update:
        return Update(first=number == 0, last=last, branch=branch, softness=softness)

    def _rotation(self, update: Update, w: Tensor, b: Tensor) -> None:
        rows = len(self._packer.filled(w[0]))
        update.rotation = self._matrix(w, b, rows)
        update.to_branch = self._matrix(self._packer.filled(w).t())

    def _memory(self, update: Update, kernel: Tensor) -> None:
        """Of (2, H, C to, C from)."""
        _, H, C, _ = kernel.shape
        w = self._packer.filled(kernel.detach().permute(2, 0, 3, 1)).movedim(0, 2).reshape(-1, H)  # (2, from, to, H)
        update.memory, update.to_state = self._matrix(w), self._matrix(w.t())
        update.remembers, update.C = 1, C

    def _transition(self, mix: nn.Linear, network: nn.Sequential) -> _Transition:
        (w1, b1), (w2, b2) = weight_and_bias(network[0]), weight_and_bias(network[2])
        return _Transition(
            mix=self._matrix(mix.weight),
            first=self._matrix(w1, b1),
            second=self._matrix(w2, b2),
            to_vectors=self._matrix(mix.weight.t()),
            to_input=self._matrix(w1.t()),
            to_hidden=self._matrix(w2.t()),
        )

    def _matrix(self, weight: Tensor, bias: Tensor | None = None, rows: int | None = None) -> Matrix:
        return self._packer.matrix(weight.detach().float(), None if bias is None else bias.float(), rows)

    def _padded(self, values: Tensor) -> int:
        return self._packer.padded(values.detach().float())


def _behind(scale: Tensor, shift: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """A linear map of x * scale + shift as one of x, in float64."""
    scale, shift, weight, bias = (one.detach().double() for one in (scale, shift, weight, bias))
    return weight * scale, bias + weight @ shift
