"""Subsets of the frames of a data set: drawn by a seed, smaller ones part of larger ones, or evenly spaced."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alphanet.data.splits import shuffled
from alphanet.errors import UserError
from alphanet.files import locked

if TYPE_CHECKING:
    from alphanet.data.prepare import PreparedData


def training_subset(data: "PreparedData", count: int, seed: int, folder: Path) -> "PreparedData":
    """`data` with `count` of its training frames, in a separate store in `folder` that is written once.

    Args:
        data: the whole set; validation and test frames stay as they are.
        count: training frames to keep.
        seed: of the draw; with the same seed fewer frames are a part of more.
        folder: holds one store for each data set, count and seed.

    Raises:
        UserError: the set has fewer training frames.
    """
    from alphanet.data.store import FrameStore, write_store

    whole = data.counts["train"]
    if count > whole:
        raise UserError(f"{data.name} has {whole} training frames at scale {data.scale}, not {count}")
    frames = FrameStore(data.train)
    target = folder / f"{data.name}-{data.scale}-{count}-seed{seed}.aselmdb"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(target.with_suffix(".lock"), f"waiting for another process that is writing {target.name}"):
        about = {"sources": data.sources, "of": whole, "seed": seed}
        if not target.exists() or {key: FrameStore(target).metadata.get(key) for key in about} != about:
            chosen = sorted(shuffled(whole, f"{seed}")[:count])
            write_store(target, (frames[index] for index in chosen), frames.metadata | about)
    return dataclasses.replace(data, train=target, counts=data.counts | {"train": count})


def evenly_spaced(count: int, most: int | None) -> np.ndarray:
    """At most `most` evenly spaced indices below `count`; all of them if `most` is None."""
    if most is None or most >= count:
        return np.arange(count)
    return np.arange(most) * count // most
