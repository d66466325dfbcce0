"""True values: a property by the reference method, computed once and kept in the cache."""

import functools
import hashlib
import json
import logging
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from ase import Atoms
from pydantic import ValidationError

from alphanet.errors import UserError
from alphanet.files import locked, read_json_object, write_text
from alphanet.measure.properties.methods import METHODS, PHONONDB, open_method, require_element, versions_of
from alphanet.measure.properties.phonondb import published
from alphanet.measure.properties.running import computed
from alphanet.measure.properties.structures import structure_digest
from alphanet.measure.properties.task import MissingPackageError, Property, Result
from alphanet.paths import home
from alphanet.potentials.ase_calculator import PotentialCalculator
from alphanet.potentials.protocol import Potential
from alphanet.potentials.specification import specified
from alphanet.provenance import code_digest

CODE = ("measure/properties",)
PACKAGES = ("ase", "numpy", "scipy", "spglib")  # behind every property, whatever the method

logger = logging.getLogger(__name__)


def true_property(
    task: Property[Any], atoms: Atoms, method: str, open_model: Callable[[str], Potential]
) -> tuple[Result, str]:
    """The property by the method, from the cache if it was computed before; and the key in the cache.

    Args:
        task: the property with its settings.
        atoms: the structure.
        method: a name of `METHODS`, or of a model.
        open_model: opens a model by its name.

    Raises:
        MissingPackageError: the method or the property needs a package.
        UserError: the method does not know an element, or the property cannot be had by it.
    """
    require_element(method, set(atoms.get_chemical_symbols()))
    task.require_packages()
    key = reference_key(task, atoms, method)
    if method == PHONONDB:
        return published(task, atoms), key
    path = home() / "properties" / f"{key}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_suffix(".lock"), f"waiting for another process that computes {task.name} by {method}"):
        if (kept := _kept(task, path)) is not None:
            return kept, key
        logger.info("%s of %s by %s: computed once and kept", task.name, atoms.symbols, method)
        try:
            with closing(open_method(method) if method in METHODS else open_model(method)) as potential:
                result = computed(task, PotentialCalculator(potential), atoms)
        except MissingPackageError:
            raise
        except UserError as error:
            raise UserError(f"reference {method}: {error}") from error
        content = {
            "task": task.name,
            "method": method,
            "structure": str(atoms.symbols),
            "result": result.model_dump(mode="json"),
        }
        write_text(path, json.dumps(content))
    return result, key


def reference_key(task: Property[Any], atoms: Atoms, method: str) -> str:
    """Hash of the property with its settings, the structure, the method, and versions of packages and code."""
    known = METHODS.get(method)
    packages = (*PACKAGES, *task.packages, *(known.packages if known else ()))
    depends = [
        task.name,
        task.model_dump(mode="json"),
        structure_digest(atoms),
        [method, None if known else specified(method).digest],
        versions_of(tuple(dict.fromkeys(packages))),
        _code(),
    ]
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:24]


@functools.cache
def _code() -> str:
    """Hash of the code that computes properties."""
    return code_digest(CODE)


def _kept(task: Property[Any], path: Path) -> Result | None:
    """The result in the cache; None if there is none, or none that can be read."""
    if not path.is_file():
        return None
    try:
        result: Result = task.read(read_json_object(path)["result"])
    except (UserError, KeyError, ValidationError) as error:
        logger.warning("%s cannot be read (%s); it is computed again", path, str(error).splitlines()[0])
        return None
    return result
