"""Tables and figures of speed: cards, cells with their reasons, claims, and what is written."""

import json

import pytest
from timed_potential import contestants
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.measure.speed import sweep as sweep_module
from alphanet.paper import efficiency as module
from alphanet.paper.benchmark import read_benchmark
from alphanet.paper.claims import claim_lines, fastest_claim
from alphanet.paper.efficiency import Options, measure_table
from alphanet.paper.speed_cards import SpeedFigure, SpeedTable, deviations
from alphanet.potentials.cards import load_baseline

KNOWN = {"alphanet", "alphanet-v1"}


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """Potentials of known behaviour in the place of the cards' own; by default all are quick."""
    kinds: dict[str, dict] = {}
    make = contestants(tmp_path, kinds)

    def contestant(name, setting):
        kind = kinds.setdefault(name, {})
        if kind.get("absent"):
            raise UserError(f"{name} cannot be had")
        return make(name, setting)

    for place in (module, sweep_module):
        monkeypatch.setattr(place, "contestant", contestant)
    monkeypatch.setattr(module, "make_environments", lambda _names, _report: None)
    return kinds


def test_cards_name_models_and_presets_that_exist():
    cards = [read_benchmark("table5", SpeedTable), *(read_benchmark(n, SpeedFigure) for n in ("fig3a", "fig3b"))]
    for card in cards:
        for row in card.rows.values():
            name, _, preset = row.model.partition("@")
            if name not in KNOWN:
                assert preset in load_baseline(name).presets, row.model


def test_printed_numbers_are_the_paper_s(shared):
    import yaml

    printed = yaml.safe_load((shared / "paper" / "tables.yaml").read_text())
    table5 = read_benchmark("table5", SpeedTable)
    for value in table5.paper:
        assert float(value.printed) == printed["table5"][value.row][value.metric]
    assert len(table5.paper) == 28
    for title, row in read_benchmark("fig3b", SpeedFigure).rows.items():
        assert float(row.f1) == printed["table4"][title]["f1"]
        assert row.parameters == printed["table4"][title]["parameters"]


def test_a_table_says_why_each_cell_is_missing_or_not_comparable(stand_ins, tmp_path):
    card = read_benchmark("table5", SpeedTable)
    stand_ins["escn@oc20"] = {"absent": True}
    stand_ins["escaip@oc20-small"] = {"split": False}
    stand_ins["gemnet-oc@oc20"] = {"memory_for": 10}
    options = Options(scale="mini", folder=tmp_path / "table5", minutes=2)
    outcome = measure_table(card, options, lambda _line: None)
    cells = {(cell.row, cell.metric): cell for cell in outcome.cells}
    assert len(cells) == 28
    assert cells["SchNet", "inference_speed"].measured > 0
    assert cells["SchNet", "training_memory"].verdict.startswith("not comparable: an OC20-like slab")
    assert cells["eSCN", "training_speed"].verdict == "not run: escn@oc20 cannot be had"
    assert cells["EScAIP", "inference_speed"].measured > 0
    assert "loop of its own" in cells["EScAIP", "training_speed"].verdict
    assert "unable to allocate" in cells["GemNet-OC", "inference_memory"].verdict
    assert outcome.failures == ["eSCN: escn@oc20 cannot be had"]
    again = measure_table(card, options, lambda _line: None)
    assert [cell.records for cell in again.cells] == [cell.records for cell in outcome.cells]  # nothing is new


def test_the_full_table_departs_from_the_paper_unless_machine_and_structures_are_its(tmp_path):
    protocol = read_benchmark("table5", SpeedTable).scale("full")
    assert deviations(protocol, "frames.extxyz", {"gpus": ["NVIDIA A100-SXM4-40GB"], "cpu": "x"}) == []
    assert deviations(protocol, None, {"gpus": [], "cpu": "x"}) == [
        "on x, not on an A100",
        "without OC20's own structures (--structures FILE)",
    ]


def test_a_claim_without_numbers_is_judged_by_the_curves():
    card = read_benchmark("fig3a", SpeedFigure)
    points = [
        {"model": card.rows[row].model, "n_atoms": size, "step_ms": None if ms is None else {"median": ms}}
        for row, times in {"AlphaNet": (1.0, 3.0), "SchNet": (2.0, 2.0), "MACE": (3.0, None)}.items()
        for size, ms in zip((24, 48), times, strict=True)
    ]
    found = fastest_claim(card, {"points": points}, "a reason")
    assert found["verdict"] == "does not hold (a reason)"
    assert found["ahead"] == {24: [], 48: ["SchNet"]}
    assert claim_lines(found)[-1] == "  48 atoms: ahead of it SchNet"
    assert fastest_claim(card, {"points": points[::2]}, "")["verdict"] == "holds"
    assert fastest_claim(card, {"points": points[:2]}, "")["verdict"] == "not measured"


def test_figures_run_from_one_command(stand_ins, tmp_path):
    stand_ins["schnet@fig3a"] = {"slowness": 0.1}
    stand_ins["chgnet@mptrj"] = {"absent": True}
    f1 = {"metric": "f1", "measured": 0.5}
    cells = [f1 | {"row": "CHGNet", "comparable": True}, f1 | {"row": "MACE-MP-0", "comparable": False}]
    (tmp_path / "table4").mkdir()
    (tmp_path / "table4" / "results.json").write_text(json.dumps({"cells": cells}))
    command = ["repro", "fig3a", "fig3b", "--out", str(tmp_path), "--budget", "0.1"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0
    assert "claimed: AlphaNet is the fastest at every size" in result.stdout
    assert "chgnet@mptrj cannot be had" in result.stdout
    claims = json.loads((tmp_path / "fig3a" / "results.json").read_text())["claims"]
    assert claims[0]["verdict"].startswith("does not hold")
    for name in ("fig3a", "fig3b"):
        for ending in ("png", "svg", "pdf", "csv"):
            assert (tmp_path / name / f"{name}.{ending}").stat().st_size > 100
    rows = json.loads((tmp_path / "fig3b" / "results.json").read_text())["rows"]
    assert [row["status"] for row in rows if row["row"] == "CHGNet"] == ["missing"]
    assert all(row["energies_per_s"] > 0 for row in rows if row["status"] == "ok")
    assert {row["row"]: (row["f1"], row["f1_is"]) for row in rows}["CHGNet"] == (0.5, "computed")
    assert {row["row"]: (row["f1"], row["f1_is"]) for row in rows}["MACE-MP-0"] == (0.669, "published")


def test_names_are_all_read_before_the_first_runs(stand_ins, tmp_path):
    result = CliRunner().invoke(app, ["repro", "fig3a", "table5", "--wrong"])
    assert result.exit_code == 2
    with pytest.raises(UserError, match="no row 'SchNett'"):
        CliRunner().invoke(
            app, ["repro", "fig3a", "--models", "SchNett", "--out", str(tmp_path)], catch_exceptions=False
        )
    assert not list(tmp_path.glob("fig3a/*"))
