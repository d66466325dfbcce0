"""The shipped cards hold what the papers print. Editing a card breaks only the tests of that card."""

import pytest
import yaml

from alphanet.benchmark.kinds.accuracy import AccuracyCard
from alphanet.benchmark.kinds.accuracy.plan import plan_trainings
from alphanet.benchmark.kinds.accuracy.terms import declared_differences, unequal_terms
from alphanet.benchmark.kinds.accuracy.trainers import TRAINERS, trainer_of
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
    for name, scale in table1.scales.items():
        beyond = {"mace"} if name == "slice" else set()
        assert set(scale.runs) == {"mean", "nearest-frame", "alphanet", "nequip"} | beyond
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


@pytest.mark.parametrize("name", ["table1", "table2", "table3", "table8", "fig2"])
def test_only_full_is_comparable_and_every_scale_trains_every_row_or_says_why_not(name):
    card = load_benchmark(name)
    assert {scale for scale, settings in card.scales.items() if settings.comparable} == {"full"}
    rows = {row.run_key for row in card.rows.values()}
    for scale, settings in card.scales.items():
        trained = {training.key for training in plan_trainings(card, settings)}
        skipped = set(settings.skip_rows)
        beyond_the_paper = {"mace"} if (name, scale) == ("table1", "mini") else set()
        beyond_the_paper |= {"dpa2", "alphanet-each"} if (name, scale) == ("table2", "mini") else set()
        assert trained | skipped | beyond_the_paper == rows, scale


@pytest.mark.parametrize("name", benchmark_names())
def test_every_shipped_table_of_accuracies_keeps_equal_terms(name):
    card = load_benchmark(name)
    if isinstance(card, AccuracyCard):
        assert [problem for scale in card.scales for problem in unequal_terms(card, scale)] == []


def test_a_difference_without_a_reason_and_a_reason_without_a_difference_are_found():
    card = load_benchmark("table1").model_copy(deep=True)
    card.scales["mini"].runs["nequip"]["formate"].settings["loss"] = {"energy_weight": 100}
    card.scales["full"].runs["nequip"]["graphene"].unequal["loss.kind"] = "for no reason"
    assert unequal_terms(card, "mini") == [
        "table1/mini, NequIP on formate: loss.energy_weight is 100.0, of AlphaNet it is 4.0"
    ]
    assert unequal_terms(card, "full") == [
        "table1/full, NequIP on graphene: `unequal` names loss.kind, which does not differ"
    ]
    assert any(line.startswith("NequIP, loss.kind: squares") for line in declared_differences(card, "full"))


@pytest.mark.parametrize("name", ["table1", "table2", "table3", "table8", "fig2"])
def test_every_trained_table_has_a_row_that_learns_nothing(name):
    card = load_benchmark(name)
    for scale, settings in card.scales.items():
        if (name, scale) != ("fig2", "full"):
            assert {training.model for training in plan_trainings(card, settings)} & {"mean", "nearest-frame"}


@pytest.mark.parametrize(("name", "seeds"), [("table1", 3), ("table2", 3), ("table3", 5), ("table8", 5), ("fig2", 4)])
def test_a_slice_that_answers_has_seeds(name, seeds):
    assert load_benchmark(name).scale("slice").seeds == seeds


def test_rows_whose_protocol_is_known_to_differ_are_not_comparable_at_full():
    for name, row, column, why in (
        ("table1", "NequIP", "formate", "AMSGrad"),
        ("table2", "Deep Pot", "ABWopt", "pretrained"),
        ("table3", "GemNet", "oc20", "scale factors"),
        ("table3", "AlphaNet (lambda_E=4)", "oc20", "65 million steps"),
    ):
        card = load_benchmark(name)
        assert why in card.incomparable("full", row, column)
        assert card.follows("full", row, column)
    assert load_benchmark("table1").incomparable("full", "AlphaNet", "formate") == ""


def test_table_2_all_frameworks_share_one_training_of_each_potential():
    card = load_benchmark("table2")
    shared = {
        name: [len(one.cells) for one in plan_trainings(card, card.scale(name)) if not one.run.own_frames]
        for name in card.scales
    }
    assert shared == {"full": [16] * 4, "mini": [5] * 4, "slice": [7] * 5}
    own = [one for one in plan_trainings(card, card.scale("slice")) if one.run.own_frames]
    assert [one.only for one in own] == [card.columns[one.columns[0]].only for one in own] and len(own) == 7


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
    assert list(card.rows) == ["mean", "zero forces", "nearest frame", "last step", *printed]
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
                runs[run.settings["loss"].pop("energy_weight")] = run.settings
            elif row.model in TRAINERS:
                assert not trainer_of(row.model).seeded
            else:
                assert run.settings["preset"] in load_baseline(row.model).presets
        assert list(runs) == [4, 20] and runs[4] == runs[20]


def test_table_3_only_full_is_comparable_and_says_what_it_lacks():
    card = load_benchmark("table3")
    assert [name for name, scale in card.scales.items() if scale.comparable] == ["full"]
    (full,) = [info for info in list_benchmarks() if (info.name, info.scale) == ("table3", "full")]
    assert full.missing_data[-1] == "oc20 (alphanet data fetch oc20 --scale full)"
    assert any("all of OC20" in missing for missing in full.missing_data)
    assert full.cost.startswith("6 trainings")
