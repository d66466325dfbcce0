"""What readers see: rounded numbers, numbered notes, and the same table in every format."""

import csv
import io
import json
import re

import pytest

from alphanet.paper.benchmark import load_benchmark
from alphanet.paper.cells import RULE, build_cells
from alphanet.report.sheet import make_sheet, value_text
from alphanet.report.tables import print_sheet, tex, write_tables
from alphanet.results import Record


def record(energy_mae: float, force_mae: float) -> Record:
    return Record({"energy_mae": energy_mae, "force_mae": force_mae}, {}, {}, {}, {}, when="")


def table(scale="mini"):
    benchmark = load_benchmark("table1")
    records = {
        ("AlphaNet", "formate"): [record(0.0012345, 0.1), record(0.0014, 0.12)],
        ("mean", "formate"): [record(0.02, 0.9)],
    }
    cells = build_cells(benchmark, scale, records, missing={("NequIP", "formate"): "50% & more_needed"})
    return make_sheet(benchmark, scale, cells), cells


@pytest.mark.parametrize(
    ("value", "spread", "text"),
    [
        (45.5, None, "45.5"),
        (0.23, None, "0.230"),
        (0.23456, 0.0123, "0.235 ± 0.012"),
        (99.96, None, "100"),
        (1234.5, None, "1234"),
        (0.0, None, "0"),
        (None, None, "–"),
    ],
)
def test_three_significant_digits(value, spread, text):
    assert value_text(value, spread) == text


def test_notes_are_numbered_once_and_every_number_has_a_note():
    sheet, _ = table()
    verdicts = " ".join(line.verdict for lines in sheet.systems for line in lines)
    marks = {int(number) for number in re.findall(r"\[(\d+)\]", verdicts)}
    assert marks and max(marks) <= len(sheet.notes)
    assert len(set(sheet.notes)) == len(sheet.notes)


def test_the_reason_is_under_the_table_and_the_verdict_short():
    sheet, cells = table()
    (line,) = [x for x in sheet.systems[0] if x.potential == "AlphaNet" and "energy" in x.metric]
    assert line.paper == "0.23" and line.measured == "1.32 ± 0.12"
    assert line.verdict.startswith("not comparable [")
    assert next(cell.reason for cell in cells if cell.row == "AlphaNet") in sheet.notes


def test_the_rule_is_stated_where_a_cell_is_judged():
    assert RULE in table("full")[0].notes
    assert RULE not in table("mini")[0].notes


def test_files(tmp_path):
    sheet, cells = table()
    write_tables(tmp_path, sheet, cells, {"provenance": {"code": 1}})
    stored = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert stored["cells"] == [cell.as_dict() for cell in cells]
    assert stored["provenance"] == {"code": 1} and stored["scale"] == "mini"
    rows = list(csv.DictReader(io.StringIO((tmp_path / "table.csv").read_text(encoding="utf-8"))))
    assert len(rows) == 12 and set(rows[0]) == set(stored["cells"][0])
    assert float(rows[2]["measured"]) == cells[2].measured
    markdown = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "| formate | energy MAE (meV/atom) | AlphaNet | 0.23 | 1.32 ± 0.12 | not comparable" in markdown


def test_latex_is_balanced_and_escaped(tmp_path):
    sheet, cells = table()
    write_tables(tmp_path, sheet, cells, {})
    text = (tmp_path / "table.tex").read_text(encoding="utf-8")
    assert r"50\% \& more\_needed" in text
    assert r"1.32 $\pm$ 0.12" in text and r"meV/\AA{}" in text
    assert text.count("{") == text.count("}")
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 13 and all(row.replace(r"\&", "").count("&") == 5 for row in rows)
    assert all(text.count(rf"\{rule}rule") == 1 for rule in ("top", "bottom"))
    assert text.isascii()


@pytest.mark.parametrize("character", list("&%$#_{}~^\\"))
def test_latex_special_characters(character):
    assert tex(character) != character


def test_plain_text_fits_120_columns(capsys):
    print_sheet(table()[0])
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 120
    assert "\x1b" not in shown
    assert "[1]" in shown and "miniature" in shown
