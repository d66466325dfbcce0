"""Every number on the page leads to a record or a file of its run, and every paper value to a card."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from report_runs import every_run
from tracing import trace

from alphanet.paths import resources
from alphanet.report.page.collect import collect
from alphanet.report.page.write import write_report

KEPT = [resources("reports") / name for name in ("reference", "slices")]


@pytest.fixture(autouse=True)
def _cards_of_the_tests(cards):
    """Paper values are those of the tests' cards."""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A report of one run of each form, beside its runs."""
    folder = tmp_path_factory.mktemp("trace")
    write_report(folder / "out", collect([every_run(folder / "runs")]))
    return folder


@pytest.fixture
def copied(drawn, tmp_path):
    return shutil.copytree(drawn, tmp_path / "copy")


def test_every_number_is_followed(drawn):
    assert trace(drawn / "out", drawn / "runs") == {"cells": 7, "paper": 13, "others": 1}


def changed(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_number_that_its_records_do_not_say_is_found(copied):
    for path in (copied / "out" / "results.json", copied / "runs" / "table" / "results.json"):
        values = json.loads(path.read_text())
        result = (
            values["runs"][[run["id"] for run in values["runs"]].index("table")]["result"]
            if "runs" in values
            else values
        )
        cell = next(cell for cell in result["cells"] if cell["measured"])
        cell["measured"] *= 1.01
        path.write_text(json.dumps(values))
    with pytest.raises(AssertionError, match="formate/energy_mae"):
        trace(copied / "out", copied / "runs")


def test_a_run_that_was_measured_again_is_found(copied):
    changed(copied / "runs" / "table" / "results.json", '"when": "2026-11-25', '"when": "2026-11-26')
    with pytest.raises(AssertionError, match="holds another result"):
        trace(copied / "out", copied / "runs")


def test_a_changed_record_is_found(copied):
    changed(copied / "runs" / "table" / "records.jsonl", '"force_mae": 0.0455', '"force_mae": 0.0355')
    with pytest.raises(AssertionError, match="does not match the id"):
        trace(copied / "out", copied / "runs")


def test_a_number_of_a_grid_whose_file_is_gone_is_found(copied):
    (copied / "runs" / "figure" / "speed.json").unlink()
    with pytest.raises(AssertionError, match=r"speed\.json is missing"):
        trace(copied / "out", copied / "runs")


@pytest.mark.parametrize(
    ("old", "new"),
    [(">0.799</span>", ">0.798</span>"), (">0.799 (0.795", ">0.789 (0.795"), (">47.3</span>", ">47.4</span>")],
)
def test_a_page_that_shows_another_number_is_found(copied, old, new):
    changed(copied / "out" / "index.html", old, new)
    with pytest.raises(AssertionError):
        trace(copied / "out", copied / "runs")


@pytest.mark.parametrize(
    "kept", [folder for folder in KEPT if (folder / "index.html").is_file()], ids=lambda kept: kept.name
)
def test_the_reports_of_the_repository_are_followed(kept, monkeypatch):
    monkeypatch.delenv("ALPHANET_BENCHMARKS")  # their cards are the shipped ones
    assert trace(kept, kept / "records")["cells"] > 0


@pytest.mark.skipif("ALPHANET_TRACE" not in os.environ, reason="set ALPHANET_TRACE to a folder of runs with a report")
def test_a_run_of_ones_own_is_followed():
    runs = Path(os.environ["ALPHANET_TRACE"])
    assert trace(runs / "report", runs)["cells"] > 0


def test_a_kept_reference_can_be_followed_alone(copied, monkeypatch):
    monkeypatch.syspath_prepend(resources("reports"))
    from keep_reference import keep

    keep(copied / "runs", copied / "out", copied / "reference")
    shutil.rmtree(copied / "runs")
    assert trace(copied / "reference", copied / "reference" / "records")["cells"] == 7
    assert (copied / "reference" / "records" / "table" / "runs" / "seed0" / "frames.npz").read_bytes() == b"\x00\xff"
    page = (copied / "reference" / "index.html").read_text()
    links = [link for link in re.findall(r'href="([^"#:]+)"', page) if "://" not in link]
    assert links and all((copied / "reference" / link).is_file() for link in links)
    assert not list((copied / "reference").rglob("*.png"))
