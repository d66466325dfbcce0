"""The one schema of results: written and read without loss, other versions and damaged files refused by name."""

import json

import pytest

from alphanet.errors import UserError
from alphanet.results.schema import RESULTS, VERSION, BenchmarkResult, Number, read_result


@pytest.fixture
def written(run, tmp_path):
    """A result on disk: of a table with a mean potential, which takes no time."""
    run(only=("mean",))
    return tmp_path / "table" / RESULTS


def test_scripts_read_a_result_with_the_schema_alone(written):
    result = BenchmarkResult.model_validate_json(written.read_text(encoding="utf-8"))
    assert result.kind == "accuracy" and result.name == "table" and result.scale == "mini"
    assert result.outcomes() == {"not in the paper": 4, "not run": 8}
    assert result.provenance.hardware.cores >= 1 and result.options["only"] == ["mean"]


@pytest.mark.parametrize("length", [0, 1, 100, -2])
def test_a_file_that_was_cut_is_one_line(written, length):
    text = written.read_text(encoding="utf-8")
    written.write_text(text[:length], encoding="utf-8")
    with pytest.raises(UserError, match=RESULTS):
        read_result(written)


def test_another_version_is_refused_with_the_command_that_helps(written):
    values = json.loads(written.read_text(encoding="utf-8")) | {"version": VERSION + 1}
    written.write_text(json.dumps(values))
    with pytest.raises(
        UserError, match=rf"version {VERSION + 1} .* reads version {VERSION}; run `alphanet repro table`"
    ):
        read_result(written)


def test_results_from_before_the_schema_are_refused_with_the_command_that_helps(tmp_path):
    path = tmp_path / "table1" / RESULTS
    path.parent.mkdir()
    path.write_text('{"title": "t", "scale": "mini", "provenance": {}, "cells": []}')
    with pytest.raises(UserError, match="before results had a schema; run `alphanet repro table1` again"):
        read_result(path)


@pytest.mark.parametrize(
    ("key", "value"), [("cells", 3), ("kind", None), ("cells", [{"row": "x"}]), ("extra", 1), ("when", ["today"])]
)
def test_an_edited_file_names_the_key(written, key, value):
    values = json.loads(written.read_text(encoding="utf-8")) | {key: value}
    written.write_text(json.dumps(values))
    with pytest.raises(UserError, match=f"{RESULTS}: {key}"):
        read_result(written)


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite"):
        Number(text="nan", value=float("nan"), origin="")


def test_the_json_schema_names_every_part():
    schema = BenchmarkResult.model_json_schema()
    assert {"Cell", "Claim", "Grid", "Curve", "Figure", "Record", "Provenance"} <= set(schema["$defs"])
    assert "schema" in schema["properties"]
