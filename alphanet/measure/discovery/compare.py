"""Comparison of two sets of WBM predictions, structure by structure, to tell if a potential is the published one."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import JsonValue

from alphanet.errors import UserError

CLOSE = (0.001, 0.010)  # eV/atom


@dataclass(frozen=True)
class Comparison:
    """Differences of the n structures that both predict."""

    ids: tuple[str, ...]  # (n,) in the order of ours
    differences: np.ndarray  # (n,) ours - published, eV/atom
    only_ours: tuple[str, ...]
    only_published: tuple[str, ...]

    @property
    def numbers(self) -> dict[str, float]:
        """n, mae and largest (eV/atom, with its sign), within_1_mev and within_10_mev (structures)."""
        size = np.abs(self.differences)
        close = {f"within_{1000 * limit:.0f}_mev": int(np.sum(size <= limit)) for limit in CLOSE}
        return {
            "n": len(self.ids),
            "mae": float(size.mean()),
            "largest": float(self.differences[size.argmax()]),
            **close,
            "only_ours": len(self.only_ours),
            "only_published": len(self.only_published),
        }

    @property
    def largest_id(self) -> str:
        """The structure with the largest difference."""
        return self.ids[int(np.abs(self.differences).argmax())]

    def summary(self) -> dict[str, JsonValue]:
        """The numbers and the structure with the largest difference, as metrics of a record."""
        return {**self.numbers, "largest_id": self.largest_id}


def compare_predictions(ours: Mapping[str, float], published: Mapping[str, float]) -> Comparison:
    """Formation energies per atom of the same structures from two runs of one potential.

    Args:
        ours: eV/atom by material id; NaN is a prediction that failed and counts as missing.
        published: eV/atom by material id.

    Raises:
        UserError: no structure has both.
    """
    own, reference = (_without_nan(run) for run in (ours, published))
    common = tuple(key for key in own if key in reference)
    if not common:
        raise UserError(f"no structure has both predictions ({len(own)} here, {len(reference)} published)")
    return Comparison(
        ids=common,
        differences=np.array([own[key] - reference[key] for key in common]),
        only_ours=tuple(key for key in own if key not in reference),
        only_published=tuple(key for key in ours if key not in own and key in reference),
    )


def _without_nan(energies: Mapping[str, float]) -> dict[str, float]:
    return {key: energy for key, energy in energies.items() if energy == energy}
