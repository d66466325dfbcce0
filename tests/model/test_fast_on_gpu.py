"""What is decided for a GPU, as far as it can be seen without one."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from alphanet.model.fast import model as module
from alphanet.model.fast.memory import FEWEST_EDGES_ON_GPU, default_limit, edges_a_block_on_gpu


def test_triton_is_imported_only_where_it_is_used() -> None:
    code = "import sys, alphanet.model.fast.model; assert 'alphanet.model.gpu.kernels' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


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
