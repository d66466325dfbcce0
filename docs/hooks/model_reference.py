"""pydantic models as Markdown: a table of keys, types, defaults and meanings for each model and those inside it."""

import ast
import inspect
import re
import textwrap
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from command_reference import anchor, table, text
from pydantic import BaseModel, JsonValue
from pydantic.fields import FieldInfo

PLAIN = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    Decimal: "number",
    Path: "path",
    Any: "any",
    JsonValue: "any JSON value",
}


@dataclass(frozen=True)
class ModelGroup:
    """Models that belong together in the reference."""

    title: str
    introduction: str
    models: tuple[type[BaseModel], ...]


def model_reference(title: str, introduction: str, groups: Sequence[ModelGroup]) -> str:
    """The page of groups of models: each model once, where it is first needed."""
    parts, known = [f"# {title}", introduction.strip()], set[type[BaseModel]]()
    for group in groups:
        parts += [f"## {group.title}", group.introduction]
        for model in group.models:
            for inner in _reachable(model):
                if inner not in known:
                    known.add(inner)
                    parts += _section(inner)
    return "\n\n".join(parts) + "\n"


def _section(model: type[BaseModel]) -> list[str]:
    described = descriptions(model)
    rows = [
        (f"`{field.alias or name}`", type_text(field.annotation), default_text(field), described.get(name, ""))
        for name, field in model.model_fields.items()
    ]
    purpose = re.split(r"\n(?:Args|Raises|Examples?):\n", inspect.cleandoc(model.__doc__ or ""))[0]
    return [f"### {model.__name__}", text(purpose), table(("key", "type", "default", "meaning"), rows)]


def _reachable(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The model, then those that its fields hold, each once."""
    waiting, known = [model], set[type[BaseModel]]()
    while waiting:
        one = waiting.pop(0)
        if one not in known:
            known.add(one)
            yield one
            waiting += [inner for field in one.model_fields.values() for inner in _models_in(field.annotation)]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def type_text(annotation: Any) -> str:
    """A type in words, with a link where it is a model."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in PLAIN:
        return PLAIN[annotation]
    if origin is Annotated:
        return type_text(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(type_text(one) for one in arguments if one is not type(None))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"mapping of {type_text(arguments[0])} to {type_text(arguments[1])}"
    if origin is tuple and arguments[-1] is not Ellipsis:
        return "list of " + ", ".join(type_text(one) for one in arguments)
    if isinstance(origin, type) and issubclass(origin, Sequence | set | frozenset):
        return f"list of {type_text(arguments[0])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{anchor(annotation.__name__)})"
    return text(getattr(annotation, "__name__", str(annotation)))


def default_text(field: FieldInfo) -> str:
    """The default as YAML would write it; `required` if there is none."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True) if field.default_factory is None else None
    if isinstance(value, BaseModel):
        return "its defaults"
    if value is None or value in ("", (), {}):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value) if len(value) < 8 else f"{len(value)} values"
    return f"`{value}`"


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """What each field of a model means.

    In this order: the field's own description, the string below it, the comment on its line.
    """
    found: dict[str, str] = {}
    for ancestor in reversed(model.__mro__):
        if issubclass(ancestor, BaseModel) and ancestor is not BaseModel:
            found |= _from_source(ancestor)
    found |= {name: field.description for name, field in model.model_fields.items() if field.description}
    return {name: text(" ".join(meaning.split())) for name, meaning in found.items()}


def _from_source(model: type[BaseModel]) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(model))
    except (OSError, TypeError):  # a model made at run time
        return {}
    lines, found = source.splitlines(), {}
    (definition,) = ast.parse(source).body
    assert isinstance(definition, ast.ClassDef)
    for node, following in zip(definition.body, [*definition.body[1:], None], strict=True):
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)):
            continue
        comment = lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode()
        if "#" in comment:
            found[node.target.id] = comment.partition("#")[2].strip()
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            found[node.target.id] = str(following.value.value)
    return found
