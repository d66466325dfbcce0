"""What a training would take: steps, samples, memory, wall time, and processor or GPU time by the cost of a step."""

import math
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import JsonValue

from alphanet.data.store import FrameStore, write_store
from alphanet.data.subsets import evenly_spaced
from alphanet.measure.training_cost import TrainingCost, measured_cost
from alphanet.potentials.settings import BaselineSettings
from alphanet.results.facts import value_text
from alphanet.training.config import AlphaNetSettings
from alphanet.training.folder import TrainingResult
from alphanet.training.plan import TrainingPlan, measured_plan
from alphanet.training.run import StoredFrames, TrainingData, run_training

STEPS = 5  # of an epoch of the short trainings
TERA = 1e-12


@dataclass(frozen=True)
class CostedPlan:
    """A plan, and what its steps cost; None if nothing could be measured, or time alone ends the training."""

    plan: TrainingPlan
    samples: int | None = None  # frames of all steps, repeats counted
    validations: int | None = None
    cost: TrainingCost | None = None

    @property
    def seconds(self) -> float | None:
        """Processor or GPU seconds of the whole training."""
        if self.cost is None or self.plan.steps is None or self.validations is None:
            return None
        return self.cost.seconds(self.plan.steps, self.validations)

    @property
    def flops(self) -> float | None:
        """Floating-point operations of all steps."""
        if self.cost is None or self.cost.flops is None or self.plan.steps is None:
            return None
        return self.cost.flops * self.plan.steps

    def describe(self) -> str:
        """Lines for the user."""
        lines = [self.plan.describe()]
        if self.samples is not None:
            lines.append(f"{self.samples} samples in all")
        if self.cost is not None:
            lines[-1] += f"; {self.cost.step:.3g} {self.cost.unit} s a step"
        if self.cost is not None and self.seconds is not None:
            flops = "" if self.flops is None else f" and {value_text(TERA * self.flops)} TFLOP"
            lines[-1] += f", {self.seconds:.3g} {self.cost.unit} s{flops} with {self.validations} validations"
        return "\n".join(lines)

    def as_json(self) -> dict[str, JsonValue]:
        """All of it as plain values; the unused of `cpu_seconds` and `gpu_seconds` is null."""
        on_gpu = self.cost is not None and self.cost.unit == "GPU"
        return {
            **asdict(self.plan),
            "samples": self.samples,
            "validations": self.validations,
            "cpu_seconds": None if on_gpu else self.seconds,
            "gpu_seconds": self.seconds if on_gpu else None,
            "flops": self.flops,
            "cost": None if self.cost is None else self.cost.model_dump(mode="json"),
        }


def costed_plan(settings: AlphaNetSettings | BaselineSettings, data: TrainingData) -> CostedPlan:
    """The plan of a training with its costs, from short trainings in temporary folders.

    Raises:
        UserError: the data are unsound, or a short training fails as the training would.
    """
    plan = measured_plan(settings, data)
    if plan.steps is None:
        return CostedPlan(plan, cost=None if plan.missing else training_cost(settings, data))
    devices = settings.devices if isinstance(settings, AlphaNetSettings) and isinstance(settings.devices, int) else 1
    per_epoch = math.ceil(plan.train_frames / (plan.batch_size * devices))
    epochs, rest = divmod(plan.steps, per_epoch)
    samples = epochs * plan.train_frames + min(rest * plan.batch_size * devices, plan.train_frames)
    validations = max(1, math.ceil((epochs + (rest > 0)) / settings.validate_every))
    return CostedPlan(plan, samples, validations, None if plan.missing else training_cost(settings, data))


def training_cost(settings: AlphaNetSettings | BaselineSettings, data: TrainingData) -> TrainingCost:
    """The cost of a step of a training on evenly spaced frames of its data, and of its validation.

    Raises:
        UserError: a short training fails as the training would.
    """
    store = FrameStore(data.train)
    count = min(len(store), STEPS * settings.batch_size)
    passes = math.ceil(STEPS / max(1, count // settings.batch_size))
    with tempfile.TemporaryDirectory(prefix="alphanet-frames-") as folder:
        few = Path(folder) / "train.aselmdb"
        write_store(few, (store[int(index)] for index in evenly_spaced(len(store), count)), {})

        def train(epochs: int, out: Path) -> TrainingResult:
            limits = {"epochs": epochs * passes, "steps": None, "max_time": None, "limit_train": None}
            short = settings.model_copy(update={**limits, "validate_every": 1})
            return run_training(short, StoredFrames(few, data.valid, {}), out)

        return measured_cost(train)
