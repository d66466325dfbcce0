"""Verdicts: cells that may be compared are judged by the written rule, and nothing else is."""

from decimal import Decimal

import pytest

from alphanet.benchmark.card import Contradiction, Metric
from alphanet.benchmark.findings import Findings
from alphanet.benchmark.judging import build_cells, judge, last_digit, margin_of, rounds_to
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
    records = [record(0.00023, 0.0456, 0), record(0.00025, 0.0458, 1)]
    found = cell_of(cells("full", {("AlphaNet", "formate"): records}))
    assert found.comparable and found.reason == "" and found.verdict == "reproduced"
    assert found.measured == pytest.approx(45.7) and found.spread == pytest.approx(0.1 * 2**0.5)
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


LOWER = Metric(title="MAE", unit="meV")


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        ((45.5, 45.5, 45.6), "reproduced"),
        ((46.9, 47.0, 47.1), "reproduced"),  # off by 3 %, which is within the margin
        ((52.0, 52.2, 52.1), "worse"),
        ((40.0, 40.2, 40.1), "better"),
        ((45.5, 60.0, 52.0), "inconclusive"),  # a noisy training earns nothing
        ((45.5, 48.0), "inconclusive"),  # two seeds that differ by 5 % span half the value
        ((45.5,), "inconclusive"),
        ((90.0,), "inconclusive"),
    ],
)
def test_the_rule(values, outcome):
    assert judge(Decimal("45.5"), values, LOWER) == outcome


@pytest.mark.parametrize(
    ("measured", "outcome"), [(0.235, "reproduced"), (0.2351, "worse"), (0.2249, "better"), (0.23, "reproduced")]
)
def test_a_deterministic_number_rounds_to_the_printed_digits(measured, outcome):
    assert judge(Decimal("0.23"), [measured], LOWER.model_copy(update={"deterministic": True})) == outcome


def test_a_margin_of_the_card_counts():
    assert judge(Decimal("45.5"), (47.0, 47.1, 46.9), LOWER.model_copy(update={"margin": 0.01})) == "worse"


@pytest.mark.parametrize("force", [0.0455, 0.06])
def test_one_seed_decides_nothing_and_says_so(cells, force):
    cell = cell_of(cells("full", {("AlphaNet", "formate"): [record(0.00023, force)]}))
    assert cell.verdict == "inconclusive (one seed)" and cell.outcome == "inconclusive"
    assert cell.ratio == pytest.approx(force / 0.0455) and cell.prediction is None


def test_a_cell_holds_ratio_margin_and_errata(cells):
    records = {("AlphaNet", "formate"): [record(0.00023, 0.091)], ("AlphaNet", "graphene"): [record(0.0017, 0.033)]}
    cell = cell_of(cells("full", records))
    assert cell.ratio == pytest.approx(2) and cell.margin == pytest.approx(4.55) and cell.errata == ()
    assert cell_of(cells("full", records), column="graphene").errata == ("The text has another value.",)
    assert cell_of(cells("mini", records)).margin is None
    assert margin_of(Decimal("2"), LOWER) == 0.5 and rounds_to(Decimal("2"), 2.4999)


@pytest.mark.parametrize("of_run", [False, True])
def test_a_row_or_a_run_that_differs_from_the_paper_is_never_judged(cards, of_run):
    card = load_benchmark("table")
    said = {"comparable": False, "reason": "trained from random weights", "follows": "fcu.yaml of its authors"}
    if of_run:
        full = card.scales["full"]
        run = full.runs["alphanet"]["*"].model_copy(update=said)
        scales = card.scales | {"full": full.model_copy(update={"runs": full.runs | {"alphanet": {"*": run}}})}
        card = card.model_copy(update={"scales": scales})
    else:
        card = card.model_copy(update={"rows": card.rows | {"AlphaNet": card.rows["AlphaNet"].model_copy(update=said)}})
    records = [record(0.00023, 0.0455, seed) for seed in range(3)]
    built = build_cells(
        card, "full", Findings(records=dict.fromkeys([("AlphaNet", "formate"), ("Peer", "formate")], records))
    )
    cell = cell_of(built)
    assert cell.verdict == "not comparable: trained from random weights" and cell.follows == "fcu.yaml of its authors"
    assert cell_of(built, row="Peer").comparable


def test_where_higher_is_better():
    assert judge(Decimal("0.799"), (0.9, 0.901, 0.899), LOWER.model_copy(update={"better": "higher"})) == "better"


@pytest.mark.parametrize(("printed", "unit"), [("0.50", 0.01), ("47.3", 0.1), ("71", 1.0), ("1E+1", 10.0)])
def test_the_last_printed_digit(printed, unit):
    assert last_digit(Decimal(printed)) == pytest.approx(unit)


@pytest.mark.parametrize(
    ("measured", "ending"),
    [
        ((0.0320, 0.03201), "measured agrees with 32.0 (the table)"),
        ((0.0330, 0.03301), "measured agrees with 33.0 (the text)"),
        ((0.0450, 0.04501), "measured agrees with neither"),
        ((0.0320, 0.0330), "measured agrees with 32.0 (the table) and 33.0 (the text)"),
        ((0.0320,), "one seed does not tell which"),
    ],
)
def test_a_number_that_the_paper_contradicts_cannot_be_reproduced(cells, measured, ending):
    records = [record(0.0017, force, seed) for seed, force in enumerate(measured)]
    cell = cell_of(cells("full", {("AlphaNet", "graphene"): records}), column="graphene")
    seeds = " (one seed)" if len(measured) == 1 else ""
    assert cell.verdict == f"paper inconsistent{seeds}: the table has 32.0, the text has 33.0; {ending}"
    assert cell.outcome == "paper inconsistent"


def test_a_contradiction_without_a_number_of_its_own(cards):
    card = load_benchmark("table")
    bold = card.errata[0].model_copy(update={"contradicts": Contradiction(where="the bold type")})
    card = card.model_copy(update={"errata": (bold,)})
    findings = Findings(records={("AlphaNet", "graphene"): [record(0.0017, 0.08), record(0.0017, 0.0801, 1)]})
    cell = cell_of(build_cells(card, "full", findings), column="graphene")
    assert cell.verdict == (
        "paper inconsistent: the table has 32.0, the bold type excludes it; measured agrees with neither"
    )


def test_only_comparable_cells_are_judged_inconsistent_and_the_others_are_marked(cells):
    records = {("AlphaNet", "graphene"): [record(0.0017, 0.033)]}
    comparable = cell_of(cells("full", records), column="graphene")
    assert comparable.comparable and comparable.inconsistent
    assert cell_of(cells("full", records), column="graphene", metric="energy_mae").verdict == "inconclusive (one seed)"
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
