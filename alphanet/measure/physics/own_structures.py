"""Structures of the data that a training used, on which its model is audited."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from alphanet.cards import read_yaml, validate
from alphanet.data.formats import read_frames
from alphanet.data.own import OwnData
from alphanet.data.own_stores import prepared_own
from alphanet.data.prepare import prepared
from alphanet.data.store import FrameStore
from alphanet.errors import UserError
from alphanet.files import read_json_object
from alphanet.measure.physics.structures import Sample
from alphanet.potentials.runs import RESULT

SETTINGS = "config.yaml"  # of a training
SPLITS = ("test", "valid", "train")  # frames that the training never saw come first
LOOKED_AT = 200  # frames of a split; a store or file may hold millions
FEWEST, MOST = 2, 100  # atoms; an audit makes some thousand calls

logger = logging.getLogger(__name__)


def own_structures(run: Path | None) -> list[Sample]:
    """The smallest periodic structure and the smallest that is not among the frames of a training.

    Args:
        run: folder of the training; None: nothing is known of it.

    Returns:
        At most two; none, and a message says why, if the frames are no longer on this machine. Nothing is downloaded.
    """
    if run is None:
        return []
    try:
        found = [sample for periodic in (True, False) for sample in _smallest(run, periodic)]
    except UserError as error:
        logger.info("%s: structures of the training data cannot be had (%s); others are used", run, error)
        return []
    if not found:
        logger.info(
            "%s: no structure of at most %d atoms in the training data, as far as they are on this machine; others are "
            "used",
            run,
            MOST,
        )
    return found


def _smallest(run: Path, periodic: bool) -> Iterator[Sample]:
    """The smallest structure that is periodic, or that is not, in the first split that has one."""
    for title, frames in _splits(run):
        fitting = [
            (len(atoms), place, atoms)
            for place, atoms in frames
            if FEWEST <= len(atoms) <= MOST and (atoms.pbc.all() if periodic else not atoms.pbc.any())
        ]
        if fitting:
            _, place, atoms = min(fitting, key=lambda one: one[:2])
            yield Sample(
                Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc), f"frame {place} of the {title}"
            )
            return


def _splits(run: Path) -> Iterator[tuple[str, Iterable[tuple[int, Atoms]]]]:
    """Title and some numbered frames of each part of the data that is on this machine."""
    settings = read_yaml(run / SETTINGS)
    data, scale = settings.get("data"), str(settings.get("scale", ""))
    if data is None:
        stores: Any = prepared(str(settings.get("dataset", "")), scale)
    else:
        own = validate(data, OwnData, f"{run / SETTINGS}: data")
        stores = prepared_own(own, read_json_object(run / RESULT).get("sources", {}))
        if stores is None:
            yield from _files(own)
    for split in SPLITS if stores is not None else ():
        store = getattr(stores, split)
        if store is not None:
            yield f"{split} frames of {run}", _spread(FrameStore(store))


def _files(own: OwnData) -> Iterator[tuple[str, Iterable[tuple[int, Atoms]]]]:
    """The user's own files, those that are still there."""
    named = [part for part in (own.test, own.valid) if isinstance(part, Path)]
    for path in [*named, *own.train]:
        if path.expanduser().exists():
            frames = read_frames(path.expanduser(), labeled=False, labels=own.labels)
            yield f"frames in {path}", enumerate(islice(frames, LOOKED_AT))


def _spread(store: Sequence[Atoms] | FrameStore) -> Iterator[tuple[int, Atoms]]:
    """Frames of a store, evenly spaced."""
    for place in np.unique(np.linspace(0, len(store) - 1, min(LOOKED_AT, len(store))).astype(int)):
        yield int(place), store[int(place)]
