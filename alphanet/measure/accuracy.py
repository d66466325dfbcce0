"""Errors of a potential on labeled frames: one pass, 24 bytes of memory a frame."""

import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress
from pydantic import JsonValue

from alphanet.errors import UserError
from alphanet.measure.calibration import Calibration, CalibrationSums
from alphanet.measure.error_sums import ErrorFile, ErrorSum, shifted_mae, without_outliers
from alphanet.measure.frame_errors import FrameErrors, FrameSums
from alphanet.measure.parity import ParitySample, Reservoir
from alphanet.measure.s2ef import S2efSums
from alphanet.potentials.protocol import FramePrediction, Potential
from alphanet.spread import Spread

BATCHES_PER_CALL = 8  # batches handed over at once, so that few messages go to a worker process
OFFICIAL_FORCE_FACTOR = 0.5
OFFICIAL_OUTLIER_LIMIT = 100.0  # times the RMSE
APART = ("parity", "frames", "calibration", "official", "s2ef", "s2ef_frames")  # fields that are no numbers of a record


@dataclass(frozen=True)
class OfficialForces:
    """Force errors as the released evaluator prints them; not errors of the forces.

    It multiplies MAE and RMSE by 0.5 and drops outliers beyond 100 RMSE first. We read that as components
    whose absolute error is above 100 times the RMSE of all components.
    """

    force_mae: float  # eV/Å, halved
    force_rmse: float  # eV/Å, halved
    dropped: int  # components


@dataclass(frozen=True)
class Accuracy:
    """Errors over a set of frames. No constant offset of the energy is removed unless the name says so."""

    n_structures: int
    n_atoms: int
    n_energy: int  # structures with an energy in the labels
    n_forces: int  # structures with forces in the labels
    energy_mae: float | None  # eV/atom; None, like every error, if no structure has the label
    energy_rmse: float | None  # eV/atom
    energy_mae_shifted: float | None  # eV/atom, after the mean error is taken off
    energy_offset: float | None  # eV/atom, size of the mean error, which the frames have in common
    force_mae: float | None  # eV/Å, over components
    force_rmse: float | None  # eV/Å, over components
    force_mae_by_element: dict[str, float]  # eV/Å, over components
    n_stress: int  # structures with a stress in both label and prediction
    stress_mae: float | None  # eV/Å^3, over the six Voigt components
    stress_rmse: float | None  # eV/Å^3
    parity: ParitySample
    frames: FrameErrors
    calibration: Calibration | None = None
    """Spread against error, of a committee"""
    official: OfficialForces | None = None
    s2ef: dict[str, JsonValue] | None = None
    """Metrics of `S2efSums.metrics`"""
    s2ef_frames: FrameErrors | None = None

    def metrics(self) -> dict[str, JsonValue]:
        """The numbers as plain values for a record or for JSON."""
        values: dict[str, JsonValue] = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in APART and getattr(self, name) is not None
        }
        for name in ("n_energy", "n_forces"):  # counts are told where structures lack the label
            if values[name] == self.n_structures:
                del values[name]
        if self.calibration:
            values["calibration"] = self.calibration.metrics()
        if self.official:
            values["official_evaluator"] = {
                "force_mae": self.official.force_mae,
                "force_rmse": self.official.force_rmse,
                "dropped_components": self.official.dropped,
                "note": "as the released evaluator prints them: half of the MAE and RMSE, without outliers "
                "beyond 100 RMSE; not the errors of the forces",
            }
        return values | (self.s2ef or {})


