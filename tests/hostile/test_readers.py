"""Every reader on an honest file, on what fuzzing kept, and on a few mutations: it returns, or says one line."""

import logging
import random
from pathlib import Path

import inputs
import pytest
from readers import READERS, seed_of, survives

CORPUS = Path(__file__).parent / "corpus"
MUTATIONS = 4  # `make fuzz` makes more


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.CRITICAL)


@pytest.mark.parametrize("name", READERS)
def test_an_honest_file_and_mutations_of_it(name: str, tmp_path: Path):
    reader, choose = READERS[name], random.Random(name)
    seed = seed_of(reader)
    assert survives(reader, seed, tmp_path) == "read"
    for _ in range(MUTATIONS):
        assert (
            "\n" not in survives(reader, inputs.mutated(seed, choose), tmp_path) or name == "card"
        )  # a line for each key


@pytest.mark.parametrize("name", READERS)
def test_what_fuzzing_kept(name: str, tmp_path: Path):
    for path in sorted((CORPUS / name).iterdir()):
        survives(READERS[name], path.read_bytes(), tmp_path)
