"""What readers see: rounded numbers, numbered notes, and the same table in every format."""

import csv
import io
import re

import pytest
from report_runs import figure, table

from alphanet.report.layout import arrange
from alphanet.report.sheet import make_sheet, plain_tables
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
        (-5.38e-17, None, "-5.38e-17"),
        (4.2e-7, 3.1e-8, "4.20e-07 ± 3e-08"),
        (None, None, "–"),
    ],
)
def test_three_significant_digits(value, spread, text):
    assert value_text(value, spread) == text


def test_notes_are_numbered_once_and_every_number_has_a_note(result):
    sheet = make_sheet(result)
    marks = {number for line in sheet.lines for number in line.notes}
    assert marks == set(range(1, len(sheet.notes) + 1))
    assert len(set(sheet.notes)) == len(sheet.notes)


def line_at(sheet, row, column, metric):
    place = (row, column, metric)
    (line,) = [line for line in sheet.lines if (line.cell.row, line.cell.column, line.cell.metric) == place]
    return line


def test_a_reason_that_all_cells_share_is_said_once(result):
    sheet = make_sheet(result)
    line = line_at(sheet, "AlphaNet", "formate", "energy_mae")
    assert line.paper == "0.23" and line.measured == "1.30 ± 0.02"
    assert line.verdict == "not comparable" and sheet.common == "not comparable: miniature"
    assert line.cell.reason not in sheet.notes and line.ratio == ""


def test_reasons_that_differ_are_numbered_under_the_table(result):
    cells = list(result.cells)
    place = [(cell.row, cell.column, cell.metric) for cell in cells].index(("AlphaNet", "formate", "force_mae"))
    cells[place] = cells[place].model_copy(update={"verdict": "not comparable: another machine"})
    sheet = make_sheet(result.model_copy(update={"cells": tuple(cells)}))
    assert sheet.common == "" and {"miniature", "another machine"} <= set(sheet.notes)
    assert line_at(sheet, "AlphaNet", "formate", "energy_mae").verdict.startswith("not comparable [")


def test_floors_and_rows_without_a_number_are_apart(result):
    sheet = make_sheet(result)
    assert [line.cell.row for line in sheet.lines][:2] == ["AlphaNet", "AlphaNet"]
    assert {line.cell.row for _, items in sheet.trivial.rows for line in items} == {"mean"}
    assert sheet.absent_rows == ("Peer",)
    first, floors, *_ = plain_tables(result)
    assert "mean" not in first.columns and floors.title.endswith("floors")
    assert any(remark.startswith("Not run: Peer [") for remark in first.remarks)


@pytest.mark.parametrize(
    ("across", "head", "down"),
    [
        (("row",), [("mean",), ("Peer",), ("AlphaNet",)], ("system", "metric")),
        (("column", "metric"), 4, ("potential",)),
        (("column",), [("formate",), ("graphene",)], ("metric", "potential")),
    ],
)
def test_cells_stand_as_the_paper_prints_them(result, across, head, down):
    block = arrange(across, result.cells, lambda cell: cell)
    assert block.down == down
    assert (len(block.head) == head) if isinstance(head, int) else list(block.head) == head
    for heading, cells in block.rows:
        for key, cell in zip(block.head, cells, strict=True):
            assert {cell.row, cell.column} <= {*heading, *key}
    assert len([cell for _, cells in block.rows for cell in cells if cell]) == len(result.cells)


def test_headings_span_their_columns(result):
    levels = arrange(("column", "metric"), result.cells, lambda cell: cell).levels
    assert levels[0] == [("formate", 2), ("graphene", 2)] and [span for _, span in levels[1]] == [1] * 4


def test_a_contradicted_cell_is_marked_whatever_its_verdict(result):
    lines = [line for line in make_sheet(result).lines if line.cell.inconsistent]
    assert [line.verdict for line in lines] == ["not run; paper inconsistent [1][2]"]


def test_csv_has_every_cell_with_all_digits(result):
    rows = list(csv.DictReader(io.StringIO(as_csv(result))))
    assert len(rows) == len(result.cells)
    for row, cell in zip(rows, result.cells, strict=True):
        assert row["measured"] == ("" if cell.measured is None else str(cell.measured))
        assert row["records"] == " ".join(cell.records) and row["verdict"] == cell.verdict
        assert row["ratio"] == ""  # nothing may be compared


def test_markdown_has_a_row_a_cell_and_all_notes(result):
    text = as_markdown(result)
    assert "| formate | energy MAE (meV/atom) | paper | 0.23 |\n|  |  | here | 1.30 ± 0.02 |\n" in text
    assert text.count(" | paper | ") == 4 and text.count(" | here | ") == 2 * 4  # two systems and metrics; floors
    assert "Every number measured here: not comparable: miniature." in text and "Not run: Peer [1]" in text
    assert all(note in text for note in (*make_sheet(result).notes, *result.notes))


def test_latex_is_balanced_and_escaped(result):
    cells = [cell.model_copy(update={"verdict": "not run: 50% & more_needed"}) for cell in result.cells]
    text = as_latex(result.model_copy(update={"cells": tuple(cells)}))
    assert r"50\% \& more\_needed" in text
    assert r"1.30 $\pm$ 0.02" in text and r"meV/\AA{}" in text
    assert text.count("{") == text.count("}")
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) > 2 * 4 and all(row.replace(r"\&", "").count("&") == 3 for row in rows)
    assert all(text.count(rf"\{rule}rule") == 2 for rule in ("top", "mid", "bottom"))
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
    for text in (
        "claimed (section 1): AlphaNet is the fastest",
        "here: contradicted (fewer batches)",
        "mace cannot be had",
    ):
        assert text in shown
    assert re.search(r"\| AlphaNet +\| 10\.0", shown)


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_of_80_columns_breaks_no_word(result, capsys, monkeypatch, width):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    print_result(result)
    shown = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert max(map(len, shown.splitlines())) <= width
    assert re.search(r"\n +formate +energy MAE \(meV/atom\) +paper +0\.23 *\n +here +1\.30 ± 0\.02 *\n", shown)


def test_a_table_wider_than_the_terminal_is_broken_into_parts(result, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    names = [f"framework{number:02d}" for number in range(16)]
    cells = [cell.model_copy(update={"column": name}) for name in names for cell in result.cells[:6]]
    print_result(result.model_copy(update={"cells": tuple(cells), "across": ("column",)}))
    shown = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert max(map(len, shown.splitlines())) <= 80
    assert all(name in shown for name in names)  # none is broken


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
