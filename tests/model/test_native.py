"""The kernels in C++ against the reference: every switch, every width of vectors, threads, what may fail."""

import ctypes
import platform
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_criterion import assert_are_exact, assert_as_exact
from model_samples import CONFIGS, SAMPLES, alloy, official_config, paper_config, random_model, slab, structures

from alphanet.graph import collate
from alphanet.model.base import InteratomicModel
from alphanet.model.fast import model as module
from alphanet.model.fast.model import FastModel, fast_model
from alphanet.model.native import library
from alphanet.model.native.embedding import NativeEmbeddingStage
from alphanet.model.native.evaluation import NativeEvaluation
from alphanet.model.native.library import cpp_compiler

pytestmark = [pytest.mark.integration, pytest.mark.skipif(cpp_compiler() is None, reason="no C++ compiler")]


@cache
def exact_model(name: str) -> InteratomicModel:
    return random_model(CONFIGS[name])


@cache
def single_model(name: str) -> InteratomicModel:
    return random_model(CONFIGS[name]).float()


@cache
def native(name: str, block: int | None = None, max_memory: int | None = None) -> FastModel:
    fast = FastModel(single_model(name), compiled=False, native=True, block=block, max_memory=max_memory)
    assert fast.note is None
    return fast


@pytest.mark.parametrize("max_memory", [None, 0], ids=["all stays", "nothing stays"])
@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_reference(name: str, max_memory: int | None) -> None:
    exact, single = exact_model(name), single_model(name)
    for make in SAMPLES.values():
        graph = single.graph(make())
        found = [native(name, block, max_memory).predict(graph) for block in (24, None)]
        assert_are_exact(found, exact, single, graph)


@pytest.mark.parametrize("name", ["paper, 3 layers", "official, 3 layers"])
def test_weights_that_stay_without_what_layers_keep(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "retention", lambda *_: "weights")
    single = single_model(name)
    assert_as_exact(native(name), exact_model(name), single, single.graph(slab()))


@settings(max_examples=25, deadline=None)  # each takes up to half a second
@given(st.lists(structures(), min_size=1, max_size=3), st.sampled_from(sorted(CONFIGS)), st.sampled_from([4, 24, 512]))
def test_random_batches(frames: list[Atoms], name: str, block: int) -> None:
    single = single_model(name)
    graph = collate([single.graph(atoms) for atoms in frames])
    # Some are near singular points of official-v1, where every rounding counts many times.
    assert_as_exact(native(name, block), exact_model(name), single, graph, rounding=20)


@pytest.fixture
def quickly_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer optimizations, in half the time; most tests have the kernels as users do."""
    monkeypatch.setattr(library, "OPTIONS", tuple("-O1" if one == "-O3" else one for one in library.OPTIONS))


@pytest.mark.parametrize("make", [paper_config, official_config], ids=["paper", "official-v1"])
def test_fewer_radial_columns_than_features_and_channels_that_do_not_fill_the_widest_vectors(
    make, quickly_compiled: None
) -> None:
    exact = random_model(make(hidden_channels=24, num_basis=4))
    single = random_model(make(hidden_channels=24, num_basis=4)).float()
    fast = FastModel(single, compiled=False, native=True)
    assert fast.note is None and 0 < fast.radial_error <= 1e-8
    assert_as_exact(fast, exact, single, single.graph(alloy()))


@pytest.mark.parametrize("options", [("-mavx2", "-mfma"), ()], ids=["AVX2", "no vectors named"])
def test_narrower_vectors(options: tuple[str, ...], quickly_compiled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same source for other processors: other panels, paddings and remainders."""
    if "-mavx2" in options and "avx2" not in _flags():
        pytest.skip("this processor has no AVX2")
    monkeypatch.setattr(library, "CHOICES", (options,))
    monkeypatch.setattr(module, "kernels", library.kernels.__wrapped__)  # not those of other tests
    for name in ("paper", "official"):
        fast = FastModel(single_model(name), compiled=False, native=True)
        assert fast.note is None
        assert_as_exact(fast, exact_model(name), single_model(name), single_model(name).graph(slab()))
    if "x86_64" in platform.machine():
        assert module.kernels(16).lanes() == (8 if options else 4)


@pytest.mark.parametrize("name", ["paper", "official"])
def test_threads_change_nothing_but_rounding_and_runs_are_bit_equal(name: str) -> None:
    single = single_model(name)
    graph = single.graph(slab())
    alone = native(name).predict(graph)
    torch.set_num_threads(2)
    try:
        first, second = (native(name).predict(graph) for _ in range(2))
        assert_as_exact(native(name, 24), exact_model(name), single, graph)
    finally:
        torch.set_num_threads(1)
    for key in ("energy", "forces", "stress"):
        assert torch.equal(getattr(first, key), getattr(second, key)), key
        torch.testing.assert_close(getattr(first, key), getattr(alone, key), rtol=1e-5, atol=1e-5)


