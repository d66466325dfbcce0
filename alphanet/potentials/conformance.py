"""Conformance checks of a potential: shapes, units, symmetries, derivatives, images; each with its number."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from scipy.spatial.transform import Rotation

from alphanet.errors import UserError
from alphanet.potentials.protocol import FramePrediction, Potential

STRAIN = 1e-3  # relative change of lengths for the stress by finite differences


@dataclass(frozen=True)
class Check:
    """One measured property and its limit."""

    check: str
    passed: bool
    value: float
    limit: float | None  # None if it is only measured
    unit: str


@dataclass(frozen=True)
class Subject:
    """Claims about the potential under test."""

    elements: Sequence[str]  # symbols that it knows
    conservative: bool = True
    stress: bool = True
    precision: str = "float64"
    refuses: str | None = None  # a symbol that it must refuse
    limits: Mapping[str, float] = field(default_factory=dict)  # for checks that cannot meet the usual limit

    @property
    def tolerance(self) -> float:
        """Relative error that rounding may cause."""
        return 1e-8 if self.precision == "float64" else 2e-4

    @property
    def step(self) -> float:
        """Displacement for finite differences, Å: where rounding and curvature are both small."""
        return 1e-4 if self.precision == "float64" else 1e-2

    @property
    def difference_tolerance(self) -> float:
        """Relative error that finite differences may have."""
        return 1e-5 if self.precision == "float64" else 2e-2


def run_checks(potential: Potential, subject: Subject) -> list[Check]:
    """All checks of `potential`, in order.

    Energies are compared per atom, relative to the size of the forces times 1 Å; forces and stresses relative to the
    largest force and stress.

    Raises:
        UserError: the potential fails on a sound structure.
    """
    return [_at_own_limit(check, subject.limits) for check in _checks(potential, subject)]


def _at_own_limit(check: Check, limits: Mapping[str, float]) -> Check:
    limit = limits.get(check.check)
    return check if limit is None else replace(check, limit=limit, passed=check.value <= limit)


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


def _checks(potential: Potential, subject: Subject) -> Iterator[Check]:
    frames = [crystal(subject.elements), cluster(subject.elements, seed=1), crystal(subject.elements, seed=2)]
    copies = [atoms.copy() for atoms in frames]
    base = potential.predict(frames, batch_size=len(frames))
    shapes = _judged("shapes", _wrong_shapes(frames, base, subject), 0, "wrong frames")
    yield shapes
    if not shapes.passed:
        return  # nothing else can be compared
    yield _judged("input untouched", _changes(frames, copies), 0, "changed frames")
    compare = _Comparison(potential, frames, base, subject)
    single = potential.predict(frames, batch_size=1)
    yield compare("batch equals single", single)
    yield compare("translation", compare.predict(_moved))
    yield compare("rotation", compare.predict(_turned), back=_turn())
    yield compare("permutation", compare.predict(lambda atoms: atoms[::-1]), order=slice(None, None, -1))
    yield _images(potential, frames[0], base[0], subject)
    yield _forces(potential, frames[0], base[0], subject)
    if subject.stress:
        yield _stress(potential, frames[0], base[0], subject)
    if subject.refuses:
        yield _refusal(potential, subject)
    started = perf_counter()
    potential.predict(frames, batch_size=len(frames))
    yield Check("time of a batch", True, perf_counter() - started, None, "s")


class _Comparison:
    """Comparison of predictions for changed frames with those for the original frames."""

    def __init__(
        self, potential: Potential, frames: list[Atoms], base: list[FramePrediction], subject: Subject
    ) -> None:
        self._potential, self._frames, self._base = potential, frames, base
        self._limit = subject.tolerance
        self._force = max(float(np.abs(prediction.forces).max()) for prediction in base)
        self._stress = max(
            (float(np.abs(prediction.stress).max()) for prediction in base if prediction.stress is not None),
            default=0.0,
        )

    def predict(self, change: Callable[[Atoms], Atoms]) -> list[FramePrediction]:
        changed = [change(atoms) for atoms in self._frames]
        return self._potential.predict(changed, batch_size=len(changed))

    def __call__(
        self,
        name: str,
        answers: list[FramePrediction],
        *,
        back: np.ndarray | None = None,
        order: slice = slice(None),
    ) -> Check:
        """Compare with the original predictions; `back` rotates forces and stresses back, `order` sorts atoms back."""
        worst = 0.0
        turn = np.eye(3) if back is None else back
        for before, after in zip(self._base, answers, strict=True):
            energy = abs(before.energy - after.energy) / len(before.forces)
            force = float(np.abs(before.forces - after.forces[order] @ turn).max())
            worst = max(worst, energy / max(self._force, 1e-3), force / max(self._force, 1e-3))
            if before.stress is not None and after.stress is not None:
                stress = float(np.abs(before.stress - turn.T @ after.stress @ turn).max())
                worst = max(worst, stress / max(self._stress, 1e-5))
        return _judged(name, worst, self._limit, "relative")


def _images(potential: Potential, atoms: Atoms, base: FramePrediction, subject: Subject) -> Check:
    """Twice the cell must give twice the energy and the same forces, also if the cell is smaller than the cutoff."""
    (double,) = potential.predict([atoms.repeat((2, 1, 1))])
    scale = max(float(np.abs(base.forces).max()), 1e-3)
    energy = abs(double.energy / 2 - base.energy) / len(atoms)
    force = float(np.abs(double.forces[: len(atoms)] - base.forces).max())
    return _judged("periodic images", max(energy, force) / scale, subject.tolerance, "relative")


def _forces(potential: Potential, atoms: Atoms, base: FramePrediction, subject: Subject) -> Check:
    """Forces against central differences of the energy, for every coordinate of three atoms."""
    places = [(atom, axis) for atom in (0, 3, 6) for axis in range(3)]
    moved = [_displaced(atoms, atom, axis, sign * subject.step) for atom, axis in places for sign in (1.0, -1.0)]
    energies = np.array([prediction.energy for prediction in potential.predict(moved)]).reshape(-1, 2)
    numeric = -(energies[:, 0] - energies[:, 1]) / (2 * subject.step)
    given = np.array([base.forces[place] for place in places])
    worst = float(np.abs(numeric - given).max()) / max(float(np.abs(given).max()), 1e-3)
    if not subject.conservative:
        return Check("non-conservative part of the forces", True, worst, None, "relative")
    return _judged("forces are derivatives", worst, subject.difference_tolerance, "relative")


def _stress(potential: Potential, atoms: Atoms, base: FramePrediction, subject: Subject) -> Check:
    """Stress against the energy's central differences in strain, divided by the volume: sign, unit, symmetry."""
    assert base.stress is not None
    places = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]
    step = STRAIN * (0.1 if subject.precision == "float64" else 3.0)
    strained = [_strained(atoms, place, sign * step) for place in places for sign in (1.0, -1.0)]
    energies = np.array([prediction.energy for prediction in potential.predict(strained)]).reshape(-1, 2)
    numeric = (energies[:, 0] - energies[:, 1]) / (2 * step) / atoms.get_volume()
    given = np.array([base.stress[place] for place in places])
    worst = float(np.abs(numeric - given).max()) / max(float(np.abs(given).max()), 1e-5)
    if not subject.conservative:
        return Check("stress that is no derivative", True, worst, None, "relative")
    return _judged("stress is the derivative", worst, subject.difference_tolerance, "relative")


