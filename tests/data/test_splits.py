"""Splits: disjoint, complete, of the promised sizes, and the same everywhere."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphanet.data.cards import Split
from alphanet.data.splits import DistinctFrames, chooser
from alphanet.errors import UserError


def sizes(split, frame, count, role="frames", source="a"):
    choose = chooser(split, role, source, lambda: count)
    return Counter(choose(index, frame) for index in range(count))


@pytest.fixture(name="one")
def _one(frame):
    return frame(0, split="valid", group="mp-1")


def test_a_frame_may_say_its_split(one, frame):
    choose = chooser(Split(method="info"), "frames", "a", lambda: 0)
    assert choose(0, one) == "valid"
    with pytest.raises(UserError, match="frame 3 says split='dev'"):
        choose(3, frame(0, split="dev"))


def test_uniform_has_exact_sizes(one):
    split = Split(method="uniform", total=6855, train=2500, valid=250)
    assert sizes(split, one, 6855) == {"train": 2500, "valid": 250, "test": 4105}
    with pytest.raises(UserError, match="has 6854 frames, the card's split is for 6855"):
        sizes(split, one, 6854)


@given(blocks=st.integers(1, 30), seed=st.integers(0, 5))
def test_ratio_is_exact_in_every_block(blocks, seed):
    split = Split(method="ratio", ratio=(6, 2, 2), seed=seed)
    found = sizes(split, None, 10 * blocks)
    assert found == {"train": 6 * blocks, "valid": 2 * blocks, "test": 2 * blocks}


def test_ratio_is_reproducible_and_depends_on_seed_and_source(one):
    def draw(seed, source):
        choose = chooser(Split(method="ratio", ratio=(6, 2, 2), seed=seed), "frames", source, lambda: 0)
        return [choose(index, one) for index in range(100)]

    # Written down once: must not change with Python, NumPy or machine.
    assert "".join(name[1] for name in draw(0, "abw"))[:20] == "errarrrareraerrrrrea"
    assert draw(0, "abw") != draw(1, "abw")
    assert draw(0, "abw") != draw(0, "bct")


def test_contiguous_keeps_the_order(one):
    split = Split(method="contiguous", ratio=(7, 1, 2))
    choose = chooser(split, "frames", "a", lambda: 20)
    names = [choose(index, one) for index in range(20)]
    assert names == ["train"] * 14 + ["valid"] * 2 + ["test"] * 4


def test_a_group_is_never_divided(frame):
    split = Split(method="group", ratio=(6, 2, 2))
    choose = chooser(split, "frames", "a", lambda: 0)
    for group in range(50):
        assert len({choose(index, frame(0, group=f"mp-{group}")) for index in range(5)}) == 1
    drawn = Counter(choose(0, frame(0, group=f"mp-{group}")) for group in range(2000))
    assert drawn["train"] == pytest.approx(1200, abs=100)


def test_files_with_a_role_go_there_whole(one):
    split = Split(method="files", valid_fraction=0.1)
    assert sizes(split, one, 100, "test") == {"test": 100}
    assert sizes(split, one, 100, "train") == {"train": 90, "valid": 10}
    assert sizes(Split(method="contiguous", ratio=(7, 1, 2)), one, 10, "train") == {"train": 10}
    with pytest.raises(UserError, match="no role"):
        sizes(split, one, 10, "frames")


def test_the_same_energy_is_the_same_frame(frame):
    distinct = DistinctFrames(1e-6)
    assert distinct.is_new(frame(0))
    near, far = frame(0), frame(0)
    near.calc.results["energy"] += 0.9e-6
    far.calc.results["energy"] += 5e-6
    assert not distinct.is_new(near)
    assert distinct.is_new(far)
    coincidence = frame(0)
    coincidence.calc.results["forces"] = coincidence.calc.results["forces"] * 1.5
    assert distinct.is_new(coincidence)


@pytest.mark.parametrize("values", [{"method": "ratio"}, {"method": "uniform", "total": 3}])
def test_an_incomplete_rule_is_refused(values):
    with pytest.raises(ValueError, match="needs"):
        Split(**values)
