"""Several trainings on the same test frames as one result: one table, one figure."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from alphanet.figures.learning import learning_figure, write_learning_csv
from alphanet.figures.style import figure_files
from alphanet.report.trainings.evaluation import KIND
from alphanet.report.trainings.tables import error_grid
from alphanet.results.schema import BenchmarkResult, Curve, Figure

NAME = "trainings"
FIGURE = "learning"


def trainings_together(runs: Sequence[tuple[str, BenchmarkResult]]) -> list[BenchmarkResult]:
    """One result for each set of test frames on which two or more trainings were evaluated, without its figure.

    Args:
        runs: results by the names that tell them apart, such as their folders; those that are no trainings are passed
            over.
    """
    by_test: defaultdict[str, list[tuple[str, BenchmarkResult]]] = defaultdict(list)
    for name, result in runs:
        if result.kind == KIND and result.records:
            by_test[str(next(iter(result.records.values())).data["test_frames"])].append((name, result))
    return [_joined(members) for members in by_test.values() if len(members) > 1]


def draw_together(result: BenchmarkResult, folder: Path) -> BenchmarkResult:
    """`result` with the learning curves of its trainings drawn into `folder`."""
    if not learning_figure(folder / FIGURE, result.title, result.curves):
        return result
    write_learning_csv(folder / f"{FIGURE}.csv", result.curves)
    figure = Figure(name=FIGURE, title="Errors on validation frames", files=figure_files(FIGURE, "csv"))
    return result.model_copy(update={"figures": (figure,)})


def _joined(members: Sequence[tuple[str, BenchmarkResult]]) -> BenchmarkResult:
    first = members[0][1]
    records = {record.id: record for _, result in members for record in result.records.values()}
    splits = {str(record.data["split"]) for record in records.values()}
    split = "test" if "test" in splits else "valid"
    dataset = next(iter(records.values())).data["dataset"]
    rows = {
        name: [record for record in result.records.values() if record.data["split"] == split]
        for name, result in members
    }
    curves: list[Curve] = [
        curve.model_copy(update={"row": name})
        for name, result in members
        for curve in result.curves
        if curve.quantity.startswith("validation")
    ]
    return BenchmarkResult(
        kind=KIND,
        name=NAME,
        title=f"Trainings tested on {dataset}",
        scale=first.scale,
        protocol=f"{len(members)} trainings, evaluated on the same {split} frames.",
        comparable=False,
        reason=first.reason,
        when=max(result.when for _, result in members),
        grids=(error_grid(rows, (split,)),),
        curves=tuple(curves),
        records={record.id: record for of_run in rows.values() for record in of_run},
        origins={key: facts for _, result in members for key, facts in result.origins.items() if key in records},
        provenance=first.provenance,
    )
