"""Table 6: what stands beside the paper's settings is read from the presets, and judged by the printed digits."""

import json
import re

import pytest
import torch
from typer.testing import CliRunner

from alphanet.cards import read_yaml, validate
from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.model.config import preset
from alphanet.model.create import create_model
from alphanet.paper import settings as module
from alphanet.paper.benchmark import benchmark_file, read_benchmark
from alphanet.paper.settings import Options, read_settings, settings_of
from alphanet.paper.settings_cards import SettingsTable
from alphanet.training.config import preset_config

NAMES = {"batch_per_device": "batch_size", "cutoff_angstrom": "cutoff"}  # of tables.yaml -> of the presets


@pytest.fixture
def card():
    return read_benchmark("table6", SettingsTable)


def silent(_line):
    pass


def test_the_card_holds_what_the_paper_prints_and_nothing_else(card, shared):
    tables = read_yaml(shared / "paper" / "tables.yaml")
    columns = tables["table6"].pop("columns")
    expected = {
        (column, NAMES.get(name, name)): value
        for name, values in tables["table6"].items()
        for column, value in zip(columns, values, strict=True)
    }
    for column, described in tables["table7"].items():
        for reading in ("paper", "official-v1"):
            expected[column, f"parameters_{reading}"] = described["parameters"] / 1e6
    assert {(value.column, value.metric): float(value.printed) for value in card.paper} == pytest.approx(expected)


def test_every_setting_is_the_paper_s(card, tmp_path):
    cells = read_settings(card, Options(tmp_path), silent).cells
    settings = [cell for cell in cells if not cell.metric.startswith("parameters")]
    assert len(settings) == 40
    assert {cell.verdict for cell in settings} == {"reproduced"}
    assert all(cell.measured == pytest.approx(cell.paper, rel=1e-12) for cell in settings)


def test_parameters_are_counted_in_both_readings(card, tmp_path):
    cells = {(cell.column, cell.metric): cell for cell in read_settings(card, Options(tmp_path), silent).cells}
    with torch.device("meta"):
        counted = create_model(preset("oc2m", reading="official-v1")).n_parameters
    official = cells["OC2M", "parameters_official-v1"]
    assert official.measured == pytest.approx(counted / 1e6)
    assert official.verdict.startswith("paper inconsistent: ") and "agrees with 10.0" in official.verdict
    assert cells["MPtrj", "parameters_official-v1"].verdict.endswith(
        "agrees with 16.4 (the public code at Table 6's settings)"
    )
    assert cells["OC2M", "parameters_paper"].measured != official.measured
    assert cells["zeolite", "parameters_paper"].verdict == "not in the paper"


def test_another_setting_is_told(card, tmp_path, monkeypatch):
    read = preset_config
    changed = {"zeolite": ["learning_rate=6e-4", "epochs=50"]}
    monkeypatch.setattr(module, "preset_config", lambda name, scale: read(name, scale, changed.get(name, [])))
    cells = {(cell.column, cell.metric): cell for cell in read_settings(card, Options(tmp_path), silent).cells}
    assert cells["zeolite", "learning_rate"].verdict == cells["zeolite", "epochs"].verdict == "worse"
    assert cells["formate", "epochs"].verdict == "reproduced"


def test_nothing_is_logged_twice(card, tmp_path):
    first = read_settings(card, Options(tmp_path), silent)
    again = read_settings(card, Options(tmp_path), silent)
    assert [cell.records for cell in again.cells] == [cell.records for cell in first.cells]
    assert len((tmp_path / "records.jsonl").read_text().splitlines()) == 5


def test_the_words_of_the_protocol_are_true(card):
    assert "(MAE)" in card.scale("full").protocol
    for column in card.columns.values():
        assert settings_of(column.dataset)["loss"]["kind"] == "mae"


def test_an_unknown_metric_is_named(tmp_path):
    values = read_yaml(benchmark_file("table6"))
    values["metrics"]["epoch"] = values["metrics"]["epochs"]
    with pytest.raises(UserError, match="'epoch' in the presets; did you mean 'epochs'"):
        read_settings(validate(values, SettingsTable, "card"), Options(tmp_path), silent)


def test_the_command_writes_tables_and_the_page_shows_them(tmp_path):
    command = ["repro", "table6", "--scale", "mini", "--out", str(tmp_path / "runs"), "--json"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    found = json.loads(result.stdout)
    assert found["scale"] == "full" and len(found["cells"]) == 50
    for ending in ("csv", "md", "tex"):
        assert "hidden" in (tmp_path / "runs" / "table6" / f"table.{ending}").read_text()
    report = ["report", str(tmp_path / "runs"), "-o", str(tmp_path / "report")]
    CliRunner().invoke(app, report, catch_exceptions=False)
    made = json.loads((tmp_path / "report" / "results.json").read_text())
    (run,) = made["runs"]
    assert run["problems"] == [] and run["name"] == "table6"
    assert made["summary"]["verdicts"]["reproduced"] == 40 and made["summary"]["verdicts"]["paper inconsistent"] == 4
    page = (tmp_path / "report" / "index.html").read_text()
    assert re.search(r"OC2M: hidden channels", page) and "6.1" in page


def test_an_unknown_scale_is_refused(tmp_path):
    with pytest.raises(UserError, match="--scale: unknown 'ful'"):
        CliRunner().invoke(app, ["repro", "table6", "--scale", "ful"], catch_exceptions=False)
