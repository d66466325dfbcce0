"""Power laws: known exponents are found, intervals hold them, and points without a law have none."""

import numpy as np
import pytest
import yaml

from alphanet.benchmark.kinds.accuracy import AccuracyCard
from alphanet.benchmark.kinds.accuracy.show import power_law_curves, power_law_grid
from alphanet.benchmark.loading import card_path, load_benchmark
from alphanet.benchmark.power_law import fit_power_law, law_text
from alphanet.cards import validate
from alphanet.errors import UserError
from alphanet.results.records import Record

SIZES = [3, 6, 12]


def test_an_exact_law_is_found_without_error():
    law = fit_power_law(SIZES, [7.5 * size**-0.37 for size in SIZES])
    assert law.exponent == pytest.approx(-0.37) and law.prefactor == pytest.approx(7.5)
    assert law.exponent_error == pytest.approx(0, abs=1e-6)
    assert law.at(1000) == pytest.approx(7.5 * 1000**-0.37)


def test_the_interval_holds_the_true_exponent_in_19_of_20_draws():
    random = np.random.default_rng(0)
    held = 0
    for _ in range(1000):
        errors = [3.0 * size**-0.5 * np.exp(0.1 * random.normal()) for size in (4, 16, 60, 240)]
        low, high = fit_power_law((4, 16, 60, 240), errors).interval
        held += low <= -0.5 <= high
    assert 930 <= held <= 970


def test_two_points_have_a_law_without_an_error_and_one_size_has_none():
    law = fit_power_law([10, 1000], [4.0, 0.4])
    assert law.exponent == pytest.approx(-1 / 2) and law.exponent_error is None and law.interval is None
    assert fit_power_law([10, 10], [4.0, 3.0]) is None
    assert fit_power_law([10, 20], [4.0, 0.0]) is None


def record(size, seed, factor=1.0):
    metrics = {"force_mae": factor * size**-0.25}
    return Record(metrics=metrics, data={"split": "test"}, model={}, protocol={"seed": seed}, environment={})


def test_seeds_are_points_of_one_curve_in_the_unit_of_the_table(cards):
    card = load_benchmark("sizes")
    records = {("L = 3", str(size)): [record(size, 0, 0.9), record(size, 1, 1.1)] for size in SIZES}
    curves = {curve.row: curve for curve in power_law_curves(card, records)}
    force = curves["L = 3"]
    assert [point.x for point in force.points] == [3, 3, 6, 6, 12, 12]
    assert force.law.exponent == pytest.approx(-0.25) and force.law.exponent_error > 0.01
    assert force.law.at(1) == pytest.approx(1000 * (0.9 * 1.1) ** 0.5)
    assert curves["L = 2"].law is None
    assert "N^-0.25 meV/Å" in law_text(force) and "6 points" in law_text(force)
    grid, origins = power_law_grid(list(curves.values()))
    assert [row[-1] for row in grid.rows] == ["none measured", "6, 3 to 12 frames"]
    assert all(number.origin in origins for row in grid.rows for number in row if not isinstance(number, str))


def test_an_exponent_that_may_be_zero_shows_no_dependence(cards):
    flat = {("L = 2", str(size)): [record(1, 0, factor)] for size, factor in zip(SIZES, (1, 1.1, 0.9), strict=True)}
    steep = {("L = 2", str(size)): [record(size, 0)] for size in SIZES}
    texts = [law_text(power_law_curves(load_benchmark("sizes"), records)[0]) for records in (flat, steep)]
    assert "no dependence" in texts[0] and "no dependence" not in texts[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"power_law": ["energy"]}, "no metric 'energy'"), ({"columns": None}, "without train_frames: 3")],
)
def test_a_card_without_an_axis_is_refused(cards, change, message):
    values = yaml.safe_load(card_path("sizes").read_text(encoding="utf-8"))
    if change.get("columns", 0) is None:
        del values["columns"]["3"]["train_frames"]
    else:
        values |= change
    with pytest.raises(UserError, match=message):
        validate(values, AccuracyCard, "card")
