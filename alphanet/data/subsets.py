"""Subsets of the frames of a data set: drawn by a seed, evenly spaced, or those whose `info` matches patterns."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import JsonValue

from alphanet.data.splits import shuffled
from alphanet.errors import UserError
from alphanet.files import locked

if TYPE_CHECKING:
    from ase import Atoms

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

    whole = data.counts["train"]
    if count > whole:
        raise UserError(f"{data.name} has {whole} training frames at scale {data.scale}, not {count}")
    target = folder / f"{data.name}-{data.scale}-{count}-seed{seed}.aselmdb"
    chosen = sorted(shuffled(whole, f"{seed}")[:count])
    _write_once(target, data.train, chosen, {"sources": {**data.sources}, "of": whole, "seed": seed})
    return dataclasses.replace(data, train=target, counts=data.counts | {"train": count})


def validation_subset(data: "PreparedData", most: int, folder: Path) -> "PreparedData":
    """`data` with at most `most` of its validation frames, evenly spaced, in a separate store in `folder`."""
    whole = data.counts["valid"]
    if most >= whole:
        return data
    target = folder / f"{data.name}-{data.scale}-valid{most}.aselmdb"
    _write_once(target, data.valid, evenly_spaced(whole, most).tolist(), {"sources": {**data.sources}, "of": whole})
    return dataclasses.replace(data, valid=target, counts=data.counts | {"valid": most})


def matching_subset(data: "PreparedData", only: Mapping[str, str], folder: Path) -> "PreparedData":
    """`data` with the training and validation frames whose `info` matches the patterns `only`, in stores in `folder`.

    Raises:
        UserError: no frame of one of the splits matches.
    """
    stores: dict[str, Path] = {}
    counts = dict(data.counts)
    from alphanet.data.store import FrameStore

    for split in ("train", "valid"):
        source = getattr(data, split)
        chosen = matching_frames(FrameStore(source), {"all": only})["all"]
        if not chosen:
            wanted = ", ".join(f"{key} {pattern}" for key, pattern in only.items())
            raise UserError(f"{data.name} has no {split} frames with {wanted}")
        stores[split] = folder / f"{data.name}-{data.scale}-{split}.aselmdb"
        _write_once(stores[split], source, chosen, {"sources": {**data.sources}, "of": counts[split], "only": {**only}})
        counts[split] = len(chosen)
    return dataclasses.replace(data, train=stores["train"], valid=stores["valid"], counts=counts)


def matching_frames(frames: "Iterable[Atoms]", only: Mapping[str, Mapping[str, str]]) -> dict[str, list[int]]:
    """For each key of `only` the indices of the frames whose `info` matches all its patterns; case does not count."""
    matching: dict[str, list[int]] = {name: [] for name in only}
    for index, atoms in enumerate(frames):
        for name, patterns in only.items():
            if all(_matches(atoms.info.get(key, ""), pattern) for key, pattern in patterns.items()):
                matching[name].append(index)
    return matching


def evenly_spaced(count: int, most: int | None) -> np.ndarray:
    """At most `most` evenly spaced indices below `count`; all of them if `most` is None."""
    if most is None or most >= count:
        return np.arange(count)
    return np.arange(most) * count // most


def _write_once(target: Path, source: Path, chosen: Sequence[int], about: Mapping[str, JsonValue]) -> None:
    """A store of the `chosen` frames of `source`, unless `target` is that already."""
    from alphanet.data.store import FrameStore, write_store

    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.with_suffix(".lock"), f"waiting for another process that is writing {target.name}"):
        if not target.exists() or {key: FrameStore(target).metadata.get(key) for key in about} != about:
            frames = FrameStore(source)
            write_store(target, (frames[index] for index in chosen), {**frames.metadata, **about})


def _matches(value: object, pattern: str) -> bool:
    return fnmatchcase(str(value).casefold(), pattern.casefold())
