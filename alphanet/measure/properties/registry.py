"""The properties by name. A property is one module, and one line here."""

import importlib
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue, ValidationError

from alphanet.errors import UserError, did_you_mean
from alphanet.measure.properties.task import Property

PROPERTIES: dict[str, str] = {
    "forces": "alphanet.measure.properties.forces:Forces",
    "eos": "alphanet.measure.properties.eos:Eos",
    "elastic": "alphanet.measure.properties.elastic:Elastic",
    "phonons": "alphanet.measure.properties.phonons:Phonons",
    "conductivity": "alphanet.measure.properties.conductivity:Conductivity",
    "vacancy": "alphanet.measure.properties.defects:Vacancy",
    "surface": "alphanet.measure.properties.defects:Surface",
    "barrier": "alphanet.measure.properties.barriers:Hop",
    "reaction": "alphanet.measure.properties.barriers:Reaction",
    "nve": "alphanet.measure.properties.dynamics:Nve",
    "nvt": "alphanet.measure.properties.dynamics:Nvt",
    "diatomics": "alphanet.measure.properties.diatomics:Diatomics",
    "dihedral": "alphanet.measure.properties.dihedrals:Dihedral",
    "bilayer": "alphanet.measure.properties.bilayers:Bilayer",
    "adsorption": "alphanet.measure.properties.adsorption:Adsorption",
}
"""Name in cards and on the command line -> location of the class, which brings scipy, so that listing does not"""


def property_class(name: str) -> type[Property[Any]]:
    """The class of the property `name`.

    Raises:
        UserError: there is no such property.
    """
    if name not in PROPERTIES:
        raise UserError(f"no property {name!r}{did_you_mean(name, PROPERTIES)}")
    module, _, attribute = PROPERTIES[name].partition(":")
    found: type[Property[Any]] = getattr(importlib.import_module(module), attribute)
    return found


def make_property(name: str, settings: Mapping[str, JsonValue], where: str) -> Property[Any]:
    """The property `name` with `settings`; errors name `where`.

    Raises:
        UserError: there is no such property, or a setting is unknown or wrong.
    """
    kind = property_class(name)
    try:
        return kind.model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        hint = did_you_mean(key, kind.model_fields) if first["type"] == "extra_forbidden" else ""
        raise UserError(f"{where}: settings of {name}: {key}: {first['msg']}{hint}") from error
