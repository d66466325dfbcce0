"""Expressiveness: which structures a potential tells apart. One task is a row, a potential on all pairs."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import JsonValue, NonNegativeInt

from alphanet.benchmark.card import BenchmarkCard, Column, Metric, Row
from alphanet.benchmark.findings import Finding, Findings, Measured, Place, Shown
from alphanet.benchmark.kind import Kind, Plan, Task
from alphanet.benchmark.kinds.opening import OpeningScale, file_digest, load_options, rows_of_models
from alphanet.measure.expressiveness import AMPLIFICATION, STEPS
from alphanet.measure.expressiveness.pairs import MAKERS, make_pair, pair_names
from alphanet.potentials.specification import specified
from alphanet.provenance import code_digest, digest_of, where
from alphanet.results.facts import number_or_dash, record_facts
from alphanet.results.records import Record
from alphanet.results.schema import Cell, Figure, Grid, Number

if TYPE_CHECKING:
    from alphanet.measure.expressiveness.testing import Tested

__all__ = ["Expressiveness", "ExpressivenessCard", "expressiveness_card"]

CODE = ("measure/expressiveness", "model", "potentials", "graph.py", "neighbors.py")
FIGURE = "expressiveness"
SECONDS = 60.0  # for a potential with its start; budgets are divided by it
METRICS = {
    "told_apart": Metric(title="told apart (1) or alike (0)", unit="", better="equal"),
    "learned": Metric(title="part of a difference that 200 steps learn", unit="", better="higher"),
}
WORDS = {True: "told apart", False: "alike", None: "not tested"}


class ExpressivenessScale(OpeningScale):
    """How a scale loads the potentials, and how long it trains them."""

    steps: NonNegativeInt = STEPS  # of the training on each pair, of AlphaNet; 0: none


class ExpressivenessCard(BenchmarkCard[ExpressivenessScale, Row, Column]):
    """Potentials by pairs of structures; columns have the names of pairs."""

    kind: Literal["expressiveness"]


def expressiveness_card(name: str, *, models: Sequence[str], **scale: Any) -> ExpressivenessCard:
    """The card of a test of `models`, in any form of `alphanet.potentials.forms.FORMS`, on all pairs.

    `scale` has keys of `ExpressivenessScale`.

    Raises:
        UserError: a model is named twice, or a value is not valid.
    """
    return ExpressivenessCard.ad_hoc(
        name,
        title="Structures that potentials tell apart",
        protocol="Energies of pairs of structures in the best precision, beside what rounding explains.",
        metrics=METRICS,
        columns={pair: {"title": maker.title} for pair, maker in MAKERS.items()},
        rows=rows_of_models(models),
        scale=scale,
    )


class Expressiveness(Kind[ExpressivenessCard, str]):
    """Potentials on pairs of structures; the work of a task is the name of its row."""

    card_type = ExpressivenessCard
    uses = frozenset({"seed", "device", "threads"})

    def plan(self) -> Plan[str]:
        """Return one task per row.

        Raises:
            UserError: a model cannot be a potential, or a column is no pair.
        """
        for row in self.card.rows.values():
            specified(row.model)
        for column in self.card.columns:
            make_pair(column, 1.0, "H")
        return Plan(
            tasks=tuple(self._task(name) for name in self.card.rows),
            cost="about a minute a potential",
            minutes=SECONDS * len(self.card.rows) / 60,
            models=tuple(row.model for row in self.card.rows.values()),
        )

    def measure(self, task: Task[str], places: tuple[Place, ...], seconds: float | None) -> Iterator[Finding]:  # noqa: ARG002
        """Compare the pairs one by one; each is recorded at once.

        Raises:
            UserError: the potential cannot be opened.
        """
        from alphanet.measure.expressiveness.testing import compare

        name = self.card.rows[task.work].model
        options = load_options(self.options, self._scale, specified(name))
        pairs = [column for _, column in places]
        for place, tested in zip(
            places, compare(name, options, pairs, steps=self._scale.steps, seed=self.options.seed), strict=True
        ):
            yield Measured(self._record(task, place, tested), (place,))

    def cells(self, findings: Findings) -> list[Cell]:
        """Return the cells; those of a pair that was not tested say why."""
        for place, records in findings.records.items():
            untested: Any = records[0].protocol["untested"]
            findings.missing |= {(*place, metric): str(reason) for metric, reason in untested.items()}
            if "difference" in untested:
                findings.missing.setdefault((*place, "told_apart"), str(untested["difference"]))
        return super().cells(findings)

    def show(self, findings: Findings) -> Shown:
        """Who fails where, every number of each potential, and the figure."""
        from alphanet.figures.expressiveness import expressiveness_figure
        from alphanet.figures.style import figure_files

        records = {place: records[0] for place, records in findings.records.items()}
        rows = [row for row in self.card.rows if any(place[0] == row for place in records)]
        if not rows:
            return Shown()
        states = {place: state_of(record) for place, record in records.items()}
        columns = {name: column.title for name, column in self.card.columns.items()}
        expressiveness_figure(self.folder / FIGURE, rows, columns, states)
        return Shown(
            grids=[_summary(rows, columns, records), *(_numbers(row, columns, records) for row in rows)],
            figures=[Figure(name=FIGURE, title="Structures told apart", files=figure_files(FIGURE))],
            origins={_origin(*place): record_facts(record) for place, record in records.items()},
        )

    @property
    def _scale(self) -> ExpressivenessScale:
        return self.card.scale(self.options.scale)

    def _task(self, row: str) -> Task[str]:
        places = tuple((row, column) for column in self.card.columns or pair_names())
        model = self._key(self.card.rows[row].model)
        return Task(row, places, row, seconds=SECONDS, keys={place: f"{place[1]} {model}" for place in places})

    def _key(self, model: str) -> str:
        """Hash of everything that the numbers of a potential depend on."""
        scale = self._scale
        depends: list[Any] = [
            model,
            specified(model).digest,
            [scale.untrained, scale.preset, scale.steps],
            file_digest(scale.config),
            [self.options.seed, self.options.device],
            code_digest(CODE),
        ]
        return digest_of(depends)

    def _record(self, task: Task[str], place: Place, tested: "Tested") -> Record:
        result, subject = tested.comparison, tested.subject
        metrics: dict[str, JsonValue] = {}
        if result.told_apart is not None:
            metrics["told_apart"] = float(result.told_apart)
        for prefix, one in (("", result.plain), ("amplified_", result.amplified)):
            if one is not None:
                metrics |= {
                    f"{prefix}gap": one.gap,
                    f"{prefix}difference": one.relative,
                    f"{prefix}noise": one.noise,
                    f"{prefix}limit": one.limit,
                }
        if result.learned is not None:
            metrics["learned"] = result.learned
        return Record(
            metrics=metrics,
            data={"pair": place[1], "symbol": subject.symbol, "congruent": MAKERS[place[1]].congruent},
            model={"name": self.card.rows[task.work].model, **subject.potential.provenance()},
            protocol={
                "benchmark": f"{self.card.name}/{self.options.scale}",
                "key": task.keys[place],
                "precision": subject.precision,
                "cutoff": subject.cutoff,
                "seed": self.options.seed,
                "device": self.options.device,
                "amplification": AMPLIFICATION,
                "steps": self._scale.steps,
                "untested": dict(result.untested),
            },
            environment=where(),
        )


def state_of(record: Record) -> str:
    """Told apart, alike, or not tested; a mirror image that is told apart is an error."""
    value = record.value("told_apart")
    state = WORDS[None if value is None else bool(value)]
    if not record.data["congruent"]:
        return state
    return {"told apart": "WRONG: told apart", "alike": "alike, as it must be"}.get(state, state)


def _summary(rows: Sequence[str], columns: dict[str, str], records: dict[Place, Record]) -> Grid:
    """Who fails where: pairs by potentials."""
    lines: list[tuple[str | Number, ...]] = []
    for name, title in columns.items():
        states = [state_of(records[row, name]) if (row, name) in records else "not tested" for row in rows]
        lines.append((title, *states))
    return Grid(id="summary", title="Who tells what apart", columns=("pair", *rows), rows=tuple(lines))


def _numbers(row: str, columns: dict[str, str], records: dict[Place, Record]) -> Grid:
    """All numbers of a potential."""
    lines: list[tuple[str | Number, ...]] = []
    for name, title in columns.items():
        if (record := records.get((row, name))) is None:
            continue
        keys = ("gap", "difference", "limit", "amplified_difference", "amplified_limit", "learned")
        numbers = [number_or_dash(record.value(key), _origin(row, name), ".2g") for key in keys]
        untested: Any = record.protocol["untested"]
        lines.append((title, *numbers, state_of(record), "; ".join(f"{key}: {why}" for key, why in untested.items())))
    heads = ("pair", "eV", "relative", "limit", f"weights x {AMPLIFICATION:g}", "limit", "learned", "", "not tested")
    title = f"Every pair of {row}"
    return Grid(id=f"pairs/{row}", title=title, columns=heads, rows=tuple(lines), folded=True)


def _origin(row: str, pair: str) -> str:
    return f"expressiveness/{row}/{pair}"
