"""What tables of speed and of cost share: how a card's protocol times steps, and what is read off a point."""

from collections.abc import Mapping
from typing import Any, Protocol

from alphanet.measure.speed.point import Protocol as TimingProtocol
from alphanet.measure.speed.statistics import used_memory
from alphanet.paper.cost_cards import CostProtocol
from alphanet.paper.speed_cards import SpeedProtocol

DAY = 86400.0  # s
GIGABYTE_IN_MB = 1e3


class Asked(Protocol):
    """The options of a user that timing depends on."""

    @property
    def seed(self) -> int:
        """Of weights and displacements."""

    @property
    def threads(self) -> int:
        """Of every worker."""

    @property
    def memory_limit(self) -> int | None:
        """Bytes of a worker."""


def timing_protocol(
    card: SpeedProtocol | CostProtocol, options: Asked, tasks: tuple[str, ...], batch: int
) -> TimingProtocol:
    """How a card times `tasks` with `batch` structures in a call."""
    return TimingProtocol(
        tasks,
        batch=batch,
        passes=card.passes,
        rounds=card.rounds,
        calls=card.calls,
        seed=options.seed,
        threads=options.threads,
        memory_limit=options.memory_limit,
    )


def gigabytes_a_sample(point: Mapping[str, Any]) -> float:
    """Memory of a point's calls, GB a structure of the batch."""
    return used_memory(point) / GIGABYTE_IN_MB / float(point["batch"])
