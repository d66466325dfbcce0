"""The kinds of benchmarks. A kind is one module or package, and one line here."""

import importlib
from typing import Any

from alphanet.benchmark.kind import Kind

KINDS: dict[str, str | type[Kind[Any, Any]]] = {
    "accuracy": "alphanet.benchmark.kinds.accuracy:Accuracy",
    "speed": "alphanet.benchmark.kinds.speed:Speed",
    "discovery": "alphanet.benchmark.kinds.discovery:Discovery",
    "landscape": "alphanet.benchmark.kinds.landscape:Landscape",
    "settings": "alphanet.benchmark.kinds.settings:Settings",
    "cost": "alphanet.benchmark.kinds.cost:Cost",
    "memory": "alphanet.benchmark.kinds.memory:Memory",
    "physics": "alphanet.benchmark.kinds.physics:Physics",
    "elsewhere": "alphanet.benchmark.kinds.elsewhere:Elsewhere",
    "expressiveness": "alphanet.benchmark.kinds.expressiveness:Expressiveness",
    "data": "alphanet.benchmark.kinds.data:Data",
    "learning": "alphanet.benchmark.kinds.learning:Learning",
    "properties": "alphanet.benchmark.kinds.properties:Properties",
}
"""Name in cards -> the class, or its location, so that a kind is imported only when a card needs it."""


def kind_of(name: str) -> type[Kind[Any, Any]]:
    """The class of the kind `name`.

    Raises:
        KeyError: there is no such kind.
    """
    registered = KINDS[name]
    if isinstance(registered, str):
        module, _, attribute = registered.partition(":")
        registered = getattr(importlib.import_module(module), attribute)
        KINDS[name] = registered
    return registered
