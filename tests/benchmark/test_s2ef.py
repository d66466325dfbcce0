"""Table 3: rows, errors of the leaderboard from evaluation to cell, splits that are averaged, rows not trained."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from constant_trainer import ConstantTrainer

from alphanet.cards import read_yaml
from alphanet.data.cards import load_card
from alphanet.data.prepare import PreparedData
from alphanet.data.store import FrameStore, write_store
from alphanet.paper import reproduce as module
from alphanet.paper.benchmark import load_benchmark
from alphanet.paper.listing import list_benchmarks
from alphanet.paper.reproduce import Options, reproduce
from alphanet.potentials.cards import load_baseline
from alphanet.training.config import preset_config

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
def run(tmp_path, monkeypatch):
    def prepared(name, scale, **_options):
        stores = {split: tmp_path / f"{split}.aselmdb" for split in ("train", "valid", "test")}
        for path in stores.values():
            if not path.is_file():
                # The first split has more frames than the others: a mean over all frames would be another one.
                write_store(path, (held(seed, SPLITS[max(0, seed - 5)]) for seed in range(9)), {})
        counts = dict.fromkeys(stores, 9)
        return PreparedData(name=name, scale=scale, card=load_card(name), sources={}, counts=counts, **stores)

    monkeypatch.setattr(module, "prepare", prepared)
    monkeypatch.setattr(module, "trainer_of", lambda _model: ConstantTrainer())

    def go(**options):
        asked = Options(**{"scale": "mini", "folder": tmp_path / "table3", "device": "cpu", **options})
        outcome = reproduce(load_benchmark("table3"), asked, lambda _line: None)
        return {(cell.row, cell.metric): cell for cell in outcome.cells}, tmp_path / "test.aselmdb"

    return go


def expected(frames):
    """Energy and force MAE of `ConstantTrainer`, over `frames`."""
    energy = [abs(atoms.calc.results["energy"] + len(atoms)) for atoms in frames]
    forces = np.concatenate([atoms.calc.results["forces"][~atoms.arrays["fixed"].astype(bool)] for atoms in frames])
    return np.mean(energy), np.abs(forces).mean()


def test_rows_and_numbers_are_the_paper_s(shared):
    card, printed = load_benchmark("table3"), read_yaml(shared / "paper" / "tables.yaml")["table3"]
    printed.pop("units")
    assert list(card.rows) == list(printed)
    for row, values in printed.items():
        for metric in ("energy_mae", "force_mae"):
            assert float(card.printed(row, "oc20", f"s2ef_{metric}")) == values[metric]
        for metric in ("force_cosine", "efwt"):
            assert card.printed(row, "oc20", f"s2ef_{metric}") is None
    (said,) = card.contradictions("SchNet", "oc20", "s2ef_force_mae")
    assert float(said.says) == 0.05


def test_presets_exist_and_alphanet_s_rows_differ_in_the_energy_s_weight_alone():
    card = load_benchmark("table3")
    for name, scale in card.scales.items():
        weights = {}
        for row in card.rows.values():
            run = scale.run_of(row.run_key, "oc20")
            if run is None:
                assert row.run_key in scale.untrained
            elif row.model == "alphanet":
                config = preset_config("oc20", name)
                assert config.loss.force_weight == 100
                weights[run.settings["loss"].pop("energy_weight")] = run
            else:
                assert run.settings["preset"] in load_baseline(row.model).presets
        assert list(weights) == [4, 20] and weights[4] == weights[20]


def test_only_full_is_comparable_and_says_what_it_lacks():
    card = load_benchmark("table3")
    assert [name for name, scale in card.scales.items() if scale.comparable] == ["full"]
    (full,) = [one for one in list_benchmarks() if (one.name, one.scale) == ("table3", "full")]
    assert full.missing_data[-1] == "oc20 (alphanet data fetch oc20 --scale full)"
    assert full.missing_data[0].startswith("schnet, dimenetpp: all of OC20")
    assert full.cost.startswith("6 trainings")


def test_whole_energies_and_free_atoms_fill_the_cells(run):
    cells, test = run()
    energy, force = expected(list(FrameStore(test)))
    for row in load_benchmark("table3").rows:
        assert cells[row, "s2ef_energy_mae"].measured == pytest.approx(energy)
        assert cells[row, "s2ef_force_mae"].measured == pytest.approx(force)
        assert cells[row, "s2ef_force_mae"].verdict.startswith("not comparable: miniature")
        assert cells[row, "s2ef_force_cosine"].measured == 0  # no forces are predicted
        assert cells[row, "s2ef_efwt"].verdict == "not in the paper"
    assert force < 10  # although held atoms are pulled at
    # Two trainings of one model are two rows with records of their own.
    alphanet = [cells[f"AlphaNet (lambda_E={weight})", "s2ef_efwt"].records for weight in (4, 20)]
    assert alphanet[0] != alphanet[1]


def test_at_full_four_splits_are_averaged_and_schnet_is_not_trained(run):
    cells, test = run(scale="full")
    frames = list(FrameStore(test))
    by_split = [expected([atoms for atoms in frames if atoms.info["group"] == split]) for split in SPLITS]
    assert cells["eSCN", "s2ef_energy_mae"].measured == pytest.approx(np.mean(by_split, axis=0)[0])
    assert cells["eSCN", "s2ef_force_mae"].measured == pytest.approx(np.mean(by_split, axis=0)[1])
    assert cells["eSCN", "s2ef_energy_mae"].measured != pytest.approx(expected(frames)[0])
    assert cells["eSCN", "s2ef_energy_mae"].comparable
    assert "134 million training frames" in cells["SchNet", "s2ef_energy_mae"].verdict
    assert cells["SchNet", "s2ef_force_mae"].inconsistent
