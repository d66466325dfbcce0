"""The search for the largest system, with workers that refuse more atoms than they are told to hold."""

import pytest
from timed_potential import timed_models

from alphanet.measure.speed import largest as module
from alphanet.measure.speed.largest import Search, find_largest
from alphanet.measure.speed.models import TimingSetup

pytestmark = pytest.mark.integration

MEGABYTE = 1e6


@pytest.fixture
def search(tmp_path, monkeypatch, caplog):
    """A function that searches with a model described by keywords; returns the result and the lines logged."""
    kinds: dict[str, dict] = {}
    monkeypatch.setattr(module, "timed_model", timed_models(tmp_path, kinds))
    caplog.set_level("INFO")

    def call(smallest=20, most=3000, budget=None, mode="eager", **described):
        kinds.clear()
        kinds.update({"one": described})
        caplog.clear()
        wanted = Search("one", "cu", TimingSetup(), None, mode, smallest=smallest, most=most, sample_atoms=32)
        return find_largest(wanted, tmp_path / "out", budget), caplog.messages.copy()

    return call


def test_the_largest_that_fits_lies_between_its_neighbors(search):
    one, lines = search(memory_for=500, bytes_an_atom=0.2 * MEGABYTE)
    assert 500 / 1.3 < one.largest.n_atoms <= 500 < one.limited_by.n_atoms
    assert one.limited_by.status == "oom" and one.limit == f"oom at {one.limited_by.n_atoms} atoms"
    assert one.kb_per_atom == pytest.approx(200, rel=0.1)
    assert one.training_mb_per_sample == pytest.approx(32 * 0.2, rel=0.3)
    assert sum("step oom" in line for line in lines) >= 1


def test_a_search_may_end_without_a_failure(search):
    easy, _ = search(most=100)
    assert easy.limited_by is None and 50 < easy.largest.n_atoms <= 100
    assert easy.limit == "the end of the search"


@pytest.mark.parametrize(("kind", "mode"), [({"compiled": {}}, "compiled"), ({}, "eager")])
def test_the_form_is_compiled_where_there_is_one(search, kind, mode):
    found, _ = search(most=40, mode="best", **kind)
    assert {trial.mode for trial in found.fitting} == {mode} and found.training_mb_per_sample is not None


def test_a_search_may_end_at_once(search):
    hopeless, _ = search(most=100, memory_for=5)
    assert hopeless.largest is None and hopeless.kb_per_atom is None and hopeless.training_mb_per_sample is None


def test_a_model_that_cannot_be_trained_here_says_why(search):
    whole, _ = search(most=100, split=False)
    assert "own" in whole.training_reason


def test_a_search_resumes(search):
    first, lines = search(most=100, memory_for=60)
    second, again = search(most=100, memory_for=60)
    assert first == second
    assert lines and not again  # nothing was tried twice


def test_a_search_without_time_begins_no_call_and_resumes_later(search):
    ended, _ = search(most=100, budget=-1.0)
    assert ended.trials == () and ended.limit == "the budget of time"
    assert "budget" in ended.training_reason
    resumed, _ = search(most=100)
    assert resumed.largest is not None and not resumed.out_of_time
