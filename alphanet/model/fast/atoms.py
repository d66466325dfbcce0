"""Functions of atoms between the walks over edges, compiled whole: small operations would cost more than their work."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from alphanet.model.fast.compiler import Compiler, DifferentiableFunction


class AtomFunction:
    """A module that takes and gives tensors of all atoms, (N, …); only its results are kept for the backward.

    Args:
        module: gives a tuple of two or more tensors, or one; its weights are constants, read now.
        n_inputs: tensors it takes.
        compiler: of its forward and backward; none: they run as they are.
    """

    def __init__(self, module: nn.Module, n_inputs: int, compiler: Compiler | None) -> None:
        named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        self._module, self._n_inputs, self._names = module, n_inputs, tuple(named)
        self.constants = tuple(tensor.detach() for tensor in named.values())
        self.function = DifferentiableFunction(self._values, n_inputs, compiler)

    def __call__(self, *inputs: Tensor) -> Any:
        """The output of the module."""
        return _Apply.apply(self, *inputs)

    def _values(self, *tensors: Tensor) -> Any:
        inputs, constants = tensors[: self._n_inputs], tensors[self._n_inputs :]
        return functional_call(self._module, dict(zip(self._names, constants, strict=True)), inputs)


class _Apply(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, atoms: AtomFunction, *inputs: Tensor) -> Any:
        ctx.atoms = atoms
        ctx.save_for_backward(*inputs)
        outputs = atoms.function.forward(*inputs, *atoms.constants)
        return outputs if isinstance(outputs, Tensor) else tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *by_outputs: Tensor) -> tuple[Tensor | None, ...]:
        by_outputs = tuple(gradient.contiguous() for gradient in by_outputs)
        return None, *ctx.atoms.function.backward(ctx.saved_tensors, by_outputs, ctx.atoms.constants)
