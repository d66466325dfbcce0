"""What figures of predicted stability show: curves, densities and elements, by hand and from their definitions."""

import numpy as np
import pytest

from alphanet.errors import UserError
from alphanet.measure.discovery.curves import cumulative_curve, parity_density, roc_curve, rolling_mae
from alphanet.measure.discovery.elements import atomic_shares, element_errors
from alphanet.measure.discovery.metrics import discovery_metrics

NAN = float("nan")


@pytest.fixture
def sample():
    random = np.random.default_rng(3)
    true = random.normal(0.1, 0.15, 5000)
    predicted = true + random.normal(0, 0.05, 5000)
    predicted[:50] = NAN
    return true, predicted


def test_cumulative_curve_by_hand():
    true = np.array([0.1, -0.1, -0.2, -0.3, 0.2])
    predicted = np.array([-0.3, -0.2, 0.1, NAN, 0.5])
    curve = cumulative_curve(true, predicted)
    assert list(curve["structures"]) == [1, 2, 3, 4]
    assert list(curve["precision"]) == pytest.approx([0, 1 / 2, 2 / 3, 2 / 4])
    assert list(curve["recall"]) == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3])
    assert list(curve["called_stable"]) == [True, True, False, False]


def test_cumulative_curve_passes_through_the_metrics(sample):
    curve, metrics = cumulative_curve(*sample), discovery_metrics(*sample)
    assert len(curve) <= 1001
    end = curve[curve["called_stable"]].iloc[-1]
    assert (end["precision"], end["recall"]) == pytest.approx((metrics["precision"], metrics["recall"]))
    assert end["structures"] == metrics["tp"] + metrics["fp"]


def test_rolling_mae_is_that_of_each_window(sample):
    true, predicted = sample
    rolling = rolling_mae(true, predicted).set_index("hull_distance")
    near = (np.abs(true - 0.05) <= 0.02) & ~np.isnan(predicted)
    errors = np.abs(predicted - true)[near]
    row = rolling.loc[0.05]
    assert row["structures"] == near.sum()
    assert row["mae"] == pytest.approx(errors.mean())
    assert row["error"] == pytest.approx(errors.std(ddof=1) / np.sqrt(near.sum()))
    few = rolling_mae(true[50:59], predicted[50:59])
    assert few["mae"].isna().all()


def test_roc_area_is_the_chance_of_the_right_order(sample):
    true, predicted = sample
    roc, metrics = roc_curve(true, predicted), discovery_metrics(true, predicted)
    ranked = np.where(np.isnan(predicted), np.inf, predicted)
    stable, unstable = ranked[true <= 0][:, None], ranked[true > 0]
    assert roc.area == pytest.approx(np.mean((stable < unstable) + 0.5 * (stable == unstable)))
    at = roc.curve[roc.curve["threshold"] <= 0].iloc[-1]
    assert (at["fpr"], at["tpr"]) == pytest.approx((metrics["fpr"], metrics["tpr"]))
    assert tuple(roc.curve.iloc[0])[:2] == (0, 0) and tuple(roc.curve.iloc[-1])[:2] == (1, 1)
    assert roc_curve(np.array([0.1, 0.2]), np.array([0.1, 0.1])) is None
    assert roc_curve(np.array([-0.1, 0.2]), np.array([0.1, 0.1])).area == 0.5  # no order at all


def test_parity_density_counts_every_prediction(sample):
    true, predicted = sample
    density = parity_density(true, predicted)
    assert density.counts.sum() + density.outside == 4950
    assert density.outside < 50
    assert density.edges[0] < 0 < density.edges[-1]
    far = np.append(predicted, -30.0)
    assert parity_density(np.append(true, 0.1), far).outside == density.outside + 1


def test_element_errors_are_weighted_by_share():
    formulas = np.array(["Fe2O3", "Fe1", "O2 Xe2", "Ac6 U2"])
    true, predicted = np.zeros(4), np.array([0.5, 0.1, -0.2, NAN])
    found = element_errors(formulas, true, predicted)
    assert list(found.index) == ["O", "Fe", "Xe"]  # by atomic number; the last formula has no prediction
    assert found["mae"]["Fe"] == pytest.approx((0.4 * 0.5 + 1.0 * 0.1) / 1.4)
    assert found["mae"]["O"] == pytest.approx((0.6 * 0.5 + 0.5 * 0.2) / 1.1)
    assert list(found["structures"]) == [2, 2, 1]


def test_formulas_that_cannot_be_read():
    assert atomic_shares("Ac6 U2") == {"Ac": 0.75, "U": 0.25}
    assert atomic_shares("C1H3C1") == {"C": 0.4, "H": 0.6}
    for formula in ("Fe(OH)2", "", "fe2", NAN):
        with pytest.raises(UserError, match="is not a list of elements"):
            atomic_shares(formula)
    with pytest.raises(UserError, match="Xx is not an element"):
        element_errors(["Xx2"], np.zeros(1), np.zeros(1))