def _refusal(potential: Potential, subject: Subject) -> Check:
    assert subject.refuses is not None
    stranger = crystal([*subject.elements[:1], subject.refuses])
    try:
        potential.predict([stranger])
    except UserError as error:
        return _judged("unknown element refused", float(subject.refuses not in str(error)), 0, "unnamed")
    return _judged("unknown element refused", 1.0, 0, "accepted")


def unknown_to(elements: Sequence[str]) -> str:
    """A symbol outside `elements`."""
    return next(symbol for symbol in chemical_symbols[1:] if symbol not in elements)


def _judged(name: str, value: float, limit: float, unit: str) -> Check:
    return Check(name, bool(value <= limit), float(value), limit, unit)


def _wrong_shapes(frames: list[Atoms], base: list[FramePrediction], subject: Subject) -> int:
    def right(atoms: Atoms, prediction: FramePrediction) -> bool:
        wants_stress = subject.stress and bool(atoms.pbc.all())
        stress = prediction.stress
        sound = stress is not None and stress.shape == (3, 3) and np.allclose(stress, stress.T)
        return (
            isinstance(prediction.energy, float)
            and prediction.forces.shape == (len(atoms), 3)
            and (sound if wants_stress else stress is None)
        )

    return sum(not right(atoms, prediction) for atoms, prediction in zip(frames, base, strict=True))


def _changes(frames: list[Atoms], copies: list[Atoms]) -> int:
    return sum(atoms != copy or atoms.calc is not None for atoms, copy in zip(frames, copies, strict=True))


def _moved(atoms: Atoms) -> Atoms:
    moved = atoms.copy()
    moved.positions += [1.7, -2.9, 0.6]
    return moved


def _turned(atoms: Atoms) -> Atoms:
    turned = atoms.copy()
    turned.positions = atoms.positions @ _turn().T
    turned.cell = atoms.cell.array @ _turn().T
    return turned


def _turn() -> np.ndarray:
    return np.asarray(Rotation.from_euler("xyz", (0.4, -1.1, 2.3)).as_matrix())


def _displaced(atoms: Atoms, atom: int, axis: int, by: float) -> Atoms:
    moved = atoms.copy()
    moved.positions[atom, axis] += by
    return moved


def _strained(atoms: Atoms, place: tuple[int, int], by: float) -> Atoms:
    strain = np.zeros((3, 3))
    strain[place] += by / 2
    strain[place[::-1]] += by / 2
    strained = atoms.copy()
    strained.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return strained
