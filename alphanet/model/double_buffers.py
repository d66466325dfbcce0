"""Buffers that stay in float64."""

from torch import nn


class DoubleBuffers(nn.Module):
    """A module whose buffers, made in float64, keep every digit when the model changes its precision."""

    def _apply(self, fn, recurse=True):  # type: ignore[no-untyped-def]
        kept = {name: buffer.clone() for name, buffer in self.named_buffers()}
        super()._apply(fn, recurse)
        for name, buffer in kept.items():
            setattr(self, name, buffer.to(getattr(self, name).device))
        return self
