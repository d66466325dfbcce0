"""Errors against plain numpy on EMT-labeled frames, streaming, and what is said about frames without numbers."""

import itertools
import tracemalloc

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.stress import full_3x3_to_voigt_6_stress

from alphanet.errors import UserError
from alphanet.measure import error_sums
from alphanet.measure.accuracy import evaluate
from alphanet.measure.error_sums import ErrorFile, without_outliers
from alphanet.potentials.mean import MeanPotential
from alphanet.potentials.protocol import FramePrediction


def frame(seed: int, periodic: bool = True) -> Atoms:
    """A rattled copper-gold alloy of 2 to 4 atoms with EMT labels."""
    random = np.random.default_rng(seed)
    atoms = bulk("Cu", "fcc", a=3.7, cubic=True)[: 2 + seed % 3]
    atoms.numbers[0] = 79
    atoms.pbc = periodic
    atoms.rattle(0.1, rng=random)
    atoms.calc = EMT()
    labels = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
    if periodic:
        labels["stress"] = atoms.get_stress()
    atoms.calc = SinglePointCalculator(atoms, **labels)
    return atoms


class Off:
    """Predicts the labels plus errors that the test chooses."""

    name = "off"

    def __init__(self, energy_per_atom=0.0, force=0.0, stress=0.0, seed=0):
        self.random = np.random.default_rng(seed)
        self.size = energy_per_atom, force, stress
        self.calls = []

    def predict(self, frames, *, batch_size=8):
        self.calls.append((len(frames), batch_size))
        return [self.of(atoms) for atoms in frames]

    def of(self, atoms):
        energy, force, stress = (
            size * self.random.normal(size=n) for size, n in zip(self.size, (1, 3, 9), strict=True)
        )
        label = atoms.calc.results
        stressed = None
        if "stress" in label:
            xx, yy, zz, yz, xz, xy = label["stress"]
            stressed = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
            stressed = stressed + (stress + stress[[0, 3, 6, 1, 4, 7, 2, 5, 8]]).reshape(3, 3)
        return FramePrediction(label["energy"] + len(atoms) * energy[0], label["forces"] + force, stressed)

    def provenance(self):
        return {"name": self.name}

    def close(self):
        pass


FRAMES = [frame(seed, periodic=seed % 4 > 0) for seed in range(21)]


def test_the_errors_are_those_of_numpy():
    found = evaluate(Off(0.01, 0.2, 0.003), FRAMES, batch_size=3)
    again = Off(0.01, 0.2, 0.003)
    predictions = [again.of(atoms) for atoms in FRAMES]
    labels = [atoms.calc.results for atoms in FRAMES]
    sizes = np.array([len(atoms) for atoms in FRAMES])
    energy = np.array([p.energy - label["energy"] for p, label in zip(predictions, labels, strict=True)]) / sizes
    force = np.concatenate([p.forces - label["forces"] for p, label in zip(predictions, labels, strict=True)])
    stress = np.concatenate(
        [full_3x3_to_voigt_6_stress(p.stress) - label["stress"] for p, label in zip(predictions, labels, strict=True)
         if "stress" in label]
    )  # fmt: skip
    symbols = np.concatenate([atoms.get_chemical_symbols() for atoms in FRAMES])
    assert (found.n_structures, found.n_atoms, found.n_stress) == (21, sizes.sum(), 15)
    assert found.energy_mae == pytest.approx(np.abs(energy).mean(), rel=1e-12)
    assert found.energy_rmse == pytest.approx(np.sqrt((energy**2).mean()), rel=1e-12)
    assert found.energy_mae_shifted == pytest.approx(np.abs(energy - energy.mean()).mean(), rel=1e-12)
    assert found.force_mae == pytest.approx(np.abs(force).mean(), rel=1e-12)
    assert found.force_rmse == pytest.approx(np.sqrt((force**2).mean()), rel=1e-12)
    assert found.stress_mae == pytest.approx(np.abs(stress).mean(), rel=1e-9)
    assert found.stress_rmse == pytest.approx(np.sqrt((stress**2).mean()), rel=1e-9)
    assert found.force_mae_by_element == {
        element: pytest.approx(np.abs(force[symbols == element]).mean(), rel=1e-12) for element in ("Au", "Cu")
    }


