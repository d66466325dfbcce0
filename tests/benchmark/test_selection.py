"""`only`: the cells that it leaves."""

import pytest

from alphanet.benchmark.loading import load_benchmark
from alphanet.benchmark.selection import selected_places
from alphanet.errors import UserError

ROWS, COLUMNS = ("mean", "Peer", "AlphaNet"), ("formate", "graphene")


@pytest.fixture
def table(cards):
    return load_benchmark("table")


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ((), {(row, column) for row in ROWS for column in COLUMNS}),
        (("alphanet",), {("AlphaNet", "formate"), ("AlphaNet", "graphene")}),
        (("formate",), {(row, "formate") for row in ROWS}),
        (("peer/graphene",), {("Peer", "graphene")}),
        (("*r/form*", "mean/graphene"), {("Peer", "formate"), ("mean", "graphene")}),
    ],
)
def test_only_names_rows_columns_and_cells(table, only, expected):
    assert selected_places(table, only) == expected


@pytest.mark.parametrize(
    ("pattern", "near"),
    [("alphanett", "AlphaNet"), ("AlphaNet/graphen", "graphene"), ("Peeer/graphene", "Peer"), ("formte", "formate")],
)
def test_a_pattern_that_fits_nothing_gets_the_nearest(table, pattern, near):
    with pytest.raises(UserError, match=f"only '{pattern}': no row or column .* did you mean '{near}'"):
        selected_places(table, (pattern,))


def test_one_model_with_several_settings_is_selected_by_model_or_by_row(cards):
    ablation = load_benchmark("ablation")
    assert {row for row, _ in selected_places(ablation, ("alphanet",))} == set(ablation.rows)
    assert {row for row, _ in selected_places(ablation, ("without rope",))} == {"without RoPE"}


def test_figures_without_columns_have_one_place_a_row():
    assert {column for _, column in selected_places(load_benchmark("fig3a"), ())} == {""}
