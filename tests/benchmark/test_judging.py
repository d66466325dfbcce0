"""Verdicts: cells that may be compared are judged by the written rule, and nothing else is."""

from decimal import Decimal

import pytest

from alphanet.benchmark.card import Contradiction
from alphanet.benchmark.findings import Findings
from alphanet.benchmark.judging import build_cells, judge, judged_claim, last_digit, tolerance
from alphanet.benchmark.loading import load_benchmark
from alphanet.results.records import Record

KEYS = {
    "table", "row", "column", "metric", "unit", "paper", "measured", "spread", "scale", "comparable", "reason",
    "verdict", "records",
}  # fmt: skip
"""Keys that scripts rely on since the first release."""


def record(energy_mae: float, force_mae: float, seed: int = 0) -> Record:
    metrics = {"energy_mae": energy_mae, "force_mae": force_mae}
    return Record(metrics=metrics, data={}, model={}, protocol={"seed": seed}, environment={})


def cell_of(cells, row="AlphaNet", column="formate", metric="force_mae"):
    (cell,) = [cell for cell in cells if (cell.row, cell.column, cell.metric) == (row, column, metric)]
    return cell


@pytest.fixture
def cells(cards):
    def build(scale, records, missing=None, deviations=()):
        return build_cells(load_benchmark("table"), scale, Findings(records=records, missing=missing or {}), deviations)

    return build


def test_every_cell_of_the_table_is_there_with_its_keys(cells):
    built = cells("mini", {})
    assert len(built) == 12
    assert all(set(cell.model_dump()) >= KEYS for cell in built)


@pytest.mark.parametrize("scale", ["mini", "slice"])
def test_miniatures_and_slices_never_reproduce(cells, scale):
    exact = cell_of(cells(scale, {("AlphaNet", "formate"): [record(0.00023, 0.0455)]}))
    assert exact.measured == pytest.approx(45.5) and exact.paper == 45.5 and exact.unit == "meV/Å"
    assert not exact.comparable
    assert exact.verdict.startswith("not comparable: ") and exact.reason in exact.verdict


def test_full_by_the_protocol_is_judged(cells):
    records = [record(0.00023, 0.0455, 0), record(0.00025, 0.0459, 1)]
    found = cell_of(cells("full", {("AlphaNet", "formate"): records}))
    assert found.comparable and found.reason == "" and found.verdict == "reproduced"
    assert found.measured == pytest.approx(45.7) and found.spread == pytest.approx(0.2 * 2**0.5)
    assert found.records == tuple(r.id for r in records)


def test_full_with_other_options_is_not_comparable(cells):
    records = {("AlphaNet", "formate"): [record(0.00023, 0.0455)]}
    found = cell_of(cells("full", records, deviations=["2 epochs"]))
    assert not found.comparable and "2 epochs" in found.verdict


def test_a_cell_without_records_says_what_it_needs(cells):
    found = cell_of(cells("slice", {}, missing={("AlphaNet", "formate"): "needs a network"}))
    assert found.measured is None and found.verdict == "not run: needs a network" and found.records == ()
    assert not found.comparable


def test_a_row_that_the_paper_lacks_is_not_compared(cells):
    found = cell_of(cells("full", {("mean", "formate"): [record(0.1, 1.0)]}), row="mean")
    assert found.paper is None and not found.comparable and found.verdict == "not in the paper"


@pytest.mark.parametrize(
    ("measured", "spread", "outcome"),
    [
        (0.235, 0.0, "reproduced"),  # half a unit of the last digit
        (0.2351, 0.0, "worse"),
        (0.2249, 0.0, "better"),
        (0.25, 0.0075, "reproduced"),  # 0.005 + 2 * 0.0075
        (0.2501, 0.0075, "worse"),
        (0.3, None, "worse"),
        (0.23, None, "reproduced"),
    ],
)
def test_the_rule(measured, spread, outcome):
    assert judge(Decimal("0.23"), measured, spread, "lower") == outcome


@pytest.mark.parametrize(("force", "verdict"), [(0.0455, "reproduced (one seed)"), (0.06, "worse (one seed)")])
def test_a_verdict_says_that_there_is_one_seed(cells, force, verdict):
    cell = cell_of(cells("full", {("AlphaNet", "formate"): [record(0.00023, force)]}))
    assert cell.verdict == verdict and cell.outcome == verdict.removesuffix(" (one seed)")


