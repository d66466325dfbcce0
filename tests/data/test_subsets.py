"""Fewer training frames: nested, by seed, made once, and never more than there are."""

import pytest

from alphanet.data.prepare import prepare
from alphanet.data.store import FrameStore
from alphanet.data.subsets import evenly_spaced, matching_subset, training_subset, validation_subset
from alphanet.errors import UserError
from alphanet.paths import resources

pytestmark = pytest.mark.skipif(
    not (resources("datasets") / "mini" / "zeolite.extxyz.xz").exists(), reason="the miniatures are not made yet"
)


@pytest.fixture(scope="module")
def data():
    return prepare("zeolite", "mini")


def frames_of(data, count, seed, folder):
    return {atoms.positions.tobytes() for atoms in FrameStore(training_subset(data, count, seed, folder).train)}


def test_fewer_frames_are_a_part_of_more_and_another_seed_draws_others(data, tmp_path):
    few, more, other = (frames_of(data, *asked, tmp_path) for asked in ((10, 0), (40, 0), (10, 1)))
    assert len(few) == 10 and len(more) == 40 and few < more
    assert other != few


def test_the_rest_of_the_data_stays(data, tmp_path):
    subset = training_subset(data, 10, 0, tmp_path)
    assert (subset.valid, subset.test, subset.sources) == (data.valid, data.test, data.sources)
    assert subset.counts == data.counts | {"train": 10}
    assert FrameStore(subset.train).metadata["of"] == data.counts["train"]


def test_a_subset_is_made_once_and_anew_for_other_data(data, tmp_path):
    import dataclasses

    first = training_subset(data, 5, 0, tmp_path).train.stat().st_mtime_ns
    assert training_subset(data, 5, 0, tmp_path).train.stat().st_mtime_ns == first
    other = dataclasses.replace(data, sources={"file": "1" * 64})
    assert FrameStore(training_subset(other, 5, 0, tmp_path).train).metadata["sources"] == other.sources


def test_more_than_there_are_is_one_line(data, tmp_path):
    with pytest.raises(UserError, match="zeolite has 240 training frames at scale mini, not 241"):
        training_subset(data, 241, 0, tmp_path)


def test_evenly_spaced_frames():
    assert evenly_spaced(5, None).tolist() == evenly_spaced(5, 9).tolist() == [0, 1, 2, 3, 4]
    assert evenly_spaced(10, 4).tolist() == [0, 2, 5, 7]


def test_frames_of_one_kind_are_trained_and_validated_on(data, tmp_path):
    subset = matching_subset(data, {"group": "jbw*"}, tmp_path)
    for split in ("train", "valid"):
        frames = list(FrameStore(getattr(subset, split)))
        assert len(frames) == subset.counts[split] < data.counts[split]
        assert all(atoms.info["group"].startswith("JBW") for atoms in frames)
    assert (subset.test, subset.sources) == (data.test, data.sources)
    with pytest.raises(UserError, match=r"zeolite has no train frames with group XYZ\*"):
        matching_subset(data, {"group": "XYZ*"}, tmp_path)


def test_fewer_validation_frames_are_evenly_spaced(data, tmp_path):
    subset = validation_subset(data, 7, tmp_path)
    assert len(FrameStore(subset.valid)) == subset.counts["valid"] == 7 and subset.train == data.train
    assert validation_subset(data, 10_000, tmp_path) == data
