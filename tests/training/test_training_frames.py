"""Components in frames by the kernels: both layouts, and derivatives of derivatives."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alphanet.model.native.library import cpp_compiler
from alphanet.training.blocks.frames import components

pytestmark = [pytest.mark.integration, pytest.mark.skipif(cpp_compiler() is None, reason="no C++ compiler")]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 20), st.sampled_from([5, 16, 48, 128]), st.booleans(), st.sampled_from([1, 2]))
def test_equal_the_products(E: int, H: int, transposed: bool, threads: int) -> None:
    generator = torch.Generator().manual_seed(E + 100 * H)
    frames = torch.randn(E, 3, 3, generator=generator)
    frames = (frames.mT if transposed else frames).requires_grad_()
    vectors = torch.randn(E, 3, H, generator=generator, requires_grad=True)
    back = torch.randn(E, 3, H, generator=generator)
    torch.set_num_threads(threads)
    try:
        found = [components(frames, vectors)]
        found += torch.autograd.grad(found[0], (frames, vectors), back)
    finally:
        torch.set_num_threads(1)
    frames, vectors, back = frames.detach().double(), vectors.detach().double(), back.double()
    wanted = [frames @ vectors, back @ vectors.mT, frames.mT @ back]
    for value, truth in zip(found, wanted, strict=True):
        torch.testing.assert_close(value.double(), truth, rtol=1e-5, atol=1e-5)


def test_derivatives_of_derivatives() -> None:
    frames = torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True)
    vectors = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(components, (frames, vectors))
    assert torch.autograd.gradgradcheck(components, (frames, vectors))
