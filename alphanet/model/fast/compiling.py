"""Block functions and their derivatives, eager or compiled once for all sizes."""

import shutil
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

# Keep every intermediate in registers, however often it is used.
INLINE: dict[str, Any] = dict.fromkeys(
    ("realize_reads_threshold", "realize_opcount_threshold", "realize_acc_reads_threshold"), 10**6
)

# Write the parts of a concatenation one after another, without a loop over all of them that asks which part it is in.
PIECEWISE: dict[str, Any] = {"max_pointwise_cat_inputs": 0}

Tensors = Sequence[Tensor]
Function = Callable[..., Tensor | tuple[Tensor, ...]]


@cache
def compiler_present() -> bool:
    """Whether this machine has the C++ compiler that torch.compile needs on a CPU."""
    from torch._inductor import config

    named = config.cpp.cxx
    candidates = [name for name in (named if isinstance(named, (tuple, list)) else [named]) if name]
    return any(shutil.which(name) for name in candidates)


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
    """A pure function of tensors, compiled at its first call if asked.

    The function is traced with symbolic shapes first, so that derivatives inside it become plain operations; the
    first dimension of its first `n_varying` arguments (edges and atoms) stays free, so that other sizes never compile
    anew. With `inline` the compiler keeps intermediates in registers: for long formulas on few inputs.
    """

    def __init__(self, function: Function, n_varying: int, compiled: bool, inline: bool = False) -> None:
        self._function, self._n_varying, self._inline = function, n_varying, inline
        self._compiles = compiled
        self._compiled: Callable[..., Any] | None = None

    def __call__(self, *tensors: Tensor) -> Any:
        """The function's outputs."""
        # Sizes of 0 and 1 would be compiled for by themselves.
        if not self._compiles or min(tensor.shape[0] for tensor in tensors[: self._n_varying]) < 2:
            return self._function(*tensors)
        if self._compiled is None:
            self._compiled = self._compile(tensors)
        return self._compiled(*tensors)

    def _compile(self, tensors: Tensors) -> Callable[..., Any]:
        """By inductor's own entry, with the symbolic sizes of the trace: dynamo's guards are slow."""
        from torch._inductor.compile_fx import compile_fx
        from torch.fx.experimental import _config as symbolic_config
        from torch.fx.experimental.proxy_tensor import make_fx

        def function(*flat: Tensor) -> Any:  # a plain function: make_fx counts the arguments of methods wrongly
            return self._function(*flat)

        with symbolic_config.patch(use_duck_shape=False):  # type: ignore[attr-defined]
            traced = make_fx(function, tracing_mode="symbolic")(*tensors)
        inputs = [node.meta["val"] for node in traced.graph.nodes if node.op == "placeholder"]
        compiled: Any = compile_fx(traced, inputs, config_patches=INLINE if self._inline else PIECEWISE)
        return compiled
