"""The keys of a training's settings with their defaults and meanings, read from the settings themselves."""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, JsonValue

from alphanet.potentials.cards import find_baseline
from alphanet.potentials.settings import BaselineSettings
from alphanet.training.config import AlphaNetSettings, generic_settings
from alphanet.training.defaults import ALPHANET
from alphanet.training.settings import flat, merged


@dataclass(frozen=True)
class Key:
    """A setting of a training."""

    name: str  # with dots, as it is written on the command line
    default: str  # with files of structures at scale mini; empty if it has none
    meaning: str


def training_keys(model: str) -> list[Key]:
    """Every key of the training settings of AlphaNet or of a baseline, in the order of the settings.

    Raises:
        UserError: no such baseline.
    """
    if model == ALPHANET:
        return list(_keys(AlphaNetSettings, flat(generic_settings("mini"))))
    card = find_baseline(model)
    preset = "mini" if "mini" in card.presets else card.small
    values: dict[str, JsonValue] = {}
    for layer in (card.fixed_settings, card.training, card.preset(preset).training if preset else {}):
        values = merged(values, layer)
    return list(_keys(BaselineSettings, flat({**values, "baseline": card.name, "preset": preset})))


def _keys(settings: type[BaseModel], chosen: Mapping[str, JsonValue], prefix: str = "") -> Iterator[Key]:
    meanings = _meanings(settings)
    for name, field in settings.model_fields.items():
        full, inner = prefix + name, _model_in(field.annotation)
        if inner is not None:
            yield from _keys(inner, chosen, f"{full}.")
            continue
        nested = {key.removeprefix(f"{full}."): value for key, value in chosen.items() if key.startswith(f"{full}.")}
        default: Any = chosen.get(
            full, nested or ("" if field.is_required() else field.get_default(call_default_factory=True))
        )
        yield Key(full, _text(default), meanings.get(name, ""))


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The group of settings that a field holds; None if it holds a value."""
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def _meanings(settings: type[BaseModel]) -> dict[str, str]:
    """The text under each field of a class and of those that it inherits from."""
    texts: dict[str, str] = {}
    for owner in reversed(settings.__mro__):
        if not (issubclass(owner, BaseModel) and owner.__module__.startswith("alphanet.")):
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        assert isinstance(definition, ast.ClassDef)
        for field, text in zip(definition.body, definition.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(field.target, ast.Name):
                value = text.value
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    texts[field.target.id] = inspect.cleandoc(value.value).replace("\n", " ")
    return texts


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={_text(entry)}" for key, entry in value.items())
    if isinstance(value, float):
        return f"{value:g}"
    return "null" if value is None else str(value)
