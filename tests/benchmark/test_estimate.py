"""Estimates of trainings that nobody ran: frames, epochs, and the time of a frame that the paper prints."""

import pytest

from alphanet.benchmark.kinds.accuracy.estimate import gpu_days, printed_rates
from alphanet.benchmark.kinds.accuracy.plan import plan_trainings
from alphanet.benchmark.listing import list_benchmarks
from alphanet.benchmark.loading import load_benchmark


def test_rates_are_printed_days_over_samples_and_epochs():
    rates = {rate.dataset: rate.seconds for rate in printed_rates()}
    assert rates["oc20"] == pytest.approx(361 * 86400 / (2.0e6 * 130))
    assert rates["mptrj"] == pytest.approx(243 * 86400 / (1580395 * 200))


def test_days_are_frames_times_epochs_times_the_rate():
    card = load_benchmark("table1")
    scale = card.scale("full")
    planned = plan_trainings(card, scale, {("AlphaNet", "formate"), ("AlphaNet", "graphene")})
    days, basis = gpu_days([(training, scale) for training in planned])
    cheapest = 243 / (1580395 * 200)  # days a frame; neither data set has a rate of its own
    assert days == pytest.approx((2500 + 3988) * 150 * cheapest)
    assert gpu_days([(training, scale) for training in planned] * 3)[0] == pytest.approx(3 * days)
    assert "table7, MPtrj" in basis


def test_every_table_of_trainings_has_an_estimate_at_full():
    unlimited = [one for one in list_benchmarks() if one.scale == "full" and one.minutes is None]
    unlimited = [one for one in unlimited if "evaluations of released weights" not in one.cost]
    assert unlimited and all(info.gpu_days and info.gpu_days > 0 and info.estimate for info in unlimited)


def test_a_broken_card_of_another_kind_does_not_matter(tmp_path, monkeypatch):
    (tmp_path / "odd.yaml").write_text("kind: accuracy\nname: odd")
    monkeypatch.setenv("ALPHANET_BENCHMARKS", str(tmp_path))
    assert printed_rates()
