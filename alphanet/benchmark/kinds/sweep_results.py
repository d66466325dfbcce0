"""Sweeps as parts of a result: tables of points and exponents, curves with power laws, a figure, and notes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from alphanet.benchmark.findings import Shown
from alphanet.benchmark.kinds.published import PublishedTimes
from alphanet.benchmark.power_law import fit_power_law
from alphanet.figures.speed import MEMORY, speed_figure
from alphanet.figures.style import figure_files
from alphanet.measure.speed.points import SpeedPoint, Times
from alphanet.measure.speed.repeats import Ratio
from alphanet.measure.speed.summary import SUMMARY, SweepConditions, SweepSummary
from alphanet.results.facts import environment_facts, listed, number_or_dash, value_text
from alphanet.results.schema import Curve, Figure, Grid, Number, Point

FEWEST_SIZES = 3  # of a fitted exponent: any line fits two
LONG = 12  # rows; a longer table is folded
RATES = ("µs/atom", "µs/edge", "ns/day at 1 fs", "start-up (s)", "compiled pays from call")
POINT_FACTS = ("n_edges", "batch", "dtype", "device", "mode", "threads", "parameters", "repeats", "compile_s")

Item = str | Number


class SweepResult:
    """One sweep of a benchmark as part of its result."""

    def __init__(
        self,
        summary: SweepSummary,
        rows: Mapping[str, str],
        *,
        part: str = "",
        published: Sequence[PublishedTimes] = (),
    ) -> None:
        """Store the summary.

        Args:
            summary: of the sweep.
            rows: name of each model -> its row of the benchmark.
            part: name of the sweep and of its folder, if the benchmark has several.
            published: times of others, which are shown where a step is timed.
        """
        self.summary, self.rows, self.part = summary, rows, part
        self._published = published if "step" in summary.tasks else ()
        self._prefix = f"{part}/" if part else ""

    def add_to(self, shown: Shown, folder: Path, figure: str) -> None:
        """Add tables, curves, notes and the drawn figure.

        Args:
            shown: of the benchmark.
            folder: of the benchmark.
            figure: name of the figure; it and its CSV are written into the folder of the sweep.
        """
        curves = self.curves()
        shown.curves += curves
        shown.grids.append(self._points(shown.origins))
        shown.grids.append(self._rates())
        if self._published:
            shown.grids.append(self._of_others())
        if any(curve.law for curve in curves):
            shown.grids.append(self._exponents(curves, shown.origins))
        if warning := self.summary.noise.warning:
            shown.notes.append(f"{self.part}: {warning}" if self.part else warning)
        shown.conditions = shown.conditions or self.summary.where
        name = f"{self._prefix}{figure}"
        speed_figure(folder / name, self.summary.where, curves, {one.name: one.step for one in self._published})
        self.summary.write_csv(folder / f"{name}.csv")
        title = f"Time and memory against the number of atoms{': ' if self.part else ''}{self.part}"
        shown.figures.append(Figure(name=name, title=title, files=figure_files(name, "csv")))

    def curves(self) -> list[Curve]:
        """Curves of every model against the number of atoms: times of each task (ms, with quartiles), memory (MB)."""
        batch = self.summary.conditions.settings.batch
        time_title = "time" if batch == 1 else f"time of a batch of {batch}"
        curves = []
        for model in self.summary.models:
            points = self.summary.points_of(model)
            for task in self.summary.tasks:
                timed = [(point.n_atoms, point.times_ms[task]) for point in points if task in point.times_ms]
                drawn = [Point(x=size, y=times.median, low=times.q25, high=times.q75) for size, times in timed]
                curves.append(self._curve(model, task, time_title, "ms", drawn))
            used = [Point(x=point.n_atoms, y=point.used_mb) for point in points]
            curves.append(self._curve(model, MEMORY, "memory", "MB", used))
        return curves

    def _curve(self, model: str, quantity: str, title: str, unit: str, points: Sequence[Point]) -> Curve:
        sizes = [point.x for point in points]
        law = fit_power_law(sizes, [point.y for point in points]) if len(sizes) >= FEWEST_SIZES else None
        return Curve(
            row=self.rows[model],
            quantity=quantity,
            x_title="atoms in a structure",
            y_title=title,
            unit=unit,
            points=tuple(points),
            law=law,
        )

    def _points(self, origins: dict[str, dict[str, str]]) -> Grid:
        summary, tasks = self.summary, self.summary.tasks
        ratios = {(ratio.model, ratio.n_atoms): ratio for ratio in summary.ratios if ratio.task == tasks[0]}
        rows: list[tuple[Item, ...]] = []
        for index, point in enumerate(summary.points):
            key = f"{self._prefix}points/{index}"
            origins[key] = self._facts(point)
            rows.append(
                (
                    self._title(point),
                    Number(text=str(point.n_atoms), value=point.n_atoms, origin=key),
                    *(_time(point.times_ms.get(task), key) for task in tasks),
                    Number(text=f"{point.used_mb:.0f}", value=point.used_mb, origin=key) if point.ok else "–",
                    _ratio(ratios.get((point.model, point.n_atoms)), key),
                    "ok" if point.ok else f"{point.status}: {point.reason}",
                )
            )
        named = [f"{task} (ms, quartiles)" for task in tasks]
        ratio_title = f"{tasks[0]} over {self.rows[summary.reference]}'s (99 % interval)"
        return Grid(
            id=f"{self._prefix}points",
            title=f"{self.part or 'Times and memory'}: {summary.where}",
            columns=("model", "atoms", *named, "memory (MB)", ratio_title, "state"),
            rows=tuple(rows),
            folded=len(rows) > LONG,
        )

    def _rates(self) -> Grid:
        """What the first task's times mean to those who simulate, and what the start of a process costs."""
        task, rows = self.summary.tasks[0], []
        for index, point in enumerate(self.summary.points):
            if not point.ok:
                continue
            key = f"{self._prefix}points/{index}"
            numbers = (number_or_dash(rate, key) for rate in point.rates(task).values())
            rows.append((self._title(point), str(point.n_atoms), *numbers))
        return Grid(
            id=f"{self._prefix}rates",
            title=f"The same in other units; {task}",
            columns=("model", "atoms", *RATES),
            rows=tuple(rows),
            folded=len(rows) > LONG,
        )

    def _of_others(self) -> Grid:
        """Times that others published."""
        rows = [
            (one.name, one.machine, str(size), value_text(time), one.source)
            for one in self._published
            for size, time in one.step.items()
        ]
        return Grid(
            id=f"{self._prefix}published",
            title="Published steps on other people's machines: grey points in the figure, which rank nothing here",
            columns=("model", "machine", "atoms", "step (ms)", "source"),
            rows=tuple(rows),
            folded=len(rows) > LONG,
        )

    def _exponents(self, curves: Sequence[Curve], origins: dict[str, dict[str, str]]) -> Grid:
        rows = []
        for index, curve in enumerate(curves):
            if curve.law is None:
                continue
            key = f"{self._prefix}exponents/{index}"
            origins[key] = {"row": curve.row, "fit": f"{len(curve.points)} sizes, logarithms", "file": self._file}
            text = f"{curve.law.exponent:.2f} ± {curve.law.exponent_error or 0.0:.2f}"
            number = Number(text=text, value=curve.law.exponent, origin=key, interval=curve.law.interval)
            quantity = curve.quantity if curve.quantity == MEMORY else f"{curve.quantity} time"
            rows.append((curve.row, quantity, number))
        return Grid(
            id=f"{self._prefix}exponents",
            title="Growth with the number of atoms: exponents of fitted power laws",
            columns=("model", "quantity", "exponent (standard error)"),
            rows=tuple(rows),
            folded=True,
        )

    def _title(self, point: SpeedPoint) -> str:
        """The row, with the commit of a checkout, the form that was timed, and kernels that its environment lacks."""
        versions, row = self.summary.conditions.models[point.model], self.rows[point.model]
        commit = f" at {versions['checkout']}" if "checkout" in versions else ""
        without = "without its kernels" if "without" in versions else ""
        form = ", ".join(part for part in ("" if point.mode == "eager" else point.mode, without) if part)
        return f"{row}{commit} ({form})" if form else f"{row}{commit}"

    def _facts(self, point: SpeedPoint) -> dict[str, str]:
        conditions = self.summary.conditions
        values = point.model_dump(mode="json", include=set(POINT_FACTS))
        facts = {"model": point.model, "file": self._file, "begun": conditions.begun, "point": listed(values)}
        if point.note:
            facts["note"] = point.note
        if point.times_ms:
            facts["calls"] = ", ".join(f"{len(times.raw)} of {task}" for task, times in point.times_ms.items())
        return facts | place_facts(conditions)

    @property
    def _file(self) -> str:
        return f"{self._prefix}{SUMMARY}"


def place_facts(conditions: SweepConditions) -> dict[str, str]:
    """Hardware and versions of a sweep."""
    return environment_facts(conditions.model_dump(mode="json", include={"hardware", "software"}))


def ratio_text(ratio: Ratio, digits: int = 2) -> str:
    """A ratio and its interval, or the number of passes if they are too few for an interval."""
    if ratio.low is None or ratio.high is None:
        return f"{ratio.ratio:.{digits}f} ({ratio.repeats} pass{'es' if ratio.repeats > 1 else ''})"
    return f"{ratio.ratio:.{digits}f} ({ratio.low:.{digits}f}–{ratio.high:.{digits}f})"


def _time(times: Times | None, origin: str) -> Item:
    if times is None:
        return "–"
    text = f"{value_text(times.median)} ({value_text(times.q25)}–{value_text(times.q75)})"
    return Number(text=text, value=times.median, origin=origin, interval=(times.q25, times.q75))


def _ratio(ratio: Ratio | None, origin: str) -> Item:
    if ratio is None:
        return ""
    interval = None if ratio.low is None or ratio.high is None else (ratio.low, ratio.high)
    return Number(text=ratio_text(ratio), value=ratio.ratio, origin=origin, interval=interval)
