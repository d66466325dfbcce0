"""The bar of a training on a terminal."""

# Hooks have the arguments that Lightning gives them.
# ruff: noqa: ARG002

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lightning.pytorch import Callback, LightningModule, Trainer

from .logs import TrainingLog, epoch_of
from .module import TrainingModule
from .schedule import ENDLESS
from .table import epoch_text

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress


class TrainingBar(Callback):
    """Epoch, step and time left on a line that is as wide as the terminal, and the last errors below it.

    It goes with the training; the lines of the epochs stay.
    """

    def __init__(self, log: TrainingLog, console: Console | None = None) -> None:
        """Show what `log` knows, on `console`: that of stderr if None."""
        self._log, self._console = log, console
        self._bar: Progress | None = None
        self._started, self._first = time.monotonic(), 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the bar."""
        assert isinstance(pl_module, TrainingModule)
        if not trainer.is_global_zero:
            return
        self._started, self._first = time.monotonic(), trainer.global_step
        total = pl_module.total_steps
        self._bar = _bar(self._console)
        self._bar.add_task(
            epoch_of(trainer, pl_module),
            total=total if total < ENDLESS else None,
            completed=trainer.global_step,
            of=f"/{total}" if total < ENDLESS else "",
            left="",
            errors="",
        )
        self._bar.start()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar."""
        assert isinstance(pl_module, TrainingModule)
        self._show(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the new errors."""
        assert isinstance(pl_module, TrainingModule)
        self._show(trainer, pl_module)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Remove the bar; Lightning calls no `teardown` after an error."""
        self.teardown(trainer, pl_module, "fit")

    def _show(self, trainer: Trainer, module: TrainingModule) -> None:
        if self._bar is None:
            return
        (task,) = self._bar.tasks
        step = trainer.global_step
        left = time_left(step - self._first, task.total and int(task.total) - step, time.monotonic() - self._started)
        self._bar.update(
            task.id,
            completed=step,
            description=epoch_of(trainer, module),
            left=f"{left} left" if left else "",
            errors=epoch_text(self._log.last),
        )


def time_left(done: int, remaining: float | None, seconds: float) -> str:
    """`h:mm:ss` for the `remaining` steps, if they go on as the `done` ones did in `seconds`; empty if unknown."""
    if not done or remaining is None:
        return ""
    whole = round(seconds / done * remaining)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _bar(console: Console | None) -> Progress:
    """A bar of rich, which a baseline's environment may lack; there is no terminal then."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.text import Text

    class Bar(Progress):
        def get_renderables(self) -> Iterable[RenderableType]:
            yield self.make_tasks_table(self.tasks)
            for task in self.tasks:
                yield Text(task.fields["errors"], style="dim")

    texts = ("{task.description}", "step {task.completed:.0f}{task.fields[of]}", "{task.fields[left]}")
    first, *others = (TextColumn(text, markup=False) for text in texts)
    return Bar(
        first, BarColumn(bar_width=None), *others, console=console or Console(stderr=True), expand=True, transient=True
    )
