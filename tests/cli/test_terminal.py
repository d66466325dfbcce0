"""Tables and messages at the widths of terminals, without colors, and without a terminal."""

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

from alphanet.cli import main
from alphanet.cli.output import print_table, show_messages
from alphanet.errors import UserError
from alphanet.report.sheet import plain_tables
from alphanet.report.terminal import print_result
from alphanet.results.schema import read_result

COLUMNS = ("name", "in paper", "state", "trains", "forces", "stress", "weights")
ROWS = [
    ("alphanet-official", "AlphaNet", "absent", "no", "derived", "yes", "to fetch"),
    ("equiformer-v2", "EquiformerV2, eqV2", "installed", "yes", "direct", "no", "none"),
    ("sevennet-l3i5", "SevenNet [l3i5]", "installed", "yes", "derived", "yes", "packaged"),
]
CODES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def terminal(monkeypatch, capsys):
    """A function that prints the table on a terminal of a width and returns its lines."""

    def lines(width, columns=COLUMNS, rows=ROWS):
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(width))
        print_table(columns, rows, left=columns)
        return [CODES.sub("", line) for line in capsys.readouterr().out.splitlines()]

    return lines


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_word_is_cut_and_no_line_too_long(terminal, width):
    lines = terminal(width)
    assert max(map(len, lines)) <= width and "…" not in "".join(lines)
    text = " ".join(" ".join(lines).split())
    words = {word for row in (COLUMNS[1:], *ROWS) for cell in row for word in cell.split()}
    assert all(word in text for word in words)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_long_texts_wrap_between_words(terminal, width):
    row = ("ok", "train frames: net force", "at most 1.7e-07 eV/Å an atom, in all of the frames that were looked at")
    lines = terminal(width, ("verdict", "subject", "detail"), [row])
    assert max(map(len, lines)) <= width
    assert all(word in " ".join(lines).split() for word in row[2].split())


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_a_long_word_beside_long_texts_stays_whole(terminal, width):
    text = "trainings, as long as their epochs take, and not a step longer"
    row = ("table1", text, f"{text}, of zenodo.org/records/10374206")
    lines = terminal(width, ("name", "cost", "data"), [row])
    assert max(map(len, lines)) <= width
    assert any("zenodo.org/records/10374206" in line for line in lines)


def test_a_wide_terminal_has_one_line_a_row(terminal):
    lines = terminal(120)
    assert len(lines) == 2 + len(ROWS) and lines[0].split("  ")[0] == "name"


def test_without_a_terminal_it_is_markdown(capsys):
    print_table(COLUMNS, ROWS, left=COLUMNS)
    out = capsys.readouterr().out
    assert out.startswith("| name") and "\x1b" not in out and "…" not in out


def test_no_color_is_heeded(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    print_table(COLUMNS, ROWS, left=COLUMNS)
    codes = set(CODES.findall(capsys.readouterr().out))
    assert not any(re.search(r"[34][0-7]", code) for code in codes)


EPOCH = "epoch 1/3: training loss 36.7; validation energy 48.3 meV/atom, force 1.31e+03 meV/Å, stress 13.5 meV/Å^3, 7 s"
FOLDER = "out/\n  config.yaml  settings of this run\n  statistics.json  reference energies and force scale of the data"


@pytest.fixture
def said(monkeypatch, capsys):
    """A function that logs a message, on a terminal of a width or on none, and returns the lines on stderr."""

    def lines(width, text, level=logging.INFO, *, terminal=True):
        monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
        monkeypatch.setenv("COLUMNS", str(width))
        show_messages()
        logging.getLogger("alphanet").log(level, "%s", text)
        return capsys.readouterr().err.splitlines()

    return lines


@pytest.mark.parametrize("color", ["", "1"])
@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_message_is_broken_between_words_and_goes_on_indented(said, monkeypatch, width, color):
    monkeypatch.setenv("NO_COLOR", color)
    first, *others = said(width, EPOCH)
    assert others and all(len(line) <= width for line in (first, *others))
    assert first.startswith("epoch") and all(re.match(r"  \S", line) for line in others)
    assert " ".join([first, *others]).split() == EPOCH.split()


def test_lines_of_a_message_keep_their_own_indent(said):
    assert said(60, FOLDER) == [
        "out/",
        "  config.yaml  settings of this run",
        "  statistics.json  reference energies and force scale of the",
        "    data",
    ]
    assert said(60, f"first\n\n{EPOCH}", logging.WARNING)[:2] == ["warning: first", ""]


def test_a_word_that_is_wider_than_the_terminal_is_not_cut(said):
    path = "/a-folder/" + "with-a-long-name-" * 5
    assert said(40, f"cannot read {path}: no such file") == ["cannot read", f"  {path}:", "  no such file"]


def test_a_message_stays_one_line_where_there_is_no_terminal(said):
    assert said(60, EPOCH, terminal=False) == [EPOCH]


def test_errors_and_answers_are_broken_like_messages(said, monkeypatch, capsys):
    def fail(prog_name):
        raise UserError(EPOCH)

    monkeypatch.setattr("alphanet.cli.app", fail)
    monkeypatch.setattr("alphanet.cli.process.end_orderly", lambda: None)
    said(60, "")
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err.splitlines() == said(60, EPOCH, logging.ERROR)


def test_listing_benchmarks_imports_nothing_slow():
    code = (
        "import sys; from alphanet.cli import app\n"
        "try: app(['repro', 'list', '--json'])\nexcept SystemExit: pass\n"
        "print([name for name in ('torch', 'lightning', 'pandas', 'matplotlib', 'pymatgen', 'scipy', 'httpx') "
        "if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


REFERENCE = sorted((Path(__file__).parents[2] / "reports" / "reference" / "records").glob("*/results.json"))


@pytest.mark.parametrize("width", [60, 120])
@pytest.mark.parametrize("path", REFERENCE, ids=lambda path: path.parent.name)
def test_no_word_of_a_result_is_cut(monkeypatch, capsys, path, width):
    result = read_result(path)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes stdout for a terminal
    print_result(result)
    lines = [CODES.sub("", line) for line in capsys.readouterr().out.splitlines()]
    assert max(map(len, lines)) <= width
    words = set(" ".join(lines).split())
    shown = [table for table in plain_tables(result) if table.numbers]  # a grid may be a paragraph, without titles
    assert all(word in words for table in shown for row in table.rows for cell in row for word in cell.split())
