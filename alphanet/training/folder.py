"""The folder of a training, the same for every model: its files, its result, and whether it can be resumed."""

import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import Field, JsonValue

from alphanet.cards import read_yaml, validate
from alphanet.errors import UserError
from alphanet.files import read_json_object, write_text
from alphanet.potentials.kit.loop import LAST, METRICS, MODEL
from alphanet.potentials.kit.loop.table import errors_text
from alphanet.potentials.protocol import TrainingAnswer
from alphanet.potentials.runs import RESULT, is_committee
from alphanet.training.references import Statistics, measure
from alphanet.training.settings import RUN_SETTINGS, EnergyWeight, TrainingSettings, flat

if TYPE_CHECKING:
    from alphanet.training.data import LabeledFrames

STATISTICS = "statistics.json"
TRAINER, START = "trainer", "start.safetensors"
CONTENTS = {
    "config.yaml": "settings of this run",
    STATISTICS: "elements, reference energies and force scale of the training data; checksums of its sources",
    MODEL: "best model by validation loss so far",
    LAST: "state to resume from",
    METRICS: "errors of training and validation; TensorBoard's files beside it",
    RESULT: "what came out, at the end",
}

logger = logging.getLogger(__name__)


class TrainingResult(TrainingAnswer):
    """The result of a training, whichever model was trained; `result.json` in its folder."""

    name: str
    """alphanet, or a baseline's name"""
    model: Path
    """Best weights by validation loss, averaged if there is an average; relative to the folder in `result.json`"""
    sha256: str
    """Of that file"""
    frames: int
    """Trained on"""
    elements: tuple[str, ...]
    reference_energies: dict[str, float]
    """eV"""
    converged: bool = False
    """Whether the validation was flat over the last fifth of the steps, see `loop.convergence`"""
    planned_steps: int
    """That epochs and steps of the settings make; fewer were taken if `finished` is false"""
    energy_weight: EnergyWeight | None = None
    """Of the loss, by both conventions; None if the trainer does not say"""
    settings: dict[str, JsonValue]
    sources: dict[str, str]
    """Files of the data with their sha256"""
    versions: dict[str, str] = Field(default_factory=dict)
    """Packages of a baseline's environment"""

    def describe(self) -> str:
        """One line for the user."""
        text = f"{self.model}: {errors_text(self.validation)} on the validation frames"
        if self.finished:
            return f"{text} (best of {self.epochs} epochs: {self.best_epoch}; {self.seconds:.0f} s)"
        return f"{text}, not finished: {self.stop}"

    @property
    def stop(self) -> str:
        """The step at which an unfinished training stopped, in words; empty if it is finished."""
        if self.finished:
            return ""
        limit = self.settings.get("max_time")
        why = f": its guard of {limit:g} s (max_time) was up" if isinstance(limit, int | float) else ""
        return f"stopped at step {self.steps} of {self.planned_steps}{why}; with more time it goes on from there"


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run."""

    path: Path

    @property
    def model(self) -> Path:
        """Best model so far."""
        return self.path / MODEL

    @property
    def last(self) -> Path:
        """Checkpoint to resume from."""
        return self.path / LAST

    @property
    def trainer(self) -> Path:
        """Files of a baseline's own trainer."""
        return self.path / TRAINER

    @property
    def start(self) -> Path:
        """The weights that a baseline's training started from, in the format of trainings."""
        return self.trainer / START

    def tree(self) -> str:
        """The files that the run will write, as text."""
        width = max(len(name) for name in CONTENTS)
        return "\n".join([f"{self.path}/", *(f"  {name:<{width}}  {text}" for name, text in CONTENTS.items())])

    def claim(self, settings: TrainingSettings, *, resume: bool) -> None:
        """Claim the folder for this training: write `config.yaml`, or check that it holds the same settings already.

        Args:
            settings: of the training.
            resume: keep what an earlier run with the same settings left; otherwise remove it.

        Raises:
            UserError: the folder holds a run with other settings, or a committee.
        """
        if is_committee(self.path):
            raise UserError(f"{self.path} holds a committee; train it with --members, or name another folder")
        if not resume:
            self._clear()
        written = self.path / "config.yaml"
        if written.exists():
            self._require_same(validate(read_yaml(written), type(settings), str(written)), settings)
        write_text(written, yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False))

    def statistics(
        self, sources: Mapping[str, str], frames: "tuple[LabeledFrames, LabeledFrames]", method: str
    ) -> Statistics:
        """Statistics of the training data, see `measure`; they are kept, and measured once for all starts of this run.

        Raises:
            UserError: they were measured on data with other checksums, or a label is unsound.
        """
        file = self.path / STATISTICS
        if not file.exists():
            statistics = measure(*frames, method)
            write_text(file, json.dumps(asdict(statistics) | {"sources": dict(sources)}, indent=1) + "\n")
            return statistics
        values = read_json_object(file)
        before = values.pop("sources")
        if before != dict(sources):
            changed = sorted(name for name in before.keys() | sources if before.get(name) != sources.get(name))
            raise UserError(
                f"{self.path} was trained on other data ({', '.join(changed)} changed); "
                "choose another folder, or train without resuming"
            )
        return Statistics(**values | {"elements": tuple(values["elements"])})

    def write_result(self, result: TrainingResult) -> TrainingResult:
        """Write `result` to the folder and return it."""
        stored = result.model_copy(update={"model": result.model.relative_to(self.path)})
        write_text(self.path / RESULT, stored.model_dump_json(indent=1) + "\n")
        return result

    def read_result(self) -> TrainingResult | None:
        """The result of an earlier run in this folder, with the path of its model; None if there is none.

        Raises:
            UserError: the file cannot be read.
        """
        file = self.path / RESULT
        if not file.exists():
            return None
        result = validate(read_json_object(file), TrainingResult, str(file))
        return result.model_copy(update={"model": self.path / result.model})

    def earlier_result(self, settings: TrainingSettings) -> TrainingResult | None:
        """The result of a finished run in this folder; None if there is none or `settings` allow more time."""
        result = self.read_result()
        if result is None or not result.model.exists():
            return None
        had = result.settings.get("max_time")  # seconds
        more = isinstance(had, float | int) and (settings.max_time is None or settings.max_time > had)
        if more and not result.finished:
            return None
        logger.info("%s is trained already", self.path)
        return result

    def _clear(self) -> None:
        for name in CONTENTS:
            (self.path / name).unlink(missing_ok=True)
        for folder in (self.path / METRICS).parent, self.trainer:
            shutil.rmtree(folder, ignore_errors=True)

    def _require_same(self, before: TrainingSettings, now: TrainingSettings) -> None:
        old, new = flat(before.model_dump(mode="json")), flat(now.model_dump(mode="json"))
        different = [
            f"{key} {old.get(key)!r} there, {new.get(key)!r} now"
            for key in sorted(old.keys() | new.keys())
            if old.get(key) != new.get(key) and key.split(".")[0] not in RUN_SETTINGS
        ]
        if different:
            raise UserError(
                f"{self.path} holds a training with other settings ({'; '.join(different)}); "
                "choose another folder, or train without resuming"
            )
