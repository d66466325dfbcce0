"""Benchmark cards: the shipped one holds what the paper prints; wrong ones are refused with the key."""

from decimal import Decimal

import pytest
import yaml
from alphanet.paper.plan import plan

from alphanet.cards import validate
from alphanet.errors import UserError
from alphanet.paper.benchmark import Benchmark, benchmark_names, load_benchmark
from alphanet.paths import resources


@pytest.fixture
def values():
    return yaml.safe_load((resources("benchmarks") / "table1.yaml").read_text(encoding="utf-8"))


def test_table1_as_printed():
    table1 = load_benchmark("table1")
    printed = {
        ("formate", "force_mae"): ("47.3", "45.5"),
        ("formate", "energy_mae"): ("0.50", "0.23"),
        ("graphene", "force_mae"): ("60.2", "32.0"),
        ("graphene", "energy_mae"): ("1.9", "1.7"),
    }
    for (column, metric), (nequip, alphanet) in printed.items():
        # Compared as text, because 0.50 and 0.5 are not the same precision.
        assert str(table1.printed("NequIP", column, metric)) == nequip
        assert str(table1.printed("AlphaNet", column, metric)) == alphanet
        assert table1.printed("mean", column, metric) is None


def test_only_full_is_comparable_and_every_scale_runs_every_row():
    table1 = load_benchmark("table1")
    assert {name for name, scale in table1.scales.items() if scale.comparable} == {"full"}
    for scale in table1.scales.values():
        assert set(scale.runs) == {"mean", "alphanet", "nequip"}
        for runs in scale.runs.values():
            assert set(runs) | set(scale.unavailable) == {"formate", "graphene"}


def test_the_halved_forces_are_stated_beside_alphanets_forces_only():
    (erratum,) = [e for e in load_benchmark("table1").errata if "0.5" in e.text and "evaluator" in e.text]
    assert erratum.touches("AlphaNet", "formate", "force_mae")
    assert not erratum.touches("AlphaNet", "formate", "energy_mae")
    assert not erratum.touches("NequIP", "formate", "force_mae")


def test_an_unknown_benchmark_gets_the_nearest_name():
    with pytest.raises(UserError, match="did you mean 'table1'"):
        load_benchmark("tabel1")


def test_an_unknown_scale_gets_the_nearest_name():
    with pytest.raises(UserError, match="did you mean 'slice'"):
        load_benchmark("table1").scale("slcie")


def test_a_paper_value_outside_the_table_is_refused(values):
    values["paper"].append({"row": "MACE", "column": "formate", "metric": "force_mae", "printed": "1"})
    with pytest.raises(UserError, match="MACE / formate / force_mae: no such cell"):
        validate(values, Benchmark, "card")


def test_a_run_of_an_unknown_model_is_refused(values):
    values["scales"]["mini"]["runs"]["nequipp"] = {"formate": {}}
    with pytest.raises(UserError, match="nequipp"):
        validate(values, Benchmark, "card")


def test_a_scale_that_is_not_comparable_says_why(values):
    del values["scales"]["mini"]["reason"]
    with pytest.raises(UserError, match="says why"):
        validate(values, Benchmark, "card")


def test_printed_digits_are_kept(values):
    assert validate(values, Benchmark, "card").paper[1].printed == Decimal("0.50")


@pytest.mark.parametrize("name", ["table1", "table2", "table8"])
def test_every_number_is_the_one_that_was_copied_from_the_paper(name, shared):
    text = (shared / "paper" / "tables.yaml").read_text(encoding="utf-8")
    copied = yaml.load(text, yaml.BaseLoader)[name]  # as text: the last digit is the precision
    card = load_benchmark(name)
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
    assert {(v.row, v.column, v.metric): str(v.printed) for v in card.paper} == expected


@pytest.mark.parametrize(("name", "rows"), [("table2", 3), ("table8", 4), ("fig2", 3)])
def test_only_full_is_comparable_and_trains_every_row(name, rows):
    card = load_benchmark(name)
    assert {scale for scale, protocol in card.scales.items() if protocol.comparable} == {"full"}
    for scale, protocol in card.scales.items():
        trained = plan(card, protocol, {(row, column) for row in card.rows for column in card.columns})
        assert {training.key for training in trained} == (
            {row.run_key for row in card.rows.values()} if trained else set()
        )
        assert len({training.key for training in trained}) in (0, rows), scale


def test_all_frameworks_share_one_training_of_each_potential():
    card = load_benchmark("table2")
    everything = {(row, column) for row in card.rows for column in card.columns}
    assert [len(training.cells) for training in plan(card, card.scale("full"), everything)] == [16] * 3
    assert [len(training.cells) for training in plan(card, card.scale("mini"), everything)] == [5] * 3
    assert [len(training.cells) for training in plan(card, card.scale("slice"), everything)] == [7] * 3


def test_table_2_says_that_the_text_contradicts_its_first_cell():
    card = load_benchmark("table2")
    (said,) = card.contradictions("AlphaNet", "ABWopt", "energy_mae")
    assert str(said.says) == "41" and not card.contradictions("AlphaNet", "BPHopt", "energy_mae")


def test_the_full_row_of_table_8_is_alphanet_of_table_1():
    full, alphanet = load_benchmark("table8"), load_benchmark("table1")
    for metric in full.metrics:
        assert full.printed("full", "graphene", metric) == alphanet.printed("AlphaNet", "graphene", metric)


def test_a_run_for_every_column_gives_way_to_one_that_is_named(values):
    values["scales"]["mini"]["runs"]["mean"] = {"*": {"batch_size": 3}, "graphene": {"batch_size": 4}}
    scale = validate(values, Benchmark, "card").scale("mini")
    assert scale.run_of("mean", "formate").batch_size == 3 and scale.run_of("mean", "graphene").batch_size == 4
    assert scale.run_of("nobody", "formate") is None


def test_a_folder_of_the_user_adds_cards(tmp_path, monkeypatch, values):
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values | {"name": "mine"}))
    with pytest.raises(UserError, match="no benchmark 'mine'"):
        load_benchmark("mine")
    monkeypatch.setenv("ALPHANET_BENCHMARKS", str(tmp_path))
    assert load_benchmark("mine").name == "mine" and {"mine", "table1"} <= set(benchmark_names())
