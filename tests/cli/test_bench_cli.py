"""`alphanet bench`: mistakes are one line before anything is started, and AlphaNet is measured without environments."""

import json

import pytest
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError


def run(*arguments, **options):
    return CliRunner().invoke(app, ["bench", *map(str, arguments)], catch_exceptions=False, **options)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--models", "alphanett"], r"no potential 'alphanett'.*alphanet"),
        (["--models", ","], "name at least one"),
        (["--models", "alphanet@fig3b"], r"no preset 'fig3b'.*fig3a"),
        (["--models", "alphanet", "--structures", "zeolit"], "no material and no file 'zeolit'"),
        (["--models", "alphanet", "--sizes", "300..100"], "is reversed"),
        (["--models", "alphanet", "--mode", "fast"], "--mode: unknown 'fast'"),
        (["--models", "alphanet", "--weights", "released"], "--alphanet FILE"),
        (["--models", "alphanet", "--dtype", "float16"], "--dtype: unknown 'float16'"),
        (["--models", "alphanet", "--device", "tpu"], "--device: unknown 'tpu'"),
    ],
)
def test_mistakes_are_one_line(arguments, said, tmp_path):
    with pytest.raises(UserError, match=said):
        run("speed", *arguments, "--out", tmp_path)
    assert not list(tmp_path.iterdir())


def test_both_readings_are_timed_and_compared_with_themselves(tmp_path):
    asked = ["speed", "--models", "alphanet,alphanet-v1", "--sizes", "24", "--rounds", "1", "--budget", "2"]
    first = run(*asked, "--out", tmp_path / "a", "--json")
    summary = json.loads(first.stdout)
    assert [point["status"] for point in summary["points"]] == ["ok", "ok"]
    point = summary["points"][0]
    assert {"device", "mode", "compile_s", "n_edges", "peak_memory_mb"} <= set(point)
    assert {file.name for file in (tmp_path / "a").iterdir()} == {
        "points.jsonl",
        *(f"speed.{ending}" for ending in ("json", "csv", "png", "svg", "pdf")),
    }
    assert point["passes"] == 3 and [len(turns) for turns in point["rounds"]["step"]] == [1, 1, 1]
    result = run("compare", tmp_path / "a", tmp_path / "a")
    assert result.exit_code == 0 and "yes" in result.stdout
    with pytest.raises(UserError, match="cannot read"):
        run("compare", tmp_path / "a", tmp_path / "b")


def test_training_and_memory_of_alphanet(tmp_path):
    train = json.loads(
        run("train-speed", "--models", "alphanet", "--sizes", "24", "--rounds", "1", "--budget", "0.1",
            "--out", tmp_path / "t", "--json").stdout
    )  # fmt: skip
    assert train["points"][0]["train_ms"]["median"] > 0
    memory = json.loads(
        run("memory", "--models", "alphanet", "--start", 24, "--most", 24, "--sample-atoms", 24,
            "--out", tmp_path / "m", "--json").stdout
    )  # fmt: skip
    (one,) = memory["models"]
    assert one["largest"] == 24 and one["limited_by"] is None and one["training_mb_per_sample"] is not None
