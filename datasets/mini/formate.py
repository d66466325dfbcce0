"""formate: HCOO* -> H* + CO2 on Cu(110), after the NequIP formate set (reaction path, then short MD from it)."""

from collections.abc import Iterator

import numpy as np
from ase import Atoms
from ase.build import fcc110
from ase.mep import NEB
from ase.optimize import BFGS, FIRE
from sampling import Dynamics, calculator, independent_runs, tagged
from tblite.ase import TBLite

ELECTRONIC_TEMPERATURE = 3000.0  # K; at the Γ point a colder Fermi edge makes the surface rough
SEED = 110

IMAGES_PER_LEG = 5
TEMPERATURES = (300.0, 450.0, 600.0)
FRAMES = {"train": 26, "valid": 4, "test": 4}
PROTOCOL = Dynamics(skip=20, spacing=4)


def candidates() -> Iterator[Atoms]:
    """Frames of the relaxed path, and of MD runs that start from each of its images."""
    calc = calculator(ELECTRONIC_TEMPERATURE)
    path = reaction_path(calc)
    for image in path:
        yield tagged(image, split="train", group="path", kind="neb")
    starts = {f"image{number:02d}": image for number, image in enumerate(path)}
    yield from independent_runs(starts, TEMPERATURES, FRAMES, PROTOCOL, calc, SEED)


def reaction_path(calc: TBLite) -> list[Atoms]:
    """A roughly relaxed elastic band from bidentate formate over the monodentate one to H* + CO2."""
    bidentate, monodentate, dissociated = stages()
    for end in (bidentate, dissociated):
        relax(end, calc)
    path = [*leg(bidentate, monodentate)[:-1], *leg(monodentate, dissociated)]
    for image in path:
        image.calc = calc
    band = NEB(path, k=0.3, allow_shared_calculator=True, method="improvedtangent")
    FIRE(band, logfile=None).run(fmax=0.2, steps=12)
    for image in path:
        image.calc = None
    return path


def relax(atoms: Atoms, calc: TBLite) -> None:
    """Relaxed in place, roughly: an end of the band, not a result."""
    atoms.calc = calc
    BFGS(atoms, logfile=None).run(fmax=0.15, steps=25)
    atoms.calc = None


def leg(first: Atoms, last: Atoms) -> list[Atoms]:
    """Images from first to last, both included, interpolated by pair distances (IDPP)."""
    images = [first.copy() for _ in range(IMAGES_PER_LEG + 1)] + [last.copy()]
    NEB(images, method="improvedtangent").interpolate(method="idpp", mic=True)
    return images


def stages() -> tuple[Atoms, Atoms, Atoms]:
    """Guesses for the stages of the reaction; adsorbate positions are relative to an atop site, x across the rows."""
    slab = fcc110("Cu", size=(2, 3, 3), a=3.61, vacuum=6.0)
    slab.pbc = True  # tblite knows molecules and crystals only: the slab is a crystal with vacuum
    atop = slab.positions[slab.positions[:, 2].argmax()]
    half = slab.cell[1, 1] / 6  # half the spacing of the atoms along a row

    def with_adsorbate(carbon: list[float], oxygens: list[list[float]], hydrogen: list[float]) -> Atoms:
        return slab + Atoms("CO2H", atop + np.array([carbon, *oxygens, hydrogen]))

    bidentate = with_adsorbate(
        [0.0, half, 2.5],
        [[0.0, half - 1.12, 1.95], [0.0, half + 1.12, 1.95]],
        [0.0, half, 3.6],
    )
    monodentate = with_adsorbate(
        [1.25, 0.5, 2.65],
        [[0.2, 0.1, 2.0], [1.4, 1.0, 3.75]],
        [1.85, 0.3, 1.7],
    )
    dissociated = with_adsorbate(
        [1.3, half, 3.6],
        [[0.5, half - 0.8, 3.4], [2.1, half + 0.8, 3.8]],
        [1.805, 0.3, 0.6],
    )
    return bidentate, monodentate, dissociated
