"""Conformance of a baseline, as a user runs it: what the audit measures, relative, and what only a card says."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import NotRequired, TypedDict

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.data import chemical_symbols
from pydantic import JsonValue
from scipy.spatial.transform import Rotation

from alphanet.errors import UserError
from alphanet.measure.physics.audit import declared_limits, declared_precision
from alphanet.measure.physics.checks import Check, Subject, judged, line
from alphanet.measure.physics.derivatives import Compared, compared_forces, compared_stress
from alphanet.measure.physics.symmetry import Change, differences, doubled, largest, moved, reordered, turned
from alphanet.potentials.cards import BaselineCard
from alphanet.potentials.opening import LoadOptions, best_dtype, open_potential, trained_weights
from alphanet.potentials.protocol import FramePrediction, Potential
from alphanet.potentials.remote import RemotePotential
from alphanet.potentials.specification import Specification
from alphanet.potentials.weights import Weights, is_present, missing

ELEMENTS = ("C", "O", "Si")
REFERENCE_TOLERANCE = 1e-5  # eV/atom
SMALLEST_FORCE, SMALLEST_STRESS = 1e-3, 1e-5  # eV/Å and eV/Å^3 to which errors are relative at least
TURN, SHIFT = (0.4, -1.1, 2.3), (1.7, -2.9, 0.6)  # rad and Å; fixed, because the limits of cards are measured with them
UNTRAINED = "random"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resolution:
    """Relative errors that a precision explains, with the steps of finite differences that keep them."""

    tolerance: float
    difference_tolerance: float  # of finite differences
    step: float  # Å; short in float64, because the limits of cards count the kinks that a step crosses
    strain: float


RESOLUTIONS = {"float64": Resolution(1e-8, 1e-5, 1e-4, 1e-4), "float32": Resolution(2e-4, 2e-2, 2e-2, 6e-3)}


@dataclass(frozen=True)
class Claims:
    """What is said of a potential."""

    elements: Sequence[str]  # symbols that it knows
    conservative: bool = True
    stress: bool = True
    precision: str = "float64"
    refuses: str | None = None  # a symbol that it must refuse
    limits: Mapping[str, float] = field(default_factory=dict)  # for checks that cannot meet the usual limit


class Report(TypedDict):
    """Conformance of a baseline on all its weights that can run here."""

    name: str
    passed: bool | None  # None: it could not run, see `missing`
    checks: list[dict[str, JsonValue]]  # `weights`, and fields of `Check`
    about: dict[str, dict[str, JsonValue]]  # by weights: parameters, memory in bytes, …
    missing: str | None  # what to download
    error: NotRequired[str]


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """How models are loaded for the checks."""

    preset: str | None = None  # settings of random weights; the first if None
    elements: tuple[str, ...] = ()  # of the structures; three that the model knows if empty
    config: Path | None = None  # JSON of an AlphaNet checkpoint that carries none
    trust: bool = False  # load weights that contain code and have no checksum in the card


def check_model(model: Specification, options: CheckOptions = CheckOptions()) -> Report:
    """Run the conformance checks on a model, on all weights of a baseline that can run here; each check logs a line."""
    name = model.text if model.card is None else model.card.name
    result: Report = {"name": name, "passed": False, "checks": [], "about": {}, "missing": None}
    card = model.card
    if card is not None and (lacking := card.missing_checkout()):
        logger.info("%s: not checked: %s", name, lacking)
        return {**result, "passed": None, "missing": lacking}
    try:
        for weights, checks, about in _runs(model, options):
            result["about"][weights] = about
            for check in checks:
                values = asdict(check)
                shown = {key: values[key] for key in ("check", "passed", "value", "limit", "unit")}
                result["checks"].append({"weights": weights} | shown)
                logger.info("%s (%s): %s", name, weights, line(check))
    except UserError as error:
        logger.info("%s: error: %s", name, str(error).removeprefix(f"{name}: "))
        return {**result, "error": str(error)}
    if card is not None and not model.has_weights and card.released is not None and not is_present(card, card.released):
        result["missing"] = missing(card.checkpoints[card.released])
        logger.info("%s: weights not here: %s", name, result["missing"])
    passed = bool(result["checks"]) and all(check["passed"] for check in result["checks"])
    return {**result, "passed": passed}


def run_checks(potential: Potential, claims: Claims) -> list[Check]:
    """All checks of `potential`, in order.

    Energies are compared per atom, relative to the size of the forces times 1 Å; forces and stresses relative to the
    largest force and stress.

    Raises:
        UserError: the potential fails on a sound structure.
    """
    return [_at_own_limit(check, claims.limits) for check in _checks(potential, claims)]


def crystal(elements: Sequence[str], seed: int = 0) -> Atoms:
    """Eight atoms on a distorted cubic lattice in a skewed periodic cell smaller than usual cutoffs."""
    random = np.random.default_rng(seed)
    corners = np.indices((2, 2, 2)).reshape(3, -1).T / 2
    cell = 4.9 * (np.eye(3) + random.uniform(-0.06, 0.06, (3, 3)))
    symbols = [elements[index % len(elements)] for index in range(8)]
    atoms = Atoms(symbols, scaled_positions=corners, cell=cell, pbc=True)
    atoms.positions += random.normal(0, 0.08, (8, 3))
    return atoms


def cluster(elements: Sequence[str], seed: int = 0) -> Atoms:
    """The same atoms without periodic images."""
    atoms = crystal(elements, seed)
    return Atoms(atoms.numbers, atoms.positions)


def unknown_to(elements: Sequence[str]) -> str:
    """A symbol outside `elements`."""
    return next(symbol for symbol in chemical_symbols[1:] if symbol not in elements)


def _runs(model: Specification, options: CheckOptions) -> Iterator[tuple[str, list[Check], dict[str, JsonValue]]]:
    """For each of the weights: its name, the checks, and what the model says of itself."""
    if (card := model.card) is None:
        yield _run_here(model, options)
        return
    preset, dtype = model.preset or options.preset, card.dtypes[-1]
    if not model.has_weights and card.small is not None:
        elements: list[JsonValue] = [*(options.elements or _checked(_of_card(card)))]
        settings: dict[str, JsonValue] = {"elements": elements, "preset": preset or card.small}
        with RemotePotential(card, settings=settings, dtype=dtype) as potential:
            checks = run_checks(potential, _claims(card, potential, options.elements))
            yield UNTRAINED, checks, _about(potential)
    if model.has_weights or (card.released is not None and is_present(card, card.released)):
        weights = trained_weights(model, card, trust=options.trust)
        with RemotePotential(card, model=weights, dtype=dtype) as potential:
            checks = run_checks(potential, _claims(card, potential, options.elements))
            if isinstance(weights, Weights) and weights.name == card.released:  # which the references are of
                checks += _references(card, weights)
            named = weights.name if isinstance(weights, Weights) else str(weights)
            yield named, checks, _about(potential)


def _run_here(model: Specification, options: CheckOptions) -> tuple[str, list[Check], dict[str, JsonValue]]:
    """The checks of a model in this process: AlphaNet, or what a callable returns."""
    untrained = model.kind == "random"
    dtype = best_dtype(model.text, trust=options.trust)
    loading = LoadOptions(dtype=dtype, untrained=untrained, preset=options.preset, config=options.config)
    elements: Sequence[str] = options.elements or ELEMENTS
    potential = open_potential(model.text, loading, lambda: [Atoms(list(elements))])
    try:
        known, _ = declared_limits(potential)
        elements = tuple(options.elements or _checked(known))
        refuses = unknown_to(known) if known else None
        subject = _undescribed(potential, elements, known)
        claims = Claims(elements, stress=subject.stress, precision=subject.rounding.precision, refuses=refuses)
        about = {key: value for key, value in potential.provenance().items() if key != "settings"}
        return UNTRAINED if untrained else "own", run_checks(potential, claims), about
    finally:
        potential.close()


def _undescribed(potential: Potential, elements: Sequence[str], known: Sequence[str] | None) -> Subject:
    """A potential that no card describes, with structures of `elements`.

    Raises:
        UserError: it fails on them.
    """
    frames = crystal(elements), cluster(elements, seed=1)
    try:
        periodic, _ = potential.predict(frames, batch_size=1)
    except UserError as error:
        hint = "" if known else f"; if it does not know {', '.join(elements)}, name others with --elements"
        raise UserError(f"{error}{hint}") from error
    return Subject(potential, *frames, stress=periodic.stress is not None, precision=declared_precision(potential))


def _claims(card: BaselineCard, potential: RemotePotential, elements: Sequence[str]) -> Claims:
    known = potential.info().get("elements") or _of_card(card)
    refuses = unknown_to(known) if known and card.elements != "any" else None
    limits = {check: limit.value for check, limit in card.limits.items()}
    return Claims(elements or _checked(known), card.conservative, card.stress, card.dtypes[-1], refuses, limits)


def _of_card(card: BaselineCard) -> Sequence[str] | None:
    """The elements that the card lists; None if it does not."""
    return None if isinstance(card.elements, str) else card.elements


def _checked(known: Sequence[str] | None) -> Sequence[str]:
    """The elements of the structures: the usual ones, or the first that the potential knows if it lacks one of them."""
    return ELEMENTS if not known or set(ELEMENTS) <= set(known) else tuple(known[: len(ELEMENTS)])


def _references(card: BaselineCard, weights: Weights) -> Iterator[Check]:
    """Energies of simple bulks against the package's own calculator, which works in float32."""
    if not card.references:
        return
    with RemotePotential(card, model=weights, dtype=card.dtypes[0]) as potential:
        for reference in card.references:
            atoms = bulk(reference.symbol, reference.structure, a=reference.a)
            (answer,) = potential.predict([atoms])
            error = abs(answer.energy / len(atoms) - reference.energy_per_atom)
            yield judged(f"package's energy of {reference.symbol}", error, "eV/atom", REFERENCE_TOLERANCE)


