"""The errors of OC20's leaderboard against plain numpy and against fairchem's own evaluator."""

import json
import subprocess

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms

from alphanet.measure.accuracy import evaluate
from alphanet.potentials.cards import load_baseline
from alphanet.potentials.environments import install, is_installed, python_of
from alphanet.potentials.protocol import FramePrediction

NAMES = ("s2ef_energy_mae", "s2ef_force_mae", "s2ef_force_cosine", "s2ef_efwt")

# The package around the evaluator wants what the environment leaves out, so the file is loaded alone.
SCRIPT = """
import importlib.util, json, torch
folder = importlib.util.find_spec("fairchem.core").submodule_search_locations[0]
spec = importlib.util.spec_from_file_location("evaluator", f"{folder}/modules/evaluator.py")
spec.loader.exec_module(module := importlib.util.module_from_spec(spec))
sides = [{key: torch.tensor(values) for key, values in side.items()} for side in json.load(open("values.json"))]
print(json.dumps({name: found["metric"] for name, found in module.Evaluator("s2ef").eval(*sides).items()}))
"""


def frame(seed: int, n_atoms: int = 5, group: str = "id") -> Atoms:
    """Random labels; the first `seed % n_atoms` atoms are fixed."""
    random = np.random.default_rng(seed)
    atoms = Atoms("Cu" * n_atoms, random.normal(size=(n_atoms, 3)))
    atoms.arrays["fixed"] = np.arange(n_atoms) < seed % n_atoms
    atoms.info["group"] = group
    atoms.calc = SinglePointCalculator(atoms, energy=random.normal(), forces=random.normal(size=(n_atoms, 3)))
    return atoms


class Off:
    """Predicts the labels plus errors that belong to the frame's place."""

    name = "off"

    def __init__(self, energy: list[float], forces: list[np.ndarray]) -> None:
        self.errors = list(zip(energy, forces, strict=True))

    def predict(self, frames, *, batch_size=8):
        return [self._of(atoms, *self.errors.pop(0)) for atoms in frames]

    def _of(self, atoms, energy, forces):
        label = atoms.calc.results
        return FramePrediction(label["energy"] + energy, label["forces"] + forces, None)


def scored(frames, energy, forces, **options):
    return evaluate(Off(energy, forces), frames, s2ef=True, **options).metrics()


@pytest.fixture
def sample():
    random = np.random.default_rng(5)
    frames = [frame(seed, n_atoms=3 + seed % 4) for seed in range(14)]
    # Half of the frames are good enough to come within the thresholds.
    sizes = [0.01 if place % 2 else 0.3 for place in range(len(frames))]
    energy = [size * random.normal() for size in sizes]
    return (
        frames,
        energy,
        [size * random.normal(size=(len(atoms), 3)) for atoms, size in zip(frames, sizes, strict=True)],
    )


def by_hand(frames, energy, forces):
    """The four numbers, from arrays over all free atoms."""
    free = [~atoms.arrays["fixed"] for atoms in frames]
    true = np.concatenate([atoms.calc.results["forces"][kept] for atoms, kept in zip(frames, free, strict=True)])
    errors = np.concatenate([error[kept] for error, kept in zip(forces, free, strict=True)])
    predicted = true + errors
    cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(true, predicted, strict=True)]
    within = [
        abs(e) < 0.02 and np.abs(f[kept]).max(initial=0) < 0.03 for e, f, kept in zip(energy, forces, free, strict=True)
    ]
    return np.abs(energy).mean(), np.abs(errors).mean(), np.mean(cosines), np.mean(within)


def test_the_numbers_are_those_of_numpy_on_free_atoms(sample):
    found = scored(*sample, batch_size=3)
    assert [found[name] for name in NAMES] == pytest.approx(by_hand(*sample), rel=1e-12)
    assert 0 < found["s2ef_efwt"] < 1
    fixed = sum(int(atoms.arrays["fixed"].sum()) for atoms in sample[0])
    assert (found["s2ef_fixed_atoms"], found["s2ef_free_atoms"]) == (fixed, found["n_atoms"] - fixed)
    # The errors of all atoms stay beside them, per atom and with the fixed ones.
    assert found["force_mae"] == pytest.approx(np.abs(np.concatenate(sample[2])).mean())


