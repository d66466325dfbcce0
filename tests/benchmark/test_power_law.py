"""Power laws: known exponents are found, intervals hold them, and what cannot be fitted is not."""

import numpy as np
import pytest
import yaml

from alphanet.cards import validate
from alphanet.errors import UserError
from alphanet.paper.benchmark import Benchmark, load_benchmark
from alphanet.paper.power_law import curve_lines, curves, fit_power_law
from alphanet.paths import resources
from alphanet.results import Record

SIZES = [4, 16, 60, 240]


def test_an_exact_law_is_found_without_error():
    law = fit_power_law(SIZES, [7.5 * size**-0.37 for size in SIZES])
    assert law.exponent == pytest.approx(0.37) and law.prefactor == pytest.approx(7.5)
    assert law.exponent_error == pytest.approx(0, abs=1e-6)
    assert law.at(1000) == pytest.approx(7.5 * 1000**-0.37)


def test_the_interval_holds_the_true_exponent_in_19_of_20_draws():
    random = np.random.default_rng(0)
    held = 0
    for _ in range(1000):
        errors = [3.0 * size**-0.5 * np.exp(0.1 * random.normal()) for size in SIZES]
        low, high = fit_power_law(SIZES, errors).interval
        held += low <= 0.5 <= high
    assert 930 <= held <= 970


def test_two_points_have_a_law_without_an_error_and_one_size_has_none():
    law = fit_power_law([10, 1000], [4.0, 0.4])
    assert law.exponent == pytest.approx(0.5) and law.exponent_error is None and law.interval is None
    assert fit_power_law([10, 10], [4.0, 3.0]) is None
    assert fit_power_law([10, 20], [4.0, 0.0]) is None


def record(size, seed, factor=1.0):
    what = {"energy_mae": 0.5 * size**-0.5, "force_mae": factor * size**-0.25}
    return Record(what, {"split": "test"}, {"name": "alphanet"}, {"seed": seed}, {})


def test_seeds_are_points_of_one_curve_in_the_unit_of_the_table():
    card = load_benchmark("fig2")
    records = {("L = 3", str(size)): [record(size, 0, 0.9), record(size, 1, 1.1)] for size in SIZES}
    found = {(curve.row, curve.metric): curve for curve in curves(card, records)}
    assert len(found) == 6
    energy, force = found["L = 3", "energy_mae"], found["L = 3", "force_mae"]
    assert [point.train_frames for point in energy.points] == [4, 4, 16, 16, 60, 60, 240, 240]
    assert energy.law.prefactor == pytest.approx(500) and energy.law.exponent == pytest.approx(0.5)
    assert force.law.exponent == pytest.approx(0.25) and force.law.exponent_error > 0.01
    assert found["L = 2", "energy_mae"].law is None
    lines = curve_lines(card, list(found.values()))
    assert any("L = 3, energy MAE: 500 N^-0.50 meV/atom" in line and "8 points" in line for line in lines)


def test_an_exponent_that_may_be_zero_is_said_to_show_nothing():
    flat = {("L = 2", str(size)): [record(1, 0, factor)] for size, factor in zip(SIZES, (1, 1.1, 0.9, 1), strict=True)}
    steep = {("L = 2", str(size)): [record(size, 0)] for size in SIZES}
    card = load_benchmark("fig2")
    said = [next(line for line in curve_lines(card, curves(card, each)) if "force" in line) for each in (flat, steep)]
    assert "no dependence" in said[0] and "no dependence" not in said[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"power_law": ["energy"]}, "no metric called energy"), ({"columns": None}, "without train_frames: 4")],
)
def test_a_card_without_an_axis_is_refused(change, message):
    values = yaml.safe_load((resources("benchmarks") / "fig2.yaml").read_text(encoding="utf-8"))
    if change.get("columns", 0) is None:
        del values["columns"]["4"]["train_frames"]
    else:
        values |= change
    with pytest.raises(UserError, match=message):
        validate(values, Benchmark, "card")
