"""Which trainings a table of accuracies needs: one for all cells that differ only in what is evaluated."""

from collections.abc import Collection
from dataclasses import dataclass, field

from alphanet.paper.benchmark import Benchmark, Run, Scale
from alphanet.paper.cells import Place


@dataclass
class Training:
    """One training (with each seed), and the cells that its evaluation fills."""

    key: str  # run key of its rows
    model: str
    dataset: str
    train_frames: int | None
    run: Run
    cells: list[Place] = field(default_factory=list)

    @property
    def rows(self) -> list[str]:
        """Rows that it fills, in order."""
        return list(dict.fromkeys(row for row, _ in self.cells))

    @property
    def columns(self) -> list[str]:
        """Columns that it fills, in order."""
        return list(dict.fromkeys(column for _, column in self.cells))

    @property
    def place(self) -> str:
        """Its column, or the data set where it fills several."""
        return self.columns[0] if len(self.columns) == 1 else self.dataset

    @property
    def title(self) -> str:
        """What reports call it."""
        return f"{' and '.join(self.rows)} on {self.place}"


def plan(benchmark: Benchmark, scale: Scale, places: Collection[Place]) -> list[Training]:
    """The trainings behind the cells at `places`, column by column; cells that the scale cannot fill have none."""
    found: list[Training] = []
    for name, column in benchmark.columns.items():
        for title, row in benchmark.rows.items():
            run = scale.run_of(row.run_key, name)
            if run is None or name in scale.unavailable or (title, name) not in places:
                continue
            new = Training(row.run_key, row.model, column.dataset, column.train_frames, run)
            same = next((training for training in found if _is_same(training, new)), None)
            if same is None:
                found.append(same := new)
            same.cells.append((title, name))
    return found


def _is_same(one: Training, other: Training) -> bool:
    named = ("key", "model", "dataset", "train_frames", "run")
    return all(getattr(one, name) == getattr(other, name) for name in named)
