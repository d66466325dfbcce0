"""Training frames drawn with replacement, in which every element of the frames stays."""

import hashlib
import logging
from pathlib import Path

import numpy as np

from alphanet.data.store import FrameStore, write_store
from alphanet.files import locked, sha256_of
from alphanet.paths import home

logger = logging.getLogger(__name__)


def resampled(train: Path, seed: int) -> Path:
    """A store of as many frames as `train` has, drawn with replacement by `seed`; written once.

    For each element that the draw misses one frame with it is added, so that all members of a committee know the same
    elements.

    Raises:
        UserError: the store cannot be read or written.
    """
    content = f"{sha256_of(train)} {seed}"
    target = home() / "data" / "own" / f"bootstrap-{hashlib.sha256(content.encode()).hexdigest()[:12]}.aselmdb"
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.with_suffix(".lock"), f"waiting for another process that is writing {target.name}"):
        if not target.exists():
            frames = FrameStore(train)
            chosen = drawn([frozenset(atoms.numbers.tolist()) for atoms in frames], seed)
            write_store(target, (frames[index] for index in chosen), {"bootstrap": seed, "of": len(frames)})
    logger.info("training frames are drawn with replacement (bootstrap): %s", target)
    return target


def drawn(elements: list[frozenset[int]], seed: int) -> list[int]:
    """Indices of the drawn frames, in order.

    Args:
        elements: atomic numbers in each of n frames.
        seed: of the draw.
    """
    count = len(elements)
    chosen = np.random.default_rng([seed, count]).integers(count, size=count).tolist()
    covered = frozenset().union(*(elements[index] for index in chosen))
    for index, numbers in enumerate(elements):
        if numbers - covered:
            chosen.append(index)
            covered |= numbers
    return sorted(chosen)
