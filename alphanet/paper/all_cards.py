"""Cards of any kind by name, for what treats all benchmarks alike."""

import re

from alphanet.cards import read_yaml, validate
from alphanet.errors import UserError
from alphanet.paper.benchmark import Benchmark, benchmark_file, benchmark_names
from alphanet.paper.cost_cards import CostTable
from alphanet.paper.discovery_cards import DiscoveryTable
from alphanet.paper.landscape_cards import LandscapeFigure
from alphanet.paper.settings_cards import SettingsTable
from alphanet.paper.speed_cards import SpeedFigure, SpeedTable

AnyCard = Benchmark | DiscoveryTable | SpeedTable | SpeedFigure | LandscapeFigure | SettingsTable | CostTable
KINDS: tuple[type[AnyCard], ...] = (
    Benchmark,
    DiscoveryTable,
    SpeedTable,
    SpeedFigure,
    LandscapeFigure,
    SettingsTable,
    CostTable,
)


def ordered_names() -> list[str]:
    """All benchmarks that have a card, as a reader expects them: see `place_of`."""
    return sorted(benchmark_names(), key=place_of)


def place_of(name: str) -> tuple[int, str]:
    """For sorting names of runs: the AlphaNet paper's tables, its figures, then whatever else there is, by name."""
    for place, kind in enumerate(("table", "fig")):
        if re.fullmatch(rf"{kind}\d+[a-z]?", name):
            return place, name
    return 2, name


def any_card(name: str) -> AnyCard:
    """The card of the benchmark `name`, as the kind whose keys it has: no kind takes another's.

    Raises:
        UserError: there is none, or it is of no kind.
    """
    path = benchmark_file(name)
    values, mistakes = read_yaml(path), []
    for kind in KINDS:
        try:
            return validate(values, kind, f"as {kind.__name__}")
        except UserError as error:
            mistakes.append(str(error))
    raise UserError(f"{path} is a card of no known kind: {'; '.join(mistakes)}")
