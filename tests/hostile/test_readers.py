"""Every reader on an honest file, on what fuzzing kept, and on a few mutations: it returns, or says one line."""

import logging
import random
from pathlib import Path

import pytest
from readers import READERS, seed_of, survives

CORPUS = Path(__file__).parent / "corpus"
TOKENS = (b"\0", b"\xff", b"-1", b"1e999", b"9" * 400, b"[" * 200, b"nan", b"\x1b[2J", b"\n", b"{", b'"', b"\xed\xa0")
MUTATIONS = 4  # `make fuzz` makes more


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.CRITICAL)


@pytest.mark.parametrize("name", READERS)
def test_an_honest_file_and_mutations_of_it(name: str, tmp_path: Path):
    reader, choose = READERS[name], random.Random(name)
    seed = seed_of(reader)
    if name not in ("checkpoint", "result"):  # these two are honest files of something else
        assert survives(reader, seed, tmp_path) == "read"
    for _ in range(MUTATIONS):
        assert "\n" not in survives(reader, _mutated(seed, choose), tmp_path) or name == "card"  # a line for each key


@pytest.mark.parametrize("name", READERS)
def test_what_fuzzing_kept(name: str, tmp_path: Path):
    for path in sorted((CORPUS / name).iterdir()):
        survives(READERS[name], path.read_bytes(), tmp_path)


def _mutated(content: bytes, choose: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(choose.choice([1, 1, 2, 5])):
        place = choose.randrange(len(changed) + 1)
        kind = choose.randrange(4)
        if kind == 0 and changed:
            changed[place % len(changed)] = choose.randrange(256)
        elif kind == 1:
            changed[place:place] = choose.choice(TOKENS)
        elif kind == 2:
            del changed[place : place + choose.randrange(1, 40)]
        else:
            begin = choose.randrange(len(changed) + 1)
            changed[place:place] = changed[begin : begin + choose.randrange(1, 40)]
    return bytes(changed)
