"""A layer's branch, from scalar messages and what it reads of the gates to sums of chunks, and its derivative."""

from collections.abc import Callable

from torch import Tensor

from alphanet.model.fast.compiler import Compiler
from alphanet.model.fast.compiling import BlockFunction, derivative

Branch = Callable[..., Tensor]


class BranchFunctions:
    """Compiled once for all layers of one kind.

    Args:
        branch: (read (n, P, B), scalar messages (n, P, H), factor of the messages (n, P, 1), constants) to sums of
            chunks (n, C).
        compiler: of its functions; none: they run as they are.
    """

    def __init__(self, branch: Branch, compiler: Compiler | None) -> None:
        self._branch = branch
        self.forward = BlockFunction(self._forward, 3, compiler)
        self.backward = BlockFunction(self._backward, 4, compiler)

    def _forward(self, read, scalar, factor, *constants):  # type: ignore[no-untyped-def]
        return self._branch(read, scalar, factor, *constants)

    def _backward(self, read, scalar, factor, by_sums, *constants):  # type: ignore[no-untyped-def]
        def function(*inputs: Tensor) -> Tensor:
            return self._branch(*inputs, *constants)

        return derivative(function, (read, scalar, factor), (by_sums,))
