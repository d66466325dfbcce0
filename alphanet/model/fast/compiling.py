"""Block functions and their derivatives, eager or compiled once for all sizes."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from alphanet.model.fast.compiler import Compiler, Function, Tensors


def derivative(
    function: Callable[..., Tensor | tuple[Tensor, ...]], inputs: Tensors, gradients: Tensors
) -> tuple[Tensor, ...]:
    """Gradients of `function(*inputs)` by every input, given those of its outputs (vector-Jacobian product)."""
    leaves = [tensor.detach().requires_grad_() for tensor in inputs]
    with torch.enable_grad():
        outputs = function(*leaves)
    outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
    return torch.autograd.grad(outputs, leaves, gradients, materialize_grads=True)


class BlockFunction:
    """A pure function of tensors, compiled at its first call if there is a compiler.

    The first dimension of its first `n_varying` arguments (edges and atoms) stays free, so that other sizes never
    compile anew. With `inline` intermediates are kept in registers: for long formulas on few inputs.
    """

    def __init__(self, function: Function, n_varying: int, compiler: Compiler | None, inline: bool = False) -> None:
        self._function, self._n_varying, self._inline = function, n_varying, inline
        self._compiler = compiler
        self._compiled: Function | None = None

    def __call__(self, *tensors: Tensor) -> Any:
        """The function's outputs."""
        # Sizes of 0 and 1 would be compiled for by themselves.
        if self._compiler is None or min(tensor.shape[0] for tensor in tensors[: self._n_varying]) < 2:
            return self._function(*tensors)
        if self._compiled is None:
            self._compiled = self._compiler.compiled(self._function, tensors, self._n_varying, inline=self._inline)
        return self._compiled(*tensors)
