"""Functions of atoms between the walks over edges, compiled whole: small operations would cost more than their work."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from alphanet.model.fast.compiler import Compiler
from alphanet.model.fast.compiling import BlockFunction, derivative


class AtomFunction:
    """A module that takes and gives tensors of all atoms, (N, …); only its results are kept for the backward.

    Args:
        module: gives a tuple of two or more tensors, or one; its weights are constants, read now.
        n_inputs: tensors it takes.
        compiler: of its forward and backward; none: they run as they are.
    """

    def __init__(self, module: nn.Module, n_inputs: int, compiler: Compiler | None) -> None:
        named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        self._module, self._n_inputs = module, n_inputs
        self._names, self._constants = tuple(named), tuple(tensor.detach() for tensor in named.values())
        self._forward = BlockFunction(self._values, n_inputs, compiler)
        self._backward: BlockFunction | None = None
        self._compiler = compiler

    def __call__(self, *inputs: Tensor) -> Any:
        """The output of the module."""
        return _Apply.apply(self, *inputs)

    def values(self, inputs: tuple[Tensor, ...]) -> Any:
        """The output of the module, without a graph."""
        return self._forward(*inputs, *self._constants)

    def gradients(self, inputs: tuple[Tensor, ...], by_outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Gradients by every input, given those by the outputs."""
        if self._backward is None:
            self._backward = BlockFunction(self._gradients, len(inputs) + len(by_outputs), self._compiler)
        found = self._backward(*inputs, *by_outputs, *self._constants)
        return (found,) if isinstance(found, Tensor) else tuple(found)

    def _values(self, *tensors: Tensor) -> Any:
        return self._called(tensors[: self._n_inputs], tensors[self._n_inputs :])

    def _gradients(self, *tensors: Tensor) -> Any:
        at = len(tensors) - len(self._constants)
        inputs, by_outputs, constants = tensors[: self._n_inputs], tensors[self._n_inputs : at], tensors[at:]
        found = derivative(lambda *leaves: self._called(leaves, constants), inputs, by_outputs)
        return found[0] if len(found) == 1 else found

    def _called(self, inputs: tuple[Tensor, ...], constants: tuple[Tensor, ...]) -> Any:
        return functional_call(self._module, dict(zip(self._names, constants, strict=True)), inputs)


class _Apply(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, function: AtomFunction, *inputs: Tensor) -> Any:
        ctx.function = function
        ctx.save_for_backward(*inputs)
        found = function.values(inputs)
        return found if isinstance(found, Tensor) else tuple(found)

    @staticmethod
    def backward(ctx: Any, *by_outputs: Tensor) -> tuple[Tensor | None, ...]:
        by_outputs = tuple(one.contiguous() for one in by_outputs)
        return None, *ctx.function.gradients(ctx.saved_tensors, by_outputs)