def evaluate(
    potential: Potential,
    frames: Iterable[Atoms],
    *,
    batch_size: int = 8,
    official: bool = False,
    s2ef: bool = False,
    groups: tuple[str, ...] = (),
    sample_size: int = 1000,
    seed: int = 0,
) -> Accuracy:
    """Compare `potential` with the labels of `frames`.

    Args:
        potential: the potential to evaluate.
        frames: structures with energy, forces or stress in their calculator; each error is over the frames that have
            the label.
        batch_size: structures that the potential may take at once.
        official: add what the released evaluator would print.
        s2ef: add the errors of OC20's leaderboard; see `alphanet.measure.s2ef`.
        groups: of frames, which those errors are averaged over.
        sample_size: most pairs kept for a parity plot, for energies and for force components each.
        seed: of that sample, and of that of a committee's spreads.

    Raises:
        UserError: there are no frames, or a frame (named) has no labels, or has labels or predictions that are not
            finite.
    """
    with _Sums(official, S2efSums(groups) if s2ef else None, sample_size, seed) as sums:
        stream = enumerate(frames)
        while chunk := list(itertools.islice(stream, batch_size * BATCHES_PER_CALL)):
            labels = [_labels(atoms, index) for index, atoms in chunk]
            predictions = _predict(potential, chunk, batch_size)
            for (index, atoms), label, prediction in zip(chunk, labels, predictions, strict=True):
                _check_finite(prediction, f"{potential.name} predicts", atoms, index)
                sums.add(atoms, label, prediction)
        if sums.n_structures == 0:
            raise UserError("there are no frames to evaluate on")
        return sums.result()


class _Sums:
    """Running sums over a stream of frames; only the three numbers of `FrameErrors` are kept of each."""

    def __init__(self, official: bool, s2ef: S2efSums | None, sample_size: int, seed: int) -> None:
        self.n_structures = 0
        self._n_atoms = 0
        self._n_energy = self._n_forces = self._n_stress = 0
        self._s2ef = s2ef
        self._energy, self._force, self._stress = ErrorSum(), ErrorSum(), ErrorSum()
        self._by_element: defaultdict[str, ErrorSum] = defaultdict(ErrorSum)
        self._energy_sample, self._force_sample = Reservoir(sample_size, seed), Reservoir(sample_size, seed)
        self._frames = FrameSums()
        self._calibration: CalibrationSums | None = None
        self._seed = seed
        self._energy_errors = ErrorFile()
        self._force_errors = ErrorFile() if official else None

    def __enter__(self) -> "_Sums":
        return self

    def __exit__(self, *failure: object) -> None:
        self._energy_errors.close()
        if self._force_errors:
            self._force_errors.close()

    def add(self, atoms: Atoms, label: "_Label", prediction: FramePrediction) -> None:
        self.n_structures += 1
        self._n_atoms += len(atoms)
        if label.energy is not None:
            self._n_energy += 1
            self._add_energy(np.array([label.energy, prediction.energy]) / len(atoms))
        if label.forces is not None:
            self._n_forces += 1
            self._add_forces(atoms, label.forces, prediction.forces)
        if label.energy is not None and label.forces is not None:
            error = (prediction.energy - label.energy) / len(atoms)
            self._frames.add(error, prediction.forces - label.forces)
        if prediction.spread is not None:
            self._add_spread(len(atoms), label, prediction, prediction.spread)
        if self._s2ef:
            if label.energy is None or label.forces is None:
                raise UserError(f"frame {self.n_structures - 1}: the errors of OC20 need its energy and forces")
            self._s2ef.add(atoms, FramePrediction(label.energy, label.forces, label.stress), prediction)
        if label.stress is not None and prediction.stress is not None:
            self._n_stress += 1
            self._stress.add(full_3x3_to_voigt_6_stress(prediction.stress - label.stress))

    def _add_spread(self, n_atoms: int, label: "_Label", prediction: FramePrediction, spread: Spread) -> None:
        if self._calibration is None:
            self._calibration = CalibrationSums(spread.members, self._seed)
        if label.energy is not None:
            pair = np.array([spread.energy, prediction.energy - label.energy]) / n_atoms
            self._calibration.energy.add(pair[:1], pair[1:])
        if label.forces is not None and spread.forces is not None:
            self._calibration.force.add(spread.forces, prediction.forces - label.forces)
        if label.stress is not None and prediction.stress is not None and spread.stress is not None:
            self._calibration.add_stress(spread.stress, prediction.stress - label.stress)

    def _add_energy(self, per_atom: np.ndarray) -> None:
        self._energy.add(per_atom[1:] - per_atom[:1])
        self._energy_errors.add(per_atom[1:] - per_atom[:1])
        self._energy_sample.add(per_atom[0], per_atom[1])

    def _add_forces(self, atoms: Atoms, reference: np.ndarray, predicted: np.ndarray) -> None:
        error = predicted - reference
        self._force.add(error)
        self._force_sample.add(reference, predicted)
        if self._force_errors:
            self._force_errors.add(error)
        symbols = np.array(atoms.get_chemical_symbols())
        for element in np.unique(symbols):
            self._by_element[str(element)].add(error[symbols == element])

    def result(self) -> Accuracy:
        return Accuracy(
            n_structures=self.n_structures,
            n_atoms=self._n_atoms,
            n_energy=self._n_energy,
            n_forces=self._n_forces,
            energy_mae=self._energy.mae if self._n_energy else None,
            energy_rmse=self._energy.rmse if self._n_energy else None,
            energy_mae_shifted=shifted_mae(self._energy_errors) if self._n_energy else None,
            energy_offset=abs(self._energy.mean) if self._n_energy else None,
            force_mae=self._force.mae if self._n_forces else None,
            force_rmse=self._force.rmse if self._n_forces else None,
            force_mae_by_element={element: total.mae for element, total in sorted(self._by_element.items())},
            n_stress=self._n_stress,
            stress_mae=self._stress.mae if self._n_stress else None,
            stress_rmse=self._stress.rmse if self._n_stress else None,
            parity=ParitySample(
                self._energy_sample.rows(),
                self._force_sample.rows(),
                n_structures=self.n_structures,
                n_atoms=self._n_atoms,
                energy_mae=self._energy.mae,  # NaN without energies
                force_mae=self._force.mae,
            ),
            frames=self._frames.result(),
            calibration=self._calibration.result() if self._calibration else None,
            official=_official(self._force_errors) if self._force_errors and self._n_forces else None,
            s2ef=self._s2ef.metrics() if self._s2ef else None,
            s2ef_frames=self._s2ef.frames.result() if self._s2ef else None,
        )