def _about(potential: RemotePotential) -> dict[str, JsonValue]:
    return potential.info() | {"memory": {**potential.memory()}}


def _at_own_limit(check: Check, limits: Mapping[str, float]) -> Check:
    limit = limits.get(check.check)
    if limit is None or check.value is None:
        return check
    return replace(check, limit=limit, passed=check.value <= limit)


def _checks(potential: Potential, claims: Claims) -> Iterator[Check]:
    resolution = RESOLUTIONS[claims.precision]
    subject = Subject(potential, crystal(claims.elements), cluster(claims.elements, seed=1), claims.stress)
    frames = [subject.crystal, subject.molecule, crystal(claims.elements, seed=2)]
    copies = [atoms.copy() for atoms in frames]
    base = potential.predict(frames, batch_size=len(frames))
    shapes = judged("shapes", _wrong_shapes(frames, base, claims), "wrong frames", 0)
    yield shapes
    if not shapes.passed:
        return  # nothing else can be compared
    touched = sum(atoms != copy or atoms.calc is not None for atoms, copy in zip(frames, copies, strict=True))
    yield judged("input untouched", touched, "changed frames", 0)
    turn = Rotation.from_euler("xyz", TURN).as_matrix()
    changes = {
        "translation": [moved(atoms, np.array(SHIFT)) for atoms in frames],
        "rotation": [turned(atoms, turn) for atoms in frames],
        "permutation": [reordered(atoms, np.arange(len(atoms))[::-1]) for atoms in frames],
    }
    same, tolerance = [Change(atoms) for atoms in frames], resolution.tolerance
    yield _compared("batch equals single", same, base, potential.predict(frames, batch_size=1), tolerance)
    for name, changed in changes.items():
        yield _compared(name, changed, base, subject.predict([one.atoms for one in changed]), tolerance)
    (twice,) = subject.predict([doubled(subject.crystal, axis=0).atoms])
    half = FramePrediction(twice.energy / 2, twice.forces[: len(subject.crystal)])
    yield _compared("periodic images", same[:1], base[:1], [half], tolerance)
    names = "forces are derivatives", "non-conservative part of the forces"
    yield _derivative(names, compared_forces(subject, resolution.step), SMALLEST_FORCE, claims)
    if claims.stress:
        names = "stress is the derivative", "stress that is no derivative"
        yield _derivative(names, compared_stress(subject, resolution.strain), SMALLEST_STRESS, claims)
    if claims.refuses:
        yield _refusal(potential, claims.elements[0], claims.refuses)
    started = perf_counter()
    potential.predict(frames, batch_size=len(frames))
    yield _measured("time of a batch", perf_counter() - started, "s")


