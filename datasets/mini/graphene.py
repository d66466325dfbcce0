"""graphene: bilayers with vacancies in neither (V0V0), one (V0V1) or both layers (V1V1)."""

from collections.abc import Iterator
from itertools import product

import numpy as np
from ase import Atoms
from ase.build import graphene
from sampling import Dynamics, calculator, independent_runs, rattled, split_of, tagged

ELECTRONIC_TEMPERATURE = 1500.0  # K; the dangling bonds of a vacancy cross the Fermi level
SEED = 606

LATTICE_CONSTANT = 2.46  # Å
REPEATS = (2, 5)  # no multiple of 3, which would put the K point, where bands touch, at Γ; stacking as with 5 x 5
HEIGHT = 20.0  # Å, of the cell: leaves 14 Å of vacuum at the largest distance scanned
PERIODS = {"zigzag": np.array([2.46, 0.0]), "armchair": np.array([0.0, 2.46 * 3**0.5])}
STACKED_AB = PERIODS["armchair"] / 3

VACANCIES = {"V0V0": (None, None), "V0V1": (None, 8), "V1V1": (8, 8)}  # site in the lower, in the upper layer
VACANCIES_APART = (0, 14)  # two lattice constants from each other, as far as the cell allows

SLIDING_DISTANCES = (3.0, 3.3, 3.6)
SLIDING_POINTS = 8
SCANNED_DISTANCES = np.concatenate([np.arange(2.7, 4.0, 0.15), np.arange(4.2, 6.1, 0.6)])
FIXED_NOISE = 0.03  # Å, the same along a line: a smooth curve with forces on all atoms

AMPLITUDES = (0.03, 0.06, 0.10, 0.15)
COPIES = 8

TEMPERATURES = (300.0, 700.0, 1200.0)  # three, that four structures meet different ones in their two runs
RUNS = 2
FRAMES = {"train": 20, "valid": 3, "test": 3}
PROTOCOL = Dynamics(skip=30, spacing=6)


def candidates() -> Iterator[Atoms]:
    """Scans, then disordered copies, then MD."""
    yield from scans()
    yield from rattled_copies()
    yield from trajectories()


def bilayer(vacancies: tuple[int | None, int | None], distance: float = 3.35, slide: np.ndarray = STACKED_AB) -> Atoms:
    """Two layers, the upper one shifted by `slide` (0 is AA stacking)."""
    layers = []
    for vacancy, shift in zip(vacancies, ([0.0, 0.0, 0.0], [*slide, distance]), strict=True):
        layer = graphene(a=LATTICE_CONSTANT, size=(*REPEATS, 1), vacuum=HEIGHT / 2)
        layer.positions += shift
        if vacancy is not None:
            del layer[vacancy]
        layers.append(layer)
    both = layers[0] + layers[1]
    both.center(axis=2)
    both.pbc = True  # tblite knows molecules and crystals only
    return both


def scans() -> Iterator[Atoms]:
    """Lines of constant noise along a slide or along the distance between the layers; a line lies in one split."""
    rng = np.random.default_rng([SEED, 0])
    lines = []
    for (name, vacancies), (direction, period), distance in product(
        VACANCIES.items(), PERIODS.items(), SLIDING_DISTANCES
    ):
        slides = [period * point / SLIDING_POINTS for point in range(SLIDING_POINTS)]
        lines.append((f"{name}-{direction}-{distance}", [bilayer(vacancies, distance, slide) for slide in slides]))
    for (name, vacancies), (stacking, slide) in product(
        VACANCIES.items(), {"AB": STACKED_AB, "AA": 0 * STACKED_AB}.items()
    ):
        lines.append(
            (f"{name}-distance-{stacking}", [bilayer(vacancies, distance, slide) for distance in SCANNED_DISTANCES])
        )
    for number, (group, line) in enumerate(lines):
        noise = rng.normal(0.0, FIXED_NOISE, line[0].positions.shape)
        for point in line:
            point.positions += noise
            yield tagged(point, split=split_of(number, 8), group=group, kind="scan")


def rattled_copies() -> Iterator[Atoms]:
    """Independent displaced and strained copies, each a group of its own."""
    rng = np.random.default_rng([SEED, 1])
    for (name, vacancies), amplitude, copy in product(VACANCIES.items(), AMPLITUDES, range(COPIES)):
        frame = rattled(bilayer(vacancies), amplitude, rng, strain=0.02)
        yield tagged(frame, split=split_of(copy, COPIES), group=f"{name}-rattle-{amplitude}-{copy}", kind="rattle")


def trajectories() -> Iterator[Atoms]:
    """MD of every combination, V1V1 also with its vacancies apart."""
    starts = {
        f"{name}-{run}": bilayer(vacancies)
        for run in range(RUNS)
        for name, vacancies in {**VACANCIES, "V1V1apart": VACANCIES_APART}.items()
    }
    calc = calculator(ELECTRONIC_TEMPERATURE)
    yield from independent_runs(starts, TEMPERATURES, FRAMES, PROTOCOL, calc, SEED)
