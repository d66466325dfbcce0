"""`--only`, `--models` and `--datasets`: which cells they leave."""

import pytest

from alphanet.errors import UserError
from alphanet.paper.benchmark import load_benchmark
from alphanet.paper.choosing import chosen_places

TABLE = load_benchmark("table1")
EVERYTHING = {(row, column) for row in ("mean", "NequIP", "AlphaNet") for column in ("formate", "graphene")}


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ((), EVERYTHING),
        (("alphanet",), {("AlphaNet", "formate"), ("AlphaNet", "graphene")}),
        (("formate",), {(row, "formate") for row in TABLE.rows}),
        (("nequip/graphene",), {("NequIP", "graphene")}),
        (("*p/form*", "mean/graphene"), {("NequIP", "formate"), ("mean", "graphene")}),
    ],
)
def test_only_names_rows_columns_and_cells(only, expected):
    assert chosen_places(TABLE, only) == expected


def test_several_options_hold_together():
    assert chosen_places(TABLE, ("formate",), ("alphanet",), ("formate",)) == {("AlphaNet", "formate")}
    assert chosen_places(TABLE, ("formate",), (), ("graphene",)) == set()
    assert chosen_places(TABLE, (), ("NequIP",), ("Formate",)) == {("NequIP", "formate")}


@pytest.mark.parametrize(
    ("pattern", "near"),
    [("alphanett", "AlphaNet"), ("AlphaNet/graphen", "graphene"), ("Nequi/graphene", "NequIP"), ("formte", "formate")],
)
def test_what_matches_nothing_gets_the_nearest(pattern, near):
    with pytest.raises(UserError, match=f"--only {pattern}: no row or column .* did you mean '{near}'"):
        chosen_places(TABLE, (pattern,))


def test_one_model_with_several_settings_is_chosen_by_model_or_by_run():
    ablation = load_benchmark("table8")
    assert {row for row, _ in chosen_places(ablation, models=("alphanet",))} == set(ablation.rows)
    assert {row for row, _ in chosen_places(ablation, models=("alphanet-no-rope",))} == {"without RoPE"}
