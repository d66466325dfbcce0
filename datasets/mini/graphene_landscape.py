"""graphene_landscape: the pristine bilayer of graphene, rigid: every sliding vector of a rectangle, every distance."""

from collections.abc import Iterator
from itertools import product

import numpy as np
from ase import Atoms
from graphene import ELECTRONIC_TEMPERATURE, PERIODS, STACKED_AB, VACANCIES, bilayer
from sampling import tagged

__all__ = ["ELECTRONIC_TEMPERATURE", "candidates"]

SLIDING_DISTANCE = 3.35  # Å, between the layers while they slide
SLIDING_STEPS = (12, 18)  # of the zigzag and the armchair period; both ends are labeled, a check of the labels
DISTANCES = np.concatenate([np.arange(2.6, 4.05, 0.1), [4.2, 4.4, 4.6, 4.8, 5.0, 5.5, 6.0, 7.0, 9.0]])  # Å


def candidates() -> Iterator[Atoms]:
    """Frames of kind sliding, whose `slide` is the upper layer's displacement from AB (Å), and of kind binding."""
    zigzag, armchair = SLIDING_STEPS
    for along, across in product(range(zigzag + 1), range(armchair + 1)):
        slide = along / zigzag * PERIODS["zigzag"] + across / armchair * PERIODS["armchair"]
        yield _frame("sliding", slide, SLIDING_DISTANCE)
    for distance in DISTANCES:
        yield _frame("binding", np.zeros(2), float(distance))


def _frame(kind: str, slide: np.ndarray, distance: float) -> Atoms:
    frame = tagged(bilayer(VACANCIES["V0V0"], distance, STACKED_AB + slide), split="test", group=kind, kind=kind)
    frame.info["slide"] = slide.round(6)
    return frame
