"""Power laws through measured points, by least squares in the logarithms."""

from collections.abc import Sequence
from math import exp, log

from alphanet.results.schema import Curve, PowerLaw

CONFIDENCE = 0.95


def fit_power_law(x: Sequence[float], y: Sequence[float]) -> PowerLaw | None:
    """`y = a x^b` by least squares in the logarithms; None for fewer than two x, or values that are not positive.

    Args:
        x: (n,) positive; several points may share one.
        y: (n,) positive, any unit.
    """
    if len(set(x)) < 2 or min(y) <= 0:
        return None
    from scipy.stats import linregress, t

    line = linregress([log(value) for value in x], [log(value) for value in y])
    freedom = len(y) - 2
    error = float(line.stderr) if freedom > 0 else None
    half = None if error is None else float(t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    exponent = float(line.slope)
    interval = None if half is None else (exponent - half, exponent + half)
    return PowerLaw(prefactor=exp(line.intercept), exponent=exponent, exponent_error=error, interval=interval)


def law_text(curve: Curve) -> str:
    """`11 N^-0.45 meV/atom; exponent -0.45 ± 0.05 (95 %: -0.65 to -0.25) from 4 points`."""
    law = curve.law
    if law is None:
        return f"no power law through {len(curve.points)} points"
    text = f"{law.prefactor:.3g} N^{law.exponent:.2f} {curve.unit}; exponent {law.exponent:.2f}"
    if law.exponent_error is not None and law.interval is not None:
        low, high = law.interval
        text += f" ± {law.exponent_error:.2f} (95 %: {low:.2f} to {high:.2f})"
        if low <= 0 <= high:
            text += ", which is compatible with no dependence,"
    return f"{text} from {len(curve.points)} points"
