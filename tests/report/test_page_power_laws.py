"""Figure 2 on the page: fitted exponents with their intervals, traced to the records that they rest on."""

import json

import pytest
from report_runs import WHERE, record
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.paper.benchmark import load_benchmark
from alphanet.paper.cells import build_cells
from alphanet.paper.power_law import curves
from alphanet.report.scaling import scaling_figure, write_scaling_csv
from alphanet.report.sheet import make_sheet
from alphanet.report.tables import write_tables
from alphanet.results import append_record


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A report of Figure 2 with two depths at three sizes, one depth not run: page, results, and the curves."""
    folder = tmp_path_factory.mktemp("fig2") / "runs" / "fig2"
    card = load_benchmark("fig2")
    records = {
        (row, str(size)): [record({"energy_mae": 0.5 * size**-0.5, "force_mae": size**power}, f"{row}{size}")]
        for row, power in (("L = 2", -0.2), ("L = 3", -0.31))
        for size in (16, 60, 240)
    }
    cells = build_cells(card, "mini", records, missing={})
    for (one,) in records.values():
        append_record(folder / "records.jsonl", one)
    found = curves(card, records)
    beside = {"power_laws": [curve.as_dict() for curve in found], "provenance": {"command": "made up", **WHERE}}
    write_tables(folder, make_sheet(card, "mini", cells), cells, beside)
    scaling_figure(folder / "fig2", card, "mini", found)
    write_scaling_csv(folder / "fig2.csv", found)
    out = folder.parent.parent / "out"
    result = CliRunner().invoke(app, ["report", str(folder.parent), "-o", str(out)], catch_exceptions=False)
    assert result.exit_code == 0
    return (out / "index.html").read_text(), json.loads((out / "results.json").read_text()), found, out


def test_exponents_stand_in_a_table_and_rest_on_records(made):
    page, results, found, _ = made
    (run,) = results["runs"]
    assert run["problems"] == []
    (grid,) = run["grids"]
    exponents = [row[2] for row in grid["rows"] if isinstance(row[2], dict)]
    assert [item["value"] for item in exponents] == [curve.law.exponent for curve in found if curve.law]
    for item, curve in zip(exponents, (curve for curve in found if curve.law), strict=True):
        assert f'data-value="{item["id"]}"' in page
        fitted = run["origins"][item["origin"]]["fitted to records"].split(", ")
        assert fitted == [point.record for point in curve.points] and set(fitted) <= set(results["records"])
    assert sum(row[4] == "none measured" for row in grid["rows"]) == 2  # L = 4, two metrics


def test_the_figure_is_shown_with_its_numbers_to_download_and_the_note(made):
    page, results, _, out = made
    (figure,) = results["runs"][0]["figures"]
    assert set(figure["files"]) == {"png", "svg", "pdf", "csv"}
    assert all((out / file).is_file() for file in figure["files"].values())
    assert figure["title"] == load_benchmark("fig2").title
    assert "a summary of these points, not a law" in page
