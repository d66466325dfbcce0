"""Each how-to page, followed to the letter."""

import json
import re
import sys

import pytest
from ase.build import molecule
from ase.io import read
from pages import DOCS, ROOT, blocks, follow, write_files

from alphanet.potentials.cards import read_baseline
from alphanet.potentials.forms import FORMS

pytestmark = pytest.mark.integration


@pytest.fixture
def installed_lj(tmp_path):
    """The environment that `alphanet baselines install lj` would make: this interpreter, which has ASE."""

    def install():
        card = read_baseline(tmp_path / "my-baselines" / "lj" / "card.yaml")
        python = tmp_path / ".home" / "environments" / card.environment.name / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
        record = {"digest": card.environment.digest, "versions": {"ase": "3.29.0"}}
        (python.parents[1] / "alphanet.json").write_text(json.dumps(record))

    return install


def test_add_a_baseline(tmp_path, installed_lj):
    write_files("howto/baseline.md", tmp_path)
    installed_lj()
    printed = follow("howto/baseline.md", tmp_path)
    assert "Lennard-Jones" in printed
    errors = json.loads((tmp_path / "errors.json").read_text())
    assert errors["energy_mae"] == pytest.approx(0, abs=1e-7) and errors["force_mae"] == pytest.approx(0, abs=1e-7)
    assert len(read(tmp_path / "predicted.extxyz", ":")) == 12
    assert (tmp_path / "started" / "my-model" / "worker.py").is_file()


def test_the_list_of_models_is_that_of_the_commands():
    page = (DOCS / "guides" / "models.md").read_text(encoding="utf-8").replace("`", "")
    for form, meaning in FORMS:
        assert f"| {form} | {meaning.replace('`', '')} |" in page


@pytest.mark.long
def test_add_a_table(tmp_path):
    printed = follow("howto/table.md", tmp_path)
    assert "silica" in printed and "Silica: a table of my own" in printed
    result = json.loads((tmp_path / "runs" / "silica" / "results.json").read_text())
    cells = {(cell["row"], cell["metric"]): cell for cell in result["cells"]}
    assert cells["AlphaNet", "force_mae"]["measured"] < cells["mean", "force_mae"]["measured"] * 2
    assert cells["AlphaNet", "energy_mae"]["paper"] == 1.4
    assert cells["AlphaNet", "energy_mae"]["errata"] == ["The table does not say whether errors are per atom."]
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "Silica: a table of my own" in page


def test_add_a_kind(tmp_path):
    printed = follow("howto/kind.md", tmp_path)
    assert printed.startswith("Lennard-Jones argon 5.2") and "not comparable" in printed
    log = tmp_path / "runs" / "argon-lattice" / "records.jsonl"
    assert len(log.read_text().splitlines()) == 1
    follow("howto/kind.md", tmp_path)
    assert len(log.read_text().splitlines()) == 1  # nothing is measured again


def test_add_a_physics_check(tmp_path):
    printed = follow("howto/physics-check.md", tmp_path)
    assert "ok   separation: two molecules" in printed


def test_add_a_data_set(tmp_path):
    printed = follow("howto/dataset.md", tmp_path)
    assert "copper" in printed and "failed" not in printed
    statistics = json.loads((tmp_path / "stats.json").read_text())
    assert [statistics[split]["frames"] for split in ("train", "valid", "test")] == [24, 8, 8]
    assert (tmp_path / "runs" / "copper" / "model.safetensors").is_file()


def test_readme(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (block,) = [block for block in blocks(ROOT / "README.md") if block.language == "python"]
    short = block.content.replace('"epochs": 5', '"epochs": 1, "limit_train": 8')
    assert short != block.content
    exec(short, {"frames": [molecule("HCOOH", vacuum=5.0)]})
    assert "'agrees': 40" in capsys.readouterr().out
    shown = "".join(block.content for block in blocks(ROOT / "README.md") if block.language == "console")
    table = (tmp_path / "runs" / "table6" / "table.md").read_text(encoding="utf-8")
    printed = {"".join(line.split()) for line in table.splitlines()}
    rows = [
        "".join(line.split()) for line in shown.splitlines() if re.match(r"\| (learning|  +\| (here|verdict))", line)
    ]
    assert rows and set(rows) <= printed


def test_tutorial(tmp_path):
    printed = follow("tutorial.md", tmp_path)
    assert json.loads((tmp_path / "stiff.json").read_text())["energy_mae"] == pytest.approx(2.8e-3, rel=0.01)
    assert "Warm argon" in printed
    assert {"parity.svg", "learning.svg", "results.json"} <= {
        file.name for file in (tmp_path / "runs" / "own").iterdir()
    }
    assert "eV/atom" in printed and (tmp_path / "md.traj").stat().st_size > 0
    lines = {" ".join(line.split()) for line in printed.splitlines()}
    for block in blocks(DOCS / "tutorial.md"):
        if block.language == "text":  # what the page says that commands print
            assert {" ".join(line.split()) for line in block.content.splitlines()} - {"…"} <= lines
    assert (tmp_path / "report" / "index.html").is_file()


@pytest.mark.slow
def test_simulate(tmp_path):
    pytest.importorskip("phonopy")
    printed = follow("guides/simulation.md", tmp_path)
    shown = [block.content for block in blocks(DOCS / "guides" / "simulation.md") if block.language == "text"]
    noise = re.compile(r"seconds per step|reaction energy|largest force|lowest frequency|largest acoustic")
    lines = [line for content in shown for line in content.splitlines() if not noise.search(line)]
    assert len(lines) > 20 and [line for line in lines if line not in printed] == []
