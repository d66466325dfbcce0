"""Conformance of a baseline as a user runs it: its architecture with random weights, and the weights it comes with."""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, NotRequired, TypedDict

from ase.build import bulk
from pydantic import JsonValue

from alphanet.errors import UserError
from alphanet.potentials.cards import BaselineCard
from alphanet.potentials.conformance import Check, Subject, run_checks, unknown_to
from alphanet.potentials.remote import RemotePotential
from alphanet.potentials.weights import Weights, is_present, missing, present

ELEMENTS = ("C", "O", "Si")
REFERENCE_TOLERANCE = 1e-5  # eV/atom
UNTRAINED = "random"

logger = logging.getLogger(__name__)


class Report(TypedDict):
    """Conformance of a baseline on all its weights that can run here."""

    name: str
    passed: bool | None  # None: it could not run, see `missing`
    checks: list[dict[str, JsonValue]]  # `weights`, and the fields of `Check`
    about: dict[str, dict[str, Any]]  # by weights: parameters, memory in bytes, …
    missing: str | None  # what to download
    error: NotRequired[str]


def check_baseline(card: BaselineCard, *, preset: str | None = None, trust: bool = False) -> Report:
    """Run the conformance checks on all weights of `card` that can run here; each check logs a line.

    Args:
        card: the baseline; its environment is installed.
        preset: settings of the random weights; the card's first if None.
        trust: load released weights that contain code and have no checksum in the card.
    """
    result: Report = {"name": card.name, "passed": False, "checks": [], "about": {}, "missing": None}
    if lacking := card.missing_checkout():
        logger.info("%s: not checked: %s", card.name, lacking)
        return {**result, "passed": None, "missing": lacking}
    try:
        for weights, checks, about in _runs(card, preset, trust):
            result["about"][weights] = about
            result["checks"] += [{"weights": weights} | asdict(check) for check in checks]
            for check in checks:
                logger.info("%s (%s): %s", card.name, weights, _line(check))
    except UserError as error:
        logger.info("%s: error: %s", card.name, error)
        return {**result, "error": str(error)}
    if card.released is not None and not is_present(card, card.released):
        result["missing"] = missing(card.checkpoints[card.released])
        logger.info("%s: weights not here: %s", card.name, result["missing"])
    passed = bool(result["checks"]) and all(check["passed"] for check in result["checks"])
    return {**result, "passed": passed}


def _runs(card: BaselineCard, preset: str | None, trust: bool) -> Iterator[tuple[str, list[Check], dict[str, Any]]]:
    if card.small is not None:
        with RemotePotential(card, settings=_random(card, preset), dtype=card.dtypes[-1]) as potential:
            yield UNTRAINED, run_checks(potential, _subject(card, potential)), _about(potential)
    if card.released is not None and is_present(card, card.released):
        weights = present(card, card.released, trust=trust)
        with RemotePotential(card, model=weights, dtype=card.dtypes[-1]) as potential:
            checks = run_checks(potential, _subject(card, potential)) + list(_references(card, weights))
            yield card.released, checks, _about(potential)


def _random(card: BaselineCard, preset: str | None) -> dict[str, JsonValue]:
    return {"elements": list(ELEMENTS), "preset": preset or card.small}


def _subject(card: BaselineCard, potential: RemotePotential) -> Subject:
    known = potential.info().get("elements")
    refuses = unknown_to(known) if known and card.elements != "any" else None
    limits = {check: limit.value for check, limit in card.limits.items()}
    return Subject(ELEMENTS, card.conservative, card.stress, card.dtypes[-1], refuses, limits)


def _references(card: BaselineCard, weights: Weights) -> Iterator[Check]:
    """Energies of simple bulks against the package's own calculator, which works in float32."""
    if not card.references:
        return
    with RemotePotential(card, model=weights, dtype=card.dtypes[0]) as potential:
        for reference in card.references:
            atoms = bulk(reference.symbol, reference.structure, a=reference.a)
            (answer,) = potential.predict([atoms])
            error = abs(answer.energy / len(atoms) - reference.energy_per_atom)
            name = f"package's energy of {reference.symbol}"
            yield Check(name, error <= REFERENCE_TOLERANCE, error, REFERENCE_TOLERANCE, "eV/atom")


def _about(potential: RemotePotential) -> dict[str, Any]:
    return potential.info() | {"memory": potential.memory()}


def _line(check: Check) -> str:
    limit = "" if check.limit is None else f" (limit {check.limit:g})"
    return f"{'ok  ' if check.passed else 'FAIL'} {check.check}: {check.value:.3g} {check.unit}{limit}"
