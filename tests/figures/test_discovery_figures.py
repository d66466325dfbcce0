"""The figures of predicted stability: which files come, what they say, and what cannot be drawn."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from ase.data import atomic_numbers

from alphanet.errors import UserError
from alphanet.figures.discovery.curves import roc_figure
from alphanet.figures.discovery.draw import draw_predictions
from alphanet.figures.discovery.periodic_table import PLACES, color_range, ink_on, number_text
from alphanet.measure.discovery.curves import roc_curve
from alphanet.measure.discovery.metrics import discovery_metrics
from alphanet.measure.discovery.tables import Joined

NAMES = ("parity", "cumulative", "rolling_mae", "roc", "elements")
ENDINGS = ("png", "svg", "pdf", "csv")


@pytest.fixture(scope="module")
def joined():
    random = np.random.default_rng(4)
    true = random.normal(0.1, 0.15, 800)
    predicted = true + random.normal(0, 0.05, 800)
    predicted[:5] = np.nan
    elements = ["Fe", "O", "La", "U"]
    formulas = [f"{elements[place % 4]}2 H{place % 3 + 1}" for place in range(799)]
    return Joined(
        ids=np.array([f"wbm-1-{place}" for place in range(800)]),
        true=true,
        predicted=predicted,
        column="e_form",
        from_formation=True,
        unlabeled=0,
        unknown=0,
        discarded=0,
        unique=None,
        formulas=np.array([*formulas, "Xe1 F1"]),
    )


@pytest.fixture(scope="module")
def page(joined, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    draw_predictions(folder, "", "fake, 800 structures", joined, discovery_metrics(joined.true, joined.predicted))
    return folder


def test_every_figure_in_every_format(page):
    assert {file.name for file in page.iterdir()} == {f"{name}.{end}" for name in NAMES for end in ENDINGS}
    assert pd.read_csv(page / "parity.csv")["structures"].sum() >= 790
    elements = pd.read_csv(page / "elements.csv").set_index("element")
    assert elements["structures"]["Xe"] == 1  # in the table of numbers, though grey in the figure


def test_the_same_numbers_give_the_same_bytes(joined, page, rendered, tmp_path):
    roc = roc_curve(joined.true, joined.predicted)
    roc_figure(tmp_path / "roc", "fake, 800 structures", roc)
    for file in tmp_path.iterdir():
        assert file.read_bytes() == (page / file.name).read_bytes(), file.name


def test_what_cannot_be_drawn_is_said(joined, tmp_path, caplog):
    stable = joined.true <= 0
    some = replace(joined, true=joined.true[stable], predicted=joined.predicted[stable], formulas=None)
    draw_predictions(tmp_path, "", "stable", some, discovery_metrics(some.true, some.predicted))
    assert (
        "roc is left out" in caplog.messages[0]
        and "elements is left out: the truth has no column formula" in caplog.messages[1]
    )
    assert not (tmp_path / "roc.png").exists()
    none = replace(joined, predicted=np.full(800, np.nan))
    with pytest.raises(UserError, match="no prediction to draw"):
        draw_predictions(tmp_path, "", "none", none, discovery_metrics(none.true, none.predicted))


def test_places_of_elements():
    assert len(set(PLACES.values())) == len(PLACES) == 103
    expected = {"H": (1, 1), "He": (1, 18), "B": (2, 13), "Sc": (4, 3), "Zn": (4, 12), "Hf": (6, 4), "Ra": (7, 2)}
    assert {symbol: PLACES[symbol] for symbol in expected} == expected
    assert PLACES["La"][1] == PLACES["Ac"][1] == 3 and PLACES["Lu"][1] == 17
    assert all(PLACES[symbol][0] > 7 for symbol in PLACES if 57 <= atomic_numbers[symbol] <= 71)


def test_colors_and_numbers():
    low, high = color_range({f"X{value}": float(value) for value in range(101)})
    assert (low, high) == (5, 95)
    assert color_range({}) == (0, 1) and color_range({"H": 3.0}) == (3, 4)
    assert (ink_on("#ffffff"), ink_on("#000033")) == ("black", "white")
    assert (number_text(9.96), number_text(12.4)) == ("10.0", "12")
