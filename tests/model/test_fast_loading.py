"""How a fast model is made: compiled and checked, or the next slower form with a line that says why."""

import resource

import pytest
import torch
from model_samples import alloy, ethanol, official_config, paper_config, random_model

from alphanet.model.fast import compiler
from alphanet.model.fast import model as module
from alphanet.model.fast.checking import largest_error, small_structure
from alphanet.model.fast.compiler import BlockFunction, Compiler
from alphanet.model.fast.memory import default_limit, retention
from alphanet.model.fast.model import FastModel, fast_model
from alphanet.model.fast.products import linear
from alphanet.model.native.library import cpp_compiler
from alphanet.model.prediction import predict
from alphanet.programs import private_folder

pytestmark = pytest.mark.integration

needs_compiler = pytest.mark.skipif(cpp_compiler() is None, reason="no C++ compiler")


@needs_compiler
def test_one_compilation_serves_all_sizes() -> None:
    """A derivative inside, columns of a wider array, a gather, and sizes of 0 and 1, which are not compiled for."""

    def function(wide, index, features, by_sums, weight):
        def summed(x, y):
            return (torch.nn.functional.silu(linear(x, weight)) * y[index]).sum(1)

        return compiler.derivative(summed, (wide[..., 1:], features), (by_sums,))

    compiled, eager = (BlockFunction(function, 4, one) for one in (Compiler("a test"), None))
    weight = torch.randn(4, 8, dtype=torch.float64)
    recompiled = torch._dynamo.utils.counters["stats"]
    for n, n_atoms in ((6, 5), (11, 5), (5, 11), (4, 4), (1, 5), (0, 1), (33, 2)):
        wide, by_sums = torch.randn(n, 4, 9, dtype=torch.float64), torch.randn(n, 4, dtype=torch.float64)
        index, features = torch.randint(n_atoms, (n, 4)), torch.randn(n_atoms, 4, dtype=torch.float64)
        graphs = recompiled["unique_graphs"]
        found, expected = (one(wide, index, features, by_sums, weight) for one in (compiled, eager))
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
        assert n == 6 or recompiled["unique_graphs"] == graphs


@needs_compiler
def test_what_is_compiled_is_kept_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def pair(x, y):
        return (torch.sin(x) * y).sum(1), x + 1

    def single(x, y):
        return torch.cos(x) - y

    x, y = torch.randn(7, 3), torch.randn(3)
    x = x[:3]  # as many as y has numbers, which must not become a condition
    functions = (pair, single)
    for function in functions:
        BlockFunction(function, 1, Compiler("a test"))(x, y)
    (folder,) = private_folder(compiler.FOLDER).iterdir()
    monkeypatch.setattr(compiler, "_compile", lambda *_: pytest.fail("compiled again"))
    for function in functions:
        found = BlockFunction(function, 1, Compiler("a test"))(x[:2], y)
        torch.testing.assert_close(found, function(x[:2], y))
    with pytest.raises(pytest.fail.Exception):
        BlockFunction(single, 1, Compiler("a test"))(x.double(), y.double())  # other precision
    with pytest.raises(pytest.fail.Exception):
        BlockFunction(single, 1, Compiler("another architecture"))(x, y)
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(pytest.fail.Exception):
        BlockFunction(single, 1, Compiler("a test"))(x, y)  # damaged


@needs_compiler
@pytest.mark.slow
@pytest.mark.parametrize("make", [paper_config, official_config], ids=["paper", "official-v1"])
def test_compiled_equals_the_reference_at_every_size(make) -> None:
    model = random_model(make(num_layers=3))
    fast = fast_model(model, compiled=True)
    assert fast.mode == "compiled"
    assert fast.note is None
    for atoms in (alloy(), ethanol(), ethanol()[:2], ethanol()[:1], alloy().repeat((2, 1, 1))):
        graph = model.graph(atoms)
        found, expected = fast.predict(graph), predict(model, graph)
        assert float((found.energy - expected.energy).abs()) < 1e-10
        assert float((found.forces - expected.forces).abs().max()) < 1e-9
        assert torch.equal(found.forces, fast.predict(graph).forces)


def test_without_a_compiler_blocks_run_uncompiled_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cpp_compiler", lambda: None)
    model = random_model(paper_config())
    with pytest.warns(UserWarning, match=r"no C\+\+ compiler found"):
        assert fast_model(model, compiled=True).mode == "blocked"
    assert fast_model(model).mode == "blocked"


def test_a_compiler_that_fails_is_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("cc1plus: out of memory")

    monkeypatch.setattr(module, "cpp_compiler", lambda: "c++")
    monkeypatch.setattr(compiler, "_compile", broken)
    with pytest.warns(UserWarning, match="compilation failed .*cc1plus"):
        fast = fast_model(random_model(paper_config()), compiled=True)
    assert fast.mode == "blocked"


@pytest.mark.parametrize("make", [paper_config, official_config], ids=["paper", "official-v1"])
def test_a_path_that_is_wrong_is_not_used(make, monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(make())
    right = FastModel.predict

    def wrong(self, graph, **kwargs):
        found = right(self, graph, **kwargs)
        if self.mode != "eager":
            found.forces[0, 0] += 1e-6
        return found

    monkeypatch.setattr(FastModel, "predict", wrong)
    with pytest.warns(UserWarning, match="the fast path is not used"):
        fast = fast_model(model, compiled=False)
    assert fast.mode == "eager"
    graph = model.graph(alloy())
    assert torch.equal(fast.predict(graph).forces, predict(model, graph).forces)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("make", [paper_config, official_config], ids=["paper", "official-v1"])
def test_the_check_passes_what_is_right(make, dtype: torch.dtype) -> None:
    model = random_model(make()).to(dtype)
    assert largest_error(lambda graph: predict(model, graph), model) <= 1
    assert fast_model(model, compiled=False).note is None


def test_later_changes_of_the_reference_are_not_seen() -> None:
    model = random_model(paper_config())
    fast = FastModel(model, compiled=False)
    graph = model.graph(alloy())
    before = fast.predict(graph).energy
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    assert torch.equal(fast.predict(graph).energy, before)


def test_checked_structure_is_hard_enough() -> None:
    atoms = small_structure(("H", "C", "O"))
    assert set(atoms.get_chemical_symbols()) == {"H", "C", "O"}
    assert atoms.get_all_distances(mic=True)[~torch.eye(12, dtype=bool).numpy()].min() > 1.0


def test_memory_is_what_is_counted() -> None:
    enough = 40 * 214 * 4
    assert retention((10, 4), 100, 0, torch.float32, enough) == "all"
    assert retention((10, 4), 100, 1, torch.float32, enough) == "weights"
    assert retention((10, 4), 100, 0, torch.float32, enough - 1) == "nothing"


def test_the_default_bound_is_half_of_what_the_process_may_use() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    whole = default_limit()
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (4 * 10**9, before[1]))
        assert default_limit() == min(whole, 2 * 10**9)
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)
    assert default_limit() == whole
