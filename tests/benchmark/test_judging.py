"""Verdicts: what may be compared, by the written rule, and nothing else."""

from decimal import Decimal

import pytest

from alphanet.paper.all_cards import any_card
from alphanet.paper.benchmark import Contradiction, Table, benchmark_names, load_benchmark
from alphanet.paper.cells import build_cells, judge, judge_inconsistent, last_digit
from alphanet.results import Record

KEYS = {
    "table", "row", "column", "metric", "unit", "paper", "measured", "spread", "scale", "comparable", "reason",
    "verdict", "inconsistent", "records",
}  # fmt: skip


def record(energy_mae: float, force_mae: float, seed: int = 0) -> Record:
    return Record({"energy_mae": energy_mae, "force_mae": force_mae}, {}, {}, {"seed": seed}, {})


def cell_of(cells, row="AlphaNet", column="formate", metric="force_mae"):
    (found,) = [cell for cell in cells if (cell.row, cell.column, cell.metric) == (row, column, metric)]
    return found


def cells(scale, records, **options):
    return build_cells(load_benchmark("table1"), scale, records, missing=options.pop("missing", {}), **options)


def test_every_cell_of_the_table_is_there_with_its_keys():
    found = cells("mini", {})
    assert len(found) == 12
    assert all(set(cell.as_dict()) == KEYS for cell in found)


@pytest.mark.parametrize("scale", ["mini", "slice"])
def test_miniatures_and_slices_never_reproduce(scale):
    exact = cell_of(cells(scale, {("AlphaNet", "formate"): [record(0.00023, 0.0455)]}))
    assert exact.measured == pytest.approx(45.5) and exact.paper == 45.5 and exact.unit == "meV/Å"
    assert not exact.comparable
    assert exact.verdict.startswith("not comparable: ") and exact.reason in exact.verdict


def test_full_by_the_protocol_is_judged():
    records = [record(0.00023, 0.0455, 0), record(0.00025, 0.0459, 1)]
    found = cell_of(cells("full", {("AlphaNet", "formate"): records}))
    assert found.comparable and found.reason == "" and found.verdict == "reproduced"
    assert found.measured == pytest.approx(45.7) and found.spread == pytest.approx(0.2 * 2**0.5)
    assert found.records == tuple(r.id for r in records)


def test_full_with_other_options_is_not_comparable():
    records = {("AlphaNet", "formate"): [record(0.00023, 0.0455)]}
    found = cell_of(cells("full", records, deviations=["--epochs 2"]))
    assert not found.comparable and "--epochs 2" in found.verdict


def test_a_cell_without_records_says_what_it_needs():
    found = cell_of(cells("slice", {}, missing={("AlphaNet", "formate"): "needs a network"}))
    assert found.measured is None and found.verdict == "not run: needs a network" and found.records == ()
    assert not found.comparable


def test_a_row_that_the_paper_lacks_is_not_compared():
    found = cell_of(cells("full", {("mean", "formate"): [record(0.1, 1.0)]}), row="mean")
    assert found.paper is None and not found.comparable and found.verdict == "not in the paper"


@pytest.mark.parametrize(
    ("measured", "spread", "verdict"),
    [
        (0.235, 0.0, "reproduced"),  # half a unit of the last digit
        (0.2351, 0.0, "worse"),
        (0.2249, 0.0, "better"),
        (0.25, 0.0075, "reproduced"),  # 0.005 + 2 * 0.0075
        (0.2501, 0.0075, "worse"),
        (0.3, None, "worse (one seed)"),
        (0.23, None, "reproduced (one seed)"),
    ],
)
def test_the_rule(measured, spread, verdict):
    assert judge(Decimal("0.23"), measured, spread, "lower") == verdict


def test_where_higher_is_better():
    assert judge(Decimal("0.799"), 0.9, 0.0, "higher") == "better"


@pytest.mark.parametrize(("printed", "unit"), [("0.50", 0.01), ("47.3", 0.1), ("71", 1.0), ("1E+1", 10.0)])
def test_the_last_printed_digit(printed, unit):
    assert last_digit(Decimal(printed)) == pytest.approx(unit)


TEXT = Contradiction(where="the text", says=Decimal("0.039"))
BOLD = Contradiction(where="the bold type")


@pytest.mark.parametrize(
    ("measured", "spread", "ending"),
    [
        (0.0411, 0.0, "agrees with 0.041 (the table)"),
        (0.0386, 0.0, "agrees with 0.039 (the text)"),
        (0.045, 0.0, "agrees with neither"),
        (0.04, 0.001, "agrees with 0.041 (the table) and 0.039 (the text)"),
    ],
)
def test_a_number_that_the_paper_contradicts_cannot_be_reproduced(measured, spread, ending):
    verdict = judge_inconsistent(Decimal("0.041"), (TEXT,), measured, spread, "lower")
    assert verdict == f"paper inconsistent: the table has 0.041, the text has 0.039; measured {ending}"


def test_a_contradiction_without_a_number_of_its_own():
    verdict = judge_inconsistent(Decimal("59"), (BOLD,), 80.0, None, "lower")
    assert verdict == (
        "paper inconsistent (one seed): the table has 59, the bold type excludes it; measured agrees with neither"
    )


def table4(scale_comparable, mae):
    card = any_card("table4")
    records = {("AlphaNet", "wbm"): [Record({"f1": 0.799, "mae": mae}, {}, {}, {}, {})]}
    deviations = () if scale_comparable else ("another machine",)
    return build_cells(card, "full", records, missing={}, deviations=deviations)


def test_only_comparable_cells_are_judged_inconsistent_and_the_others_are_marked():
    comparable = cell_of(table4(True, 0.039), column="wbm", metric="mae")
    assert comparable.comparable and comparable.inconsistent
    assert comparable.verdict.endswith("measured agrees with 0.039 (the text of section 2.1)")
    assert cell_of(table4(True, 0.039), column="wbm", metric="f1").verdict == "reproduced (one seed)"
    other = cell_of(table4(False, 0.039), column="wbm", metric="mae")
    assert other.verdict.startswith("not comparable: ") and other.inconsistent
    absent = cell_of(table4(True, 0.039), column="wbm", metric="r2")
    assert absent.verdict.startswith("not run: ") and absent.inconsistent
    assert not cell_of(table4(True, 0.039), column="wbm", metric="f1").inconsistent


def test_contradictions_touch_cells_that_the_paper_prints():
    for name in benchmark_names():
        card = any_card(name)
        for erratum in card.errata if isinstance(card, Table) else ():
            if erratum.contradicts:
                touched = [v for v in card.paper if erratum.touches(v.row, v.column, v.metric)]
                assert touched and all(v.printed != erratum.contradicts.says for v in touched), erratum.text
