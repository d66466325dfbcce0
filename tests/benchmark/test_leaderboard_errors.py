"""Errors as OC20's leaderboard counts them, from evaluation to cell: held atoms, splits that are averaged."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from constant_trainer import ConstantTrainer

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds import accuracy
from alphanet.benchmark.kinds.accuracy.trainers import TRAINERS
from alphanet.benchmark.loading import load_benchmark
from alphanet.benchmark.runner import run_benchmark
from alphanet.data.cards import load_card
from alphanet.data.prepare import PreparedData
from alphanet.data.store import FrameStore, write_store

SPLITS = ("id", "ood_ads", "ood_cat", "ood_both")


def held(seed: int, group: str):
    """Four copper atoms with random labels, of which `seed % 3` are held, and pulled at with 100 eV/Å."""
    atoms, random = bulk("Cu", cubic=True), np.random.default_rng(seed)
    fixed = np.arange(len(atoms)) < seed % 3
    forces = random.normal(size=(len(atoms), 3)) + 100.0 * fixed[:, None]
    atoms.calc = SinglePointCalculator(atoms, energy=random.normal(), forces=forces)
    atoms.arrays["fixed"], atoms.info["group"] = fixed, group
    return atoms


@pytest.fixture
def run(tmp_path, monkeypatch, cards):
    def prepared(name, scale, **_options):
        stores = {split: tmp_path / f"{split}.aselmdb" for split in ("train", "valid", "test")}
        for path in stores.values():
            if not path.is_file():
                # The first split has more frames than the others: a mean over all frames would be another one.
                write_store(path, (held(seed, SPLITS[max(0, seed - 5)]) for seed in range(9)), {})
        counts = dict.fromkeys(stores, 9)
        return PreparedData(name=name, scale=scale, card=load_card(name), sources={}, counts=counts, **stores)

    monkeypatch.setattr(accuracy, "prepare", prepared)
    for model in ("alphanet", "giant"):
        monkeypatch.setitem(TRAINERS, model, ConstantTrainer)

    def go(scale="mini"):
        result = run_benchmark(load_benchmark("leaderboard"), RunOptions(scale=scale, out=tmp_path))
        return {(cell.row, cell.metric): cell for cell in result.cells}, tmp_path / "test.aselmdb"

    return go


def held_atoms(atoms):
    return atoms.arrays.get("fixed", np.zeros(len(atoms), dtype=bool)).astype(bool)


def expected(frames):
    """Energy and force MAE of `ConstantTrainer`, over `frames`."""
    energy = [abs(atoms.calc.results["energy"] + len(atoms)) for atoms in frames]
    forces = np.concatenate([atoms.calc.results["forces"][~held_atoms(atoms)] for atoms in frames])
    return np.mean(energy), np.abs(forces).mean()


def test_whole_energies_and_free_atoms_fill_the_cells(run):
    cells, test = run()
    energy, force = expected(list(FrameStore(test)))
    for row in load_benchmark("leaderboard").rows:
        assert cells[row, "s2ef_energy_mae"].measured == pytest.approx(energy)
        assert cells[row, "s2ef_force_mae"].measured == pytest.approx(force)
        assert cells[row, "s2ef_force_cosine"].measured == 0  # no forces are predicted
        assert cells[row, "s2ef_efwt"].verdict == "not in the paper"
    assert cells["Giant", "s2ef_force_mae"].verdict.startswith("not comparable: miniature")
    assert force < 10  # although held atoms are pulled at
    # Two trainings of one model are two rows with records of their own.
    alphanet = [cells[f"AlphaNet (lambda = {weight})", "s2ef_efwt"].records for weight in (4, 20)]
    assert alphanet[0] != alphanet[1]


def test_at_full_four_splits_are_averaged_and_the_giant_is_not_trained(run):
    cells, test = run(scale="full")
    frames = list(FrameStore(test))
    by_split = [expected([atoms for atoms in frames if atoms.info["group"] == split]) for split in SPLITS]
    row = "AlphaNet (lambda = 4)"
    assert cells[row, "s2ef_energy_mae"].measured == pytest.approx(np.mean(by_split, axis=0)[0])
    assert cells[row, "s2ef_force_mae"].measured == pytest.approx(np.mean(by_split, axis=0)[1])
    assert cells[row, "s2ef_energy_mae"].measured != pytest.approx(expected(frames)[0])
    assert cells[row, "s2ef_energy_mae"].comparable
    assert cells["Giant", "s2ef_energy_mae"].verdict == "not run: needs 134 million training frames"
