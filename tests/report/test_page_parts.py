"""Parts of the page: figures by what results say, claims about the suite apart, what stands behind an effect."""

import json

import pytest
from report_runs import claim, figure, table

from alphanet.report.page.claims import LEVELS, SUITE, shown_claims
from alphanet.report.page.collect import collect
from alphanet.report.page.view import groups_of, make_view
from alphanet.report.page.write import render


def with_values(folder, **values):
    """The run `figure` in `folder`, with other values in its result; returns what is collected."""
    path = figure(folder / "figure") / "results.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    return collect([folder])


@pytest.mark.parametrize(("form", "part"), [("table", "Tables"), ("figure", "Figures")])
def test_a_run_is_a_figure_if_its_result_says_so(tmp_path, form, part):
    collected = with_values(tmp_path, form=form)
    views = [make_view(run, collected.folders[run.id], single_file=False) for run in collected.report.runs]
    assert list(groups_of(views)) == [part]


@pytest.mark.parametrize(("name", "form"), [("fig2", "figure"), ("table1", "table")])
def test_a_run_that_was_begun_is_what_its_card_says(tmp_path, name, form):
    (tmp_path / name).mkdir()
    (tmp_path / name / "records.jsonl").write_text("{}\n")
    (run,) = collect([tmp_path]).report.runs
    assert run.state == "unfinished" and run.form == form


def test_only_a_table_of_the_paper_has_the_papers_numbers_above_those_measured(tmp_path):
    path = table(tmp_path / "table") / "results.json"
    values = json.loads(path.read_text())
    above = '<span class="paper"'
    page = render(collect([tmp_path]))
    assert "Upper: the paper" in page and above in page
    cells = [cell | {"printed": None, "paper": None, "outcome": "not in the paper"} for cell in values["cells"]]
    path.write_text(json.dumps(values | {"cells": cells}))
    page = render(collect([tmp_path]))
    assert "Upper: the paper" not in page and above not in page and "Measured here." in page


def test_claims_about_the_suite_come_last_and_do_not_count_as_the_papers(tmp_path):
    claims = [
        claim("harness", "It measures right", "supported", about="suite", importance=1),
        claim("small", "It is small", "contradicted", importance=3),
    ]
    collected = with_values(tmp_path, claims=[one.model_dump(mode="json") for one in claims])
    assert collected.report.summary.claims["mini"] == {
        "supported": 0,
        "contradicted": 1,
        "undecided": 0,
        "not tested": 0,
    }
    assert [shown.claim.id for shown in shown_claims(collected.report.runs)] == ["small", "harness"]
    page = render(collected)
    assert (
        page.index(LEVELS[3]) < page.index("It is small") < page.index(LEVELS[SUITE]) < page.index("It measures right")
    )


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"seeds": 3, "frames": 200}, "3 seeds, 200 test frames"),
        ({"seeds": 2, "repeats": "pass", "needs": "about 5 passes"}, "2 passes; needs about 5 passes"),
        ({"seeds": 1, "repeats": "pass"}, "one pass"),
        ({"frames": 30000, "repeats": "none"}, "30000 test frames"),
        ({"effect": None}, "fewer batches"),
    ],
)
def test_a_claim_says_what_stands_behind_its_effect(tmp_path, values, reason):
    one = claim("small", "It is small", "supported", **({"effect": 0.3, "threshold": 0.4} | values))
    (shown,) = shown_claims(with_values(tmp_path, claims=[one.model_dump(mode="json")]).report.runs)
    assert shown.reason == reason
