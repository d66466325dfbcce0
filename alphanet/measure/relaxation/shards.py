"""Which structures belong together: shards depend on nothing but model, protocol and ids."""

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from alphanet.errors import UserError

SHARD_SIZE = 500  # structures; 514 files for all of WBM, of about 1 MB each


@dataclass(frozen=True)
class Shard:
    """Structures whose records share a file."""

    number: int
    ids: tuple[str, ...]
    run: str
    """Digest of the whole run: model, protocol, all ids"""

    @property
    def file_name(self) -> str:
        """Name of its file of records."""
        return f"{self.number:05d}.jsonl"


def shards(model: dict[str, Any], protocol: str, ids: Iterable[str], size: int = SHARD_SIZE) -> list[Shard]:
    """All shards of a run; the order in which `ids` come does not matter.

    Args:
        model: what was asked for: name, weights, precision.
        protocol: digest of the protocol.
        ids: of all structures.
        size: structures of a shard.

    Raises:
        UserError: no ids, or an id that is there twice.
    """
    ordered = sorted(ids, key=natural)
    if not ordered:
        raise UserError("there are no structures to relax")
    twice = [one for one, following in itertools.pairwise(ordered) if one == following]
    if twice:
        raise UserError(f"{len(twice)} ids are there more than once, first {twice[0]}")
    run = run_digest(model, protocol, ordered)
    parts = [tuple(ordered[first : first + size]) for first in range(0, len(ordered), size)]
    return [Shard(number, part, run) for number, part in enumerate(parts)]


def run_digest(model: dict[str, Any], protocol: str, ordered: Sequence[str]) -> str:
    """Hash of what a run was asked to do, 16 hex digits."""
    digest = hashlib.sha256(json.dumps([model, protocol], sort_keys=True).encode())
    digest.update("\n".join(ordered).encode())
    return digest.hexdigest()[:16]


def natural(identity: str) -> tuple[tuple[int, str], ...]:
    """Key of an order in which wbm-1-2 comes before wbm-1-10."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", identity))
