"""The stages before the message layers: radial columns, surroundings and their scalars."""

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from alphanet.model.fast.compiler import BlockFunction, Compiler, derivative
from alphanet.model.fast.edge_arrays import EdgeBlock, GatheredGradients
from alphanet.model.fast.products import linear
from alphanet.model.fast.radial import RadialColumns


class EmbeddingStage:
    """Edges' unit vectors, envelopes and radial columns; sums of radial features and of weighted vectors.

    Args:
        columns: see `RadialColumns`.
        frequencies: (R,) of the Bessel functions.
        envelope: (E,) distances to (E,).
        cutoff: Å.
        compiler: of its functions; none: they run as they are.
        epsilon: Å, added to the distance by which vectors are divided.
    """

    writes = True
    kept = 0

    def __init__(
        self,
        columns: RadialColumns,
        frequencies: Tensor,
        envelope: Callable[[Tensor], Tensor],
        cutoff: float,
        compiler: Compiler | None,
        epsilon: float = 0.0,
    ) -> None:
        self._envelope, self._cutoff, self._epsilon = envelope, cutoff, epsilon
        self._constants = (frequencies, *columns.first, *columns.last, columns.taken, columns.features)
        self._columns, self._n_columns = columns, columns.n_columns
        self.width = columns.features.shape[0] + 4
        self._forward = BlockFunction(self._gathered, 6, compiler)
        self._backward = BlockFunction(self._gradient, 7, compiler)

    def forward(self, visit: EdgeBlock, sums: Tensor | None) -> None:
        """Adds (N, H + 4): radial features times the neighbors' embeddings, envelope times vector, envelope."""
        block, columns = visit.block, visit.weights[..., -self._n_columns :]
        of_chunks = self._forward(
            visit.vector, block.filled, block.sender, visit.senders, visit.frame, columns, *self._constants
        )
        visit.add_to(sums, of_chunks)

    def backward(self, visit: EdgeBlock, _to: GatheredGradients) -> None:
        """Adds to the gradient by the vectors; the embeddings are constants."""
        block = visit.block
        by_vector = self._backward(
            visit.vector,
            block.filled,
            block.sender,
            visit.senders,
            visit.frame_gradient,
            visit.weights_gradient[..., -self._n_columns :],
            visit.by_sums,
            *self._constants,
        )
        visit.vector_gradient.add_(by_vector)

    def _gathered(self, vector, filled, sender, embedding, into_frame, into_columns, *constants):  # type: ignore[no-untyped-def]
        frame, columns, sums = self._of_edges(vector, filled, embedding[sender], *constants)
        into_frame.copy_(frame)
        into_columns.copy_(columns)
        return sums

    def _gradient(  # type: ignore[no-untyped-def]
        self, vector, filled, sender, embedding, by_frame, by_columns, by_sums, *constants
    ) -> Tensor:
        def function(vector: Tensor) -> tuple[Tensor, ...]:
            return self._of_edges(vector, filled, embedding[sender], *constants)

        return derivative(function, (vector,), (by_frame, by_columns, by_sums))[0]

    def _of_edges(self, vector, filled, neighbor, frequencies, w1, b1, w2, b2, taken, features):  # type: ignore[no-untyped-def]
        distance = torch.linalg.vector_norm(vector, dim=-1, keepdim=True)
        unit = vector / (distance + self._epsilon)
        smooth = self._envelope(distance)
        basis = (2 / self._cutoff) * torch.sin(frequencies * distance / self._cutoff) / distance
        hidden = F.silu(linear(basis, w1, b1))
        components = smooth * linear(hidden, w2, b2)
        if self._columns.reduced:
            components = components - linear(basis, taken)
        columns = torch.cat([components, basis], dim=-1)
        radial = filled * self._columns.of(columns, features)
        smooth = filled * smooth
        sums = torch.cat([(radial * neighbor).sum(1), (smooth * vector).sum(1), smooth.sum(1)], dim=1)
        return torch.cat([unit, smooth], dim=-1), columns, sums


