"""`check`: find out whether a data set is complete, sound and split without overlap."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from alphanet.data.cards import LabelKeys, load_card
from alphanet.data.fetching import known_checksum, local_path, sources_of
from alphanet.data.formats import read_frames
from alphanet.data.prepare import prepare
from alphanet.data.splits import SPLITS
from alphanet.data.statistics import Statistics, statistics_of
from alphanet.errors import UserError
from alphanet.files import sha256_of

ASE_KEYS = LabelKeys()

Verdict = Literal["ok", "warning", "failed", "absent"]

# Values outside these ranges suggest other units than eV and Å; bonds are between 0.6 Å (H-H: 0.74) and 3.5 Å.
PLAUSIBLE_DISTANCE = (0.5, 3.5)  # Å, the shortest of all
PLAUSIBLE_FORCE_RMS = (1e-4, 50.0)  # eV/Å
PLAUSIBLE_ENERGY = 1e5  # eV/atom
# A mean of 0.3 eV/Å^3 is 48 GPa. Stresses in GPa or kbar, near equilibrium of size 1, are above it.
PLAUSIBLE_STRESS = (1e-7, 0.3)  # eV/Å^3, mean over frames
LARGEST_STRESS = 2.0  # eV/Å^3, 320 GPa
LARGEST_NET_FORCE = 0.05  # eV/Å an atom


@dataclass(frozen=True)
class Finding:
    """The outcome of one check."""

    subject: str
    verdict: Verdict
    detail: str


def check_dataset(name: str, scale: str, mirror: str | None) -> Iterator[Finding]:
    """Findings about files, frames and splits of a data set; files are fetched only if it has to be prepared.

    Raises:
        UserError: the data set is unknown or cannot be prepared.
    """
    card = load_card(name)
    at = card.at(scale)
    yield from _files(name, scale)
    if at.split is None:
        return
    data = prepare(name, scale, mirror=mirror)
    statistics: dict[str, Statistics] = {}
    for split in SPLITS:
        store = getattr(data, split)
        statistics[split] = statistics_of(read_frames(store))
        yield from _plausible(f"{split} frames", statistics[split])
        unknown = sorted(set(statistics[split].elements) - set(card.elements))
        if unknown:
            yield Finding(f"{split} elements", "failed", f"{', '.join(unknown)} are not among the card's")
    unseen = sorted(set().union(*(s.elements for s in statistics.values())) - set(statistics["train"].elements))
    if unseen:
        yield Finding("elements", "warning", f"{', '.join(unseen)} are not in the training frames")
    yield from _overlaps(statistics)


def check_file(path: Path, labels: LabelKeys = ASE_KEYS) -> Iterator[Finding]:
    """Findings about the frames of one file, whose labels have the names `labels`.

    Raises:
        UserError: the file does not exist.
    """
    if not path.exists():
        raise UserError(f"{path} does not exist")
    try:
        statistics = statistics_of(read_frames(path, labels=labels))
    except UserError as error:
        yield Finding("frames", "failed", str(error))
        return
    yield from _plausible("frames", statistics)


def _files(name: str, scale: str) -> Iterator[Finding]:
    for file in sources_of(load_card(name).at(scale)):
        path = local_path(file)
        expected = known_checksum(file)
        if not path.is_file():
            yield Finding(file.label, "absent", "not fetched")
        elif expected is None:
            yield Finding(file.label, "ok", "shipped with the project")
        elif sha256_of(path) != expected:
            yield Finding(file.label, "failed", f"wrong checksum; remove {path} and fetch again")
        else:
            yield Finding(file.label, "ok", f"sha256 {expected}")


def _plausible(subject: str, statistics: Statistics) -> Iterator[Finding]:
    yield Finding(subject, "ok", f"{statistics.frames} frames, all numbers finite")
    if statistics.duplicates:
        yield Finding(f"{subject}: repeats", "warning", f"{statistics.duplicates} frames repeat another")
    net = statistics.net_force.high
    yield Finding(
        f"{subject}: net force",
        "ok" if net <= LARGEST_NET_FORCE else "warning",
        f"at most {net:.2g} eV/Å an atom",
    )
    shortest, force, energy = statistics.shortest_distance, statistics.force_rms, statistics.energy_per_atom.mean
    units = {
        f"shortest distance {shortest:.3g} Å": PLAUSIBLE_DISTANCE[0] < shortest < PLAUSIBLE_DISTANCE[1],
        f"RMS force {force:.3g} eV/Å": PLAUSIBLE_FORCE_RMS[0] < force < PLAUSIBLE_FORCE_RMS[1],
        f"mean energy {energy:.6g} eV/atom": abs(energy) < PLAUSIBLE_ENERGY,
    }
    verdict: Verdict = "ok" if all(units.values()) else "warning"
    doubt = "" if verdict == "ok" else "; are these eV and Å?"
    yield Finding(f"{subject}: units", verdict, ", ".join(units) + doubt)
    yield from _stress(subject, statistics)


def _stress(subject: str, statistics: Statistics) -> Iterator[Finding]:
    count, mean, largest = statistics.stress_frames, statistics.stress.mean, statistics.largest_stress
    if not count:
        yield Finding(f"{subject}: stress", "ok", "no frame has a stress")
        return
    detail = f"in {count} of {statistics.frames} frames, mean {mean:.3g} eV/Å^3, largest component {largest:.3g}"
    if largest == 0:
        yield Finding(f"{subject}: stress", "warning", f"{detail}; is zero a label or a missing one?")
    elif PLAUSIBLE_STRESS[0] < mean < PLAUSIBLE_STRESS[1] and largest < LARGEST_STRESS:
        yield Finding(f"{subject}: stress", "ok", detail)
    else:
        yield Finding(f"{subject}: stress", "warning", f"{detail}; is it eV/Å^3, not kbar, GPa or eV?")


def _overlaps(statistics: Mapping[str, Statistics]) -> Iterator[Finding]:
    prints = {split: np.frombuffer(counted.fingerprints, dtype=np.uint64) for split, counted in statistics.items()}
    for first, second in (("train", "test"), ("valid", "test"), ("train", "valid")):
        shared = len(np.intersect1d(prints[first], prints[second]))
        verdict: Verdict = "failed" if shared and second == "test" else "warning" if shared else "ok"
        yield Finding(f"{first} and {second}", verdict, f"{shared} frames in both")
