"""Whether a committee's spread says how large its errors are: both compared over labeled frames."""

from dataclasses import dataclass, field
from math import sqrt

import numpy as np
from ase.stress import full_3x3_to_voigt_6_stress
from pydantic import JsonValue

from alphanet.measure.error_sums import ErrorSum
from alphanet.measure.parity import Reservoir

SAMPLE = 20_000  # pairs that are kept for the rank correlation and the figure


@dataclass(frozen=True)
class SpreadAndError:
    """Spread against error of one quantity: energies of structures by atom, components of forces or of stresses."""

    count: int  # pairs
    rmse: float  # of the mean over the members
    spread: float  # RMS of the standard deviation over the members, in the unit of rmse
    scale: float | None
    """RMSE over RMS spread: a spread times this is the error to expect; None if all members agree"""
    calibration: float | None
    """`scale` divided by `expected_ratio`: 1 if the reference values are spread as the members are, above 1 if the
    committee is overconfident"""
    spearman: float | None
    """Rank correlation of spread and absolute error, over an even sample; None if one of them does not vary"""
    sample: np.ndarray = field(repr=False)  # (n, 2) spread and absolute error

    def metrics(self) -> dict[str, float | int | None]:
        """The numbers as plain values."""
        return {name: getattr(self, name) for name in ("count", "rmse", "spread", "scale", "calibration", "spearman")}


@dataclass(frozen=True)
class Calibration:
    """Spread against error of a committee; None where no frame has the label."""

    energy: SpreadAndError | None  # eV/atom
    force: SpreadAndError | None  # eV/Å, components
    stress: SpreadAndError | None  # eV/Å^3, Voigt components
    members: int

    def quantities(self) -> dict[str, SpreadAndError]:
        """Those that were measured, by name."""
        found = {name: getattr(self, name) for name in ("energy", "force", "stress")}
        return {name: measured for name, measured in found.items() if measured is not None}

    def metrics(self) -> dict[str, JsonValue]:
        """The numbers as plain values for a record or for JSON."""
        return {"members": self.members, **{name: {**one.metrics()} for name, one in self.quantities().items()}}


def expected_ratio(members: int) -> float:
    """RMSE of the mean over RMS spread if the reference values are drawn from the distribution of the members.

    The squared deviation of N members from their mean is (N - 1)/N of the variance on average, and that of one more
    draw (N + 1)/N: their ratio is (N + 1)/(N - 1), as for ensembles of forecasts (Fortin et al., J. Hydrometeorol. 15,
    1708, 2014).
    """
    return sqrt((members + 1) / (members - 1))


class SpreadSums:
    """Running sums of spreads and errors of one quantity."""

    def __init__(self, seed: int) -> None:
        """Nothing added yet; `seed` is of the sample."""
        self._errors, self._spreads = ErrorSum(), ErrorSum()
        self._sample = Reservoir(SAMPLE, seed)

    def add(self, spread: np.ndarray, error: np.ndarray) -> None:
        """Add pairs: arrays of the same shape."""
        self._errors.add(error)
        self._spreads.add(spread)
        self._sample.add(spread, np.abs(error))

    def result(self, members: int) -> SpreadAndError | None:
        """The comparison; None if nothing was added."""
        if not self._errors.count:
            return None
        rmse, spread, sample = self._errors.rmse, self._spreads.rmse, self._sample.rows()
        scale = rmse / spread if spread > 0 else None
        return SpreadAndError(
            count=self._errors.count,
            rmse=rmse,
            spread=spread,
            scale=scale,
            calibration=None if scale is None else scale / expected_ratio(members),
            spearman=_rank_correlation(sample),
            sample=sample,
        )


class CalibrationSums:
    """Running sums over frames that a committee predicts."""

    def __init__(self, members: int, seed: int) -> None:
        """Nothing added yet; `seed` is of the samples."""
        self._members = members
        self.energy, self.force, self.stress = SpreadSums(seed), SpreadSums(seed), SpreadSums(seed)

    def add_stress(self, spread: np.ndarray, error: np.ndarray) -> None:
        """Add the (3, 3) spread and error of a stress."""
        self.stress.add(full_3x3_to_voigt_6_stress(spread), full_3x3_to_voigt_6_stress(error))

    def result(self) -> Calibration:
        """The comparison of all that was added."""
        energy, force, stress = (sums.result(self._members) for sums in (self.energy, self.force, self.stress))
        return Calibration(energy, force, stress, self._members)


def _rank_correlation(sample: np.ndarray) -> float | None:
    if len(sample) < 3 or (np.ptp(sample, axis=0) == 0).any():
        return None
    from scipy.stats import spearmanr

    return float(spearmanr(sample[:, 0], sample[:, 1]).statistic)
