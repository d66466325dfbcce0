"""Points of learning curves: a row, an amount of compute and a seed as a training of so many steps."""

import logging
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import JsonValue, ValidationError

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds.accuracy.jobs import TrainingJob
from alphanet.benchmark.kinds.accuracy.trainers import Trainer, TrainingRequest, trainer_of
from alphanet.benchmark.kinds.learning.card import LearningCard, LearningScale
from alphanet.benchmark.kinds.learning.data import LearningData, learning_data
from alphanet.benchmark.kinds.learning.finished import FinishedModel, is_finished
from alphanet.benchmark.kinds.learning.length import Length, training_length
from alphanet.cards import Card
from alphanet.data.prepare import PreparedData
from alphanet.data.subsets import training_subset, validation_subset
from alphanet.errors import UserError
from alphanet.files import read_json_object, write_text
from alphanet.measure.training_cost import STEPS, TrainingCost, measured_cost
from alphanet.paths import home
from alphanet.potentials.cards import find_baseline
from alphanet.potentials.forms import file_label
from alphanet.potentials.specification import split_preset
from alphanet.provenance import code_digest, digest_of, hardware
from alphanet.training.defaults import ALPHANET, settings_for
from alphanet.training.folder import TrainingResult

COSTS = "costs"  # folder of measured costs, in that of the benchmark and in the home folder

Value = TypeVar("Value")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Point:
    """A training, and how its length came about; a potential that learns nothing has neither length nor cost."""

    job: TrainingJob
    length: Length | None = None
    cost: TrainingCost | None = None


class KeptCost(Card):
    """A cost as it is kept, with a hash of all that it depends on."""

    key: str
    cost: TrainingCost


