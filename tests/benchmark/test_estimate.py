"""Estimates of trainings that nobody ran: frames, epochs, and what the paper prints of a frame."""

import pytest
from alphanet.paper.estimate import gpu_days, printed_rates
from alphanet.paper.plan import plan

from alphanet.paper.benchmark import load_benchmark
from alphanet.paper.listing import list_benchmarks


def trainings(name, places):
    card = load_benchmark(name)
    return plan(card, card.scale("full"), places), card.scale("full")


def test_rates_are_printed_days_over_samples_and_epochs():
    rates = {rate.dataset: rate.seconds for rate in printed_rates()}
    assert rates["oc20"] == pytest.approx(361 * 86400 / (2.0e6 * 130))
    assert rates["mptrj"] == pytest.approx(243 * 86400 / (1580395 * 200))


def test_days_are_frames_times_epochs_times_the_rate():
    planned, protocol = trainings("table1", {("AlphaNet", "formate"), ("AlphaNet", "graphene")})
    days, basis = gpu_days(planned, protocol, 1)
    cheapest = 243 / (1580395 * 200)  # days a frame; neither data set has a rate of its own
    assert days == pytest.approx((2500 + 3988) * 150 * cheapest)
    assert gpu_days(planned, protocol, 3)[0] == pytest.approx(3 * days)
    assert "table7, MPtrj" in basis


def test_every_table_of_trainings_has_an_estimate_at_full():
    found = [one for one in list_benchmarks() if one.scale == "full" and one.minutes is None]
    assert found and all(one.gpu_days and one.gpu_days > 0 and one.estimated for one in found)
