"""The shipped cards of speed and cost hold what the paper prints."""

import pytest

from alphanet.benchmark.kinds.cost import Training
from alphanet.benchmark.loading import load_benchmark
from alphanet.cards import read_yaml
from alphanet.model.config import preset_names
from alphanet.potentials.cards import load_baseline
from alphanet.potentials.specification import READINGS
from alphanet.training.config import preset_config

PRINTED = {"gpu_days": "training_cost", "training_memory_gb_per_sample": "training_memory"}


@pytest.fixture
def printed(shared):
    """The numbers that were copied from the paper, by table."""
    return read_yaml(shared / "paper" / "tables.yaml")


@pytest.mark.parametrize("name", ["table5", "fig3a", "fig3b"])
def test_models_and_presets_exist(name):
    for row in load_benchmark(name).rows.values():
        model, _, preset = row.model.partition("@")
        known = preset_names() if model in READINGS else load_baseline(model).presets
        assert preset in known, row.model


def test_table_5_holds_the_papers_numbers(printed):
    card = load_benchmark("table5")
    for row in card.rows:
        for metric in card.metrics:
            assert float(card.printed(row, "oc20", metric)) == printed["table5"][row][metric]
    assert len(card.rows) == 7


def test_figure_3b_rests_on_table_4(printed):
    card = load_benchmark("fig3b")
    assert card.references == ("table4",) and card.accuracy.metric == "f1"
    for title, row in card.rows.items():
        assert row.parameters == printed["table4"][title]["parameters"]


def test_table_7_holds_the_papers_numbers(printed):
    card = load_benchmark("table7")
    for column, values in printed["table7"].items():
        for name, metric in PRINTED.items():
            assert float(card.printed("AlphaNet", column, metric)) == values[name]
        assert float(card.printed("AlphaNet", column, "parameters")) == values["parameters"] / 1e6
    assert card.columns["OC2M"].samples == printed["splits"]["oc2m"]["train"]
    assert card.columns["MPtrj"].samples == printed["splits"]["mptrj"]["train_frames"]


def test_the_cost_that_table_5_implies_is_that_of_table_7s_erratum():
    table5, card = load_benchmark("table5"), load_benchmark("table7")
    speed = float(table5.printed("AlphaNet", "oc20", "training_speed"))
    epochs = preset_config("oc20", "full").epochs
    days = Training(card.columns["OC2M"].samples, epochs, 1, 1.0).days(1 / speed)
    (erratum,) = card.contradictions("AlphaNet", "OC2M", "training_cost")
    assert round(days) == erratum.other_value == 73
    memory = table5.printed("AlphaNet", "oc20", "training_memory")
    assert [other.other_value for other in card.contradictions("AlphaNet", "OC2M", "training_memory")] == [memory]


def test_the_capacities_that_table_7_implies_are_those_of_its_erratum():
    card = load_benchmark("table7")
    for column, capacity in (("OC2M", 20), ("MPtrj", 121)):
        batch = preset_config(card.columns[column].dataset, "full").batch_size
        assert round(float(card.printed("AlphaNet", column, "training_memory")) * batch) == capacity
