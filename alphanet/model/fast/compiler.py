"""Compiled functions of tensors, kept on disk: what one process compiled, later ones load in a fraction of a second."""

import contextlib
import hashlib
import logging
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from alphanet.errors import UserError
from alphanet.files import atomic_path
from alphanet.model.native.library import FOLDER
from alphanet.programs import may_be_loaded, private_folder, remember
from alphanet.provenance import code_digest, hardware

logger = logging.getLogger(__name__)

# Keep every intermediate in registers, however often it is used.
INLINE = dict.fromkeys(("realize_reads_threshold", "realize_opcount_threshold", "realize_acc_reads_threshold"), 10**6)

# Write the parts of a concatenation one after another, without a loop over all of them that asks which part it is in.
PIECEWISE = {"max_pointwise_cat_inputs": 0}

Tensors = Sequence[Tensor]
Function = Callable[..., Any]
"""Of tensors; gives a tensor, or a tuple of two or more"""


@cache
def triton_is_installed() -> bool:
    """Whether there is what torch compiles for CUDA with."""
    return find_spec("triton") is not None


class Compiler:
    """Compiles the functions of one architecture.

    Args:
        architecture: everything that functions close over (what they are given as arguments need not be in it).
    """

    def __init__(self, architecture: str) -> None:
        # The compiler writes for the very processor, and torch loads only what the same build of it has written.
        machine, sources = hardware(), code_digest(["model"])
        place = [architecture, sources, torch.__version__, machine["cpu"], *machine["gpus"]]
        self._place = hashlib.sha256("\n".join(place).encode()).hexdigest()[:16]

    def compiled(self, function: Function, tensors: Tensors, n_varying: int, *, inline: bool) -> Function:
        """`function` for tensors like these, of which the first `n_varying` may have any length from 2 on.

        Taken from disk where it has been compiled before. The file holds machine code: only one that this user's
        process wrote is loaded, see `alphanet.programs`.
        """
        path = self._path(f"{_name(function, tensors, n_varying)}.bin")
        artifact = None if path is None else _loaded(path)
        if artifact is None:
            artifact = _compile(function, tensors, INLINE if inline else PIECEWISE)
            if path is not None:
                _save(artifact, path)
        return _with_plain_outputs(artifact)

    def _path(self, name: str) -> Path | None:
        """Where it is kept; None where there is no folder of this user alone, so that every process compiles."""
        try:
            return private_folder(FOLDER) / self._place / name
        except UserError as error:
            logger.warning("%s", error)
            return None


def _name(function: Function, tensors: Tensors, n_varying: int) -> str:
    """The function's name, and a digest of what the machine code takes as given of its arguments."""
    given = [
        (str(tensor.dtype), str(tensor.device), tuple(tensor.shape)[place < n_varying :], tensor.stride())
        for place, tensor in enumerate(tensors)
    ]
    digest = hashlib.sha256(repr(given).encode()).hexdigest()[:12]
    return f"{function.__qualname__.strip('_')}-{digest}"


def _compile(function: Function, tensors: Tensors, options: dict[str, int]) -> Any:
    """By inductor's own entry, with the symbolic sizes of a trace: dynamo's guards are slow.

    The trace makes derivatives inside the function plain operations.
    """
    from torch._inductor import config, standalone_compile
    from torch.fx.experimental import _config as symbolic_config
    from torch.fx.experimental.proxy_tensor import make_fx

    def plain(*flat: Tensor) -> Any:  # make_fx counts the arguments of methods wrongly
        return function(*flat)

    with symbolic_config.patch(use_duck_shape=False):  # type: ignore[attr-defined]
        traced = make_fx(plain, tracing_mode="symbolic")(*tensors)
    inputs = [node.meta["val"] for node in traced.graph.nodes if node.op == "placeholder"]
    with config.patch(options):  # the trace's own symbols: others would make equal sizes here equal for ever
        return standalone_compile(traced, inputs, dynamic_shapes="from_example_inputs", fake_mode=inputs[0].fake_mode)


def _loaded(path: Path) -> Any | None:
    """The content of the file; None if it is missing, of another build of torch, or damaged."""
    from torch._inductor import CompiledArtifact

    if not may_be_loaded(path):
        return None
    try:
        return CompiledArtifact.load(path=str(path), format="binary")
    except Exception:  # torch raises whatever its parts do; the answer is always to compile anew
        return None


def _save(artifact: Any, path: Path) -> None:
    """Keep it for later processes; where it cannot be kept they compile again."""
    with contextlib.suppress(UserError, RuntimeError, AssertionError), atomic_path(path) as temporary:
        artifact.save(path=str(temporary), format="binary")
        remember(temporary)


def _with_plain_outputs(artifact: Any) -> Function:
    """A compiled function gives a list, also of a single tensor."""

    def call(*tensors: Tensor) -> Any:
        outputs = artifact(*tensors)
        if isinstance(outputs, (list, tuple)) and len(outputs) == 1:
            return outputs[0]
        return outputs

    return call


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


class DifferentiableFunction:
    """A function of tensors that gives one tensor or a tuple of two or more, and its derivative.

    Args:
        function: its first `n_inputs` arguments are those it is differentiated by; the others are constants.
        n_inputs: see there; the first dimension of inputs and outputs stays free, see `BlockFunction`.
        compiler: of both; none: they run as they are.
    """

    def __init__(self, function: Function, n_inputs: int, compiler: Compiler | None) -> None:
        self._function, self._n_inputs, self._compiler = function, n_inputs, compiler
        self.forward = BlockFunction(function, n_inputs, compiler)
        self._backward: BlockFunction | None = None
        self._n_outputs = 0

    def backward(self, inputs: Tensors, by_outputs: Tensors, constants: Tensors) -> tuple[Tensor, ...]:
        """Gradients by every input, given those by the outputs."""
        if self._backward is None:
            self._n_outputs = len(by_outputs)
            self._backward = BlockFunction(self._gradients, self._n_inputs + self._n_outputs, self._compiler)
        gradients = self._backward(*inputs, *by_outputs, *constants)
        return (gradients,) if isinstance(gradients, Tensor) else tuple(gradients)

    def _gradients(self, *tensors: Tensor) -> Any:
        end = self._n_inputs + self._n_outputs
        inputs, by_outputs, constants = tensors[: self._n_inputs], tensors[self._n_inputs : end], tensors[end:]
        gradients = derivative(lambda *leaves: self._function(*leaves, *constants), inputs, by_outputs)
        return gradients[0] if len(gradients) == 1 else gradients
