"""A tiny data set with EMT labels, prepared as stores, for protocols that are run with fake potentials."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

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
