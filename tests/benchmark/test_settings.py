"""Settings stand beside the paper's as the presets have them, and are judged by the printed digits."""

import pytest
import torch
import yaml

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds import settings as module
from alphanet.benchmark.kinds.settings import settings_of
from alphanet.benchmark.loading import card_path, load_benchmark
from alphanet.benchmark.runner import run_benchmark
from alphanet.cards import read_yaml
from alphanet.errors import UserError
from alphanet.model.config import preset
from alphanet.model.create import create_model
from alphanet.training.config import preset_config

NAMES = {"batch_per_device": "batch_size", "cutoff_angstrom": "cutoff"}  # of tables.yaml -> of the presets


@pytest.fixture
def run(tmp_path, cards):
    """A function that runs a card and returns its result."""

    def go(name="presets", **options):
        return run_benchmark(load_benchmark(name), RunOptions(scale="full", out=tmp_path, **options))

    return go


def cells_of(result):
    return {(cell.column, cell.metric): cell for cell in result.cells}


def test_a_second_papers_table_is_read_and_judged(run):
    result = run()
    cells = cells_of(result)
    assert result.failures == () and result.comparable and len(cells) == 8
    assert cells["zeolite", "learning_rate"].verdict == cells["OC2M", "epochs"].verdict == "agrees"
    assert cells["zeolite", "parameters_paper"].verdict == "not in the paper"
    assert result.origins[cells["OC2M", "epochs"].origin]["data"] == "dataset oc20, scale full"


def test_parameters_are_counted_in_both_readings(run):
    cells = cells_of(run())
    with torch.device("meta"):
        counted = create_model(preset("oc2m", reading="official-v1")).n_parameters
    official = cells["OC2M", "parameters_official-v1"]
    assert official.measured == pytest.approx(counted / 1e6)
    assert (
        official.verdict.startswith("paper inconsistent: ") and "agrees with 10.0 (the public code)" in official.verdict
    )
    assert cells["OC2M", "parameters_paper"].measured != official.measured


def test_another_setting_is_judged_even_if_an_earlier_one_was_recorded(run, monkeypatch):
    run()
    changed = {"zeolite": ["learning_rate=6e-4", "epochs=50"]}
    monkeypatch.setattr(
        "alphanet.training.config.preset_config", lambda name, scale: preset_config(name, scale, changed.get(name, []))
    )
    cells = cells_of(run())
    assert cells["zeolite", "learning_rate"].verdict == cells["zeolite", "epochs"].verdict == "differs"
    assert cells["OC2M", "epochs"].verdict == "agrees"


def test_nothing_is_read_or_logged_twice(run, tmp_path, monkeypatch, whole_records):
    first = run()
    monkeypatch.setattr(module, "settings_of", lambda _dataset: pytest.fail("read again"))
    assert run().cells == first.cells
    assert len(whole_records(tmp_path / "presets" / "records.jsonl")) == 2


def test_an_unknown_metric_is_named(run, tmp_path, monkeypatch):
    values = read_yaml(card_path("presets"))
    values["metrics"]["epoch"] = values["metrics"]["epochs"]
    (tmp_path / "presets.yaml").write_text(yaml.safe_dump(values))
    monkeypatch.setenv("ALPHANET_BENCHMARKS", str(tmp_path))
    with pytest.raises(UserError, match="'epoch' in the presets; did you mean 'epochs'"):
        run()


def test_a_table_of_two_rows_is_refused(run, tmp_path, monkeypatch):
    values = read_yaml(card_path("presets"))
    values["rows"]["Peer"] = {"model": "peer"}
    (tmp_path / "presets.yaml").write_text(yaml.safe_dump(values))
    monkeypatch.setenv("ALPHANET_BENCHMARKS", str(tmp_path))
    with pytest.raises(UserError, match="a table of settings has one row"):
        run()


def test_table_6_holds_what_the_paper_prints_and_nothing_else(shared):
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
    (printed,) = load_benchmark("table6").paper.values()
    values = {(column, metric): float(value) for column, row in printed.items() for metric, value in row.items()}
    assert values == pytest.approx(expected)


def test_every_setting_of_table_6_is_the_papers(run):
    cells = run("table6").cells
    settings = [cell for cell in cells if not cell.metric.startswith("parameters")]
    assert len(settings) == 40 and {cell.verdict for cell in settings} == {"agrees"}
    assert all(cell.measured == pytest.approx(cell.paper, rel=1e-12) for cell in settings)
    assert sum(cell.outcome == "paper inconsistent" for cell in cells) == 4


def test_the_words_of_table_6s_protocol_are_true():
    card = load_benchmark("table6")
    assert "(MAE)" in card.scale("full").protocol
    for column in card.columns.values():
        assert settings_of(column.dataset)["loss"]["kind"] == "mae"
