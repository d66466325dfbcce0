"""The products of training by the kernels: every layout, derivatives of derivatives, and a whole loss."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_samples import SAMPLES, official_config, paper_config, random_model

from alphanet.model.native.library import cpp_compiler
from alphanet.model.prediction import predict
from alphanet.training.blocks import product as module
from alphanet.training.blocks.kernels import kernels_for
from alphanet.training.blocks.model import in_blocks
from alphanet.training.blocks.product import product

pytestmark = [pytest.mark.integration, pytest.mark.skipif(cpp_compiler() is None, reason="no C++ compiler")]


@pytest.fixture(autouse=True)
def by_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """On every processor, and however small."""
    monkeypatch.setattr(module, "LEAST", 0)
    monkeypatch.setattr(module, "_kernels", kernels_for)


def matrix(rows: int, columns: int, layout: str, generator: torch.Generator) -> torch.Tensor:
    if layout == "transposed":
        return torch.randn(columns, rows, generator=generator).t()
    if layout == "part":
        return torch.randn(rows + 2, columns + 3, generator=generator)[1:-1, 2:-1]
    if layout == "expanded":
        return torch.randn(1, columns, generator=generator).expand(rows, columns)
    return torch.randn(rows, columns, generator=generator)


LAYOUTS = st.sampled_from(["plain", "transposed", "part", "expanded"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 40), st.integers(1, 70), st.integers(1, 9), LAYOUTS, LAYOUTS, st.sampled_from([1, 2]))
def test_equals_the_product(M: int, K: int, vectors: int, first: str, second: str, threads: int) -> None:
    generator = torch.Generator().manual_seed(M + 100 * K)
    a, b = matrix(M, K, first, generator), matrix(K, 16 * vectors, second, generator)
    torch.set_num_threads(threads)
    try:
        found = product(a, b)
    finally:
        torch.set_num_threads(1)
    torch.testing.assert_close(found.double(), a.double() @ b.double(), rtol=1e-5, atol=1e-5)


def test_columns_that_fill_no_vector_and_double_precision_are_left_to_the_library() -> None:
    a, b = torch.randn(5, 3), torch.randn(3, 7)
    torch.testing.assert_close(product(a, b), a @ b)
    torch.testing.assert_close(product(a.double(), b.double()), a.double() @ b.double())


@pytest.mark.parametrize("config", [paper_config(), official_config()], ids=["paper", "official-v1"])
def test_gradients_of_a_loss_of_forces(config) -> None:
    """Against the reference in double precision."""
    exact = random_model(config)
    graph = exact.graph(SAMPLES["slab"](), torch.float32)

    def gradients(model, energies, graph):
        found = predict(energies, graph, create_graph=True)
        loss = found.energy.square().sum() + found.forces.square().sum()
        return torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True)

    wanted = gradients(exact, exact, graph.to(dtype=torch.float64))
    single = random_model(config).float()
    found, rounded = gradients(single, in_blocks(single), graph), gradients(single, single, graph)
    largest = max(float(one.abs().max()) for one in wanted)
    for value, plain, truth in zip(found, rounded, wanted, strict=True):
        lost = float((plain - truth).abs().max())
        assert float((value - truth).abs().max()) <= 1e-5 * largest + 5 * lost
