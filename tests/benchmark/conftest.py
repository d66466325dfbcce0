"""Cards for tests, a tiny data set with EMT labels, prepared as stores, and trainers that take no time."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from constant_trainer import ConstantTrainer

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds import accuracy
from alphanet.benchmark.kinds.accuracy.trainers import TRAINERS, MeanFit
from alphanet.benchmark.loading import load_benchmark
from alphanet.benchmark.runner import run_benchmark
from alphanet.data.cards import load_card
from alphanet.data.prepare import PreparedData
from alphanet.data.store import write_store


def copper(seed: int) -> Atoms:
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, rng=np.random.default_rng(seed))
    atoms.calc = EMT()
    labels = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
    atoms.calc = SinglePointCalculator(atoms, **labels)
    atoms.info["group"] = ("ABW-0-test", "bct")[seed % 2]
    return atoms


@pytest.fixture(scope="session")
def stores(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("stores")
    sizes = {"train": 9, "valid": 4, "test": 5}
    for first, (split, size) in enumerate(sizes.items()):
        write_store(folder / f"{split}.aselmdb", (copper(100 * first + seed) for seed in range(size)), {})
    return {split: folder / f"{split}.aselmdb" for split in sizes}


@pytest.fixture
def prepared(stores):
    def of(name: str, scale: str) -> PreparedData:
        counts = {"train": 9, "valid": 4, "test": 5}
        return PreparedData(
            name=name, scale=scale, card=load_card(name), sources={"file": "0" * 64}, counts=counts, **stores
        )

    return of


class FakeTrainer(ConstantTrainer):
    """Predicts -1 eV/atom after counting its trainings; breaks if the test says so."""

    def __init__(self):
        self.requests = []
        self.opened = 0
        self.broken = None
        self.stop = ""  # or seed -> where its guard stops it

    def train(self, request, out):
        if self.broken:
            raise self.broken
        self.requests.append(request)
        assert out.is_dir()
        stop = self.stop if isinstance(self.stop, str) else self.stop.get(request.seed, "")
        return MeanFit(seconds=0.0, energy_per_atom=-1.0 - request.seed, stop=stop)

    def open(self, request, out, trained):
        self.opened += 1
        return super().open(request, out, trained)


@pytest.fixture
def trainers(monkeypatch, prepared, cards):
    """Trainers of `alphanet` and `peer` that take no time, on the tiny data set, whatever its name."""
    fakes = {name: FakeTrainer() for name in ("alphanet", "peer")}
    for name, fake in fakes.items():
        monkeypatch.setitem(TRAINERS, name, lambda fake=fake: fake)
    monkeypatch.setattr(accuracy, "prepare", lambda name, scale, **_: prepared(name, scale))
    return fakes


@pytest.fixture
def run(tmp_path, trainers):
    """A function that runs a card of the tests and returns its result."""

    def go(card="table", **options):
        return run_benchmark(load_benchmark(card), RunOptions(out=tmp_path, **options))

    return go


@pytest.fixture
def speed_cards(monkeypatch) -> Path:
    """The cards of tests/benchmark/speed_cards beside the shipped ones; returns their folder."""
    folder = Path(__file__).parent / "speed_cards"
    monkeypatch.setenv("ALPHANET_BENCHMARKS", str(folder))
    return folder
