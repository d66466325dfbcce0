"""Numbers that others published: each with its address, none judged; the leaderboard's rows that are computed again."""

import pytest

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds.elsewhere import ElsewhereCard
from alphanet.benchmark.loading import card_path, load_benchmark
from alphanet.benchmark.runner import run_benchmark
from alphanet.cards import read_yaml, validate
from alphanet.errors import UserError
from alphanet.measure.discovery.metrics import UNIQUE_PREVALENCE
from alphanet.results.schema import Number

SOURCE = "https://github.com/janosh/matbench-discovery/blob/"


def test_every_number_has_its_address_and_none_is_judged(tmp_path):
    result = run_benchmark(load_benchmark("elsewhere"), RunOptions(out=tmp_path, scale="full"))
    (grid,) = result.grids
    assert result.cells == () and result.claims == () and result.failures == ()
    assert len(grid.rows) == 35 and len(result.records) == 35
    for row in grid.rows:
        numbers = [item for item in row if isinstance(item, Number)]
        assert numbers and all(float(number.text) == number.value for number in numbers)
        assert all(result.origins[number.origin]["address"].startswith(SOURCE) for number in numbers)


def test_the_weak_spots_of_the_released_model_are_told(tmp_path):
    result = run_benchmark(load_benchmark("elsewhere"), RunOptions(out=tmp_path, scale="full"))
    for told in (
        "AlphaNet-v1-OAM is number 11 of 34 in MD time: 33750.92 s",
        "AlphaNet-v1-OAM is number 31 of 34 in MD force RMSE: 142.3046 meV/Å",
        "AlphaNet-v1-OAM is number 28 of 35 in κ_SRME: 0.6435",
    ):
        assert told in result.notes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ranked": "AlphaNet-v1-OMA"}, "ranked: no row 'AlphaNet-v1-OMA'; did you mean 'AlphaNet-v1-OAM'"),
        ({"metrics": {"f1": {"title": "F1", "unit": ""}}}, "no metric 'md_time'"),
    ],
)
def test_a_wrong_card_is_one_line(change, message):
    with pytest.raises(UserError, match=message):
        validate(read_yaml(card_path("elsewhere")) | change, ElsewhereCard, "card")


def test_the_leaderboards_rows_name_published_files_and_their_numbers_agree():
    card = load_benchmark("leaderboard")
    assert len(card.rows) >= 20 and set(card.paper) == set(card.rows)
    for name, row in card.rows.items():
        assert row.source.url.startswith("https://figshare.com/files/") and row.source.md5 and row.source.size
        numbers = {metric: float(value) for metric, value in card.paper[name]["wbm"].items()}
        assert numbers["daf"] * UNIQUE_PREVALENCE == pytest.approx(numbers["precision"], abs=1e-3), name
    (contradiction,) = card.contradictions("AlphaNet-v1-OAM", "wbm", "f1")
    assert str(contradiction.other_value) == "0.909" and "README" in contradiction.where
