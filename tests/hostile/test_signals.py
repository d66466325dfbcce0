"""Native code that trusts its input: what would end the process by a signal is found before."""

import random
from pathlib import Path

import inputs
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from attack import attack

from alphanet.data.lmdb_pages import check_pages
from alphanet.data.store import FrameStore, write_store
from alphanet.errors import UserError

PAGE = 4096


@pytest.mark.parametrize(
    "cell",
    [
        "1e155 0 0 0 1e155 0 0 0 1e155",
        "1e300 0 0 0 5 0 0 0 5",
        "0.01 0 0 0 0.01 0 0 0 0.01",
        "5 0 0 4.999 .0001 0 0 0 5",
    ],
)
@pytest.mark.parametrize("words", [["eval"], ["data", "stats"], ["data", "check"]], ids=["eval", "stats", "check"])
def test_cells(tmp_path: Path, model: Path, cell: str, words: list[str]):
    path = inputs.written(tmp_path / "a.extxyz", inputs.frame(cell=cell))
    found = attack([*words, *([model] if words == ["eval"] else []), path])
    assert found.code == 1 and "Traceback" not in found.err and found.growth < 0.2, found


def frames(count: int, atoms: int):
    generator = np.random.default_rng(0)
    for index in range(count):
        frame = Atoms(f"H{atoms}", generator.uniform(0, 9, (atoms, 3)))
        frame.calc = SinglePointCalculator(frame, energy=float(index), forces=generator.normal(size=(atoms, 3)))
        yield frame


@pytest.fixture(scope="module", params=[(400, 2), (60, 60)], ids=["in pages", "beside pages"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "a.aselmdb"
    write_store(path, frames(*request.param), {})
    return path


def test_whole_stores_pass(store: Path, tmp_path: Path):
    check_pages(store)
    assert len(FrameStore(store)) in (400, 60)
    write_store(tmp_path / "empty.aselmdb", (), {})
    check_pages(tmp_path / "empty.aselmdb")


@pytest.mark.parametrize("seed", range(12))
def test_damaged_pages(store: Path, tmp_path: Path, seed: int):
    """Headers and tables of offsets hold what LMDB trusts; other bytes are values, which decoding checks."""
    choose = random.Random(seed)
    content = bytearray(store.read_bytes())
    for _ in range(choose.choice([1, 5, 50])):
        page = choose.randrange(len(content) // PAGE)
        content[page * PAGE + choose.randrange(60)] = choose.choice([0, 255, choose.randrange(256)])
    found = attack(["data", "convert", inputs.written(tmp_path / "a.aselmdb", bytes(content)), tmp_path / "out.extxyz"])
    assert found.code in (0, 1) and "Traceback" not in found.err, found


def test_a_page_that_is_elsewhere_is_named(store: Path, tmp_path: Path):
    content = bytearray(store.read_bytes())
    for page in range(2, len(content) // PAGE):
        content[page * PAGE : page * PAGE + 8] = (2**40).to_bytes(8, "little")
    with pytest.raises(UserError, match=r"is damaged \(page \d+ has another number or kind\)"):
        FrameStore(inputs.written(tmp_path / "a.aselmdb", bytes(content)))


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"\0" * 8192, b"\xff" * 8192])
def test_files_that_are_no_stores(tmp_path: Path, content: bytes):
    with pytest.raises(UserError):
        FrameStore(inputs.written(tmp_path / "a.aselmdb", content))
