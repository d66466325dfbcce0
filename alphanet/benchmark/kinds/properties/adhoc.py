"""The card of `bench properties`: structures of the models' own data, or of elements that they know."""

import logging
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from alphanet.benchmark.kinds.properties.card import PropertiesCard, properties_card
from alphanet.errors import UserError
from alphanet.files import atomic_path
from alphanet.measure.properties.conductivity import Conductivity
from alphanet.measure.properties.methods import METHODS, PHONONDB
from alphanet.measure.properties.phonondb import published_file
from alphanet.measure.properties.registry import PROPERTIES, property_class
from alphanet.measure.properties.structures import by_number
from alphanet.potentials.opening import LoadOptions, open_potential
from alphanet.potentials.specification import specified

OWN = "structures.extxyz"

logger = logging.getLogger(__name__)


def adhoc_card(
    folder: Path,
    *,
    models: Sequence[str],
    reference: str,
    tasks: Sequence[str],
    structures: Path | None,
    **opening: Any,
) -> PropertiesCard:
    """The card, see `properties_card`; structures of a training are written into `folder`.

    `opening` has keys of `alphanet.benchmark.kinds.opening.OpeningScale`.

    Raises:
        UserError: a model, task or file does not exist, or no structure is known that all can be measured on.
    """
    for task in tasks:
        property_class(task)
    if reference not in METHODS:
        specified(reference)
    elements: Sequence[str] = ()
    file = structures
    if file is not None and not file.is_file():
        raise UserError(f"cannot read {file}: no such file; structures are frames of one file")
    if reference == PHONONDB:
        tasks = tasks or (Conductivity.name,)
        file = file or published_file("structures")
    if file is None:
        file = _own_structures(models, folder)
        options = LoadOptions(**opening)
        elements = _elements(models, reference, options)
    card = properties_card(
        folder.name, models=models, reference=reference, tasks=tasks, structures=file, elements=elements,
        **opening,
    )  # fmt: skip
    for name in PROPERTIES:
        if name in card.columns:
            logger.info("%s: %s", name, ", ".join(card.columns[name].structures))
    return card


def _own_structures(models: Sequence[str], folder: Path) -> Path | None:
    """A file with the smallest crystal and molecule of the first model that is a training; None if there is none."""
    from alphanet.measure.physics.own_structures import own_structures  # brings torch

    run = next((run for model in models if (run := specified(model).run) is not None), None)
    samples = own_structures(run)
    if not samples:
        return None
    from ase.io import write

    with atomic_path(folder / OWN) as temporary:
        write(temporary, [sample.atoms for sample in samples], format="extxyz")
    logger.info("%s: %s", folder / OWN, "; ".join(sample.origin for sample in samples))
    return folder / OWN


def _elements(models: Sequence[str], reference: str, options: LoadOptions) -> list[str]:
    """Elements that the reference and all models know, or at least one of them, in order of atomic numbers.

    Raises:
        UserError: none of them says which elements it knows.
    """
    known = [elements for model in models if (elements := _known(model, options)) is not None]
    sets = [set(elements) for elements in known]
    of_models = (set.intersection(*sets) or set.union(*sets)) if sets else None
    of_reference = (
        set(METHODS[reference].elements) if reference in METHODS else set(_known(reference, LoadOptions()) or ())
    )
    if of_models is None and not of_reference:
        raise UserError("neither the models nor the reference say which elements they know: name a file of structures")
    return by_number(of_models & of_reference if of_models and of_reference else of_models or of_reference)


def _known(model: str, options: LoadOptions) -> list[str] | None:
    """Elements that a model declares; None if it declares none, or cannot be opened, which its rows will say."""
    from alphanet.measure.physics.audit import declared_limits

    specification = specified(model)
    if specification.card is not None and not isinstance(specification.card.elements, str):
        return list(specification.card.elements)
    if specification.kind == "python" or options.untrained:
        return None
    try:
        with closing(open_potential(model, options)) as potential:
            return declared_limits(potential)[0]
    except UserError as error:
        logger.debug("%s: %s", model, error)
        return None
