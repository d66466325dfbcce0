"""Discovery: stability of WBM's crystals by published predictions, a user's predictions, or relaxations here.

One task is a row. If a sample is relaxed anew, published rows have a second task, whose record belongs to no cell.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from alphanet.benchmark.findings import Finding, Findings, Measured, Missing, Place, Shown
from alphanet.benchmark.kind import Kind, Plan, RunOptions, Task
from alphanet.benchmark.kinds.discovery.card import (
    DiscoveryCard,
    DiscoveryRow,
    RelaxationSettings,
    predictions_card,
    relaxation_card,
)
from alphanet.benchmark.kinds.discovery.files import NotHereError, checksum_of, published_file, published_predictions
from alphanet.benchmark.kinds.discovery.show import (
    anew_grid,
    cross_check_grid,
    left_out,
    origin_of,
    relaxations_grid,
    scores_grid,
)
from alphanet.benchmark.needs import DataNeed, need_file
from alphanet.benchmark.selection import WHOLE
from alphanet.errors import UserError
from alphanet.measure.discovery.compare import Comparison
from alphanet.measure.discovery.tables import UNIQUE
from alphanet.measure.discovery.wbm import STRUCTURES, SUBSETS, Subset, Wbm, read_wbm, summary_file
from alphanet.potentials.forms import row_label
from alphanet.provenance import code_digest, digest_of, where
from alphanet.results.facts import record_facts
from alphanet.results.records import Facts, Record
from alphanet.results.schema import Figure

__all__ = ["Discovery", "DiscoveryCard", "RelaxationSettings", "predictions_card", "relaxation_card"]

logger = logging.getLogger(__name__)

CODE = ("measure/discovery",)
RELAXED = "relaxed"  # in the folder of the run; it holds the folder of a campaign per row
UNIQUE_TITLES = {"full": "structures", "unique": "unique prototypes", "most-stable": "most stable"}


@dataclass(frozen=True)
class RowWork:
    """A row, with its labels and predictions when it is prepared, or the reason why they are not fetched."""

    row: str
    anew: bool = False  # relax a sample of published predictions
    truth: Path | None = None
    predictions: Path | None = None
    absent: str = ""


class Discovery(Kind[DiscoveryCard, RowWork]):
    """A table of stability metrics."""

    card_type = DiscoveryCard
    uses = frozenset(
        {"truth", "predictions", "mirror", "relax", "cluster", "seed", "device", "threads", "structures", "references"}
    )

    def __init__(self, card: DiscoveryCard, options: RunOptions) -> None:
        """See `Kind`."""
        super().__init__(card, options)
        self._anew: dict[str, Comparison | str] = {}
        self._notes: list[str] = []
        self._truth: Path | UserError | None = None

    def plan(self) -> Plan[RowWork]:
        """Return one task per row; samples that are relaxed anew come last."""
        rows = self.card.rows
        relaxing = {name for name, row in rows.items() if row.relaxation is not None}
        tasks = [self._task(name, None if name in relaxing else 0.0) for name in rows]
        if self.options.relax is not None:
            tasks += [self._task(name, None, anew=True) for name, row in rows.items() if row.predictions is not None]
        data = tuple(self._data())
        return Plan(
            tasks=tuple(tasks),
            cost=self._cost_text(data, len(relaxing)),
            minutes=None if relaxing else 0.0,
            data=data,
            models=tuple(rows[name].model for name in relaxing),
        )

    def prepare(self, task: Task[RowWork]) -> Task[RowWork]:
        """Get the labels and the row's predictions.

        Raises:
            UserError: they are not available, or another file has their name.
        """
        row, scale = self.card.rows[task.work.row], self.card.scale(self.options.scale)
        if task.work.anew or row.relaxation is not None:
            return task
        try:
            truth = self._labels(fetch=scale.fetch)
            predictions = row.file or published_predictions(row.source, self.options, fetch=scale.fetch)
        except NotHereError as error:
            return replace(task, work=replace(task.work, absent=str(error)))
        depends = [
            checksum_of(truth, "sha256"),
            checksum_of(predictions, "sha256"),
            scale.model_dump(mode="json", exclude={"comparable", "reason", "protocol", "fetch"}),
            code_digest(CODE),
        ]
        key = digest_of(depends)
        work = replace(task.work, truth=truth, predictions=predictions)
        return replace(task, work=work, keys=dict.fromkeys(task.places, key))

    def keeps(self, task: Task[RowWork], place: Place, record: Record) -> bool:
        """Whether the record is of the same files and its figures exist; a cross-check that differs is repeated."""
        if not super().keeps(task, place, record):
            return False
        check: Any = record.metrics.get("cross_check") or {}
        drawn = not self.card.figures or bool(self._figures(place[0], record))
        return drawn and not check.get("differences")

    def measure(self, task: Task[RowWork], places: tuple[Place, ...], seconds: float | None) -> Iterator[Finding]:  # noqa: ARG002
        """Score a row's predictions; relax first if they are made here."""
        work = task.work
        row = self.card.rows[work.row]
        if work.anew:
            yield from self._relaxed_anew(work.row)
        elif work.absent:
            yield Missing(places, work.absent)
        elif row.relaxation is not None:
            yield Measured(self._relaxed(work.row, row), places)
        else:
            assert work.truth is not None and work.predictions is not None
            scale = self.card.scale(self.options.scale)
            wbm = read_wbm(
                work.predictions, work.truth, scale.column, max_error=scale.max_error, decimals=scale.decimals
            )
            record = self._scored(work.row, wbm, {"key": task.keys[places[0]]})
            yield Measured(record, places)
            check: Any = record.metrics.get("cross_check") or {}
            if check.get("differences"):
                numbers = [
                    f"{name} {check['own'][name]}, not {check['package'][name]}" for name in check["differences"]
                ]
                raise UserError(f"here and by matbench-discovery the numbers differ: {', '.join(numbers)}")

    def deviations(self, findings: Findings) -> list[str]:
        """Differences of the labels from the published ones."""
        data = [record.data for records in findings.records.values() for record in records]
        partial = next((facts for facts in data if not facts.get("published_labels")), None)
        if partial is None:
            return []
        labels, left = partial["labels"], partial["unlabeled"]
        assert isinstance(labels, int) and isinstance(left, int)
        truth: Any = partial["truth"]
        if labels + left < STRUCTURES:
            deviations = [f"labels of {labels} of {STRUCTURES} structures"]
        else:
            deviations = [f"labels of {truth['file']}, which is not the published summary"]
        if not partial["unique_known"]:
            deviations.append(f"duplicates of prototypes included, because the labels have no column {UNIQUE}")
        return deviations

    def show(self, findings: Findings) -> Shown:
        """Tables of all subsets, relaxations and comparisons, and the rows' figures."""
        measured = {row: records[0] for (row, _), records in findings.records.items()}
        shown = Shown(origins={origin_of(row): record_facts(record) for row, record in measured.items()})
        for row, record in measured.items():
            if record.metrics.get("scores"):
                shown.grids.append(scores_grid(row, record))
                shown.notes += left_out(row, record)
            if check := cross_check_grid(row, record):
                shown.grids.append(check)
            shown.figures += self._figures(row, record)
        if relaxations := relaxations_grid(measured):
            shown.grids.append(relaxations)
        if self._anew:
            anew = {str(record.model["name"]): record for record in findings.beside}
            origins = {}
            for row in self._anew:
                model = self.card.rows[row].model
                if model in anew:
                    origins[row] = f"anew/{row}"
                    shown.origins[origins[row]] = record_facts(anew[model])
            shown.grids.append(anew_grid(self._anew, origins))
        if not self.card.metrics:
            shown.notes += self.deviations(findings)
        shown.notes += self._notes
        return shown

    def _task(self, row: str, seconds: float | None, *, anew: bool = False) -> Task[RowWork]:
        places = tuple((row, column) for column in self.card.columns or (WHOLE,))
        return Task(f"{row}{', a sample relaxed anew' if anew else ''}", places, RowWork(row, anew), seconds)

    def _data(self) -> Iterator[DataNeed]:
        if self.options.truth is None:
            yield need_file("labels", summary_file())
        for name, row in self.card.rows.items():
            if row.predictions is not None:
                yield need_file(name, row.source)

    def _cost_text(self, data: tuple[DataNeed, ...], relaxing: int) -> str:
        if relaxing:
            return f"relaxations by {relaxing} model{'s' if relaxing > 1 else ''}, as long as they take"
        if not self.card.scale(self.options.scale).fetch:
            present = sum(need.here for need in data)
            return f"no training; {present} of {len(data)} files are here; seconds a row"
        size = sum(need.size or 0 for need in data)
        return f"no training; {len(data)} files, {size / 1e6:.0f} MB or more, once; then seconds a row"

    def _labels(self, *, fetch: bool) -> Path:
        """The labels; if they are not available, only the first row fails, and the others are missing."""
        if self.options.truth is not None:
            return self.options.truth
        if self._truth is None:
            try:
                self._truth = published_file(summary_file(), self.options, fetch=fetch)
            except UserError as error:
                self._truth = NotHereError(f"needs the published labels: {error}")
                if isinstance(error, NotHereError):
                    raise self._truth from error
                raise UserError(str(self._truth)) from error
        if isinstance(self._truth, UserError):
            raise self._truth
        return self._truth

    def _scored(self, row: str, wbm: Wbm, protocol: Facts, **relaxed: JsonValue) -> Record:
        """The record of a row's scores; they are drawn if the card asks for figures."""
        scale = self.card.scale(self.options.scale)
        available = wbm.available()
        if scale.subset not in (None, *available) and not self.card.metrics:
            raise UserError(f"no subset {scale.subset}: the truth has no column {UNIQUE}")
        wanted = scale.subset if scale.subset in available else "full"
        shown = [name for name in SUBSETS if name in available and (scale.subset in (None, name) or name == wanted)]
        if self.card.metrics or scale.subset is not None:
            shown = [wanted]
        scores = {name: wbm.score(name, scale.threshold) for name in shown}
        cell = scores.get(wanted) or next(iter(scores.values()))
        logger.info(
            "%s: %s, %d structures, %d without a prediction", row, wbm.predictions.name, cell["n"], cell["missing"]
        )
        if self.card.figures:
            self._draw(row, wbm, scores)
        described = wbm.described()
        metrics: dict[str, JsonValue] = {
            name: value for name, value in cell.items() if value is not None and name != "subset"
        }
        metrics |= {"scores": [*scores.values()], **relaxed}
        if scale.cross_check:
            metrics["cross_check"] = self._cross_check(row, wbm)
        return Record(
            metrics=metrics,
            data={
                "dataset": "wbm",
                "subset": cell["subset"],
                "truth": described["truth"],
                "labels": len(wbm.joined.true),
                "published_labels": checksum_of(wbm.truth, "md5") == summary_file().md5,
                "unique_known": wbm.joined.unique is not None,
                **{name: described[name] for name in ("unlabeled", "unknown", "discarded")},
            },
            model={
                "name": self.card.rows[row].model,
                "predictions": described["predictions"],
                "column": described["column"],
            },
            protocol={
                "benchmark": f"{self.card.name}/{self.options.scale}",
                "decimals": scale.decimals,
                "max_error": scale.max_error,
                "threshold": scale.threshold,
                **protocol,
            },
            environment=where(),
        )

    def _relaxed(self, name: str, row: DiscoveryRow) -> Record:
        from alphanet.benchmark.kinds.discovery.relaxing import relax

        result, campaign = relax(row, self.options, self._folder_of(name))
        self._notes += [f"{name}: {note}" for note in result.notes]
        relaxations = result.summary.facts()
        protocol: dict[str, JsonValue] = {"conditions": result.summary.conditions}
        if result.scored is not None:
            return self._scored(name, result.scored, protocol, relaxations=relaxations)
        return Record(
            metrics={"relaxations": relaxations},
            data={"dataset": "wbm", "structures": len(campaign.ids), "published_labels": True},
            model={"name": row.model},
            protocol={"benchmark": f"{self.card.name}/{self.options.scale}", **protocol},
            environment=where(),
        )

    def _folder_of(self, row: str) -> Path:
        return self.folder / RELAXED / row_label(row)

    def _relaxed_anew(self, name: str) -> Iterator[Finding]:
        """Compare with the published predictions; if the row cannot be relaxed here, note the reason."""
        from alphanet.benchmark.kinds.discovery.relaxing import relaxed_anew

        row = self.card.rows[name]
        try:
            comparison = relaxed_anew(row, self.options, self._folder_of(name))
        except UserError as error:
            self._anew[name] = str(error)
            logger.warning("%s: not relaxed anew: %s", name, error)
            return
        self._anew[name] = comparison
        yield Measured(
            Record(
                metrics=comparison.summary(),
                data={"dataset": "wbm", "structures": len(comparison.ids)},
                model={"name": row.model},
                protocol={"benchmark": f"{self.card.name}/{self.options.scale}", "seed": self.options.seed},
                environment=where(),
            )
        )

    def _cross_check(self, row: str, wbm: Wbm) -> dict[str, JsonValue]:
        from alphanet.measure.discovery.cross_check import cross_check

        scale = self.card.scale(self.options.scale)
        check = cross_check(wbm.joined.true, wbm.joined.predicted, scale.threshold)
        if check.refused:
            self._notes.append(f"{row}: not computed again: {check.refused}")
        return {
            "own": {name: value for name, value in check.own.items() if name in check.package},
            "package": {**check.package},
            "version": check.version,
            "differences": list(check.differences),
        }

    def _draw(self, row: str, wbm: Wbm, scores: Mapping[Subset, Facts]) -> None:
        """Draw the unique prototypes, as on the leaderboard, or the only subset."""
        from alphanet.figures.discovery.draw import FIGURES, draw_predictions

        for name in FIGURES:  # remove those of an earlier run
            for file in self.folder.glob(f"{_prefix(row)}{name}.*"):
                file.unlink()
        subset = "unique" if "unique" in scores else next(iter(scores))
        title = f"{row} · {scores[subset]['n']} {UNIQUE_TITLES[subset]}"
        try:
            draw_predictions(self.folder, _prefix(row), title, wbm.select(subset), scores[subset])
        except UserError as error:
            self._notes.append(str(error))

    def _figures(self, row: str, record: Record) -> list[Figure]:
        """The figures that exist; those that could not be drawn are left out."""
        if not self.card.figures or not record.metrics.get("scores"):
            return []
        from alphanet.figures.discovery.draw import FIGURES
        from alphanet.figures.style import figure_files

        names = {f"{_prefix(row)}{name}": title for name, title in FIGURES.items()}
        return [
            Figure(name=name, title=f"{title}: {row}", files=figure_files(name, "csv"))
            for name, title in names.items()
            if (self.folder / f"{name}.svg").is_file()
        ]


def _prefix(row: str) -> str:
    return f"{row_label(row)}_"