def test_a_constant_offset_is_an_error_unless_the_name_says_so():
    class Shifted(Off):
        def of(self, atoms):
            exact = super().of(atoms)
            return FramePrediction(exact.energy + 2.0 * len(atoms), exact.forces)

    found = evaluate(Shifted(), FRAMES)
    assert found.energy_mae == pytest.approx(2.0)
    assert found.energy_mae_shifted == pytest.approx(0.0, abs=1e-12)
    assert found.stress_mae is None and "stress_mae" not in found.metrics()


def test_a_perfect_potential_has_no_error():
    found = evaluate(Off(), FRAMES)
    assert found.energy_mae == found.force_mae == found.force_rmse == 0.0


def test_forces_on_fixed_atoms_count():
    fixed = frame(5).copy()
    fixed.calc = frame(5).calc
    fixed.set_constraint(FixAtoms([0, 1]))
    assert evaluate(MeanPotential(0.0), [fixed]).force_mae == evaluate(MeanPotential(0.0), [frame(5)]).force_mae


def test_frames_are_streamed_in_chunks_of_whole_batches():
    potential = Off()
    evaluate(potential, iter(FRAMES), batch_size=2)
    assert potential.calls == [(16, 2), (5, 2)]


def test_memory_does_not_grow_with_the_number_of_frames(monkeypatch):
    monkeypatch.setattr(error_sums, "BLOCK", 256)

    def peak(count):
        tracemalloc.start()
        evaluate(MeanPotential(0.0), itertools.islice(itertools.cycle(FRAMES), count), official=True, sample_size=10)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(600)
    assert peak(1500) < peak(600) + 30_000


def test_the_parity_sample_is_bounded_even_and_repeatable():
    many = list(itertools.islice(itertools.cycle(FRAMES), 400))
    one = evaluate(Off(0.01, 0.1), many, sample_size=50, seed=3).parity
    two = evaluate(Off(0.01, 0.1), many, sample_size=50, seed=3, batch_size=5).parity
    other = evaluate(Off(0.01, 0.1), many, sample_size=50, seed=4).parity
    assert one.energy.shape == one.force.shape == (50, 2)
    assert np.array_equal(one.force, two.force) and np.array_equal(one.energy, two.energy)
    assert not np.array_equal(one.force, other.force)
    everything = np.concatenate([atoms.calc.results["forces"].ravel() for atoms in FRAMES])
    assert np.isin(one.force[:, 0], everything).all()


def test_official_halves_and_drops_what_lies_beyond_100_rmse():
    found = evaluate(Off(0.0, 0.2), FRAMES, official=True)
    assert found.official is not None and found.official.dropped == 0
    assert found.official.force_mae == pytest.approx(found.force_mae / 2)
    assert found.metrics()["official_evaluator"]["force_rmse"] == pytest.approx(found.force_rmse / 2)
    assert "official_evaluator" not in evaluate(Off(0.0, 0.2), FRAMES).metrics()


def test_outliers_are_judged_by_the_rmse_of_all_errors():
    errors = ErrorFile()
    errors.add(np.full(40_000, 1e-3))
    errors.add(np.array([10.0]))  # the RMSE of all is 0.05
    kept, dropped = without_outliers(errors, 100.0)
    assert dropped == 1
    assert kept.mae == pytest.approx(1e-3) and kept.rmse == pytest.approx(1e-3)
    errors.close()


class Zero:
    """Predicts zero for everything."""

    name = "zero"

    def predict(self, frames, *, batch_size=8):
        return [FramePrediction(0.0, np.zeros((len(atoms), 3)), np.zeros((3, 3))) for atoms in frames]


