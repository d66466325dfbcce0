"""`alphanet bench`: mistakes are one line before anything is started, and AlphaNet is measured without environments."""

import json

import pytest
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.cli.bench import _form, parse_sizes
from alphanet.errors import UserError

pytestmark = pytest.mark.integration


def run(*arguments, **options):
    return CliRunner().invoke(app, ["bench", *map(str, arguments)], catch_exceptions=False, **options)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["alphanet", "--sizes", "300..100"], "is reversed"),
        (["alphanet", "--sizes", "few"], "neither A..B nor a list"),
        (["alphanet", "--mode", "fast"], "mode: unknown 'fast'|unknown mode 'fast'"),
        (["alphanet", "--dtype", "float16"], "dtype: .*float"),
        (["alphanet", "--device", "tpu"], "device"),
        (["alphanet", "--budget", "soon"], "'soon' is no duration"),
        (["alphanet", "--protocol", "public-si", "--structures", "cu"], "has structures of its own"),
    ],
)
def test_mistakes_are_one_line(arguments, said, tmp_path):
    with pytest.raises(UserError, match=said):
        run("speed", *arguments, "--out", tmp_path / "speed")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["alphanett"], "alphanett: no such file, and no potential of that name; did you mean 'alphanet'"),
        (["alphanet@fig3b"], "no preset 'fig3b'"),
        (["alphanet", "--structures", "zeolit"], "no material and no file 'zeolit'"),
        (["alphanet", "--weights", "released"], "weights released: name a file"),
    ],
)
def test_where_nothing_can_be_measured_the_reason_stands_alone(arguments, said, tmp_path):
    result = run("speed", *arguments, "--out", tmp_path / "speed")
    assert result.exit_code == 1 and not result.stdout
    assert "nothing could be measured" in result.stderr.splitlines()[-1] and said in result.stderr


@pytest.mark.parametrize(
    ("text", "sizes"),
    [("100", (100,)), ("300,100,300", (100, 300)), ("100..10000", (100, 1000, 10000)), ("5..5", (5,))],
)
def test_sizes(text, sizes):
    assert parse_sizes(text, 3) == sizes


@pytest.mark.long
def test_a_sweep_is_a_result_in_the_folder_that_out_names(tmp_path):
    words = ["speed", "alphanet", "alphanet-v1", "--sizes", "24", "--rounds", "1", "--budget", "2m", "--mode", "eager"]
    shown = json.loads(run(*words, "--out", tmp_path / "a", "--json").stdout)
    assert shown["schema"] == "alphanet-results" and (shown["kind"], shown["name"]) == ("speed", "a")
    assert json.loads((tmp_path / "a" / "results.json").read_text()) == shown
    assert len(shown["records"]) == 2 and not shown["comparable"]
    result = run("compare", tmp_path / "a", tmp_path / "a")
    assert result.exit_code == 0 and "yes" in result.stdout
    agreement = json.loads(run("compare", tmp_path / "a", tmp_path / "a", "--json").stdout)
    assert agreement["schema"] == "alphanet-agreement" and all(ratio["agree"] for ratio in agreement["ratios"])
    with pytest.raises(UserError, match="cannot read"):
        run("compare", tmp_path / "a", tmp_path / "b")


@pytest.mark.long
def test_training_and_memory_of_alphanet(tmp_path):
    train = json.loads(
        run("train-speed", "alphanet", "--structures", "cu", "--sizes", "4", "--rounds", "1", "--passes", "1",
            "--budget", "6s", "--mode", "eager", "--out", tmp_path / "t", "--json").stdout
    )  # fmt: skip
    (record,) = train["records"].values()
    assert "train" in json.dumps(record["metrics"])
    memory = json.loads(
        run("memory", "alphanet", "--structures", "cu", "--smallest", 4, "--largest", 4, "--sample-atoms", 4,
            "--out", tmp_path / "m", "--json").stdout
    )  # fmt: skip
    assert memory["kind"] == "memory" and memory["records"]


@pytest.mark.parametrize(
    ("asked", "variable", "form"), [(None, "", "best"), (None, "eager", "eager"), ("compiled", "eager", "compiled")]
)
def test_the_fastest_form_is_measured_unless_another_is_named(asked, variable, form, monkeypatch):
    monkeypatch.setenv("ALPHANET_MODE", variable)
    assert _form(asked) == form


def test_memory_options_are_not_of_speed(tmp_path):
    assert run("speed", "alphanet", "--smallest", "3", "--out", tmp_path / "a").exit_code == 2
