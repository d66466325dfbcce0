"""The audit of one potential: opened in the best precision it has, every check made or the reason given."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from time import perf_counter

from ase import Atoms
from pydantic import JsonValue

from alphanet.errors import UserError
from alphanet.measure.physics import conservation, continuity, derivatives, dimers, precision, symmetry
from alphanet.measure.physics.checks import CRYSTAL, MOLECULE, Check, PhysicsCheck, Subject, line, unchecked
from alphanet.measure.physics.structures import Sample, chosen_structures, usual_structures
from alphanet.potentials.opening import LoadOptions, best_dtype, open_potential
from alphanet.potentials.protocol import Potential
from alphanet.potentials.remote import RemotePotential
from alphanet.potentials.specification import specified

logger = logging.getLogger(__name__)


MODULES = (symmetry, continuity, derivatives, conservation, dimers, precision)
"""Where checks are declared with `physics_check`, in the order of the table"""
CHECKS: dict[str, PhysicsCheck] = {
    one.name: one for module in MODULES for one in vars(module).values() if isinstance(one, PhysicsCheck)
}


@dataclass(frozen=True)
class AuditedStructure:
    """A structure that checks were made on."""

    part: str  # crystal or molecule
    formula: str
    origin: str

    def __str__(self) -> str:
        """In words."""
        return f"{self.part} {self.formula}: {self.origin}"


@dataclass
class Audit:
    """All that was checked of one potential."""

    model: str
    untrained: bool
    checks: list[Check] = field(default_factory=list)
    precision: str = ""
    noise: dict[str, float | None] = field(default_factory=dict)  # energy (eV/atom), forces (eV/Å), stress (eV/Å^3)
    cutoff: float | None = None  # Å
    structures: tuple[AuditedStructure, ...] = ()
    provenance: dict[str, JsonValue] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""  # why it could not be opened, or failed on the structures


def audit(name: str, how: LoadOptions, given: list[Atoms]) -> Audit:
    """Everything that can be checked of the potential `name`, see `open_potential` for names.

    Args:
        name: the potential.
        how: device, weights and seed, which is also that of random directions; the best precision is taken.
        given: structures in place of those that the potential was trained on and of the usual ones.
    """
    from alphanet.measure.physics.own_structures import own_structures  # brings torch, which listing does not need

    started = perf_counter()
    frames = given or usual_structures()
    result = Audit(name, how.untrained)

    def opened(dtype: str) -> Potential:
        # The seed is also that of directions, and only random weights have a use for it.
        options = replace(how, dtype=dtype, seed=how.seed if how.untrained else 0)
        return open_potential(name, options, lambda: frames)

    try:
        with closing(opened(best_dtype(name, trust=how.trust))) as potential:
            samples = [Sample(atoms, "given", asked=True) for atoms in given] or own_structures(specified(name).run)
            subject = subject_of(potential, samples, how, lambda: opened("float32"))
            rounding = subject.rounding
            result.precision = rounding.precision
            result.noise = {"energy": rounding.energy, "forces": rounding.forces, "stress": rounding.stress}
            result.cutoff = subject.cutoff
            result.structures = _structures(subject)
            for one in result.structures:
                logger.info("%s: %s", name, one)
            result.provenance = potential.provenance()
            for check in _checks(subject):
                logger.info("%s: %s", name, line(check))
                result.checks.append(check)
    except UserError as error:
        logger.warning("%s: failed: %s", name, error)
        result.error = str(error)
    result.seconds = round(perf_counter() - started, 1)
    return result


def subject_of(
    potential: Potential, given: Sequence[Sample], how: LoadOptions, reopened: Callable[[], Potential] | None = None
) -> Subject:
    """The potential with the structures that are given, or others of elements that it knows.

    Raises:
        UserError: it fails on them.
    """
    known, cutoff = declared_limits(potential)
    if cutoff is None:
        crystal, _ = chosen_structures(given, known, None)
        cutoff = dimers.found_cutoff(potential, (crystal.atoms.get_chemical_symbols()[0],) * 2)
    crystal, molecule = chosen_structures(given, known, cutoff)
    periodic, _ = potential.predict([crystal.atoms, molecule.atoms], batch_size=1)
    return Subject(
        potential,
        crystal.atoms,
        molecule.atoms,
        stress=periodic.stress is not None,
        precision=declared_precision(potential),
        cutoff=cutoff,
        untrained=how.untrained,
        repels=_has_repulsion(potential),
        seed=how.seed,
        reopened=reopened,
        origins={CRYSTAL: crystal.origin, MOLECULE: molecule.origin},
    )


def _structures(subject: Subject) -> tuple[AuditedStructure, ...]:
    of = {CRYSTAL: subject.crystal, MOLECULE: subject.molecule}
    return tuple(AuditedStructure(part, str(atoms.symbols), subject.origins[part]) for part, atoms in of.items())


def declared_precision(potential: Potential) -> str | None:
    """float32 or float64, as the potential declares it; None if it does not."""
    provenance = potential.provenance()
    declared = provenance.get("dtype") or provenance.get("precision")
    return str(declared) if declared else None


def _has_repulsion(potential: Potential) -> bool:
    settings = potential.provenance().get("settings")
    return isinstance(settings, dict) and settings.get("zbl") is True


def declared_limits(potential: Potential) -> tuple[list[str] | None, float | None]:
    """Elements and cutoff (Å) as the potential declares them; None for what it does not."""
    from alphanet.potentials.local import AlphaNetPotential  # imports torch, which listing benchmarks does not need

    if isinstance(potential, AlphaNetPotential):
        return list(potential.model.config.elements), potential.model.config.cutoff
    if isinstance(potential, RemotePotential):
        info, of_card = potential.info(), potential.card.elements
        return info.get("elements") or (None if isinstance(of_card, str) else list(of_card)), info.get("cutoff")
    return None, None


def _checks(subject: Subject) -> Iterator[Check]:
    """All checks in order; one in which the potential fails says so, and the next is made."""
    for name, make in CHECKS.items():
        try:
            yield from make(subject)
        except UserError as error:
            yield replace(unchecked(name, "", f"the potential failed: {error}"), group=name)
