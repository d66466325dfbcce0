"""A random, stratified sample of WBM: the same for the same ids, number and seed, wherever it is drawn."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from alphanet.errors import UserError
from alphanet.measure.relaxation.shards import natural

STEP = re.compile(r"^wbm-([1-5])-\d+$")


def sample(ids: Iterable[str], size: int, seed: int = 0, n_sites: Mapping[str, int] | None = None) -> list[str]:
    """`size` of `ids`, with WBM's five steps of substitution in the proportion in which they occur.

    Within a step, ids are ordered by number of sites (where that is known) and at random among equals, and drawn at
    even distances, so that small and large cells come in their proportion, too.

    Args:
        ids: WBM ids, in any order; ids of another form make one stratum of their own.
        size: how many to draw; all, where there are fewer.
        seed: of the random order.
        n_sites: numbers of sites by id.

    Raises:
        UserError: `size` is below one.
    """
    if size < 1:
        raise UserError(f"sample of {size} structures: draw at least one")
    strata = defaultdict(list)
    for one in ids:
        strata[_step(one)].append(one)
    total = sum(map(len, strata.values()))
    if size >= total:
        return sorted((one for part in strata.values() for one in part), key=natural)
    shares = _shares({step: len(part) for step, part in strata.items()}, size)
    drawn = [one for step, share in shares.items() for one in _even(strata[step], share, seed, n_sites or {})]
    return sorted(drawn, key=natural)


def _step(identity: str) -> str:
    found = STEP.match(identity)
    return found[1] if found else ""


def _shares(sizes: Mapping[str, int], size: int) -> dict[str, int]:
    """How many to draw of each stratum: proportional, remainders to the largest fractions."""
    total = sum(sizes.values())
    whole = {step: size * count // total for step, count in sizes.items()}
    by_fraction = sorted(sizes, key=lambda step: (-(size * sizes[step] % total), step))
    for step in by_fraction[: size - sum(whole.values())]:
        whole[step] += 1
    return dict(sorted(whole.items()))


def _even(part: list[str], share: int, seed: int, n_sites: Mapping[str, int]) -> list[str]:
    ordered = sorted(part, key=lambda one: (n_sites.get(one, 0), _random(one, seed)))
    return [ordered[(2 * place + 1) * len(ordered) // (2 * share)] for place in range(share)]


def _random(identity: str, seed: int) -> bytes:
    """A number that depends on nothing but id and seed; generators differ between versions of their libraries."""
    return hashlib.sha256(f"{seed} {identity}".encode()).digest()
