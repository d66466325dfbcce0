"""What can be reproduced: every benchmark at every scale, what it takes, and what is here of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alphanet.paper.all_cards import AnyCard, any_card, ordered_names
from alphanet.paper.benchmark import Benchmark, Row, load_benchmark
from alphanet.paper.cost_cards import CostTable
from alphanet.paper.discovery_cards import DiscoveryTable
from alphanet.paper.efficiency import TASK_OF
from alphanet.paper.estimate import gpu_days
from alphanet.paper.landscape_cards import LandscapeFigure
from alphanet.paper.needs import Data, given_by_user, of_dataset, of_predictions
from alphanet.paper.plan import plan
from alphanet.paper.settings_cards import SettingsTable
from alphanet.paper.speed_cards import SpeedProtocol, SpeedTable
from alphanet.potentials.cards import baseline_names, load_baseline
from alphanet.potentials.environments import is_installed

SCALES = ("mini", "slice", "full")
UNTRAINED = ("mean",)  # takes no time


@dataclass(frozen=True)
class Takes:
    """What one run of a benchmark takes."""

    cost: str  # in words
    minutes: float | None  # most that it takes, environments and downloads aside; none: nothing limits it
    data: tuple[Data, ...] = ()
    impossible: tuple[str, ...] = ()  # cells that this scale cannot fill, and what they would need
    gpu_days: float | None = None  # estimated, where nothing limits the time
    estimated: str = ""  # what `gpu_days` rests on, or why there is none


@dataclass(frozen=True)
class Listed:
    """A benchmark at one scale."""

    name: str
    title: str
    scale: str
    comparable: bool  # with the paper, if nothing departs from the protocol
    reason: str  # why not; empty where it is
    cost: str
    minutes: float | None  # see `Takes`
    gpu_days: float | None  # see `Takes`
    estimated: str  # see `Takes`
    data: tuple[Data, ...]
    impossible: tuple[str, ...]  # see `Takes`
    missing_data: tuple[str, ...]  # what must be fetched or given first; empty: all is here, or made on the spot
    environments: tuple[str, ...]  # baselines that take part
    missing_environments: tuple[str, ...]  # those of them whose environment is not made yet


def list_benchmarks(seeds: int | None = None) -> list[Listed]:
    """Every benchmark at every scale, in the order of the paper; other papers' tables last.

    Args:
        seeds: trainings of each model; none: the card's number.

    Raises:
        UserError: a card is wrong.
    """
    cards = {name: any_card(name) for name in ordered_names()}
    return [_listed(card, scale, seeds) for card in cards.values() for scale in card.scales]


def _listed(card: AnyCard, scale: str, seeds: int | None) -> Listed:
    # Published predictions are scored as they are: no model runs.
    running = _baselines({} if isinstance(card, DiscoveryTable) else _usual_rows(card))
    takes = _takes(card, scale, seeds)
    return Listed(
        name=card.name,
        title=card.title,
        scale=scale,
        comparable=card.scale(scale).comparable,
        reason=card.scale(scale).reason,
        cost=takes.cost,
        minutes=takes.minutes,
        gpu_days=takes.gpu_days,
        estimated=takes.estimated,
        data=takes.data,
        impossible=takes.impossible,
        missing_data=takes.impossible + tuple(data.text for data in takes.data if not data.here),
        environments=running,
        missing_environments=tuple(name for name in running if not is_installed(load_baseline(name))),
    )


def _takes(card: AnyCard, scale: str, seeds: int | None) -> Takes:
    if isinstance(card, Benchmark):
        return _of_trainings(card, scale, seeds)
    if isinstance(card, DiscoveryTable):
        return _of_predictions(card, scale)
    if isinstance(card, LandscapeFigure):
        return _of_landscapes(card, scale)
    if isinstance(card, SettingsTable):
        return Takes("seconds; nothing is trained", 0.0)
    if isinstance(card, CostTable):
        minutes = len(card.columns) * card.scale(scale).minutes
        return Takes(f"{minutes_text(minutes)} of steps at most (--budget); no training", minutes)
    return _of_sweeps(card.scale(scale), len(TASK_OF) if isinstance(card, SpeedTable) else 1)


def _of_trainings(card: Benchmark, scale: str, seeds: int | None) -> Takes:
    protocol = card.scale(scale)
    planned = plan(card, protocol, {(row, column) for row in card.rows for column in card.columns})
    trained = [training for training in planned if training.model not in UNTRAINED]
    seeds = seeds or protocol.seeds
    trainings = seeds * len(trained)
    minutes, days, estimated = None, None, ""
    cost = f"{trainings} trainings, "
    if not planned:
        cost, minutes = "nothing can be measured", 0.0
    elif protocol.max_time is None:
        days, estimated = gpu_days(trained, protocol, seeds)
        cost += "as long as their epochs take: "
        cost += "unknown" if days is None else f"about {float(f'{days:.2g}'):g} GPU-days, estimated"
    else:
        minutes = trainings * protocol.max_time / 60
        cost += f"at most {protocol.max_time:g} s each: {minutes_text(minutes)}"
    lacking: dict[str, list[str]] = {}
    for name, why in {**protocol.unavailable, **protocol.untrained}.items():
        lacking.setdefault(why, []).append(name)
    return Takes(
        cost,
        minutes,
        tuple(of_dataset(dataset, scale) for dataset in dict.fromkeys(training.dataset for training in planned)),
        tuple(f"{', '.join(named)}: {why}" for why, named in lacking.items()),
        days,
        estimated,
    )


def _of_landscapes(card: LandscapeFigure, scale: str) -> Takes:
    """The trainings are those of a table; where that has run, none is left."""
    protocol, table, column = card.scale(scale), load_benchmark(card.trained.table), card.trained.column
    of_table = table.scale(scale)
    planned = plan(table, of_table, {(row, column) for row in card.drawn})
    if not planned:
        return Takes("nothing can be trained", 0.0, impossible=(of_table.unavailable[column],))
    days, estimated, minutes = None, "", None
    cost = f"{len(planned)} training, unless {table.name} has run: "
    if of_table.max_time is None or protocol.minutes is None:
        days, estimated = gpu_days(planned, of_table, 1)
        cost += "unknown" if days is None else f"about {days:.2g} GPU-days, estimated"
    else:
        minutes = protocol.minutes + len(planned) * of_table.max_time / 60
        cost += f"{minutes_text(minutes)} at most with it, {minutes_text(protocol.minutes)} without"
    given = () if protocol.reference else (given_by_user(protocol.needs),)
    data = (of_dataset(table.columns[column].dataset, scale), *given)
    return Takes(cost, minutes, data, gpu_days=days, estimated=estimated)


def _of_predictions(card: DiscoveryTable, scale: str) -> Takes:
    data = tuple(of_predictions(card))
    if not card.scale(scale).fetch:
        here = sum(one.here for one in data)
        return Takes(f"no training; {here} of {len(data)} files are here; seconds a row", 0.0, data)
    known = sum(one.size or 0 for one in data)
    return Takes(f"no training; {len(data)} files, {known / 1e6:.0f} MB or more, once; then seconds a row", 0.0, data)


def _of_sweeps(protocol: SpeedProtocol, sweeps: int) -> Takes:
    cost = f"{minutes_text(sweeps * protocol.minutes)} at most (--budget)"
    if protocol.hardware:
        cost += f", on an {protocol.hardware}"
    data = (given_by_user(protocol.needs_structures),) if protocol.needs_structures else ()
    return Takes(cost, sweeps * protocol.minutes, data)


def _usual_rows(card: AnyCard) -> Mapping[str, Row]:
    """Those that are measured unless others are asked for."""
    if isinstance(card, LandscapeFigure):
        return {name: card.rows[name] for name in card.drawn}
    return card.rows


def _baselines(rows: Mapping[str, Row]) -> tuple[str, ...]:
    heads = dict.fromkeys(row.model.partition("@")[0] for row in rows.values())
    return tuple(name for name in heads if name in baseline_names())


def minutes_text(minutes: float) -> str:
    """Minutes in words: `14 min`, `24 h`."""
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.3g} h"


def cost_table(listed: Sequence[Listed]) -> str:
    """Costs as a Markdown table: a line a name, a column a scale."""
    lines = ["| `alphanet repro …` | mini | slice | full |", "|---|---|---|---|"]
    for name in dict.fromkeys(one.name for one in listed):
        costs = {one.scale: _short(one) for one in listed if one.name == name}
        lines.append(f"| `{name}` | {' | '.join(costs.get(scale, '–') for scale in SCALES)} |")
    return "\n".join(lines)


def _short(one: Listed) -> str:
    if one.minutes is None:
        return "unknown" if one.gpu_days is None else f"{float(f'{one.gpu_days:.2g}'):g} GPU-days"
    if not one.minutes:
        return "–" if one.impossible else "seconds"
    return minutes_text(max(1.0, one.minutes))
