"""What is decided for a GPU, as far as it can be seen without one."""

from types import SimpleNamespace

import pytest
import torch

from alphanet.model.fast import model as module
from alphanet.model.fast.compiler import Compiler, DifferentiableFunction
from alphanet.model.fast.memory import FEWEST_EDGES_ON_GPU, default_limit, edges_a_block_on_gpu
from alphanet.model.fast.official import _angles
from alphanet.model.fast.paper import _heads
from alphanet.model.native.library import cpp_compiler

pytestmark = pytest.mark.integration


def test_compiling_for_cuda_needs_triton_and_no_other_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cpp_compiler", lambda: None)
    for there, missing in ((True, None), (False, "triton is not installed")):
        monkeypatch.setattr(module, "triton_is_installed", lambda there=there: there)
        assert module._missing("cuda") == missing


def test_blocks_are_bounded_by_the_memory_of_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=80 * 10**9))
    limit = default_limit(torch.device("cuda"))
    assert limit == 40 * 10**9
    edges = edges_a_block_on_gpu(128, torch.float32, limit, compiled=True)
    assert edges == 20 * 10**9 // (4 * 32 * 128)
    assert edges_a_block_on_gpu(128, torch.float64, limit, compiled=False) < edges / 10
    assert edges_a_block_on_gpu(128, torch.float32, 0, compiled=True) == FEWEST_EDGES_ON_GPU


BRANCHES = {  # with the shapes of their constants for B 10, H 8 and 3 kernel channels or heads
    "paper": (_heads, [(3, 10), (3,), (6, 8), (6,)]),
    "official-v1": (_angles, [(3, 10), (3,), (6, 8), (6,), (5,), (5,), (5,)]),
}


@pytest.mark.skipif(cpp_compiler() is None, reason="no C++ compiler")
@pytest.mark.slow
@pytest.mark.parametrize("reading", BRANCHES)
def test_branches_are_compiled_once_for_all_sizes(reading: str) -> None:
    branch, shapes = BRANCHES[reading]
    constants = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    compiled, plain = (DifferentiableFunction(branch, 3, one) for one in (Compiler(f"a test of {reading}"), None))
    recompiled = torch._dynamo.utils.counters["stats"]
    for n in (6, 11, 2):
        read, scalar, factor = (torch.rand(n, 4, columns, dtype=torch.float64) for columns in (10, 8, 1))
        graphs = recompiled["unique_graphs"]
        sums = plain.forward(read, scalar, factor, *constants)
        torch.testing.assert_close(compiled.forward(read, scalar, factor, *constants), sums)
        by_sums = torch.randn_like(sums)
        expected = plain.backward((read, scalar, factor), (by_sums,), constants)
        found = compiled.backward((read, scalar, factor), (by_sums,), constants)
        torch.testing.assert_close(tuple(found), expected)
        assert n == 6 or recompiled["unique_graphs"] == graphs
