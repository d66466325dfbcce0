"""What readers see: rounded numbers, numbered notes, and the same table in every format."""

import csv
import io
import re

import pytest
from report_runs import figure, table

from alphanet.report.sheet import make_sheet
from alphanet.report.tables import as_csv, as_latex, as_markdown, tex, write_tables
from alphanet.report.terminal import print_result
from alphanet.results.facts import value_text
from alphanet.results.schema import Grid, read_result


@pytest.fixture
def result(tmp_path):
    return read_result(table(tmp_path / "table", energy_mae=0.0013) / "results.json")


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


def test_notes_are_numbered_once_and_every_number_has_a_note(result):
    sheet = make_sheet(result)
    marks = {number for group in sheet.groups for line in group.lines for number in line.notes}
    assert marks == set(range(1, len(sheet.notes) + 1))
    assert len(set(sheet.notes)) == len(sheet.notes)


def test_the_reason_is_under_the_table_and_the_verdict_short(result):
    sheet = make_sheet(result)
    lines = [line for group in sheet.groups for line in group.lines if line.cell.row == "AlphaNet"]
    (line,) = [line for line in lines if (line.cell.column, line.cell.metric) == ("formate", "energy_mae")]
    assert line.paper == "0.23" and line.measured == "1.30 ± 0.02"
    assert line.verdict.startswith("not comparable [") and line.cell.reason in sheet.notes


def test_a_contradicted_cell_is_marked_whatever_its_verdict(result):
    lines = [line for group in make_sheet(result).groups for line in group.lines if line.cell.inconsistent]
    assert [line.verdict for line in lines] == ["not run; paper inconsistent [3][4]"]


def test_csv_has_every_cell_with_all_digits(result):
    rows = list(csv.DictReader(io.StringIO(as_csv(result))))
    assert len(rows) == len(result.cells)
    for row, cell in zip(rows, result.cells, strict=True):
        assert row["measured"] == ("" if cell.measured is None else str(cell.measured))
        assert row["records"] == " ".join(cell.records) and row["verdict"] == cell.verdict


def test_markdown_has_a_row_a_cell_and_all_notes(result):
    text = as_markdown(result)
    assert text.count("\n| ") == 1 + len(result.cells)
    assert "| formate | energy MAE (meV/atom) | AlphaNet | 0.23 | 1.30 ± 0.02 | not comparable" in text
    assert all(note in text for note in (*make_sheet(result).notes, *result.notes))


def test_latex_is_balanced_and_escaped(result):
    cells = [cell.model_copy(update={"verdict": "not run: 50% & more_needed"}) for cell in result.cells]
    text = as_latex(result.model_copy(update={"cells": tuple(cells)}))
    assert r"50\% \& more\_needed" in text
    assert r"1.30 $\pm$ 0.02" in text and r"meV/\AA{}" in text
    assert text.count("{") == text.count("}")
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 13 and all(row.replace(r"\&", "").count("&") == 5 for row in rows)
    assert all(text.count(rf"\{rule}rule") == 1 for rule in ("top", "mid", "bottom"))
    assert text.isascii()


@pytest.mark.parametrize("character", list("&%$#_{}~^\\"))
def test_latex_special_characters(character):
    assert tex(character) != character


def test_grids_are_tables_too(tmp_path):
    result = read_result(figure(tmp_path / "figure") / "results.json")
    write_tables(tmp_path, result)
    text = (tmp_path / "table.md").read_text()
    assert "| AlphaNet | 10.0 (9.00–11.0) | 0.799 | ok |" in text and "## All checks" in text
    assert (tmp_path / "table.tex").read_text().count(r"\begin{table}") == 2
    assert not (tmp_path / "table.csv").exists()


def test_plain_text_fits_120_columns_without_colors(result, capsys):
    print_result(result)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 120
    assert "\x1b" not in shown
    assert "[1]" in shown and "miniature" in shown


def test_a_figure_prints_claims_reason_and_problems(tmp_path, capsys):
    print_result(read_result(figure(tmp_path / "figure") / "results.json"))
    shown = capsys.readouterr().out
    for text in ("claimed: AlphaNet is the fastest", "here: contradicted (fewer batches)", "mace cannot be had"):
        assert text in shown
    assert re.search(r"\| AlphaNet +\| 10\.0", shown)


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_of_80_columns_breaks_no_word(result, capsys, monkeypatch, width):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    print_result(result)
    shown = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert max(map(len, shown.splitlines())) <= width
    assert re.search(r"\n +formate: energy MAE ( *\n *)?\(meV/atom\) *\n", shown)
    assert re.search(r"\n +AlphaNet +0\.23 +1\.30 ± 0\.02 +not comparable \[", shown)


@pytest.mark.parametrize(
    ("width", "pattern"), [(160, r"rather long title +the last"), (60, r"rather long title 1\.00 · ")]
)
def test_a_wide_grid_is_a_table_or_paragraphs(tmp_path, capsys, monkeypatch, width, pattern):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    wide = tuple(["x" * 15] * 4)
    grid = Grid(id="a", title="A", columns=("model", *wide, "rather long title", "the last"),
                rows=(("m", *("y" * 12,) * 4, "1.00", "end [b]"),))  # fmt: skip
    print_result(read_result(figure(tmp_path / "figure") / "results.json").model_copy(update={"grids": (grid,)}))
    shown = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert re.search(pattern, " ".join(shown.split()) if width == 60 else shown) and "end [b]" in shown
