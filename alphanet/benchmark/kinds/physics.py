"""Physics: whether potentials obey what every energy surface obeys. One task is a row, the audit of a potential."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from alphanet.benchmark.card import BenchmarkCard, Column, Row
from alphanet.benchmark.claims.samples import Sample, Samples
from alphanet.benchmark.findings import Finding, Findings, Measured, Place, Shown
from alphanet.benchmark.kind import Kind, Plan, Task
from alphanet.benchmark.kinds.opening import OpeningScale, file_digest, load_options, rows_of_models
from alphanet.benchmark.selection import WHOLE
from alphanet.errors import UserError, did_you_mean
from alphanet.measure.physics.checks import Check
from alphanet.measure.physics.findings import FAILS, NEGLIGIBLE, OK, state_of, value_text
from alphanet.measure.physics.findings import findings as property_findings
from alphanet.potentials.forms import short_name
from alphanet.potentials.specification import specified
from alphanet.provenance import code_digest, digest_of, where
from alphanet.results.facts import record_facts
from alphanet.results.records import Record
from alphanet.results.schema import Figure, Grid, Number

if TYPE_CHECKING:
    from alphanet.measure.physics.audit import Audit

__all__ = ["Physics", "PhysicsCard", "physics_card"]

logger = logging.getLogger(__name__)

CODE = ("measure/physics", "model", "potentials", "graph.py", "neighbors.py")
FIGURE = "physics"


class PhysicsScale(OpeningScale):
    """How a scale loads the potentials, and the structures on which it checks them."""

    structures: Path | None = None  # a periodic structure and one that is not; if None, see `Physics`


class PhysicsCard(BenchmarkCard[PhysicsScale, Row, Column]):
    """Potentials whose physics is checked; it has no columns and no metrics."""

    kind: Literal["physics"]

    @property
    def claim_quantities(self) -> tuple[str, ...]:
        """The properties that its claims name; `Physics.plan` compares them with the checks, which need torch."""
        return tuple(dict.fromkeys(name for claim in self.claims for name in claim.quantities))


def physics_card(name: str, *, models: Sequence[str], **scale: Any) -> PhysicsCard:
    """The card of an audit of `models`, in any form of `alphanet.potentials.forms.FORMS`.

    `scale` has keys of `PhysicsScale`.

    Raises:
        UserError: a model is named twice, or a value is not valid.
    """
    return PhysicsCard.ad_hoc(
        name,
        title="What potentials obey",
        protocol="Every check in the best precision that the potential has, beside what rounding explains.",
        rows=rows_of_models(models),
        scale=scale,
    )


@dataclass(frozen=True)
class AuditWork:
    """A potential to audit."""

    row: str
    model: str


class Physics(Kind[PhysicsCard, AuditWork]):
    """Audits of potentials, on structures given, or of their own training data, or of elements that they know."""

    card_type = PhysicsCard
    uses = frozenset({"seed", "device", "threads", "structures"})

    def plan(self) -> Plan[AuditWork]:
        """Return one task per row.

        Raises:
            UserError: a model cannot be a potential, or a claim names no property that is checked.
        """
        from alphanet.measure.physics.audit import CHECKS

        for claim in self.card.claims:
            for name in claim.quantities:
                if name not in CHECKS:
                    raise UserError(
                        f"{self.card.name}: claim {claim.id}: no check {name!r}{did_you_mean(name, CHECKS)}"
                    )
        for row in self.card.rows.values():
            specified(row.model)  # before hours are spent on others
        return Plan(
            tasks=tuple(self._task(name, row.model) for name, row in self.card.rows.items()),
            cost="minutes a potential",
            minutes=None,
            models=tuple(row.model for row in self.card.rows.values()),
        )

    def measure(self, task: Task[AuditWork], places: tuple[Place, ...], seconds: float | None) -> Iterator[Finding]:  # noqa: ARG002
        """Run every check of a potential.

        Raises:
            UserError: the potential cannot be loaded or fails on the structures; nothing is recorded then.
        """
        from alphanet.data.formats import read_frames
        from alphanet.measure.physics.audit import audit

        file = self._structures
        given = [] if file is None else list(read_frames(file, labeled=False))
        model = specified(task.work.model)
        result = audit(task.work.model, load_options(self.options, self._scale, model), given)
        if result.error:
            untold = model.kind == "python" and file is None
            hint = "; if it does not know these elements, name a file of structures that it knows" if untold else ""
            raise UserError(result.error + hint)
        made = [check for check in result.checks if check.passed is not None]
        yield Measured(
            Record(
                metrics={
                    "passed": sum(bool(check.passed) for check in made),
                    "checked": len(made),
                    "unchecked": len(result.checks) - len(made),
                    "checks": [asdict(check) for check in result.checks],
                },
                data={"structures": [asdict(one) for one in result.structures]},
                model={"name": result.model, "untrained": result.untrained, **result.provenance},
                protocol={
                    "benchmark": f"{self.card.name}/{self.options.scale}",
                    "key": task.keys[places[0]],
                    "precision": result.precision,
                    "seed": self.options.seed,
                    "device": self.options.device,
                    "cutoff": result.cutoff,
                    "noise": dict(result.noise),
                    "seconds": result.seconds,
                },
                environment=where(),
            ),
            places,
        )

    def samples(self, findings: Findings) -> Samples:
        """Return for each potential and property 1 if the potential keeps it to within what can matter, else 0."""
        samples = {}
        for (row, column), records in findings.records.items():
            one = _audit_of(records[0])
            for name, finding in property_findings(one.checks, untrained=one.untrained).items():
                if finding.state in (OK, NEGLIGIBLE, FAILS):
                    kept = {0: float(finding.state != FAILS)}
                    samples[row, column, name] = Sample(kept, "fixed", tuple(records[:1]))
        return samples

    def show(self, findings: Findings) -> Shown:
        """A summary, every check of each potential, and the figure."""
        from alphanet.figures.physics import physics_figure
        from alphanet.figures.style import figure_files

        audits = {row: _audit_of(records[0]) for (row, _), records in findings.records.items()}
        if not audits:
            return Shown()
        physics_figure(self.folder / FIGURE, list(audits.values()))
        return Shown(
            grids=[_summary(audits), *(_checks(row, one) for row, one in audits.items())],
            figures=[Figure(name=FIGURE, title="What each potential keeps", files=figure_files(FIGURE))],
            origins={_origin(row): record_facts(records[0]) for (row, _), records in findings.records.items()},
        )

    @property
    def _structures(self) -> Path | None:
        return Path(self.options.structures) if self.options.structures else self._scale.structures

    @property
    def _scale(self) -> PhysicsScale:
        return self.card.scale(self.options.scale)

    def _task(self, row: str, model: str) -> Task[AuditWork]:
        place = (row, WHOLE)
        return Task(row, (place,), AuditWork(row, model), keys={place: self._key(model)})

    def _key(self, model: str) -> str:
        """Hash of everything that an audit depends on."""
        scale = self._scale
        depends: list[Any] = [
            model,
            specified(model).digest,
            file_digest(self._structures),
            [scale.untrained, scale.preset],
            file_digest(scale.config),
            [self.options.seed, self.options.device],
            code_digest(CODE),
        ]
        return digest_of(depends)


def _audit_of(record: Record) -> "Audit":
    """The audit of a record, as far as tables and figures show it."""
    from alphanet.measure.physics.audit import Audit

    checks: Any = record.metrics["checks"]
    return Audit(
        model=str(record.model["name"]),
        untrained=bool(record.model["untrained"]),
        checks=[Check(**check) for check in checks],
        precision=str(record.protocol["precision"]),
    )


def _summary(audits: "dict[str, Audit]") -> Grid:
    """How many checks each potential passes, and the properties that it does not keep."""
    rows: list[tuple[str | Number, ...]] = []
    for row, one in audits.items():
        made = [check for check in one.checks if check.passed is not None]
        passed, left = sum(bool(check.passed) for check in made), len(one.checks) - len(made)
        wrong: dict[str, list[str]] = {FAILS: [], NEGLIGIBLE: []}
        for name, finding in property_findings(one.checks, untrained=one.untrained).items():
            if finding.state in wrong:
                wrong[finding.state].append(f"{name} {finding.text}")
        rows.append(
            (
                short_name(row, untrained=one.untrained),
                one.precision,
                Number(text=f"{passed} of {len(made)}", value=passed, origin=_origin(row)),
                Number(text=str(left), value=left, origin=_origin(row)),
                ", ".join(wrong[FAILS]) or "none",
                ", ".join(wrong[NEGLIGIBLE]) or "none",
            )
        )
    columns = (
        "potential",
        "precision",
        "checks passed",
        "not checked",
        "properties that fail",
        "beyond rounding, negligible",
    )
    return Grid(id="summary", title="What each potential keeps", columns=columns, rows=tuple(rows))


def _checks(row: str, one: "Audit") -> Grid:
    lines: list[tuple[str | Number, ...]] = []
    for check in one.checks:
        value, limit = check.value, check.limit
        lines.append(
            (
                check.check,
                "–" if value is None else Number(text=value_text(check), value=value, origin=_origin(row)),
                "–" if limit is None else Number(text=f"{limit:.1g}", value=limit, origin=_origin(row)),
                state_of([check], untrained=one.untrained),
                check.reason or ("" if check.passed else check.where or ""),
                check.structure,
            )
        )
    name = short_name(row, untrained=one.untrained)
    columns = ("check", "value", "limit", "", "where, or why not", "structure")
    title = f"Every check of {name}"
    return Grid(id=f"checks/{row}", title=title, columns=columns, rows=tuple(lines), folded=True)


def _origin(row: str) -> str:
    return f"physics/{row}"
