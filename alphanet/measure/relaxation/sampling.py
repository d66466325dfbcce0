"""A random, stratified sample of WBM: the same for the same ids, number and seed, wherever it is drawn."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from alphanet.errors import UserError
from alphanet.measure.relaxation.structures import natural

STEP = re.compile(r"^wbm-([1-5])-\d+$")


def sample(ids: Iterable[str], size: int, seed: int = 0, n_sites: Mapping[str, int] | None = None) -> list[str]:
    """`size` of `ids`, with WBM's five steps of substitution in the proportion in which they occur.

    Within a step, ids are ordered by number of sites (if that is known) and at random among equals, and drawn at
    even distances, so that small and large cells come in their proportion, too.

    Args:
        ids: WBM ids, in any order; ids of another form make one stratum of their own.
        size: number of ids to draw; all, if there are fewer.
        seed: of the random order.
        n_sites: numbers of sites by id.

    Raises:
        UserError: `size` is below one.
    """
    if size < 1:
        raise UserError(f"a sample of {size} structures: draw at least one structure")
    strata: dict[str, list[str]] = defaultdict(list)
    for identity in ids:
        step = STEP.match(identity)
        strata[step[1] if step else ""].append(identity)
    shares = _shares({step: len(stratum) for step, stratum in strata.items()}, size)

    def order(identity: str) -> tuple[int, bytes]:
        # A hash depends on nothing but id and seed; generators differ between versions of their libraries.
        return (n_sites or {}).get(identity, 0), hashlib.sha256(f"{seed} {identity}".encode()).digest()

    drawn = [one for step, share in shares.items() for one in _spaced(sorted(strata[step], key=order), share)]
    return sorted(drawn, key=natural)


def _shares(sizes: Mapping[str, int], size: int) -> dict[str, int]:
    """The number to draw of each stratum: proportional, remainders to the largest fractions."""
    total = sum(sizes.values())
    if size >= total:
        return dict(sizes)
    shares = {step: size * count // total for step, count in sizes.items()}
    by_fraction = sorted(sizes, key=lambda step: (-(size * sizes[step] % total), step))
    for step in by_fraction[: size - sum(shares.values())]:
        shares[step] += 1
    return shares


def _spaced(ordered: Sequence[str], share: int) -> list[str]:
    return [ordered[(2 * place + 1) * len(ordered) // (2 * share)] for place in range(share)]
