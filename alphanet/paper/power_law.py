"""Errors against the number of training frames: a power law through the points of each row, with its error."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import exp, log
from typing import Any

from alphanet.paper.benchmark import Benchmark
from alphanet.paper.cells import Place
from alphanet.results import Record

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Point:
    """One training: its size and its error, in the unit of the table."""

    train_frames: int
    seed: int
    value: float
    record: str  # id


@dataclass(frozen=True)
class PowerLaw:
    """`prefactor * N ** -exponent`; errors of the exponent are those of a straight line in the logarithms."""

    prefactor: float  # unit of the table, at N = 1
    exponent: float
    exponent_error: float | None  # standard error; none for two points, which any line fits
    interval: tuple[float, float] | None  # 95 %, Student's t with n - 2 degrees of freedom

    def at(self, train_frames: float) -> float:
        """The error that it gives, in the unit of the table."""
        return float(self.prefactor * train_frames**-self.exponent)


@dataclass(frozen=True)
class Curve:
    """The points of one row and metric, and the law through them where two sizes or more are measured."""

    row: str
    metric: str
    unit: str
    points: tuple[Point, ...]
    law: PowerLaw | None

    def as_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "points": [asdict(point) for point in self.points]}


def fit_power_law(train_frames: Sequence[float], errors: Sequence[float]) -> PowerLaw | None:
    """Least squares in the logarithms; none for fewer than two sizes, or errors that are not positive.

    Args:
        train_frames: (n,) sizes; several points may share one.
        errors: (n,) mean absolute errors, any unit.
    """
    if len(set(train_frames)) < 2 or min(errors) <= 0:
        return None
    from scipy.stats import linregress, t

    line = linregress([log(size) for size in train_frames], [log(error) for error in errors])
    freedom = len(errors) - 2
    error = float(line.stderr) if freedom > 0 else None
    half = None if error is None else float(t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    exponent = -float(line.slope)
    interval = None if half is None else (exponent - half, exponent + half)
    return PowerLaw(exp(line.intercept), exponent, error, interval)


def curves(benchmark: Benchmark, records: Mapping[Place, Sequence[Record]]) -> list[Curve]:
    """Every row and metric of `benchmark.power_law`, with what was measured of it.

    Args:
        benchmark: the card.
        records: the test records of each row and column, one a seed.
    """
    return [_curve(benchmark, row, metric, records) for metric in benchmark.power_law for row in benchmark.rows]


def _curve(benchmark: Benchmark, row: str, metric: str, records: Mapping[Place, Sequence[Record]]) -> Curve:
    described = benchmark.metrics[metric]
    points = [
        Point(column.train_frames, record.how["seed"], described.per_record_unit * record.what[metric], record.id)
        for name, column in benchmark.columns.items()
        if column.train_frames is not None
        for record in records.get((row, name), ())
    ]
    points.sort(key=lambda point: (point.train_frames, point.seed))
    law = fit_power_law([point.train_frames for point in points], [point.value for point in points]) if points else None
    return Curve(row, metric, described.unit, tuple(points), law)


def curve_lines(benchmark: Benchmark, found: Sequence[Curve]) -> list[str]:
    """Each curve in words."""
    return [f"{one.row}, {benchmark.metrics[one.metric].title}: {law_text(one)}" for one in found]


def law_text(curve: Curve) -> str:
    """`11 N^-0.45 meV/atom; exponent 0.45 ± 0.05 (95 %: 0.25 to 0.65) from 4 points`."""
    law = curve.law
    if law is None:
        return f"no power law through {len(curve.points)} points"
    text = f"{law.prefactor:.3g} N^{-law.exponent:.2f} {curve.unit}; exponent {law.exponent:.2f}"
    if law.exponent_error is not None and law.interval is not None:
        low, high = law.interval
        text += f" ± {law.exponent_error:.2f} (95 %: {low:.2f} to {high:.2f})"
        if low <= 0 <= high:
            text += ", so that no dependence on the number of frames is shown,"
    return f"{text} from {len(curve.points)} points"
