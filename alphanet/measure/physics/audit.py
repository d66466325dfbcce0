"""The audit of one potential: opened in the best precision it has, every check made or the reason given."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from ase import Atoms

from alphanet.errors import UserError, did_you_mean
from alphanet.measure.physics import conservation, continuity, derivatives, dimers, dynamics, precision, symmetry
from alphanet.measure.physics.checks import Check, Subject, unchecked
from alphanet.measure.physics.rounding import measured_rounding
from alphanet.measure.physics.structures import chosen_structures, usual_structures
from alphanet.potentials.cards import baseline_names, load_baseline
from alphanet.potentials.local import AlphaNetPotential
from alphanet.potentials.opening import ALPHANET, LoadOptions, open_potential
from alphanet.potentials.protocol import Potential
from alphanet.potentials.remote import RemotePotential

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Property:
    """A property of energy surfaces: its title in figures and the checks of it, by what they add to its name."""

    title: str
    checks: dict[str, Callable[[Subject], Iterator[Check]]]


PROPERTIES: dict[str, Property] = {
    "rotation": Property("rotation", {"": symmetry.rotation}),
    "mirror": Property("mirror", {"": symmetry.mirror}),
    "translation": Property("translation", {"": symmetry.translation}),
    "pbc-wrap": Property("wrap into\nthe cell", {"": symmetry.pbc_wrap}),
    "unwrapped": Property("atoms in\nother cells", {"": symmetry.unwrapped}),
    "permutation": Property("permu-\ntation", {"": symmetry.permutation}),
    "supercell": Property("supercell", {"": symmetry.supercell}),
    "cutoff": Property("jump at\nthe cutoff", {"": continuity.cutoff}),
    "neighbor-cap": Property("jump at\na cap", {"": continuity.neighbor_cap}),
    "continuity": Property("jump on\na path", {"": continuity.on_paths}),
    "forces": Property("forces are\nderivatives", {"": derivatives.forces}),
    "stress": Property("stress is a\nderivative", {"": derivatives.stress}),
    "conservative": Property(
        "conser-\nvative", {": closed loops": conservation.loops, ": Jacobian": conservation.jacobian}
    ),
    "NVE": Property("NVE\ndrift", {"": dynamics.drift}),
    "dimers": Property("dimers", {"": dimers.dimers}),
    "float32": Property("float32", {}),  # needs the potential a second time
}
CHECKS = {name + part: make for name, one in PROPERTIES.items() for part, make in one.checks.items()}


@dataclass
class Audit:
    """All that was checked of one potential."""

    model: str
    untrained: bool
    checks: list[Check] = field(default_factory=list)
    precision: str = ""
    noise: dict[str, float | None] = field(default_factory=dict)  # energy (eV/atom), forces (eV/Å), stress (eV/Å^3)
    cutoff: float | None = None  # Å
    structures: tuple[str, ...] = ()  # formulas
    provenance: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""  # why it could not be opened, or failed on the structures


def require_potential(name: str) -> None:
    """Raise UserError if `name` can be no potential, before hours are spent on others."""
    known = [ALPHANET, *baseline_names()]
    if name.partition(":")[0] not in known and ":" not in name and not Path(name).is_file():
        raise UserError(f"{name}: no such file, and no potential of that name{did_you_mean(name, known)}")


def audit(name: str, how: LoadOptions, given: list[Atoms]) -> Audit:
    """Everything that can be checked of the potential `name`, see `open_potential` for names.

    Args:
        name: the potential.
        how: device, weights and seed, which is also that of random directions; the best precision is taken.
        given: structures in place of the usual ones, see `chosen_structures`.
    """
    started = perf_counter()
    frames = given or usual_structures()
    result = Audit(name, how.untrained)
    try:
        with closing(open_potential(name, _loading(how, _best_dtype(name)), lambda: frames)) as potential:
            subject = subject_of(potential, given, how)
            rounding = subject.rounding
            result.precision = rounding.precision
            result.noise = {"energy": rounding.energy, "forces": rounding.forces, "stress": rounding.stress}
            result.cutoff = subject.cutoff
            result.structures = tuple(str(atoms.symbols) for atoms in (subject.crystal, subject.molecule))
            result.provenance = potential.provenance()
            for check in _checks(subject, name, how, frames):
                logger.info("%s: %s", name, line(check))
                result.checks.append(check)
    except UserError as error:
        logger.warning("%s: failed: %s", name, error)
        result.error = str(error)
    result.seconds = round(perf_counter() - started, 1)
    return result


def line(check: Check) -> str:
    """A check in words."""
    if check.passed is None:
        return f"not checked: {check.check}: {check.reason}"
    where = f" ({check.where})" if check.where and not check.passed else ""
    verdict = "ok  " if check.passed else "FAIL"
    return f"{verdict} {check.check}: {check.value:.2g} {check.unit}, limit {check.limit:.1g}{where}"


def _loading(how: LoadOptions, dtype: str) -> LoadOptions:
    """Options of loading; the seed is also that of directions, and only random weights have a use for it."""
    return replace(how, dtype=dtype, seed=how.seed if how.untrained else 0)


def _best_dtype(name: str) -> str:
    head = name.partition(":")[0]
    if head not in baseline_names():
        return "float64"
    dtypes = load_baseline(head).dtypes
    return "float64" if "float64" in dtypes else dtypes[0]


def subject_of(potential: Potential, given: list[Atoms], how: LoadOptions) -> Subject:
    """The potential with structures of elements that it knows.

    Raises:
        UserError: it fails on them.
    """
    known, cutoff = _told(potential)
    crystal, molecule = chosen_structures(given, known, cutoff)
    if cutoff is None:
        cutoff = dimers.found_cutoff(potential, (crystal.get_chemical_symbols()[0],) * 2)
        crystal, molecule = chosen_structures(given, known, cutoff)
    provenance = potential.provenance()
    declared = provenance.get("dtype") or provenance.get("precision")
    rounding = measured_rounding(potential, crystal, str(declared) if declared else None, how.seed)
    on_molecule = measured_rounding(potential, molecule, rounding.precision, how.seed)
    stressed = potential.predict([crystal])[0].stress is not None
    return Subject(potential, crystal, molecule, rounding, on_molecule, cutoff, stressed, how.untrained, how.seed)


def _told(potential: Potential) -> tuple[list[str] | None, float | None]:
    """Elements and cutoff (Å), if the potential tells them."""
    if isinstance(potential, AlphaNetPotential):
        return list(potential.model.config.elements), potential.model.config.cutoff
    if isinstance(potential, RemotePotential):
        info = potential.info()
        return info.get("elements"), info.get("cutoff")
    return None, None


def _checks(subject: Subject, name: str, how: LoadOptions, frames: list[Atoms]) -> Iterator[Check]:
    """All checks in order; one in which the potential fails says so, and the next is made."""
    for title, make in CHECKS.items():
        try:
            yield from make(subject)
        except UserError as error:
            yield unchecked(title, title.partition(":")[0], "", f"the potential failed: {error}")
    yield from _float32(subject, name, how, frames)


def _float32(subject: Subject, name: str, how: LoadOptions, frames: list[Atoms]) -> Iterator[Check]:
    if subject.rounding.precision == "float32":
        yield precision.unchecked_float32("it computes in float32 only")
        return
    try:
        with closing(open_potential(name, _loading(how, "float32"), lambda: frames)) as single:
            yield from precision.float32(subject, single)
    except UserError as error:
        yield precision.unchecked_float32(str(error))
