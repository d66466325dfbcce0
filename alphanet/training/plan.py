"""The steps, time and memory that a training would take, from a few measured steps of it."""

import logging
import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from alphanet import durations
from alphanet.data.store import FrameStore, write_store
from alphanet.data.subsets import evenly_spaced
from alphanet.hardware import resolve_device
from alphanet.hardware.devices import peak_memory, reset_peak
from alphanet.potentials.cards import load_baseline
from alphanet.potentials.environments import is_installed
from alphanet.potentials.settings import BaselineSettings
from alphanet.training.config import AlphaNetSettings
from alphanet.training.run import StoredFrames, TrainingData, run_training
from alphanet.training.settings import planned_steps

BATCHES = 3  # of the trial
EPOCHS = 3  # of the trial; the first one also makes the graphs
LARGEST = 4000  # frames that are looked through for the largest ones

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingPlan:
    """The size and the cost of a training; the cost is None if nothing could be measured."""

    train_frames: int
    valid_frames: int
    batch_size: int
    epochs: int | None  # None if time alone ends the training
    steps: int | None
    max_seconds: float | None  # limit of the settings
    seconds: float | None = None  # for all steps, with validation
    memory: int | None = None  # bytes at the peak: of the process, or on the GPU
    device: str = "cpu"
    missing: str = ""  # reason why nothing was measured

    def describe(self) -> str:
        """Lines for the user."""
        size = f"{self.train_frames} training and {self.valid_frames} validation frames, batches of {self.batch_size}"
        length = "until the time is up" if self.steps is None else f"{self.steps} steps"
        if self.epochs is not None:
            length = f"{self.epochs} epochs, {length}"
        limit = "" if self.max_seconds is None else f", at most {durations.words(self.max_seconds)}"
        if self.seconds is None or self.memory is None:
            return f"{size}; {length}{limit}; {self.missing}"
        place = "of GPU memory" if self.device.startswith("cuda") else "of memory"
        cost = f"about {durations.words(self.seconds)} on {self.device} and {self.memory / 2**30:.1f} GiB {place}"
        return f"{size}; {length}{limit}; {cost}, from a trial of a few steps"


def measured_plan(settings: AlphaNetSettings | BaselineSettings, data: TrainingData) -> TrainingPlan:
    """The plan of a training, with time and memory from a short training in a temporary folder.

    The trial takes the largest structures for its memory and evenly spaced ones for its time.

    Raises:
        UserError: the data are unsound, or the trial fails as the training would.
    """
    train, valid = FrameStore(data.train), FrameStore(data.valid)
    frames = min(len(train), settings.limit_train or len(train))
    devices = settings.devices if isinstance(settings, AlphaNetSettings) and isinstance(settings.devices, int) else 1
    per_epoch = math.ceil(frames / (settings.batch_size * devices))
    steps = planned_steps(settings, per_epoch) if settings.epochs or settings.steps else None
    plan = TrainingPlan(
        train_frames=frames,
        valid_frames=len(valid),
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        steps=steps,
        max_seconds=settings.max_time,
        device=resolve_device(settings.device),
    )
    if isinstance(settings, BaselineSettings) and not is_installed(load_baseline(settings.baseline)):
        missing = f"`alphanet baselines install {settings.baseline}` first, to measure time and memory"
        return replace(plan, missing=missing)
    with tempfile.TemporaryDirectory() as folder:
        seconds, memory = _trial(settings, train, valid, Path(folder), plan.device)
    passes = (steps or 0) + 0.3 * (settings.epochs or 0) * len(valid) / settings.batch_size
    total = None if steps is None else seconds * passes
    if settings.max_time is not None:
        total = min(settings.max_time, total or settings.max_time)
    return replace(plan, seconds=total, memory=memory)


def _trial(
    settings: AlphaNetSettings | BaselineSettings, train: FrameStore, valid: FrameStore, folder: Path, device: str
) -> tuple[float, int]:
    """Seconds of a step, and bytes at the peak."""
    sizes = {int(index): len(train[int(index)]) for index in evenly_spaced(len(train), LARGEST)}
    count = settings.batch_size * BATCHES
    largest = sorted(sizes, key=lambda index: -sizes[index])[: settings.batch_size]
    chosen = {*largest, *(int(index) for index in evenly_spaced(len(train), count))}
    data = StoredFrames(folder / "train.aselmdb", folder / "valid.aselmdb", {})
    written = write_store(data.train, (train[index] for index in sorted(chosen)), {})
    write_store(data.valid, (valid[index] for index in range(min(len(valid), settings.batch_size))), {})
    limits = {"epochs": EPOCHS, "steps": None, "max_time": None, "limit_train": None}
    reset_peak()
    logger.info("a trial of a few steps measures time and memory")
    level = logging.getLogger("alphanet").level
    logging.getLogger("alphanet").setLevel(logging.WARNING)
    try:
        result = run_training(settings.model_copy(update=limits), data, folder / "run")
    finally:
        logging.getLogger("alphanet").setLevel(level)
    steps = EPOCHS * math.ceil(written / settings.batch_size)
    mean = sum(sizes.values()) / len(sizes)
    tried = sum(len(train[index]) for index in chosen) / len(chosen)
    peaks = peak_memory()
    here = peaks.pop("resident", 0) if device == "cpu" else max(peaks.values(), default=0)
    return result.seconds / steps * mean / tried, result.peak_memory or here
