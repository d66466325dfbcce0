"""Cards of any kind by name, for what treats all benchmarks alike."""

from alphanet.errors import UserError
from alphanet.paper.benchmark import Benchmark, read_benchmark
from alphanet.paper.discovery_cards import DiscoveryTable
from alphanet.paper.speed_cards import SpeedFigure, SpeedTable
from alphanet.paths import resources

AnyCard = Benchmark | DiscoveryTable | SpeedTable | SpeedFigure
KINDS: tuple[type[AnyCard], ...] = (Benchmark, DiscoveryTable, SpeedTable, SpeedFigure)


def card_names() -> list[str]:
    """All benchmarks that have a card: figures and tables, by name."""
    return sorted(path.stem for path in resources("benchmarks").glob("*.yaml"))


def any_card(name: str) -> AnyCard:
    """The card of the benchmark `name`, as the kind whose keys it has: no kind takes another's.

    Raises:
        UserError: there is none, or it is of no kind.
    """
    mistakes = []
    for kind in KINDS:
        try:
            return read_benchmark(name, kind)
        except UserError as error:
            mistakes.append(str(error))
    if name not in card_names():
        raise UserError(mistakes[0])
    raise UserError(f"benchmarks/{name}.yaml is a card of no known kind: {'; or '.join(dict.fromkeys(mistakes))}")