def _predict(potential: Potential, chunk: list[tuple[int, Atoms]], batch_size: int) -> list[FramePrediction]:
    try:
        return potential.predict([atoms for _, atoms in chunk], batch_size=batch_size)
    except UserError:
        # A potential numbers frames from the first of its call. One call a frame gives the index in the whole set.
        for index, atoms in chunk:
            try:
                potential.predict([atoms], batch_size=1)
            except UserError as error:
                reason = str(error).removeprefix("frame 0: ")
                raise UserError(f"{_name(atoms, index)}: {reason}") from error
        raise


def _official(errors: ErrorFile) -> OfficialForces:
    kept, dropped = without_outliers(errors, OFFICIAL_OUTLIER_LIMIT)
    return OfficialForces(OFFICIAL_FORCE_FACTOR * kept.mae, OFFICIAL_FORCE_FACTOR * kept.rmse, dropped)


@dataclass(frozen=True)
class _Label:
    """Labels of a frame of n atoms, as far as it has them."""

    energy: float | None  # eV
    forces: np.ndarray | None  # (n, 3) eV/Å
    stress: np.ndarray | None  # (3, 3) eV/Å^3


def _labels(atoms: Atoms, index: int) -> _Label:
    stored = atoms.calc.results if atoms.calc else {}
    energy, forces, stress = (stored.get(name) for name in ("energy", "forces", "stress"))
    if energy is None and forces is None and stress is None:
        raise UserError(f"{_name(atoms, index)} has no energy and no forces to compare with")
    label = _Label(
        energy=None if energy is None else float(energy),
        # The raw results: get_forces() would set the forces on fixed atoms to zero.
        forces=None if forces is None else np.asarray(forces, dtype=float),
        stress=None if stress is None else voigt_6_to_full_3x3_stress(np.asarray(stress, dtype=float)),
    )
    _check_finite(label, "the labels hold", atoms, index)
    return label


def _check_finite(values: "FramePrediction | _Label", who: str, atoms: Atoms, index: int) -> None:
    for name in ("energy", "forces", "stress"):
        value = getattr(values, name)
        if value is not None and not np.all(np.isfinite(value)):
            raise UserError(f"{_name(atoms, index)}: {who} NaN or Inf in {name}")


def _name(atoms: Atoms, index: int) -> str:
    return f"frame {index} ({atoms.get_chemical_formula()})"
