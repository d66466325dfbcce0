"""Verdicts: what may be compared, by the written rule, and nothing else."""

from decimal import Decimal

import pytest

from alphanet.paper.benchmark import load_benchmark
from alphanet.paper.cells import build_cells, judge, last_digit
from alphanet.results import Record

KEYS = {
    "table", "row", "column", "metric", "unit", "paper", "measured", "spread", "scale", "comparable", "reason",
    "verdict", "records",
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
