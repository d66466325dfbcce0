"""What can be reproduced: every benchmark at every scale, its cost as the card states it, and what is here of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from alphanet.data.cards import SourceFile, load_card
from alphanet.data.fetching import local_path, sources_of
from alphanet.measure.wbm import summary_file
from alphanet.paper.all_cards import AnyCard, any_card
from alphanet.paper.benchmark import Benchmark, Row, Scale, benchmark_names
from alphanet.paper.cost_cards import CostTable
from alphanet.paper.discovery_cards import DiscoveryTable
from alphanet.paper.efficiency import TASK_OF
from alphanet.paper.plan import plan
from alphanet.paper.settings_cards import SettingsTable
from alphanet.paper.speed_cards import SpeedProtocol, SpeedTable
from alphanet.potentials.cards import baseline_names, load_baseline
from alphanet.potentials.environments import is_installed

UNTRAINED = ("mean",)  # takes no time


@dataclass(frozen=True)
class Listed:
    """A benchmark at one scale."""

    name: str
    title: str
    scale: str
    comparable: bool  # with the paper, if nothing departs from the protocol
    cost: str
    missing_data: tuple[str, ...]  # what must be fetched or given first; empty: all is here, or made on the spot
    environments: tuple[str, ...]  # baselines that take part
    missing_environments: tuple[str, ...]  # those of them whose environment is not made yet


def list_benchmarks() -> list[Listed]:
    """Every benchmark at every scale, tables and figures by name.

    Raises:
        UserError: a card is wrong.
    """
    cards = {name: any_card(name) for name in benchmark_names()}
    return [_listed(card, scale) for card in cards.values() for scale in card.scales]


def _listed(card: AnyCard, scale: str) -> Listed:
    # Published predictions are scored as they are: no model runs.
    running = _baselines({} if isinstance(card, DiscoveryTable) else card.rows)
    cost, missing = _cost_and_data(card, scale)
    return Listed(
        name=card.name,
        title=card.title,
        scale=scale,
        comparable=card.scale(scale).comparable,
        cost=cost,
        missing_data=tuple(missing),
        environments=running,
        missing_environments=tuple(name for name in running if not is_installed(load_baseline(name))),
    )


def _cost_and_data(card: AnyCard, scale: str) -> tuple[str, list[str]]:
    """The cost in words, and what is missing of the data."""
    if isinstance(card, Benchmark):
        return _of_trainings(card, card.scale(scale), scale)
    if isinstance(card, DiscoveryTable):
        return _of_predictions(card)
    if isinstance(card, SettingsTable):
        return "seconds; nothing is trained", []
    if isinstance(card, CostTable):
        at_most = _minutes(len(card.columns) * card.scale(scale).minutes)
        return f"{at_most} of steps at most (--budget); no training", []
    return _of_sweeps(card.scale(scale), len(TASK_OF) if isinstance(card, SpeedTable) else 1)


def _of_trainings(card: Benchmark, protocol: Scale, scale: str) -> tuple[str, list[str]]:
    places = {(row, column) for row in card.rows for column in card.columns}
    planned = plan(card, protocol, places)
    trainings = sum(training.model not in UNTRAINED for training in planned)
    cost = f"{trainings} trainings, "
    if protocol.max_time is None:
        cost += "as long as their epochs take; meant for a GPU"
    else:
        cost += f"at most {protocol.max_time:g} s each: {_minutes(trainings * protocol.max_time / 60)}"
    missing = [f"{column}: {why}" for column, why in protocol.unavailable.items()]
    for dataset in dict.fromkeys(training.dataset for training in planned):
        files = sources_of(load_card(dataset).at(scale))
        if not files or not _are_here(files):
            missing.append(f"{dataset} (alphanet data fetch {dataset} --scale {scale})")
    return cost, missing


def _of_predictions(card: DiscoveryTable) -> tuple[str, list[str]]:
    files = {"labels": summary_file(), **{name: row.source for name, row in card.rows.items()}}
    known = sum(file.size or 0 for file in files.values())
    missing = [name for name, file in files.items() if not local_path(file).is_file()]
    return f"no training; {len(files)} files, {known / 1e6:.0f} MB or more, once; then seconds a row", missing


def _of_sweeps(protocol: SpeedProtocol, sweeps: int) -> tuple[str, list[str]]:
    cost = f"{_minutes(sweeps * protocol.minutes)} at most (--budget)"
    if protocol.hardware:
        cost += f", on an {protocol.hardware}"
    return cost, [protocol.needs_structures] if protocol.needs_structures else []


def _baselines(rows: Mapping[str, Row]) -> tuple[str, ...]:
    heads = dict.fromkeys(row.model.partition("@")[0] for row in rows.values())
    return tuple(name for name in heads if name in baseline_names())


def _are_here(files: tuple[SourceFile, ...]) -> bool:
    return all(local_path(file).is_file() for file in files)


def _minutes(minutes: float) -> str:
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.3g} h"