def _compared(
    name: str, changes: list[Change], base: list[FramePrediction], after: list[FramePrediction], tolerance: float
) -> Check:
    """The largest difference that a change makes, relative to the largest force and stress before."""
    force = max([SMALLEST_FORCE, *(float(np.abs(one.forces).max()) for one in base)])
    stress = max([SMALLEST_STRESS, *(float(np.abs(one.stress).max()) for one in base if one.stress is not None)])
    found = largest(map(differences, changes, base, after))
    return judged(name, max(found[0] / force, found[1] / force, found[2] / stress), "relative", tolerance)


def _wrong_shapes(frames: list[Atoms], base: list[FramePrediction], claims: Claims) -> int:
    def right(atoms: Atoms, prediction: FramePrediction) -> bool:
        wants_stress = claims.stress and bool(atoms.pbc.all())
        stress = prediction.stress
        sound = stress is not None and stress.shape == (3, 3) and np.allclose(stress, stress.T)
        return (
            isinstance(prediction.energy, float)
            and prediction.forces.shape == (len(atoms), 3)
            and (sound if wants_stress else stress is None)
        )

    return sum(not right(atoms, prediction) for atoms, prediction in zip(frames, base, strict=True))


def _derivative(names: tuple[str, str], compared: Compared, smallest: float, claims: Claims) -> Check:
    """The first of `names`, judged; of a potential that is not conservative the second, which has no limit."""
    worst = compared.wrong.max() / max(np.abs(compared.given).max(), smallest)
    if claims.conservative:
        return judged(names[0], worst, "relative", RESOLUTIONS[claims.precision].difference_tolerance)
    return _measured(names[1], worst, "relative")


def _refusal(potential: Potential, known: str, unknown: str) -> Check:
    try:
        potential.predict([crystal([known, unknown])])
    except UserError as error:
        return judged("unknown element refused", unknown not in str(error), "unnamed", 0)
    return judged("unknown element refused", 1, "accepted", 0)


def _measured(name: str, value: float, unit: str) -> Check:
    return Check(name, "", float(value), unit, limit=None, passed=True)
