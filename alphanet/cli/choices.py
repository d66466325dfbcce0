"""From names and options to runs: which benchmarks, at which scale, which cells, which options."""

import itertools
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from alphanet.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from alphanet.benchmark.card import AnyCard
    from alphanet.benchmark.kind import RunOptions

logger = logging.getLogger(__name__)

DEFAULT_SCALE = "mini"
ALL_CELLS: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """A benchmark that is run, and how."""

    card: "AnyCard"
    options: "RunOptions"

    @property
    def name(self) -> str:
        """Name of the benchmark."""
        return self.card.name


def named_choices(
    names: Sequence[str], *, scale: str | None, only: str | None, values: Mapping[str, object]
) -> list[Choice]:
    """The benchmarks called `names`, each once.

    Args:
        names: of benchmarks.
        scale: None: mini, or the only scale that there is.
        only: patterns of cells, `[NAME:]CELLS`, separated by commas; None: all cells.
        values: the other fields of `RunOptions` that the user gave.

    Raises:
        UserError: a name, scale or cell that does not exist, or an option that no benchmark among them has a use for.
    """
    from alphanet.benchmark.loading import load_benchmark

    cards = {name: load_benchmark(name) for name in dict.fromkeys(names)}
    scales = {name: _scale_of(card, scale) for name, card in cards.items()}
    return _choices(cards, scales, _cells(cards, only, bare="cells"), values)


def all_choices(*, scale: str | None, only: str | None, values: Mapping[str, object]) -> list[Choice]:
    """Every benchmark that has the scale, in the order of the paper, see `named_choices`.

    A pattern of `only` without a colon is the name of a benchmark. Benchmarks with a single scale that take neither
    time nor data join any scale.
    """
    from alphanet.benchmark.loading import benchmark_names, load_benchmark

    scale = scale or DEFAULT_SCALE
    cards = {name: load_benchmark(name) for name in benchmark_names()}
    if not any(scale in card.scales for card in cards.values()):
        known = dict.fromkeys(itertools.chain(*(card.scales for card in cards.values())))
        raise UserError(f"no benchmark has the scale {scale!r}{did_you_mean(scale, known)}")
    scales = {name: joined for name, card in cards.items() if (joined := _joined_scale(card, scale)) is not None}
    _require_at_scale(cards, scales, scale, only)
    cells = _cells({name: cards[name] for name in scales}, only, bare="name")
    return _choices(cards, scales, cells, values)


def _scale_of(card: "AnyCard", scale: str | None) -> str:
    """The scale that is meant.

    Raises:
        UserError: the card does not have it.
    """
    if scale is None:
        return next(iter(card.scales)) if len(card.scales) == 1 else DEFAULT_SCALE
    joined = _joined_scale(card, scale)
    if joined is None:
        card.scale(scale)  # says what is wrong
        raise AssertionError(scale)
    return joined


def _joined_scale(card: "AnyCard", scale: str) -> str | None:
    """`scale`, or the only scale of a card that takes neither time nor data; None if the card has neither."""
    if scale in card.scales:
        return scale
    if len(card.scales) > 1:
        return None
    from alphanet.benchmark.kind import RunOptions
    from alphanet.benchmark.listing import benchmark_info

    (single,) = card.scales
    info = benchmark_info(card, RunOptions(scale=single))
    return single if info.minutes == 0 and not info.data else None


def _require_at_scale(cards: Mapping[str, "AnyCard"], scales: Mapping[str, str], scale: str, only: str | None) -> None:
    """Raise UserError for a name in `only` that does not exist or does not have the scale."""
    for part in _parts(only):
        name = part.partition(":")[0]
        if "*" in name or name in scales:
            continue
        if name not in cards:
            raise UserError(f"there is no benchmark {name!r}{did_you_mean(name, cards)}")
        cards[name].scale(scale)


def _parts(only: str | None) -> list[str]:
    return [part.strip() for part in (only or "").split(",") if part.strip()]


def _cells(cards: Mapping[str, "AnyCard"], only: str | None, *, bare: str) -> dict[str, tuple[str, ...]]:
    """Patterns of cells by name; names without a cell that fits are left out.

    Args:
        cards: by name.
        only: patterns, separated by commas.
        bare: whether a pattern without a colon is `cells` of any name, or a `name`.
    """
    from alphanet.benchmark.selection import all_places, selected_places

    if not _parts(only):
        return dict.fromkeys(cards, ALL_CELLS)
    chosen: dict[str, list[str]] = {}
    for part in _parts(only):
        name, colon, cells = part.partition(":")
        if not colon:
            name, cells = ("*", part) if bare == "cells" else (part, "*")
        fitting = [known for known in cards if fnmatchcase(known, name)]
        problem: UserError | None = None
        matched = False
        for known in fitting:
            try:
                selected_places(cards[known], [cells or "*"])
            except UserError as error:
                problem = error
                continue
            matched = True
            chosen.setdefault(known, []).append(cells or "*")
        if not matched:
            raise problem or UserError(f"there is no benchmark {name!r}{did_you_mean(name, cards)}")
    patterns: dict[str, tuple[str, ...]] = {}
    for name, card in cards.items():
        if name not in chosen:
            continue
        whole = selected_places(card, chosen[name]) == set(all_places(card))
        patterns[name] = ALL_CELLS if whole else tuple(dict.fromkeys(chosen[name]))
    return patterns


def _choices(
    cards: Mapping[str, "AnyCard"],
    scales: Mapping[str, str],
    cells: Mapping[str, tuple[str, ...]],
    values: Mapping[str, object],
) -> list[Choice]:
    from alphanet.benchmark.kind import RunOptions

    chosen = [cards[name] for name in cells]
    useful = _useful(chosen, values)
    for card in chosen:
        for field in sorted(values.keys() - useful[card.name]):
            logger.info("%s: %s has no use for %s", card.name, card.kind, field.replace("_", " "))
    return [
        Choice(
            card,
            RunOptions.model_validate(
                {"scale": scales[card.name], "only": cells[card.name]}
                | {field: value for field, value in values.items() if field in useful[card.name]}
            ),
        )
        for card in chosen
    ]


def _useful(cards: Iterable["AnyCard"], values: Mapping[str, object]) -> dict[str, frozenset[str]]:
    """The options that each card has a use for.

    Raises:
        UserError: one of the values has a use for none of them.
    """
    from alphanet.benchmark.kind import COMMON
    from alphanet.benchmark.kinds import KINDS, kind_of
    from alphanet.cli.options import flag

    useful = {card.name: COMMON | kind_of(card.kind).uses for card in cards}
    for field in values:
        if not any(field in fields for fields in useful.values()):
            users = [kind for kind in KINDS if _uses(kind, field)]
            raise UserError(
                f"{flag(field)} has no use for {', '.join(useful)}; benchmarks of kind {', '.join(users)} use it"
            )
    return useful


def _uses(kind: str, field: str) -> bool:
    from alphanet.benchmark.kinds import kind_of

    try:
        return field in kind_of(kind).uses
    except (ImportError, AttributeError):  # a kind whose module cannot be imported has no use for anything
        return False