class Points:
    """Makes the points of one run. Costs are measured once, and a resumed run goes on with those that it has."""

    def __init__(self, card: LearningCard, options: RunOptions, folder: Path) -> None:
        """Store what every point depends on; nothing is read yet."""
        self.card, self.options, self.folder = card, options, folder
        self._data: dict[str, LearningData | UserError] = {}
        self._costs: dict[tuple[str, str], TrainingCost | UserError] = {}
        self._trainers: dict[str, Trainer] = {}

    @property
    def scale(self) -> LearningScale:
        """How the scale trains."""
        return self.card.scale(self.options.scale)

    @property
    def data_scale(self) -> str:
        """Scale of data and default settings."""
        return self.scale.data_scale or self.options.scale

    def trainer(self, row: str) -> Trainer:
        """The trainer of a row.

        Raises:
            UserError: no such potential.
        """
        if row not in self._trainers:
            model = self.card.rows[row].model
            if is_finished(model):
                self._trainers[row] = FinishedModel(model)
            else:
                self._trainers[row] = trainer_of(split_preset(model)[0], self.options.mirror)
        return self._trainers[row]

    def is_finished(self, row: str) -> bool:
        """Whether the row is a finished model, which is evaluated as it is."""
        return isinstance(self.trainer(row), FinishedModel)

    def impossible(self, row: str) -> str:
        """Why a row cannot be trained, whatever is installed; empty if it can."""
        model, _ = self._model(row)
        if not self.trainer(row).seeded or model == ALPHANET:
            return ""
        card = find_baseline(model)
        if card.trainable:
            return ""
        instead = f"train {card.trained_as} instead" if card.trained_as else card.untrained
        return f"{model} is not trained here" + (f": {instead}" if instead else "")

    def point(self, row: str, column: str, seed: int) -> Point:
        """The training of a point.

        Raises:
            NothingToMeasureError: the compute does not buy one pass over the frames.
            UserError: data, environment or frames are missing.
        """
        import torch

        torch.set_num_threads(self.options.threads)  # baselines' workers are given the same number
        described = self.card.columns[column]
        found = self.data(described.dataset)
        data, settings, length, cost = found.data, self._settings(row, found), None, None
        if described.train_frames is not None:
            data = training_subset(data, described.train_frames, seed, self._runs / "subsets")
        if self.trainer(row).seeded:
            assert described.compute is not None
            cost = self.cost(row, described.dataset)
            batch = self._batch_size(row, data, settings)
            chosen = self._validations_are_chosen(row)
            length = training_length(
                cost, described.compute, data.counts["train"], batch, validates_every_epoch=not chosen
            )
            settings |= {"steps": length.steps, "epochs": length.epochs}
            settings |= {"validate_every": length.validate_every} if chosen else {}
        return Point(self._job(row, column, self._request(data, settings, seed)), length, cost)

    def data(self, dataset: str) -> LearningData:
        """The frames of a data set, validation frames as many as the scale takes.

        Raises:
            UserError: see `learning_data`.
        """
        if dataset not in self._data:
            self._data[dataset] = _attempt(lambda: self._prepared(dataset))
        return _or_raise(self._data[dataset])

    def cost(self, row: str, dataset: str) -> TrainingCost:
        """The cost of a row's steps on a data set: as it was recorded in this run's folder, or measured.

        Raises:
            UserError: the row cannot be trained here.
        """
        if (row, dataset) not in self._costs:
            self._costs[row, dataset] = _attempt(lambda: self._recorded(row, dataset))
        return _or_raise(self._costs[row, dataset])

    def _recorded(self, row: str, dataset: str) -> TrainingCost:
        found = self.data(dataset)
        trainer, settings = self.trainer(row), self._settings(row, found)
        key = self._cost_key(row, found, settings)
        here = self.folder / COSTS / f"{file_label(row)}-{dataset}.json"
        everywhere = home() / COSTS / f"{key}-parts.json"
        if not self.options.restart:
            for file in (here, everywhere):
                if (kept := _kept(file)) is not None and kept.key == key:
                    _keep(here, kept)
                    return kept.cost
        trainer.prepare()
        kept = KeptCost(key=key, cost=self._measured(row, trainer, found, settings))
        _keep(everywhere, kept)
        _keep(here, kept)
        return kept.cost

    def _measured(
        self, row: str, trainer: Trainer, found: LearningData, settings: dict[str, JsonValue]
    ) -> TrainingCost:
        logger.info("%s on %s: a few steps to measure what they cost", row, found.data.name)
        batch = self._batch_size(row, found.data, settings)
        frames = min(found.data.counts["train"], STEPS * batch)
        passes = math.ceil(STEPS / max(1, frames // batch))
        with tempfile.TemporaryDirectory(prefix="alphanet-frames-") as folder:
            data = training_subset(found.data, frames, 0, Path(folder))

            def train(epochs: int, out: Path) -> TrainingResult:
                every = {"validate_every": 1} if self._validations_are_chosen(row) else {}
                request = self._request(data, {**settings, **every, "epochs": epochs * passes, "steps": None}, 0)
                result = trainer.train(replace(request, max_time=None), out)
                assert isinstance(result, TrainingResult)  # nothing else is seeded
                return result

            return measured_cost(train)

    def _prepared(self, dataset: str) -> LearningData:
        found = learning_data(self.card, dataset, self.data_scale, self.options.mirror)
        if (most := self.scale.valid_frames) is None:
            return found
        return replace(found, data=validation_subset(found.data, most, self._runs / "subsets"))

    def _job(self, row: str, column: str, request: TrainingRequest) -> TrainingJob:
        model, _ = self._model(row)
        return TrainingJob(
            protocol=f"{self.card.name}/{self.options.scale}",
            name=file_label(row),
            model=model,
            trainer=self.trainer(row),
            request=request,
            only={column: {}},
            splits=("test",),
            batch_size=self.scale.batch_size,
            parity_frames=None,
            test_frames={column: self.scale.test_frames},
            s2ef=False,
            runs=self._runs,
        )

    def _request(self, data: PreparedData, settings: dict[str, JsonValue], seed: int) -> TrainingRequest:
        return TrainingRequest(
            data=data,
            settings=settings,
            seed=seed,
            dtype=self.scale.dtype,
            device=self.options.device,
            epochs=None,
            max_time=self.options.max_time or self.scale.max_time,
            train_frames=data.counts["train"],
            valid_frames=self.scale.valid_frames,
        )

    def _settings(self, row: str, found: LearningData) -> dict[str, JsonValue]:
        """The settings of a row without its length: recommended ones, under those of the card."""
        model, preset = self._model(row)
        trainer = self.trainer(row)
        if not trainer.seeded:
            return trainer.settings() if isinstance(trainer, FinishedModel) else {}
        run = self.scale.runs.get(row)
        named: dict[str, JsonValue] = {"recipe": "best"} if model == ALPHANET else {}
        if preset:
            named |= {"model": {"preset": preset}} if model == ALPHANET else {"preset": preset}
        return {**found.settings, **named, **(run.settings if run else {})}

    def _batch_size(self, row: str, data: PreparedData, settings: dict[str, JsonValue]) -> int:
        model, _ = self._model(row)
        return settings_for(model, data.name, data.scale, settings).batch_size

    def _validations_are_chosen(self, row: str) -> bool:
        """Whether the row's trainer lets the number of validations be chosen."""
        model, _ = self._model(row)
        return model == ALPHANET or "validate_every" not in find_baseline(model).fixed_settings

    def _model(self, row: str) -> tuple[str, str]:
        """Name and preset of a row's model."""
        named = self.card.rows[row].model
        return (named, "") if self.is_finished(row) else split_preset(named)

    def _cost_key(self, row: str, found: LearningData, settings: dict[str, JsonValue]) -> str:
        depends = [hardware(), self.options.threads, self.options.device, self.scale.dtype, self.card.rows[row].model]
        depends += [found.data.name, found.data.scale, found.data.sources, found.data.counts["valid"], settings]
        depends += [code_digest([*self.trainer(row).code(), "measure/training_cost.py"])]
        return digest_of(depends)

    @property
    def _runs(self) -> Path:
        return self.folder / "runs"


def _kept(file: Path) -> KeptCost | None:
    try:
        return KeptCost.model_validate(read_json_object(file)) if file.exists() else None
    except (UserError, ValidationError):  # a damaged file is measured again
        return None


def _keep(file: Path, kept: KeptCost) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, kept.model_dump_json(indent=1) + "\n")


def _attempt(make: Callable[[], Value]) -> Value | UserError:
    """What `make` returns, or its error: what cannot be had is not asked for again."""
    try:
        return make()
    except UserError as error:
        return error


def _or_raise(value: Value | UserError) -> Value:
    if isinstance(value, UserError):
        raise value
    return value
