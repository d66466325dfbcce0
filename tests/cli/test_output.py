"""What commands print: tables, messages, durations."""

import logging

import pytest

from alphanet.cli.output import StderrHandler, print_json, print_table, show_messages
from alphanet.durations import seconds, words
from alphanet.errors import UserError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 120), ("0.5", 30), ("90s", 90), ("2m", 120), ("2 min", 120), ("1.5h", 5400), ("1d", 86400),
        ("01:30:10", 5410), ("0:00:01", 1),
    ],
)  # fmt: skip
def test_durations(text, value):
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "soon", "-1", "0", "1:30", "2w", "nan", "inf", "1e3", "0:00:00"])
def test_what_is_no_duration(text):
    with pytest.raises(UserError, match="is no duration; write 90s, 2m"):
        seconds(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 s"), (40.4, "40 s"), (60, "1 min"), (90, "1.5 min"), (597, "10 min"), (5400, "90 min"), (7200, "2 h"),
        (86400, "24 h"), (180000, "2.1 days"), (1e6, "12 days"),
    ],
)  # fmt: skip
def test_durations_in_words(value, text):
    assert words(value) == text


def test_tables_are_markdown_where_there_is_no_terminal(capsys):
    print_table(("model", "F1", "why"), [("a|b", "0.9", "x" * 70), ("c [bold]", "0.85", "")], left=("why",), title="T")
    title, header, rule, first, second = capsys.readouterr().out.splitlines()
    assert title == "T"
    assert header.split("|")[1:3] == [" model    ", "   F1 "]
    assert rule.startswith("|----------|-----:|---")
    assert first.startswith("| a\\|b     |  0.9 | xxx") and second.startswith("| c [bold] | 0.85 |")


def test_json_is_one_line_with_the_schema_first(capsys):
    print_json("alphanet-test", {"unit": "eV/Å"})
    assert capsys.readouterr().out == '{"schema": "alphanet-test", "unit": "eV/Å"}\n'


def test_messages_go_to_stderr_and_warnings_are_marked(capsys):
    logger = logging.getLogger("alphanet.somewhere")
    show_messages()
    show_messages()
    logger.info("prepared %d frames", 3)
    logger.warning("noisy")
    logger.debug("hidden")
    captured = capsys.readouterr()
    assert captured.err == "prepared 3 frames\nwarning: noisy\n" and not captured.out
    assert sum(isinstance(handler, StderrHandler) for handler in logging.getLogger("alphanet").handlers) == 1
    show_messages(logging.WARNING)
    logger.info("hidden")
    assert not capsys.readouterr().err
    show_messages()


def test_a_message_goes_above_a_progress_bar(capsys):
    from rich.console import Console
    from rich.progress import Progress

    show_messages()
    with Progress(console=Console(stderr=True, force_terminal=True, width=60)) as progress:
        progress.add_task("training", total=2)
        logging.getLogger("alphanet").info("epoch 1")
    lines = capsys.readouterr().err.replace("\r", "\n").split("\n")
    assert any("epoch 1" in line and "training" not in line for line in lines)
