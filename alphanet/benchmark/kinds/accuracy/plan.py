"""The trainings that a table of accuracies needs: one for all cells that differ only in the evaluated frames."""

from collections.abc import Collection
from dataclasses import dataclass, field

from alphanet.benchmark.findings import Place
from alphanet.benchmark.kinds.accuracy.card import AccuracyCard, AccuracyScale, TrainingRun


@dataclass
class PlannedTraining:
    """One training (with each seed), and the cells that its evaluation fills."""

    key: str  # run key of its rows
    model: str
    dataset: str
    train_frames: int | None
    run: TrainingRun
    only: dict[str, str] = field(default_factory=dict)
    """Patterns that the `info` of training and validation frames must match; empty: all frames of the data set"""
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
        """Its column, or the data set if it fills several."""
        return self.columns[0] if len(self.columns) == 1 else self.dataset

    @property
    def title(self) -> str:
        """Its name in messages."""
        return f"{' and '.join(self.rows)} on {self.place}"

    def fills_the_same(self, other: "PlannedTraining") -> bool:
        """Whether one training serves both."""
        names = ("key", "model", "dataset", "train_frames", "only")
        same_run = (self.run.settings, self.run.batch_size) == (other.run.settings, other.run.batch_size)
        return same_run and all(getattr(self, name) == getattr(other, name) for name in names)


def plan_trainings(
    card: AccuracyCard, scale: AccuracyScale, places: Collection[Place] | None = None
) -> list[PlannedTraining]:
    """The trainings behind the cells at `places`, or all cells if None, by column; skipped cells have no training."""
    trainings: list[PlannedTraining] = []
    for name, column in card.columns.items():
        for title, row in card.rows.items():
            run = scale.run_of(row.run_key, name)
            if run is None or name in scale.skip_columns or (places is not None and (title, name) not in places):
                continue
            new = PlannedTraining(row.run_key, row.model, column.dataset, column.train_frames, run)
            if run.own_frames:
                new.only = dict(column.only)
            same = next((training for training in trainings if training.fills_the_same(new)), None)
            if same is None:
                trainings.append(same := new)
            same.cells.append((title, name))
    return trainings
