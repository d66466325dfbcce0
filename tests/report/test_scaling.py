"""The figure of errors against training frames: drawn, the same bytes for the same numbers, and its numbers as CSV."""

import csv
import hashlib

from alphanet.paper.benchmark import load_benchmark
from alphanet.paper.power_law import Curve, Point, fit_power_law
from alphanet.report.scaling import scaling_figure, write_scaling_csv

SIZES = (5000, 50000, 80000)


def curve(row, metric, exponent):
    values = [1000 * size**-exponent for size in SIZES]
    points = tuple(Point(size, 0, value, "id") for size, value in zip(SIZES, values, strict=True))
    return Curve(row, metric, "meV/Å", points, fit_power_law(SIZES, values))


CARD = load_benchmark("fig2")
CURVES = [curve("L = 2", "force_mae", 0.25), curve("L = 4", "force_mae", 0.5)]


def drawn(folder, curves=CURVES):
    folder.mkdir()
    return scaling_figure(folder / "fig2", CARD, "full", curves)


def test_the_same_numbers_give_the_same_bytes(tmp_path):
    files = [drawn(tmp_path / name) for name in ("one", "two")]
    assert [file.suffix for file in files[0]] == [".png", ".svg", ".pdf"]
    one, two = ([hashlib.sha256(file.read_bytes()).hexdigest() for file in each] for each in files)
    assert one == two


def test_nothing_measured_draws_nothing(tmp_path):
    assert drawn(tmp_path / "empty", [Curve("L = 2", "force_mae", "meV/Å", (), None)]) == []


def test_a_single_point_is_drawn_without_a_law(tmp_path):
    single = Curve("L = 2", "force_mae", "meV/Å", (Point(30, 0, 100.0, "id"),), None)
    assert len(drawn(tmp_path / "single", [single])) == 3


def test_the_numbers_as_csv(tmp_path):
    write_scaling_csv(tmp_path / "fig2.csv", CURVES)
    lines = list(csv.DictReader((tmp_path / "fig2.csv").read_text().splitlines()))
    assert len(lines) == 6
    assert {line["row"] for line in lines} == {"L = 2", "L = 4"}
    assert all(abs(float(line["value"]) - float(line["power_law"])) < 1e-6 for line in lines)
