"""Characters that steer a terminal: names, keys and values from elsewhere are spelled out wherever they are printed."""

import json
from pathlib import Path

import inputs
import pytest
import torch
from attack import attack
from safetensors.torch import save_file

from alphanet.cli.output import print_json, print_table
from alphanet.model.checkpoint import CONFIG_KEY
from alphanet.printed import one_line, printable


def test_what_steers_is_spelled_and_the_rest_stays():
    assert printable("a\tb\nÅ é 中 😀") == "a\tb\nÅ é 中 😀"
    assert printable("\x1b[31m\x9b1m\u202e\r\x00\ud800") == "\\x1b[31m\\x9b1m\\u202e\\x0d\\x00\\ud800"
    assert one_line("a\n b\x1b" + "x" * 500).startswith("a b\\x1bxxx") and len(one_line("x" * 500)) == 300
    assert one_line(ValueError()) == "ValueError" or one_line(ValueError()) == "str"


def test_tables_and_json(capsys: pytest.CaptureFixture[str]):
    print_table(("a\x1b", "b"), [("\x1b[2J", "\x9b")], title="\x1b]0;x\x07")
    print_json("test", {"\x9b": "\u202e\x1b"})
    shown = capsys.readouterr().out
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert json.loads(shown.splitlines()[-1]) == {"schema": "test", "\x9b": "\u202e\x1b"}


def attacks(folder: Path, frames: Path):
    """Commands whose messages quote what is in a file or its name."""
    steering = inputs.CLEAR
    convert = ("data", "convert")
    yield *convert, folder / f"no{steering}.extxyz", folder / "out.extxyz"
    yield *convert, inputs.written(folder / f"{steering}.extxyz", "2\n"), folder / "out.extxyz"
    yield *convert, inputs.written(folder / "head.extxyz", f"{steering}\n"), folder / "out.extxyz"
    symbols = inputs.frame(rows=f"{steering}X 0 0 0 0 0 0\n", count="1")
    yield *convert, inputs.written(folder / "species.extxyz", symbols), folder / "out.extxyz"
    values = {f"{steering}x": torch.zeros(1)}
    save_file(values, folder / "keys.safetensors", metadata={CONFIG_KEY: inputs.CONFIG.model_dump_json()})
    yield "eval", folder / "keys.safetensors", frames
    yield "eval", f"{steering}:x", frames


def test_errors_of_commands(tmp_path: Path, frames: Path):
    for words in attacks(tmp_path, frames):
        found = attack(words)
        assert found.is_one_line(), found
        assert "\\x1b" in found.err, found
