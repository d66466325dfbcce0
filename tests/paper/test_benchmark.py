"""Benchmark cards: the shipped one holds what the paper prints; wrong ones are refused with the key."""

from decimal import Decimal

import pytest
import yaml

from alphanet.cards import validate
from alphanet.errors import UserError
from alphanet.paper.benchmark import Benchmark, load_benchmark
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
