"""Every benchmark at every scale: its cost, and which of its data and environments are present."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict

from alphanet.benchmark.card import AnyCard
from alphanet.benchmark.findings import Place
from alphanet.benchmark.kind import Plan, RunOptions
from alphanet.benchmark.kinds import kind_of
from alphanet.benchmark.loading import benchmark_names, load_benchmark
from alphanet.benchmark.needs import DataNeed
from alphanet.benchmark.selection import selected_places
from alphanet.durations import words
from alphanet.potentials.cards import baseline_names, load_baseline
from alphanet.potentials.environments import is_installed
from alphanet.potentials.specification import split_preset


class BenchmarkInfo(BaseModel):
    """A benchmark at one scale."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: str
    title: str
    scale: str
    comparable: bool  # with the paper, if nothing departs from the protocol
    reason: str  # why not; empty if it is
    cost: str  # in words
    minutes: float | None  # limit of its time, without environments and downloads; None if it has no limit
    gpu_days: float | None  # estimated, if nothing limits the time
    estimate: str  # the basis of `gpu_days`, or why there is none
    data: tuple[DataNeed, ...]
    impossible: tuple[str, ...]  # cells that this scale cannot fill, and what they would need
    missing_data: tuple[str, ...]  # to be fetched or given first; empty if all data are present or generated
    environments: tuple[str, ...]  # baselines that take part
    missing_environments: tuple[str, ...]  # those of them whose environment is not made yet


def list_benchmarks(seeds: int | None = None) -> list[BenchmarkInfo]:
    """Every benchmark at every scale, in the order of the paper; other papers' tables last.

    Args:
        seeds: trainings of each model; the card's number if None.

    Raises:
        UserError: a card is wrong.
    """
    cards = map(load_benchmark, benchmark_names())
    return [benchmark_info(card, RunOptions(scale=scale, seeds=seeds)) for card in cards for scale in card.scales]


def benchmark_info(card: AnyCard, options: RunOptions) -> BenchmarkInfo:
    """The cost of `card` with `options`, and which of its data and environments are present.

    Data are those of all cells, the cost and the environments those of the selected ones.

    Raises:
        UserError: the card, or one that it refers to, is wrong, or a selection fits nothing.
    """
    plan = kind_of(card.kind)(card, options).plan()
    if options.only:
        plan = _reduced(plan, card, selected_places(card, options.only))
    settings = card.scale(options.scale)
    known = baseline_names()
    environments = [name for name in dict.fromkeys(split_preset(model)[0] for model in plan.models) if name in known]
    impossible = _grouped(plan.impossible)
    return BenchmarkInfo(
        name=card.name,
        kind=card.kind,
        title=card.title,
        scale=options.scale,
        comparable=settings.comparable,
        reason=settings.reason,
        cost=plan.cost,
        minutes=plan.minutes,
        gpu_days=plan.gpu_days,
        estimate=plan.estimate,
        data=plan.data,
        impossible=impossible,
        missing_data=impossible + tuple(need.text for need in plan.data if not need.here),
        environments=tuple(environments),
        missing_environments=tuple(name for name in environments if not is_installed(load_baseline(name))),
    )


def _reduced(plan: Plan[Any], card: AnyCard, places: Set[Place]) -> Plan[Any]:
    """The plan of `places` alone; what the whole is known to take is divided by the limits of tasks."""
    tasks = tuple(task for task in plan.tasks if not places.isdisjoint(task.places))
    limits = [sum(task.seconds or 0.0 for task in some) for some in (tasks, plan.tasks)]
    share = limits[0] / limits[1] if limits[1] else len(tasks) / max(1, len(plan.tasks))
    minutes = None if plan.minutes is None else share * plan.minutes
    models = {card.rows[row].model for row, _ in places}
    return replace(
        plan,
        tasks=tasks,
        cost=f"{len(tasks)} of {len(plan.tasks)} tasks{f': {words(60 * minutes)}' if minutes else ''}",
        minutes=minutes,
        models=tuple(model for model in plan.models if model in models),
        impossible={place: why for place, why in plan.impossible.items() if place in places},
        gpu_days=None if plan.gpu_days is None else share * plan.gpu_days,
    )


def _grouped(impossible: Mapping[tuple[str, str], str]) -> tuple[str, ...]:
    """Cells that cannot be filled, by reason: columns or rows that lack all, or single cells."""
    reasons: dict[str, list[tuple[str, str]]] = {}
    for place, reason in impossible.items():
        reasons.setdefault(reason, []).append(place)
    return tuple(f"{_parts(places)}: {reason}" for reason, places in reasons.items())


def _parts(places: Sequence[tuple[str, str]]) -> str:
    rows, columns = (list(dict.fromkeys(names)) for names in zip(*places, strict=True))
    return ", ".join(rows if len(rows) <= len(columns) else columns)
