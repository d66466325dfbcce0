"""Identities of printed numbers: what a paper's own numbers exclude is an erratum of its card."""

import pytest
from printed_identities import (
    STABLE,
    accuracy_of,
    cost_violations,
    global_batch,
    recall_of,
    stability_violations,
    training_days,
)

from alphanet.benchmark.loading import benchmark_names, load_benchmark
from alphanet.data.cards import load_card


def test_recall_and_accuracy_are_those_of_the_counts():
    tp, fp, fn, tn = 250, 90, 60, 1600
    f1, precision, stable = 2 * tp / (2 * tp + fp + fn), tp / (tp + fp), (tp + fn) / (tp + fp + fn + tn)
    assert recall_of(f1, precision) == pytest.approx(tp / (tp + fn))
    assert accuracy_of(f1, precision, stable) == pytest.approx((tp + tn) / (tp + fp + fn + tn))
    assert abs(STABLE - 0.15488) < 1e-5


def violations():
    """All of them, by card."""
    found = {name: stability_violations(load_benchmark(name)) for name in benchmark_names()}
    settings = load_benchmark("table6")
    epochs = {column: float(settings.printed("AlphaNet", column, "epochs")) for column in settings.columns}
    speed = load_benchmark("table5").printed("AlphaNet", "oc20", "training_speed")
    found["table7"] += cost_violations(load_benchmark("table7"), epochs, {"OC2M": speed})
    return found


def test_every_violation_is_an_erratum_of_its_card():
    for name, of_card in violations().items():
        card = load_benchmark(name)
        for one in of_card:
            assert card.contradictions(one.row, one.column, one.metric), one.text


def test_they_are_those_that_were_computed_by_hand():
    found = {(name, one.row, one.metric) for name, of_card in violations().items() for one in of_card}
    assert found == {
        ("table4", "GRACE-2L-MPtrj", "accuracy"),
        ("table4", "eqV2 S DeNS", "accuracy"),
        ("table4", "EScAIP-Small", "accuracy"),
        ("table4", "EScAIP-Small", "daf"),
        ("table7", "AlphaNet", "training_cost"),
    }


def test_steps_and_epochs_fix_the_batch():
    """Section 2.1 says 2,000,000 steps, which with Table 6's 130 epochs are about 32 devices of four structures."""
    samples = load_card("oc20").at("full").train_frames
    assert global_batch(samples, 130, 2_000_000) == pytest.approx(130, rel=0.01)
    assert training_days(samples, 130, 41.2) == pytest.approx(73, rel=0.01)