def test_errors_on_fixed_atoms_change_nothing(sample):
    frames, energy, forces = sample
    worse = [error + 100 * atoms.arrays["fixed"][:, None] for atoms, error in zip(frames, forces, strict=True)]
    assert [scored(frames, energy, worse)[name] for name in NAMES] == [
        scored(frames, energy, forces)[name] for name in NAMES
    ]


def test_a_constraint_fixes_where_there_is_no_array(sample):
    frames, energy, forces = sample
    constrained = [atoms.copy() for atoms in frames]
    for atoms, of in zip(constrained, frames, strict=True):
        atoms.calc = of.calc
        atoms.set_constraint(FixAtoms(mask=atoms.arrays.pop("fixed")))
    found = scored(constrained, energy, forces)
    assert [found[name] for name in NAMES] == pytest.approx(by_hand(*sample))


def test_a_whole_energy_counts_and_the_largest_component():
    frames, nothing = [frame(0, n_atoms=4)], np.zeros((4, 3))
    assert scored(frames, [0.019], [nothing])["s2ef_efwt"] == 1  # although 4 atoms share it
    assert scored(frames, [0.021], [nothing])["s2ef_efwt"] == 0
    assert scored(frames, [0.1], [nothing])["s2ef_energy_mae"] == pytest.approx(0.1)
    # 0.029 in each component is a vector of 0.05: within, as the leaderboard's code has it.
    assert scored(frames, [0.0], [nothing + 0.029])["s2ef_efwt"] == 1
    assert scored(frames, [0.0], [nothing + 0.031])["s2ef_efwt"] == 0


def test_groups_are_scored_apart_and_averaged(sample):
    frames, energy, forces = sample
    for place, atoms in enumerate(frames):
        atoms.info["group"] = ("id", "ood_ads", "elsewhere")[min(place // 4, 2)]
    found = scored(frames, energy, forces, groups=("id", "ood_ads", "ood_cat"))
    parts = [by_hand(frames[4 * n : 4 * n + 4], energy[4 * n : 4 * n + 4], forces[4 * n : 4 * n + 4]) for n in range(2)]
    assert [found[name] for name in NAMES] == pytest.approx(np.mean(parts, axis=0))
    assert set(found["s2ef_groups"]) == {"id", "ood_ads"}
    assert found["s2ef_groups"]["ood_ads"]["energy_mae"] == pytest.approx(parts[1][0])


def test_where_all_atoms_are_fixed_there_is_no_force_metric():
    atoms = frame(0)
    atoms.arrays["fixed"][:] = True
    found = scored([atoms], [0.0], [np.ones((5, 3))])
    assert "s2ef_force_mae" not in found and "s2ef_force_cosine" not in found
    assert found["s2ef_efwt"] == 1


def test_without_the_option_nothing_is_added(sample):
    frames, energy, forces = sample
    assert not [name for name in evaluate(Off(energy, forces), frames).metrics() if name.startswith("s2ef")]


@pytest.mark.slow
@pytest.mark.usefixtures("lasting_home")
def test_fairchem_s_evaluator_says_the_same(sample, tmp_path):
    card = load_baseline("equiformer-v2")
    if not is_installed(card):
        install(card)
    frames, energy, forces = sample
    free = [~atoms.arrays["fixed"] for atoms in frames]
    labels = [atoms.calc.results for atoms in frames]
    true = {
        "energy": [label["energy"] for label in labels],
        "forces": [row for label, kept in zip(labels, free, strict=True) for row in label["forces"][kept].tolist()],
        "natoms": [int(kept.sum()) for kept in free],
    }
    predicted = {
        "energy": [label["energy"] + error for label, error in zip(labels, energy, strict=True)],
        "forces": [
            row
            for label, error, kept in zip(labels, forces, free, strict=True)
            for row in (label["forces"] + error)[kept].tolist()
        ],
    }
    (tmp_path / "values.json").write_text(json.dumps([predicted, true]))
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [python_of(card), "script.py"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    theirs = json.loads(said.splitlines()[-1])
    names = ("energy_mae", "forces_mae", "forces_cosine_similarity", "energy_forces_within_threshold")
    found = scored(frames, energy, forces)
    assert [found[name] for name in NAMES] == pytest.approx([theirs[name] for name in names], rel=1e-6)