@pytest.mark.parametrize("lacking", ["energy", "forces", "stress"])
def test_every_error_is_over_the_frames_that_have_the_label(lacking):
    frames = [frame(seed) for seed in (0, 1, 3)]
    whole = evaluate(Zero(), frames[:2])
    del frames[2].calc.results[lacking]
    counts = {"energy": "n_energy", "forces": "n_forces", "stress": "n_stress"}
    errors = {"energy": "energy_mae", "forces": "force_mae", "stress": "stress_mae"}
    partly = evaluate(Zero(), frames)
    assert partly.metrics()[counts[lacking]] == 2 and partly.n_structures == 3
    assert getattr(partly, errors[lacking]) == pytest.approx(getattr(whole, errors[lacking]))
    others = [name for name in errors if name != lacking]
    assert all(getattr(partly, counts[name]) == 3 for name in others)


def test_a_scan_of_energies_alone_is_evaluated():
    frames = [frame(seed, periodic=False) for seed in range(3)]
    for atoms in frames:
        del atoms.calc.results["forces"]
    metrics = evaluate(Zero(), frames).metrics()
    assert metrics["energy_mae"] > 0 and metrics["n_forces"] == 0
    assert not {"force_mae", "force_rmse", "stress_mae", "n_energy"} & metrics.keys()


def test_a_frame_without_a_calculator_is_named():
    bad = frame(0)
    bad.calc = None
    with pytest.raises(UserError, match=r"frame 0 .* has no energy and no forces"):
        evaluate(Off(), [bad])


def test_labels_that_are_not_finite_are_named():
    bad = frame(4)
    bad.calc.results["forces"][0, 0] = np.nan
    with pytest.raises(UserError, match=r"frame 1 .*labels hold NaN or Inf in forces"):
        evaluate(Off(), [frame(0), bad])


def test_predictions_that_are_not_finite_are_named():
    class Broken(Off):
        def of(self, atoms):
            exact = super().of(atoms)
            return FramePrediction(float("inf"), exact.forces) if len(atoms) == 4 else exact

    with pytest.raises(UserError, match=r"frame 2 .*broken predicts NaN or Inf in energy"):
        broken = Broken()
        broken.name = "broken"
        evaluate(broken, FRAMES)


def test_the_frame_that_a_potential_refuses_is_named_by_its_place_in_the_whole_set():
    class Choosy(Off):
        def predict(self, frames, *, batch_size=8):
            for place, atoms in enumerate(frames):
                if atoms.info.get("bad"):
                    raise UserError(f"frame {place}: unknown element")
            return super().predict(frames, batch_size=batch_size)

    frames = [frame(seed) for seed in range(12)]
    frames[10].info["bad"] = True
    with pytest.raises(UserError, match=r"^frame 10 \(AuCu2\): unknown element$"):
        evaluate(Choosy(), frames, batch_size=1)


def test_no_frames_is_an_error():
    with pytest.raises(UserError, match="no frames"):
        evaluate(Off(), [])


def test_the_mean_potential_knows_the_mean_energy_per_atom_only():
    potential = MeanPotential.fit(FRAMES)
    mean = np.mean([atoms.calc.results["energy"] / len(atoms) for atoms in FRAMES])
    first, periodic = potential.predict(FRAMES[:2])
    assert first.energy == pytest.approx(mean * len(FRAMES[0]))
    assert not first.forces.any() and first.stress is None
    assert periodic.stress is not None and not periodic.stress.any()
    found = evaluate(potential, FRAMES)
    assert found.energy_mae == pytest.approx(found.energy_mae_shifted)


@pytest.mark.parametrize("frames", [[], [Atoms("Cu")]])
def test_the_mean_needs_energies(frames):
    with pytest.raises(UserError):
        MeanPotential.fit(frames)
