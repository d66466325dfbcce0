"""Cards of benchmarks by name: the project's, and those of the folder that `ALPHANET_BENCHMARKS` names."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alphanet.benchmark.card import AnyCard
from alphanet.benchmark.kinds import KINDS, kind_of
from alphanet.cards import card_files, read_yaml, validate
from alphanet.errors import UserError, did_you_mean


def load_benchmark(name: str) -> AnyCard:
    """The card of the benchmark `name`, as its key `kind` says.

    Raises:
        UserError: there is no such benchmark, its card is wrong, or cards refer to each other in a circle.
    """
    card = read_benchmark(card_path(name))
    _require_no_circle(card, (name,))
    return card


def read_benchmark(path: Path) -> AnyCard:
    """The card in the file `path`.

    Raises:
        UserError: the file cannot be read, names no known kind, or is not a valid card of its kind.
    """
    card = card_of(read_yaml(path), str(path))
    if card.name != path.stem:
        raise UserError(f"{path}: name: {card.name!r} must be the name of the file, {path.stem!r}")
    return card


def card_of(values: Any, where: str) -> AnyCard:
    """The card of plain `values`; errors name `where`.

    Raises:
        UserError: the kind is unknown, or the values are not a valid card of it.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"{where}: expected a mapping of keys, found {type(values).__name__}")
    kind = values.get("kind")
    if kind is None:
        raise UserError(f"{where}: key 'kind' is missing; known: {', '.join(sorted(KINDS))}")
    if not isinstance(kind, str) or kind not in KINDS:
        raise UserError(f"{where}: kind: unknown {kind!r}{did_you_mean(str(kind), KINDS)}")
    try:
        card_type = kind_of(kind).card_type
    except (ImportError, AttributeError) as error:
        raise UserError(f"{where}: kind: the module of {kind!r} cannot be imported ({error})") from error
    return validate(dict(values), card_type, where)


def benchmark_names() -> list[str]:
    """All benchmarks that have a card: the paper's tables, its figures, then all others by name."""
    return sorted(card_files("benchmarks"), key=reading_order)


def reading_order(name: str) -> tuple[int, str]:
    """Sort key of benchmarks: tables of the paper, figures of the paper, everything else by name."""
    for place, part in enumerate(("table", "fig")):
        if re.fullmatch(rf"{part}\d+[a-z]?", name):
            return place, name
    return 2, name


def card_path(name: str) -> Path:
    """The file of a benchmark's card.

    Raises:
        UserError: no such benchmark.
    """
    files = card_files("benchmarks")
    if name not in files:
        raise UserError(f"there is no benchmark {name!r}{did_you_mean(name, files)}")
    return files[name]


def _require_no_circle(card: AnyCard, path: Sequence[str]) -> None:
    """Follow the references of `card`; `path` are the names that led to it, its own last."""
    for name in card.references:
        if name in path:
            circle = " -> ".join([*path[path.index(name) :], name])
            raise UserError(f"{card_path(path[0])}: benchmarks refer to each other in a circle: {circle}")
        _require_no_circle(read_benchmark(card_path(name)), (*path, name))
