"""What a training would take, from a trial of a few steps: samples, memory, wall time, and processor or GPU time."""

import logging
import math
import tempfile
from dataclasses import dataclass, fields, replace
from pathlib import Path

from pydantic import JsonValue

from alphanet import durations
from alphanet.data.store import FrameStore, write_store
from alphanet.data.subsets import evenly_spaced
from alphanet.hardware import resolve_device
from alphanet.hardware.devices import peak_memory, reset_peak
from alphanet.measure.training_cost import TrainingCost, measured_cost
from alphanet.potentials.cards import find_baseline
from alphanet.potentials.environments import is_installed
from alphanet.potentials.settings import BaselineSettings
from alphanet.results.facts import value_text
from alphanet.training.config import AlphaNetSettings
from alphanet.training.folder import TrainingResult
from alphanet.training.run import StoredFrames, TrainingData, run_training
from alphanet.training.settings import planned_steps

STEPS = 5  # of an epoch of the trial
LARGEST = 4000  # frames that are looked through for the largest ones
TERA = 1e-12

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingPlan:
    """The size and the cost of a training; memory and cost are None if nothing could be measured."""

    train_frames: int
    valid_frames: int
    batch_size: int
    epochs: int | None  # None if time alone ends the training
    steps: int | None
    max_seconds: float | None  # limit of the settings
    device: str
    samples: int | None = None  # frames of all steps, repeats counted
    validations: int | None = None
    memory: int | None = None  # bytes at the peak: of the process, or on the GPU
    cost: TrainingCost | None = None
    missing: str = ""  # reason why nothing was measured

    @property
    def seconds(self) -> float | None:
        """Wall time of the whole training."""
        if self.cost is None:
            return None
        if self.steps is None or self.validations is None:
            return self.max_seconds
        return min(self.cost.wall_seconds(self.steps, self.validations), self.max_seconds or math.inf)

    @property
    def processor_seconds(self) -> float | None:
        """Processor or GPU seconds of the whole training."""
        if self.cost is None or self.steps is None or self.validations is None:
            return None
        return self.cost.seconds(self.steps, self.validations)

    @property
    def flops(self) -> float | None:
        """Floating-point operations of all steps."""
        if self.cost is None or self.cost.flops is None or self.steps is None:
            return None
        return self.cost.flops * self.steps

    def describe(self) -> str:
        """Lines for the user."""
        size = f"{self.train_frames} training and {self.valid_frames} validation frames, batches of {self.batch_size}"
        length = "until the time is up" if self.steps is None else f"{self.steps} steps"
        if self.epochs is not None:
            length = f"{self.epochs} epochs, {length}"
        limit = "" if self.max_seconds is None else f", at most {durations.words(self.max_seconds)}"
        lines = [f"{size}; {length}{limit}; {self._measured() or self.missing}"]
        if self.samples is not None:
            lines.append(f"{self.samples} samples in all")
        if self.cost is not None:
            lines[-1] += f"; {self.cost.step:.3g} {self.cost.unit} s a step"
        if self.cost is not None and self.processor_seconds is not None:
            flops = "" if self.flops is None else f" and {value_text(TERA * self.flops)} TFLOP"
            lines[-1] += f", {self.processor_seconds:.3g} {self.cost.unit} s{flops} with {self.validations} validations"
        return "\n".join(lines)

    def as_json(self) -> dict[str, JsonValue]:
        """All of it as plain values; the unused of `cpu_seconds` and `gpu_seconds` is null."""
        on_gpu = self.cost is not None and self.cost.unit == "GPU"
        return {
            **{one.name: getattr(self, one.name) for one in fields(self)},
            "seconds": self.seconds,
            "cpu_seconds": None if on_gpu else self.processor_seconds,
            "gpu_seconds": self.processor_seconds if on_gpu else None,
            "flops": self.flops,
            "cost": None if self.cost is None else self.cost.model_dump(mode="json"),
        }

    def _measured(self) -> str:
        if self.seconds is None or self.memory is None:
            return ""
        place = "of GPU memory" if self.device.startswith("cuda") else "of memory"
        memory = f"{self.memory / 2**30:.1f} GiB {place}"
        return f"about {durations.words(self.seconds)} on {self.device} and {memory}, from a trial of a few steps"


def training_plan(settings: AlphaNetSettings | BaselineSettings, data: TrainingData) -> TrainingPlan:
    """The plan of a training, with its cost and memory from short trainings in temporary folders.

    Raises:
        UserError: the data are unsound, or a short training fails as the training would.
    """
    train = FrameStore(data.train)
    count = min(len(train), settings.limit_train or len(train))
    devices = settings.devices if isinstance(settings, AlphaNetSettings) and isinstance(settings.devices, int) else 1
    batch = settings.batch_size * devices
    per_epoch = math.ceil(count / batch)
    plan = TrainingPlan(
        train_frames=count,
        valid_frames=len(FrameStore(data.valid)),
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        steps=planned_steps(settings, per_epoch) if settings.epochs or settings.steps else None,
        max_seconds=settings.max_time,
        device=resolve_device(settings.device),
    )
    if plan.steps is not None:
        epochs, rest = divmod(plan.steps, per_epoch)
        samples = epochs * count + min(rest * batch, count)
        validations = max(1, math.ceil((epochs + (rest > 0)) / settings.validate_every))
        plan = replace(plan, samples=samples, validations=validations)
    if isinstance(settings, BaselineSettings) and not is_installed(find_baseline(settings.baseline)):
        missing = f"`alphanet baselines install {settings.baseline}` first, to measure time and memory"
        return replace(plan, missing=missing)
    logger.info("a trial of a few steps measures time and memory")
    cost, memory = _trial(settings, train, data.valid, plan.device)
    return replace(plan, cost=cost, memory=memory)


def _trial(
    settings: AlphaNetSettings | BaselineSettings, train: FrameStore, valid: Path, device: str
) -> tuple[TrainingCost, int]:
    """The cost of evenly spaced frames, and bytes at the peak, which the largest ones make."""
    sizes = {int(index): len(train[int(index)]) for index in evenly_spaced(len(train), LARGEST)}
    largest = sorted(sizes, key=lambda index: -sizes[index])[: settings.batch_size]
    spaced = evenly_spaced(len(train), (STEPS - 1) * settings.batch_size)
    chosen = sorted({*largest, *(int(index) for index in spaced)})
    atoms = sum(sizes.values()) / len(sizes), sum(len(train[index]) for index in chosen) / len(chosen)
    passes = math.ceil(STEPS / max(1, len(chosen) // settings.batch_size))
    peaks: list[int] = []
    with tempfile.TemporaryDirectory(prefix="alphanet-frames-") as folder:
        few = StoredFrames(Path(folder) / "train.aselmdb", valid, {})
        write_store(few.train, (train[index] for index in chosen), {})

        def run(epochs: int, out: Path) -> TrainingResult:
            limits = {"epochs": epochs * passes, "steps": None, "max_time": None, "limit_train": None}
            reset_peak()
            result = run_training(settings.model_copy(update={**limits, "validate_every": 1}), few, out)
            here = peak_memory()
            own = here.pop("resident", 0) if device == "cpu" else max(here.values(), default=0)
            peaks.append(result.peak_memory or own)
            return result

        cost = measured_cost(run)
    return _scaled(cost, atoms[0] / atoms[1]), max(peaks)


def _scaled(cost: TrainingCost, factor: float) -> TrainingCost:
    """The cost with steps of frames that are larger by a factor."""
    flops = None if cost.flops is None else factor * cost.flops
    return cost.model_copy(update={"step": factor * cost.step, "wall": factor * cost.wall, "flops": flops})