def test_a_cell_holds_ratio_tolerance_and_errata(cells):
    records = {("AlphaNet", "formate"): [record(0.00023, 0.091)], ("AlphaNet", "graphene"): [record(0.0017, 0.033)]}
    cell = cell_of(cells("full", records))
    assert cell.ratio == pytest.approx(2) and cell.margin == pytest.approx(0.05) and cell.errata == ()
    assert cell_of(cells("full", records), column="graphene").errata == ("The text has another value.",)
    assert cell_of(cells("mini", records)).margin is None
    assert tolerance(Decimal("45.5"), 0.2) == pytest.approx(0.45)


def test_where_higher_is_better():
    assert judge(Decimal("0.799"), 0.9, 0.0, "higher") == "better"


@pytest.mark.parametrize(("printed", "unit"), [("0.50", 0.01), ("47.3", 0.1), ("71", 1.0), ("1E+1", 10.0)])
def test_the_last_printed_digit(printed, unit):
    assert last_digit(Decimal(printed)) == pytest.approx(unit)


@pytest.mark.parametrize(
    ("measured", "ending"),
    [
        ((0.0320,), "agrees with 32.0 (the table)"),
        ((0.0330,), "agrees with 33.0 (the text)"),
        ((0.0450,), "agrees with neither"),
        ((0.0320, 0.0330), "agrees with 32.0 (the table) and 33.0 (the text)"),
    ],
)
def test_a_number_that_the_paper_contradicts_cannot_be_reproduced(cells, measured, ending):
    records = [record(0.0017, force, seed) for seed, force in enumerate(measured)]
    cell = cell_of(cells("full", {("AlphaNet", "graphene"): records}), column="graphene")
    seeds = " (one seed)" if len(measured) == 1 else ""
    assert cell.verdict == f"paper inconsistent{seeds}: the table has 32.0, the text has 33.0; measured {ending}"
    assert cell.outcome == "paper inconsistent"


def test_a_contradiction_without_a_number_of_its_own(cards):
    card = load_benchmark("table")
    bold = card.errata[0].model_copy(update={"contradicts": Contradiction(where="the bold type")})
    card = card.model_copy(update={"errata": (bold,)})
    findings = Findings(records={("AlphaNet", "graphene"): [record(0.0017, 0.08)]})
    cell = cell_of(build_cells(card, "full", findings), column="graphene")
    assert cell.verdict == (
        "paper inconsistent (one seed): the table has 32.0, the bold type excludes it; measured agrees with neither"
    )


def test_only_comparable_cells_are_judged_inconsistent_and_the_others_are_marked(cells):
    records = {("AlphaNet", "graphene"): [record(0.0017, 0.033)]}
    comparable = cell_of(cells("full", records), column="graphene")
    assert comparable.comparable and comparable.inconsistent
    assert cell_of(cells("full", records), column="graphene", metric="energy_mae").verdict == "reproduced (one seed)"
    other = cell_of(cells("full", records, deviations=("another machine",)), column="graphene")
    assert other.verdict.startswith("not comparable: ") and other.inconsistent
    absent = cell_of(cells("full", {}), column="graphene")
    assert absent.verdict.startswith("not run: ") and absent.inconsistent
    assert not cell_of(cells("full", records), column="graphene", metric="energy_mae").inconsistent


def test_settings_and_counts_have_no_seeds(cards):
    card = load_benchmark("table")
    metrics = {"force_mae": card.metrics["force_mae"].model_copy(update={"better": "equal"})}
    card = card.model_copy(update={"metrics": metrics})
    findings = Findings(records={("AlphaNet", "formate"): [record(0, 0.0455)], ("Peer", "formate"): [record(0, 0.01)]})
    built = build_cells(card, "full", findings)
    assert cell_of(built).verdict == "agrees" and cell_of(built, row="Peer").verdict == "differs"


def test_a_claim_says_why_it_is_not_comparable():
    claim = judged_claim("fastest", "fastest", "supported", "a miniature", effect=1.0, threshold=2.0)
    assert claim.outcome == "supported" and claim.verdict == "supported (a miniature)"
