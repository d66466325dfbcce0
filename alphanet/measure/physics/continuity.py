"""Jumps of energy and forces: at the cutoff, at a cap on neighbors, and anywhere on a path."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from alphanet.measure.physics.checks import CRYSTAL, MOLECULE, Check, Subject, judged, physics_check, unchecked
from alphanet.measure.physics.events import Path, crossings, random_path, swaps
from alphanet.measure.physics.rounding import MARGIN, Rounding
from alphanet.measure.physics.structures import dense

CROSSINGS = 12
CONTROLS = 24
LENGTH = 0.3  # Å, of the paths on which crossings and swaps are looked for
LOWEST_RANK = 8
CONFIRMED = 7  # swaps of a rank that are looked at where the first one jumps
PATHS = 3
WORK_LENGTH = 0.2  # Å; the molecule's margin to the cutoff is larger than what a pair can move
WORK_STEPS = 128  # even
HALVED = 4  # intervals that are looked into


@dataclass(frozen=True)
class Jump:
    """A jump of the energy (eV) and the largest one of a component of the forces (eV/Å), with its place on the path."""

    energy: float
    forces: float
    t: float


@physics_check("cutoff", "jump at\nthe cutoff", on=(CRYSTAL,))
def cutoff(subject: Subject) -> Iterator[Check]:
    """Jumps where a pair of the crystal crosses the cutoff."""
    if subject.cutoff is None:
        yield unchecked("energy jump", "eV", "the potential tells no cutoff, and a dimer shows none")
        return
    path = random_path(subject.crystal, subject.random(2))
    times = crossings(path, subject.cutoff, LENGTH)
    if not len(times):
        yield unchecked("energy jump", "eV", f"no pair crosses {subject.cutoff:g} Å on the path")
        return
    jumps = jumps_at(subject, path, times[:CROSSINGS])
    places = [f"the worst of {len(jumps)} crossings of {subject.cutoff:g} Å"] * len(jumps)
    limits = _limits(subject.rounding, len(subject.crystal), _elsewhere(subject, path, times))
    yield from _judged(jumps, places, limits)


@physics_check("neighbor-cap", "jump at\na cap", on=(CRYSTAL,))
def neighbor_cap(subject: Subject) -> Iterator[Check]:
    """Jumps where two neighbors within the cutoff change ranks, in a dense crystal: a cap keeps only the nearest.

    Besides rounding, ten times the median over all ranks may seem a jump, as a cap concerns one of them. Every swap at
    the rank of a cap jumps; what jumps at one swap and not at most others of its rank is something else beside it.
    """
    if subject.cutoff is None:
        yield unchecked("energy jump", "eV", "without a cutoff, nobody knows how many neighbors count")
        return
    crystal = dense(subject.crystal, subject.cutoff)
    path = random_path(crystal, subject.random(3))
    crossed = crossings(path, subject.cutoff, 2 * LENGTH)
    # A jump at the cutoff within the bracket would be taken for one at the cap.
    alone = [
        (t, rank)
        for t, rank in swaps(path, subject.cutoff, LENGTH)
        if rank >= LOWEST_RANK and _is_far(t, crossed, subject.rounding)
    ]
    if not alone:
        yield unchecked("energy jump", "eV", f"no atom has more than {LOWEST_RANK} neighbors")
        return
    ranks = sorted({rank for _, rank in alone})
    times = {rank: [t for t, one in alone if one == rank][:CONFIRMED] for rank in ranks}
    jumps = jumps_at(subject, path, [times[rank][0] for rank in ranks])
    limits = _limits(subject.rounding_of(crystal), len(crystal), _quantile(jumps, 0.5))
    for place, rank in enumerate(ranks):
        if jumps[place].energy > limits[0] or jumps[place].forces > limits[1]:
            jumps[place] = _quantile(jumps_at(subject, path, times[rank]), 0.5)
    places = [f"neighbor {rank} of {ranks[-1]} that were looked at" for rank in ranks]
    yield from _judged(jumps, places, limits)


@physics_check("continuity", "jump on\na path", on=(MOLECULE,))
def on_paths(subject: Subject) -> Iterator[Check]:
    """Jumps anywhere on random paths of the molecule, on which no neighbor comes or goes.

    Where energy and work of the forces differ between two points, the stretch is halved again and again: of what is
    smooth, conservative or not, nothing remains. A jump of the forces alone shows as a difference of a step times a
    third of it, which is the limit of what is seen.
    """
    random = subject.random(4)
    chosen = [random_path(subject.molecule, random) for _ in range(PATHS)]
    limit = subject.molecule_rounding.jump_limit(len(subject.molecule))
    jumps = [largest_jump(subject, path, 0.0, WORK_LENGTH, WORK_STEPS, limit) for path in chosen]
    places = [f"{jump.t:.4f} Å along path {number}" for number, jump in enumerate(jumps, 1)]
    yield from _judged(jumps, places, (limit, 3 * limit / (WORK_LENGTH / WORK_STEPS)))


def jumps_at(subject: Subject, path: Path, times: Sequence[float] | np.ndarray) -> list[Jump]:
    """Jumps at known places.

    f(t + d) - f(t - d) - [f(t + 3d) - f(t - 3d)] / 3 is two thirds of a jump at t; constant slopes on both sides,
    different or not, drop out, and what is smooth leaves d^3 f'''.
    """
    width = subject.rounding.bracket
    offsets = (-3 * width, -width, width, 3 * width)
    answers = subject.predict(path.many([t + offset for t in times for offset in offsets]))
    energies = np.array([one.energy for one in answers]).reshape(-1, 4)
    forces = np.stack([one.forces for one in answers]).reshape(len(times), 4, -1)
    return [
        Jump(float(abs(_jump(energy))), float(np.abs(_jump(force)).max()), float(t))
        for energy, force, t in zip(energies, forces, times, strict=True)
    ]


def largest_jump(subject: Subject, path: Path, begin: float, end: float, steps: int, limit: float) -> Jump:
    """The largest jump between `begin` and `end`, looked for where energy and work differ most.

    Where they nowhere differ by more than `limit` (eV), the difference over two steps is given: no jump is larger.
    """
    times = np.linspace(begin, end, steps + 1)
    energy, slope = _along(subject, path, times)
    width = times[1] - times[0]
    # Simpson's rule over two steps each: its error is the fifth power of the width.
    work = width / 3 * (slope[:-2:2] + 4 * slope[1:-1:2] + slope[2::2])
    difference = np.abs(energy[2::2] - energy[:-2:2] - work)
    worst = np.argsort(difference)[::-1][:HALVED]
    if difference[worst[0]] <= limit:
        return Jump(float(difference[worst[0]]), float(3 * difference[worst[0]] / width), float(times[2 * worst[0]]))
    return max(_halved(subject, path, times[2 * worst], times[2 * worst + 2]), key=lambda jump: jump.energy)


def _halved(subject: Subject, path: Path, left: np.ndarray, right: np.ndarray) -> list[Jump]:
    """What remains between energy and work when brackets are halved, each time keeping the worse half."""
    while (right - left).max() > subject.rounding.narrowest:
        middle = (left + right) / 2
        times = np.stack([left, middle, right])
        energy, slope = (one.reshape(3, -1) for one in _along(subject, path, times.ravel()))
        difference = np.abs(np.diff(energy, axis=0) - (right - left) / 4 * (slope[:-1] + slope[1:]))
        first = difference[0] >= difference[1]
        left, right = np.where(first, left, middle), np.where(first, middle, right)
    before, after = subject.predict(path.many(left)), subject.predict(path.many(right))
    found = []
    for a, b, start, end in zip(before, after, left, right, strict=True):
        work = (end - start) / 2 * float(((a.forces + b.forces) * path.direction).sum())
        found.append(Jump(abs(b.energy - a.energy + work), float(np.abs(b.forces - a.forces).max()), float(start)))
    return found


def _along(subject: Subject, path: Path, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Energies, and their derivatives by t as the forces have them."""
    answers = subject.predict(path.many(times))
    energy = np.array([one.energy for one in answers])
    return energy, np.array([-float((one.forces * path.direction).sum()) for one in answers])


def _limits(rounding: Rounding, n_atoms: int, usual: Jump) -> tuple[float, float]:
    """eV and eV/Å by which energy and forces may seem to jump: by rounding, or ten times what is usual."""
    energy = max(rounding.jump_limit(n_atoms), MARGIN * usual.energy)
    return energy, max(rounding.force_limit(), MARGIN * usual.forces)


def _elsewhere(subject: Subject, path: Path, events: np.ndarray) -> Jump:
    """What energy and forces seem to jump by at most places (nine of ten) on a path, away from `events`.

    Some surfaces of float32 are rough over as little as 0.001 Å.
    """
    anywhere = subject.random(9).uniform(0, LENGTH, 100 * CONTROLS)
    quiet = [t for t in anywhere if _is_far(t, events, subject.rounding)][:CONTROLS]
    return _quantile(jumps_at(subject, path, quiet or anywhere[:CONTROLS]), 0.9)


def _quantile(jumps: list[Jump], share: float) -> Jump:
    """Quantiles of what is measured."""
    return Jump(
        *(float(np.quantile([getattr(one, name) for one in jumps], share)) for name in ("energy", "forces", "t"))
    )


def _is_far(t: float, events: np.ndarray, rounding: Rounding) -> bool:
    """Whether no event lies within the bracket around `t`."""
    return bool(np.abs(events - t).min(initial=np.inf) > 4 * rounding.bracket)


def _judged(jumps: list[Jump], places: list[str], limits: tuple[float, float]) -> Iterator[Check]:
    energy = max(range(len(jumps)), key=lambda place: jumps[place].energy)
    forces = max(range(len(jumps)), key=lambda place: jumps[place].forces)
    yield judged("energy jump", jumps[energy].energy, "eV", limits[0], places[energy])
    yield judged("force jump", jumps[forces].forces, "eV/Å", limits[1], places[forces])


def _jump(values: np.ndarray) -> np.ndarray:
    """From values (4, …) at -3, -1, 1 and 3 widths."""
    return np.asarray(1.5 * ((values[2] - values[1]) - (values[3] - values[0]) / 3))
