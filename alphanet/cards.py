"""Find YAML cards and read them into pydantic models; errors name the file, every wrong key and the nearest known."""

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from alphanet.errors import UserError, did_you_mean
from alphanet.limits import DEPTH, DIGITS, YAML_GROWTH, require
from alphanet.outside import require_regular
from alphanet.paths import expanded, resources
from alphanet.printed import one_line

# libyaml's loader if PyYAML has it, because listing all benchmarks reads hundreds of cards.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LONGEST = 100  # characters of a wrong value in a message; it may be a whole mapping


class Card(BaseModel):
    """Base of every card: unknown keys are errors, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


CardType = TypeVar("CardType", bound=BaseModel)


def card_files(kind: str, pattern: str = "*.yaml") -> dict[str, Path]:
    """Files of all cards of a kind, by name: the project's own, and those in the user's folder, which replace them.

    Args:
        kind: `baselines`, `benchmarks` or `datasets`; `ALPHANET_BASELINES` and so on name the user's folders.
        pattern: of a card's path below the folder; the first part of the path, without `.yaml`, is the name.

    Raises:
        UserError: the variable names a path that is not a folder.
    """
    folders = [resources(kind), *filter(None, [added_folder(kind)])]
    files = [(file.parts[len(folder.parts)], file) for folder in folders for file in folder.glob(pattern)]
    return dict(sorted({name.removesuffix(".yaml"): file for name, file in files}.items()))


def added_folder(kind: str) -> Path | None:
    """The user's folder of cards of a kind, see `card_files`; None if the variable names none.

    Raises:
        UserError: it names a path that is not a folder.
    """
    variable = f"ALPHANET_{kind.upper()}"
    if not (added := os.environ.get(variable)):
        return None
    folder = expanded(added)
    if not folder.is_dir():
        raise UserError(f"{variable} names {added}, which is no folder; correct or unset it")
    return folder


def read_yaml(path: Path) -> Any:
    """The content of a YAML file, as plain values.

    Raises:
        UserError: the file is missing or is not YAML.
    """
    require_regular(path)
    try:
        require(Path(path).stat().st_size, "array", f"{path} has")
        return yaml_value(Path(path).read_text(encoding="utf-8-sig"), str(path))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not valid YAML: {one_line(error)}") from error


def yaml_value(text: str, where: str) -> Any:
    """The content of a YAML text from elsewhere, as plain values of its own.

    Raises:
        UserError: it is not YAML, nested too deeply, or makes far more values by anchors than it has bytes.
    """
    try:
        return _copied(_parsed(text))
    except Exception as error:  # dates, numbers and tags that are none raise whatever their constructors do
        raise UserError(f"{where} is not valid YAML: {one_line(error)}") from error


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Any:
    """The content; a listing of all benchmarks reads the same cards again and again."""
    content = yaml.load(text, Loader=LOADER)
    _require_moderate(content, YAML_GROWTH * len(text) + YAML_GROWTH)
    return content


def _require_moderate(content: Any, most: int) -> None:
    """Check depth, number of values (those of an anchor count wherever it is named) and integers; no recursion."""
    waiting, count = [(content, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        count += 1
        if depth > DEPTH:
            raise ValueError(f"lists and mappings are nested more than {DEPTH} deep")
        if count + len(waiting) > most:
            raise ValueError(f"its anchors make more than {most} values")
        if isinstance(value, dict):
            waiting += [(part, depth + 1) for pair in value.items() for part in pair]
        elif isinstance(value, list):
            waiting += [(part, depth + 1) for part in value]
        elif isinstance(value, int) and value.bit_length() > 10 * DIGITS // 3:  # 10 bits hold 3 digits
            raise ValueError(f"an integer has more than {DIGITS} digits")


def _copied(content: Any) -> Any:
    """The same content, whose mappings and lists are the caller's own."""
    if isinstance(content, dict):
        return {key: _copied(value) for key, value in content.items()}
    return [_copied(value) for value in content] if isinstance(content, list) else content


def read_card(path: Path, kind: type[CardType]) -> CardType:
    """Read the YAML file `path` as a card of type `kind`.

    Raises:
        UserError: unreadable file; or missing, unknown or wrong keys, all of them, one a line.
    """
    return validate(read_yaml(path), kind, str(path))


def validate(values: Any, kind: type[CardType], where: str) -> CardType:
    """Validate plain `values` as `kind`.

    Raises:
        UserError: missing, unknown or wrong keys, all of them, one a line that begins with `where`.
    """
    card, problems = checked(values, kind, where)
    if card is None:
        raise UserError("\n".join(problems))
    return card


def checked(values: Any, kind: type[CardType], where: str) -> tuple[CardType | None, list[str]]:
    """The card that plain `values` make, or None and everything that is wrong, one line a key."""
    if not isinstance(values, dict):
        return None, [f"{where}: expected a mapping of keys, found {type(values).__name__}"]
    try:
        return kind.model_validate(values), []
    except ValidationError as error:
        return None, [f"{where}: {problem}" for problem in _problems(error, values, kind)]


def _problems(error: ValidationError, values: Any, kind: type[BaseModel]) -> list[str]:
    """What is wrong with each key, in the order of the fields, and unknown keys last."""
    found: dict[str, list[str]] = {}
    errors = error.errors()
    for one in errors:
        depth = len(one["loc"])
        if one["type"] == "too_short" and any(other["loc"][:depth] == one["loc"] for other in errors if other != one):
            continue  # parts that are wrong are not counted
        path = _in_card(one["loc"], values)
        key = ".".join(map(str, path))
        if one["type"] == "missing":
            text = f"key {key!r} is missing"
        elif one["type"] == "extra_forbidden":
            text = f"unknown key {key!r}{did_you_mean(str(path[-1]), _fields_at(kind, path))}"
        else:
            text = one["msg"].removeprefix("Value error, ")
            text = f"{key}: {text} (got {_short(one['input'])})" if key else text
        found.setdefault(key, []).append(text)
    return [_joined(key, texts) for key, texts in found.items()]


def _joined(key: str, texts: Sequence[str]) -> str:
    """One line for a key; where it may have values of several types, each says what it is not."""
    first, *others = dict.fromkeys(texts)
    return "; or ".join([first, *(text.removeprefix(f"{key}: ") for text in others)])


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _in_card(location: tuple[int | str, ...], values: Any) -> tuple[int | str, ...]:
    """The keys and places of `location` that are in the card; others name a type among those that a value may have."""
    path: list[int | str] = []
    for depth, part in enumerate(location):
        if isinstance(values, Mapping) and (part in values or depth == len(location) - 1):
            values = values.get(part)
        elif isinstance(values, Sequence) and not isinstance(values, str) and isinstance(part, int):
            values = values[part] if part < len(values) else None
        else:
            continue
        path.append(part)
    return tuple(path)


def _fields_at(kind: Any, location: tuple[int | str, ...]) -> list[str]:
    """Names of the fields beside the one at `location`, following nested models where they can be followed."""
    for part in location[:-1]:
        field = getattr(kind, "model_fields", {}).get(part)
        if field is not None:
            kind = _model_in(field.annotation) or kind
    return list(getattr(kind, "model_fields", {}))


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        model = _model_in(argument)
        if model:
            return model
    return None
