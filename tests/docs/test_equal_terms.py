"""The page of rules lists what the code compares."""

import re

from pages import DOCS

from alphanet.benchmark.kinds.accuracy.terms import SHARED
from alphanet.benchmark.kinds.accuracy.trainers import TRAINERS
from alphanet.training.settings import LossSettings


def test_the_page_lists_the_settings_that_are_compared_and_the_convention():
    page = (DOCS / "equal_terms.md").read_text(encoding="utf-8")
    table = page.split("Settings that are equal in all rows of a column:")[1].split("A card may differ")[0]
    assert tuple(re.findall(r"^\| `([a-z_.]+)` \|", table, re.MULTILINE)) == SHARED
    assert LossSettings().energy_loss == "total" and LossSettings().energy_weight == 4.0
    rows = re.findall(r"^\| `([a-z ]+)` \|", page.split("## Rows that learn nothing")[1], re.MULTILINE)
    assert {row.replace(" ", "-") for row in rows} == set(TRAINERS) - {"alphanet"}
