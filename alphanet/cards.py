"""Find YAML cards and read them into pydantic models; errors name the file, the key and the nearest known key."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from alphanet.errors import UserError, did_you_mean
from alphanet.paths import expanded, resources

# libyaml's loader if PyYAML has it, because listing all benchmarks reads hundreds of cards.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
    folders = [resources(kind)]
    variable = f"ALPHANET_{kind.upper()}"
    if added := os.environ.get(variable):
        folders.append(expanded(added))
        if not folders[-1].is_dir():
            raise UserError(f"{variable} names {added}, which is no folder; correct or unset it")
    files = [(file.parts[len(folder.parts)], file) for folder in folders for file in folder.glob(pattern)]
    return dict(sorted({name.removesuffix(".yaml"): file for name, file in files}.items()))


def read_yaml(path: Path) -> Any:
    """The content of a YAML file, as plain values.

    Raises:
        UserError: the file is missing or is not YAML.
    """
    try:
        return _copied(_parsed(Path(path).read_text(encoding="utf-8-sig")))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Any:
    """The content; a listing of all benchmarks reads the same cards again and again."""
    return yaml.load(text, Loader=LOADER)


def _copied(content: Any) -> Any:
    """The same content, whose mappings and lists are the caller's own."""
    if isinstance(content, dict):
        return {key: _copied(value) for key, value in content.items()}
    return [_copied(value) for value in content] if isinstance(content, list) else content


def read_card(path: Path, kind: type[CardType]) -> CardType:
    """Read the YAML file `path` as a card of type `kind`.

    Raises:
        UserError: unreadable file, unknown key (with the nearest known one), or a value of the wrong type.
    """
    return validate(read_yaml(path), kind, str(path))


def validate(values: Any, kind: type[CardType], where: str) -> CardType:
    """Validate plain `values` as `kind`; errors name `where`, the key and what is wrong with it."""
    if not isinstance(values, dict):
        raise UserError(f"{where}: expected a mapping of keys, found {type(values).__name__}")
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UserError(_explain(error, kind, where)) from error


def _explain(error: ValidationError, kind: type[BaseModel], where: str) -> str:
    """All missing and unknown keys at once; if there are none, the first wrong value."""
    errors = error.errors()
    missing = [_key(one["loc"]) for one in errors if one["type"] == "missing"]
    unknown = [one["loc"] for one in errors if one["type"] == "extra_forbidden"]
    parts = [f"unknown key {_key(loc)!r}{did_you_mean(str(loc[-1]), _fields_at(kind, loc))}" for loc in unknown]
    if len(missing) == 1:
        parts.append(f"key {missing[0]!r} is missing")
    elif missing:
        parts.append(f"keys {', '.join(map(repr, missing))} are missing")
    if not parts:
        first = errors[0]
        parts = [f"{_key(first['loc']) or 'value'}: {first['msg']} (got {first['input']!r})"]
    return f"{where}: {'; '.join(parts)}"


def _key(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)


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
