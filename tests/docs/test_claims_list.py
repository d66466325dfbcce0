"""The list of the paper's statements names every claim of the cards, and every number of the paper's running text."""

import re
from pathlib import Path

import pytest

from alphanet.benchmark.loading import benchmark_names, load_benchmark
from alphanet.data.cards import known_names
from alphanet.potentials.cards import baseline_names

PAGE = (Path(__file__).parents[2] / "docs" / "claims.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"(?<![\w.^{-])\d+(?:,\d{3})*(?:\.\d+)?[kM]?(?![\w}])")
POINTERS = re.compile(
    r"(?:Tables?|Figures?|benchmark) \d+|\([^()]*\b(?:19|20)\d\d[a-z]?[^()]*\)|https?://\S+|</?\w+>|_\d"
)


def claims():
    return {f"{name}/{claim.id}" for name in benchmark_names() for claim in load_benchmark(name).claims}


def test_every_claim_of_the_cards_is_listed_and_nothing_else():
    listed = set(re.findall(r"`([\w-]+/[\w-]+)`", PAGE)) - {"benchmarks/table1"}
    assert listed == claims() and len(listed) >= 35


def test_every_card_that_is_listed_exists():
    kinds = {"cells of": benchmark_names(), "data set": known_names(), "baseline": baseline_names()}
    kinds |= {"protocol of": benchmark_names(), "note of": benchmark_names()}
    for words, known in kinds.items():
        assert set(re.findall(rf"{words} (\w+)", PAGE)) - {"tables"} <= set(known), words


def test_every_claim_says_where_the_paper_says_it():
    for name in benchmark_names():
        for claim in load_benchmark(name).claims:
            assert re.match(r"abstract|title of|(sections?|appendix|Tables?|Figures?) [\dA-D]", claim.place), claim.id


def test_every_number_of_the_running_text_is_listed(shared):
    text = (shared / "paper" / "alphanet_paper.txt").read_text(encoding="utf-8")
    results = text[text.index("## 2 Results") : text.index("### 4 Methodology")]
    parts = results + text[text.index("# Supplementary Information") :]
    lines = [line for line in parts.splitlines() if "\t" not in line and not line.startswith("#")]
    numbers = {number for line in lines for number in NUMBER.findall(POINTERS.sub(" ", line))}
    missing = numbers - set(NUMBER.findall(PAGE))
    assert len(numbers) > 50 and not missing, sorted(missing)


@pytest.mark.parametrize(
    "claim", ["table1/formate-force", "table8/rope-force", "fig3a/fastest", "conservative/alphanet"]
)
def test_headlines_are_marked(claim):
    name, _, identity = claim.partition("/")
    (found,) = [one for one in load_benchmark(name).claims if one.id == identity]
    assert found.importance == 1
