"""Walks over edges by the kernels, components in frames and sums times directions: values and derivatives."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alphanet.model.native.library import cpp_compiler
from alphanet.training.blocks.directed import directed_sums
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


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 20), st.integers(1, 4), st.sampled_from([5, 16, 48]), st.sampled_from([1, 2]))
def test_sums_times_directions_equal_those_one_by_one(E: int, N: int, H: int, threads: int) -> None:
    generator = torch.Generator().manual_seed(E + 100 * H)
    directions = torch.randn(E, 3, generator=generator, requires_grad=True)
    values = torch.randn(E, H, generator=generator, requires_grad=True)
    at, back = torch.randint(N, (E,), generator=generator), torch.randn(N, 3, H, generator=generator)
    torch.set_num_threads(threads)
    try:
        found = [directed_sums(directions, values, at, N)]
        found += torch.autograd.grad(found[0], (directions, values), back)
    finally:
        torch.set_num_threads(1)
    exact = [one.detach().double().requires_grad_() for one in (directions, values)]
    wanted = [torch.zeros(N, 3, H).double().index_add(0, at, exact[0][:, :, None] * exact[1][:, None, :])]
    wanted += torch.autograd.grad(wanted[0], exact, back.double())
    for value, truth in zip(found, wanted, strict=True):
        torch.testing.assert_close(value.double(), truth, rtol=1e-5, atol=1e-5)


def test_derivatives_of_derivatives_of_sums() -> None:
    directions = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    values = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    at = torch.tensor([0, 2, 2, 1, 0])
    assert torch.autograd.gradgradcheck(lambda *both: directed_sums(*both, at, 3), (directions, values))
