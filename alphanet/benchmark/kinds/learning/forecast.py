"""What a run of learning curves would take: every point with its steps and time, before anything is trained."""

from dataclasses import dataclass

from alphanet.benchmark.kinds.learning import Learning
from alphanet.errors import UserError
from alphanet.potentials.cards import find_baseline
from alphanet.potentials.environments import is_installed
from alphanet.potentials.specification import split_preset
from alphanet.training.defaults import ALPHANET


@dataclass(frozen=True)
class Forecast:
    """One row with one amount of compute."""

    row: str
    column: str
    seeds: int
    frames: int | None = None  # to train on
    steps: int | None = None
    epochs: int | None = None
    step_seconds: float | None = None  # CPU or GPU s
    unit: str = ""
    seconds: float | None = None  # CPU or GPU s of the seeds that are left
    done: int = 0  # seeds that are trained already
    reason: str = ""  # why it will not be run


def forecasts(kind: Learning) -> list[Forecast]:
    """Every point of a run. Costs that are not known are measured by a few steps; no environment is made for that.

    Raises:
        UserError: a row is no potential that trains.
    """
    plan = kind.plan()
    found = [
        Forecast(row, column, 0, reason=reason)
        for (row, column), reason in plan.impossible.items()
        if kind.card.columns[column].compute is not None
    ]
    seeds: dict[tuple[str, str], list[int]] = {}
    for task in plan.tasks:
        if task.work.row:
            seeds.setdefault((task.work.row, task.work.column), []).append(task.work.seed)
    for (row, column), numbers in seeds.items():
        try:
            found.append(_forecast(kind, row, column, numbers))
        except UserError as error:
            found.append(Forecast(row, column, len(numbers), reason=str(error)))
    rows, columns = list(kind.card.rows), list(kind.card.columns)
    return sorted(found, key=lambda one: (rows.index(one.row), columns.index(one.column)))


def _forecast(kind: Learning, row: str, column: str, seeds: list[int]) -> Forecast:
    model, _ = split_preset(kind.card.rows[row].model)
    if kind.points.trainer(row).seeded and model != ALPHANET and not is_installed(find_baseline(model)):
        raise UserError(f"its environment is made when it is run, or by `alphanet baselines install {model}`")
    points = [kind.points.point(row, column, seed) for seed in seeds]
    first = points[0]
    frames = first.job.request.data.counts["train"]
    done = sum(point.job.is_done for point in points)
    if first.length is None or first.cost is None:
        return Forecast(row, column, len(seeds), frames, seconds=0.0, done=done)
    each = first.cost.seconds(first.length.steps, first.length.validations)
    return Forecast(
        row=row,
        column=column,
        seeds=len(seeds),
        frames=frames,
        steps=first.length.steps,
        epochs=first.length.epochs,
        step_seconds=first.cost.step,
        unit=first.cost.unit,
        seconds=each * (len(seeds) - done),
        done=done,
    )