def test_memory_of_one_call_is_not_written_by_another() -> None:
    """Two structures in turn share memory; two models in one call do not."""
    fast, single = native("paper"), single_model("paper")
    graphs = [single.graph(make()) for make in SAMPLES.values()]
    first = [fast.predict(graph).forces for graph in graphs]
    again = [fast.predict(graph).forces for graph in reversed(graphs)][::-1]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_functions_of_vectors(tmp_path: Path) -> None:
    """Against numpy in double precision, quadrants, zeros and large values among them."""
    source = tmp_path / "functions.cpp"
    source.write_text("""
#include "simd.hpp"
extern "C" void run(const float* x, const float* y, float* out, long n) {
    for (long i = 0; i < n; i += LANES) {
        Vector a = load(x + i), b = load(y + i), s, c, limited = a > 126.0f ? all(126.0f) : a;
        limited = limited < -126.0f ? all(-126.0f) : limited;
        sine_and_cosine(a, s, c);
        store(out + i, sigmoid(a)), store(out + n + i, power_of_two(limited)), store(out + 2 * n + i, angle(a, b));
        store(out + 3 * n + i, s), store(out + 4 * n + i, c);
        out[5 * n + i / LANES] = total(a);
    }
}
""")
    built = tmp_path / "functions.so"
    command = [
        cpp_compiler(),
        *library.OPTIONS,
        "-shared",
        "-march=native",
        "-DCHANNELS=16",
        f"-I{library.FOLDER_OF_SOURCES}",
        str(source),
    ]
    subprocess.run([*command, "-o", str(built)], check=True)
    random = np.random.default_rng(0)
    special = np.array([0.0, -0.0, 1.0, -1.0, 1e-30, -1e-30, 88.5, -88.5, 200, -200, 1e4, -1e4])
    x = np.concatenate([np.repeat(special, 12), random.normal(0, 20, 4096 - 144)]).astype(np.float32)
    y = np.concatenate([np.tile(special, 12), random.normal(0, 20, 4096 - 144)]).astype(np.float32)
    x[144:2048], n = x[144:2048] / 20, len(x)
    out = np.zeros(6 * n, np.float32)
    pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (x, y, out)]
    ctypes.CDLL(str(built)).run(*pointers, ctypes.c_long(n))
    a, b = x.astype(np.float64), y.astype(np.float64)
    sigmoid, power, angle, sine, cosine, totals = out.reshape(6, n)
    np.testing.assert_allclose(sigmoid, 1 / (1 + np.exp(-np.clip(a, -87.3, 700))), rtol=4e-7, atol=1e-37)
    np.testing.assert_allclose(power, 2 ** np.clip(a, -126, 126), rtol=3e-7)
    both_zero = (a == 0) & (b == 0)  # where the direction is nothing, 0 is as good as pi
    np.testing.assert_allclose(np.where(both_zero, 0, angle), np.where(both_zero, 0, np.arctan2(a, b)), atol=4e-7)
    np.testing.assert_allclose(sine, np.sin(a), atol=2e-7 * np.maximum(1, np.abs(a)).max() / 1e3)
    np.testing.assert_allclose(cosine, np.cos(a), atol=2e-7 * np.maximum(1, np.abs(a)).max() / 1e3)
    lanes = library.kernels(16).lanes()
    np.testing.assert_allclose(totals[: n // lanes], a.reshape(-1, lanes).sum(1), rtol=1e-4, atol=1e-2)


def test_kernels_that_fail_are_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("illegal instruction")

    monkeypatch.setattr(NativeEvaluation, "predict", crash)
    single = single_model("paper")
    with pytest.warns(UserWarning, match="compilation failed .*illegal instruction"):
        fast = fast_model(single, compiled=True)
    assert fast.mode == "blocked" and not isinstance(fast._network._embedding, NativeEmbeddingStage)
    assert_as_exact(fast, exact_model("paper"), single, single.graph(slab()))


def test_a_compiler_that_refuses_is_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "OPTIONS", ("-no-such-option",))
    with pytest.raises(library.NativeError, match="no-such-option"):
        library.kernels.__wrapped__(16)
    monkeypatch.setattr(module, "cpp_compiler", lambda: None)
    with pytest.warns(UserWarning, match=r"no C\+\+ compiler"):
        assert fast_model(single_model("paper"), compiled=True).mode == "blocked"


def _flags() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.read_text() if cpuinfo.exists() else ""
