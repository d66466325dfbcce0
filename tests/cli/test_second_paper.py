"""A second paper's table of each kind is one YAML in a folder of the user: listed, run, run by `all`, on the page."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.report.page.model import Report

pytestmark = pytest.mark.integration

ACCURACY = """
kind: accuracy
name: their-errors
title: "Their Table 1: errors"
source: a second paper
metrics: {force_mae: {title: force MAE, unit: meV/Å, factor: 1000}}
columns: {formate: {title: formate, dataset: formate}}
rows: {mean: {model: mean}}
paper: {mean: {formate: {force_mae: "440"}}}
parity: false
scales: {mini: {comparable: false, reason: a miniature, protocol: The mean energy., runs: {mean: {formate: {}}}}}
"""
SPEED = """
kind: speed
name: their-speed
title: "Their Table 2: speed"
source: a second paper
sweeps: {inference: [step]}
metrics: {inference_speed: {title: speed, unit: samples/s, better: higher}}
columns: {cu: {title: copper}}
rows: {AlphaNet: {model: alphanet@fig3a}}
paper: {AlphaNet: {cu: {inference_speed: "120.1"}}}
scales:
  mini:
    comparable: false
    reason: copper on this machine
    protocol: Steps of copper.
    structures: cu
    sizes: [4]
    batch: 1
    passes: 1
    rounds: 1
    calls: 2
    minutes: 1
"""
DISCOVERY = """
kind: discovery
name: their-crystals
title: "Their Table 3: stability"
source: a second paper
metrics: {f1: {title: F1, unit: "", better: higher}}
columns: {wbm: {title: WBM}}
rows: {Theirs: {model: alphanet, predictions: {url: "https://example.org/theirs.csv.gz"}}}
paper: {Theirs: {wbm: {f1: "0.8"}}}
scales:
  mini: {comparable: false, reason: what is here, protocol: As it is., subset: full, max_error: 5, fetch: false}
"""
SETTINGS = """
kind: settings
name: their-settings
title: "Their Table 4: settings"
source: a second paper
metrics: {epochs: {title: epochs, unit: "", better: equal}}
columns: {zeolite: {title: zeolites, dataset: zeolite}}
rows: {AlphaNet: {model: alphanet}}
paper: {AlphaNet: {zeolite: {epochs: "100"}}}
scales: {full: {comparable: true, protocol: Presets are read.}}
"""
CARDS = {"errors": ACCURACY, "speed": SPEED, "crystals": DISCOVERY, "settings": SETTINGS}
NAMES = [f"their-{name}" for name in CARDS]
OUTCOMES = {
    "their-errors": "not comparable",
    "their-speed": "not comparable",
    "their-crystals": "not run",
    "their-settings": "agrees",
}


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    """A folder of their cards beside the shipped ones; the working folder is new."""
    folder = tmp_path / "cards"
    folder.mkdir()
    for name, text in CARDS.items():
        (folder / f"their-{name}.yaml").write_text(text)
    monkeypatch.setenv("ALPHANET_BENCHMARKS", str(folder))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def invoke(*arguments):
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def outcomes(folder):
    return {
        name: {cell["outcome"] for cell in json.loads((Path(folder) / name / "results.json").read_text())["cells"]}
        for name in NAMES
    }


def test_they_are_listed(theirs):
    listed = json.loads(invoke("repro", "list", "--json").stdout)["benchmarks"]
    kinds = {info["name"]: info["kind"] for info in listed if info["name"] in NAMES}
    assert kinds == dict(zip(NAMES, ("accuracy", "speed", "discovery", "settings"), strict=True))


def test_they_run_by_name_and_stand_on_the_page(theirs):
    result = invoke("repro", *NAMES, "--out", "runs")
    assert result.exit_code == 1 and "their-crystals: nothing could be measured" in result.stderr
    assert outcomes("runs") == {name: {outcome} for name, outcome in OUTCOMES.items()}
    assert invoke("report", "runs", "-o", "page").exit_code == 0
    report = Report.model_validate_json(Path("page/results.json").read_text())
    assert {run.name: run.state for run in report.runs} == dict.fromkeys(NAMES, "finished")
    page = Path("page/index.html").read_text()
    assert all(f"Their Table {number}" in page for number in (1, 2, 3, 4)) and "120.1" in page


@pytest.mark.long
def test_all_runs_them_and_a_table_without_its_files_is_no_failure(theirs):
    command = [sys.executable, "-m", "alphanet", "repro", "all", "--only", "their-*", "--out", "all", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    runs = {run["name"]: run["state"] for run in json.loads(result.stdout)["benchmarks"]}
    assert runs == dict.fromkeys(NAMES, "done") | {"their-crystals": "nothing to measure here"}
    assert result.returncode == 0
    assert outcomes("all") == {name: {outcome} for name, outcome in OUTCOMES.items()}
