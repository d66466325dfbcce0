"""The figure of errors against training frames: drawn, the same bytes for the same numbers, and its numbers as CSV."""

import csv
import hashlib

from alphanet.benchmark.power_law import fit_power_law
from alphanet.figures.power_law import power_law_figure, write_power_law_csv
from alphanet.results.schema import Curve, Point

SIZES = (5000, 50000, 80000)


def curve(row, exponent, sizes=SIZES):
    values = [1000 * size**-exponent for size in sizes]
    points = tuple(Point(x=size, y=value, seed=0) for size, value in zip(sizes, values, strict=True))
    law = fit_power_law(sizes, values) if sizes else None
    return Curve(
        row=row,
        quantity="force_mae",
        x_title="training frames",
        y_title="force MAE",
        unit="meV/Å",
        points=points,
        law=law,
    )


CURVES = [curve("L = 2", 0.25), curve("L = 4", 0.5)]
PRINTED = {"force_mae": [(5000, 241.0), (80000, 54.0)]}


def drawn(folder, curves=CURVES):
    folder.mkdir()
    return power_law_figure(folder / "fig2", "Figure 2, scale full", curves, PRINTED)


def test_the_same_numbers_give_the_same_bytes(rendered, tmp_path):
    files = [drawn(tmp_path / name) for name in ("one", "two")]
    assert [file.suffix for file in files[0]] == [".png", ".svg", ".pdf"]
    one, two = ([hashlib.sha256(file.read_bytes()).hexdigest() for file in each] for each in files)
    assert one == two


def test_nothing_measured_draws_nothing(tmp_path):
    assert drawn(tmp_path / "empty", [curve("L = 2", 0.25, ())]) == []


def test_a_single_point_is_drawn_without_a_law(rendered, tmp_path):
    assert len(drawn(tmp_path / "single", [curve("L = 2", 0.25, (30,))])) == 3


def test_the_numbers_as_csv(tmp_path):
    write_power_law_csv(tmp_path / "fig2.csv", CURVES)
    lines = list(csv.DictReader((tmp_path / "fig2.csv").read_text().splitlines()))
    assert len(lines) == 6
    assert {line["row"] for line in lines} == {"L = 2", "L = 4"}
    assert all(abs(float(line["value"]) - float(line["power_law"])) < 1e-6 for line in lines)