class SurroundingsStage:
    """S_i = sum over neighbors of unit vector times radial features times what the neighbor sends, (N, 3 H)."""

    writes = False
    kept = 0

    def __init__(self, columns: RadialColumns, compiler: Compiler | None) -> None:
        self._columns, self._features = columns, columns.features
        self._n_columns = columns.n_columns
        self.width = 3 * columns.features.shape[0]
        self._forward = BlockFunction(self._gathered, 5, compiler)
        self._backward = BlockFunction(self._gradient, 6, compiler)

    def forward(self, visit: EdgeBlock, sums: Tensor | None) -> None:
        """Adds (N, 3 H) from the neighbors' `senders` (N, H)."""
        block, columns = visit.block, visit.weights[..., -self._n_columns :]
        of_chunks = self._forward(visit.frame, columns, block.filled, block.sender, visit.senders, self._features)
        visit.add_to(sums, of_chunks)

    def backward(self, visit: EdgeBlock, to: GatheredGradients) -> None:
        """Adds the gradient by what the neighbors send."""
        block, columns = visit.block, visit.weights[..., -self._n_columns :]
        by_frame, by_radial, by_sender = self._backward(
            visit.frame, columns, block.filled, block.sender, visit.senders, visit.by_sums, self._features
        )
        visit.frame_gradient.add_(by_frame)
        self._columns.add_gradient(visit.weights_gradient[..., -self._n_columns :], by_radial)
        to.add(block, by_sender)

    def _gathered(self, frame, columns, filled, sender, source, features):  # type: ignore[no-untyped-def]
        return self._of_edges(frame, self._columns.of(columns, features), source[sender], filled)

    def _gradient(self, frame, columns, filled, sender, source, by_sums, features):  # type: ignore[no-untyped-def]
        def function(frame: Tensor, radial: Tensor, source: Tensor) -> Tensor:
            return self._of_edges(frame, radial, source, filled)

        return derivative(function, (frame, self._columns.of(columns, features), source[sender]), (by_sums,))

    def _of_edges(self, frame: Tensor, radial: Tensor, source: Tensor, filled: Tensor) -> Tensor:
        message = filled * radial * source
        return torch.cat([(frame[..., axis : axis + 1] * message).sum(1) for axis in range(3)], dim=1)


class ScalarsStage:
    """Scalars (…, 2 H) of the surroundings of both ends of each edge in its frame, times the envelope.

    Args:
        scalars: (frame (n, P, 4), sender's (n, P, A), receiver's (n, 1, B), constants) to (n, P, 2 H).
        constants: of `scalars`.
        hidden_channels: H.
        compiler: of its functions; none: they run as they are.
    """

    width = 0
    writes = True
    kept = 0

    def __init__(
        self,
        scalars: Callable[..., Tensor],
        constants: tuple[Tensor, ...],
        hidden_channels: int,
        compiler: Compiler | None,
    ) -> None:
        self._scalars, self._constants, self._columns = scalars, constants, 2 * hidden_channels
        self._forward = BlockFunction(self._gathered, 6, compiler)
        self._backward = BlockFunction(self._gradient, 6, compiler)

    def forward(self, visit: EdgeBlock, _sums: Tensor | None) -> None:
        """Writes the first 2 H columns of the weights."""
        block, into = visit.block, visit.weights[..., : self._columns]
        self._forward(visit.frame, block.sender, block.receiver, visit.senders, visit.receivers, into, *self._constants)

    def backward(self, visit: EdgeBlock, to: GatheredGradients) -> None:
        """Adds gradients by both ends' surroundings."""
        block, by_weights = visit.block, visit.weights_gradient[..., : self._columns]
        by_frame, by_sender, by_receiver = self._backward(
            visit.frame, block.sender, block.receiver, visit.senders, visit.receivers, by_weights, *self._constants
        )
        visit.frame_gradient.add_(by_frame)
        to.add(block, by_sender, by_receiver)

    def _gathered(self, frame, sender, receiver, senders, receivers, into, *constants):  # type: ignore[no-untyped-def]
        into.copy_(self._scalars(frame, senders[sender], receivers[receiver][:, None], *constants))
        return into.new_zeros(1)  # the compiler wants an output

    def _gradient(self, frame, sender, receiver, senders, receivers, by_weights, *constants):  # type: ignore[no-untyped-def]
        def function(frame: Tensor, of_sender: Tensor, of_receiver: Tensor) -> Tensor:
            return self._scalars(frame, of_sender, of_receiver[:, None], *constants)

        return derivative(function, (frame, senders[sender], receivers[receiver]), (by_weights,))
