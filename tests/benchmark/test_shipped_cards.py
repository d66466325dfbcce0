"""The shipped cards hold what the papers print. Editing a card breaks only the tests of that card."""

import pytest
import yaml

from alphanet.benchmark.kinds.accuracy.plan import plan_trainings
from alphanet.benchmark.listing import list_benchmarks
from alphanet.benchmark.loading import benchmark_names, load_benchmark
from alphanet.cards import read_yaml
from alphanet.potentials.cards import load_baseline
from alphanet.training.config import preset_config


def printed_texts(card):
    """Every printed number by row, column and metric, as text: 0.50 and 0.5 are not the same precision."""
    return {
        (row, column, metric): str(value)
        for row, columns in card.paper.items()
        for column, metrics in columns.items()
        for metric, value in metrics.items()
    }


@pytest.mark.parametrize("name", benchmark_names())
def test_a_shipped_card_loads_and_says_where_its_numbers_are_from(name):
    card = load_benchmark(name)
    assert card.name == name and card.title and card.source and card.scales


@pytest.mark.parametrize("name", benchmark_names())
def test_contradictions_touch_cells_that_the_paper_prints(name):
    card = load_benchmark(name)
    for erratum in card.errata:
        if erratum.contradicts:
            touched = [value for place, value in printed_texts(card).items() if erratum.touches(*place)]
            assert touched and str(erratum.contradicts.other_value) not in touched, erratum.text


def test_table_1_only_full_is_comparable_and_every_scale_runs_every_row():
    table1 = load_benchmark("table1")
    assert {name for name, scale in table1.scales.items() if scale.comparable} == {"full"}
    for scale in table1.scales.values():
        assert set(scale.runs) == {"mean", "alphanet", "nequip"}
        for runs in scale.runs.values():
            assert set(runs) | set(scale.skip_columns) == {"formate", "graphene"}


def test_table_1_states_the_halved_forces_beside_alphanets_forces_only():
    (erratum,) = [e for e in load_benchmark("table1").errata if "0.5" in e.text and "evaluator" in e.text]
    assert erratum.touches("AlphaNet", "formate", "force_mae")
    assert not erratum.touches("AlphaNet", "formate", "energy_mae")
    assert not erratum.touches("NequIP", "formate", "force_mae")


@pytest.mark.parametrize("name", ["table1", "table2", "table8"])
def test_every_number_is_the_one_that_was_copied_from_the_paper(name, shared):
    text = (shared / "paper" / "tables.yaml").read_text(encoding="utf-8")
    copied = yaml.load(text, yaml.BaseLoader)[name]  # as text: the last digit is the precision
    if name == "table2":
        units = copied.pop("units")
        potentials = ("Deep Pot", "AlphaNet")
        expected = {
            (row, column, metric): values[metric][place]
            for column, values in copied.items()
            for metric in units
            for place, row in enumerate(potentials)
        }
    elif name == "table8":
        metrics = ("energy_mae", "force_mae")
        expected = {
            (row, "graphene", metric): value
            for row, values in copied.items()
            for metric, value in zip(metrics, values, strict=True)
        }
    else:
        copied.pop("units")
        expected = {
            (row, column, metric): value
            for column, rows in copied.items()
            for row, values in rows.items()
            for metric, value in values.items()
        }
    assert printed_texts(load_benchmark(name)) == expected


@pytest.mark.parametrize(("name", "rows"), [("table2", 3), ("table8", 4), ("fig2", 3)])
def test_only_full_is_comparable_and_trains_every_row(name, rows):
    card = load_benchmark(name)
    assert {scale for scale, settings in card.scales.items() if settings.comparable} == {"full"}
    for scale, settings in card.scales.items():
        trained = plan_trainings(card, settings)
        assert {training.key for training in trained} == (
            {row.run_key for row in card.rows.values()} if trained else set()
        )
        assert len({training.key for training in trained}) in (0, rows), scale


def test_table_2_all_frameworks_share_one_training_of_each_potential():
    card = load_benchmark("table2")
    cells = {name: [len(one.cells) for one in plan_trainings(card, card.scale(name))] for name in card.scales}
    assert cells == {"full": [16] * 3, "mini": [5] * 3, "slice": [7] * 3}


def test_table_2_states_that_the_text_contradicts_its_first_cell():
    card = load_benchmark("table2")
    (contradiction,) = card.contradictions("AlphaNet", "ABWopt", "energy_mae")
    assert str(contradiction.other_value) == "41"
    assert not card.contradictions("AlphaNet", "BPHopt", "energy_mae")


def test_table_8_its_full_row_is_alphanet_of_table_1():
    full, alphanet = load_benchmark("table8"), load_benchmark("table1")
    for metric in full.metrics:
        assert full.printed("full", "graphene", metric) == alphanet.printed("AlphaNet", "graphene", metric)


def test_table_3_rows_and_numbers_are_the_papers(shared):
    card, printed = load_benchmark("table3"), read_yaml(shared / "paper" / "tables.yaml")["table3"]
    printed.pop("units")
    assert list(card.rows) == list(printed)
    for row, values in printed.items():
        for metric in ("energy_mae", "force_mae"):
            assert float(card.printed(row, "oc20", f"s2ef_{metric}")) == values[metric]
        for metric in ("force_cosine", "efwt"):
            assert card.printed(row, "oc20", f"s2ef_{metric}") is None
    (contradiction,) = card.contradictions("SchNet", "oc20", "s2ef_force_mae")
    assert float(contradiction.other_value) == 0.05


def test_table_3_presets_exist_and_alphanets_rows_differ_in_the_weight_of_the_energy_alone():
    card = load_benchmark("table3")
    for name, scale in card.scales.items():
        runs = {}
        for row in card.rows.values():
            run = scale.run_of(row.run_key, "oc20")
            if run is None:
                assert row.run_key in scale.skip_rows
            elif row.model == "alphanet":
                assert preset_config("oc20", name).loss.force_weight == 100
                runs[run.settings["loss"].pop("energy_weight")] = run
            else:
                assert run.settings["preset"] in load_baseline(row.model).presets
        assert list(runs) == [4, 20] and runs[4] == runs[20]


def test_table_3_only_full_is_comparable_and_says_what_it_lacks():
    card = load_benchmark("table3")
    assert [name for name, scale in card.scales.items() if scale.comparable] == ["full"]
    (full,) = [info for info in list_benchmarks() if (info.name, info.scale) == ("table3", "full")]
    assert full.missing_data[-1] == "oc20 (alphanet data fetch oc20 --scale full)"
    assert "all of OC20" in full.missing_data[0]
    assert full.cost.startswith("6 trainings")
