"""The time that a training needs on this machine, from ten of its steps; kept for the machine and the settings."""

import logging
import math
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from alphanet.benchmark.kinds.accuracy.jobs import TrainingJob
from alphanet.benchmark.kinds.accuracy.trainers import request_settings
from alphanet.cards import Card
from alphanet.errors import UserError
from alphanet.files import read_json_object, write_text
from alphanet.paths import home
from alphanet.provenance import code_digest, digest_of, hardware
from alphanet.training.folder import TrainingResult
from alphanet.training.settings import TrainingSettings, planned_steps

STEPS = 10
LENGTH = ("epochs", "steps", "max_time", "seed", "until")  # settings that change no step

logger = logging.getLogger(__name__)


class StepCost(Card):
    """Wall time of the parts of a training in seconds."""

    start: float  # before the first step
    step: float
    validation: float  # of all validation frames, with a checkpoint


def seconds_needed(job: TrainingJob, left: float) -> float | None:
    """Estimated wall time of a job, its evaluation included; None if it was never measured and no time is left for it.

    Args:
        job: that is not trained yet, or only in part, which does not count.
        left: seconds that are left; ten steps are trained only if there are some.

    Raises:
        UserError: the training fails.
    """
    request = job.request
    settings = request_settings(job.model, request)
    file = home() / "costs" / f"{_key(job, settings)}.json"
    cost = _kept(file)
    if cost is None:
        if left <= 0:
            return None
        cost = _measured(job, settings)
        write_text(file, cost.model_dump_json() + "\n")
    counts = request.data.counts
    frames = min(counts["train"], settings.limit_train or counts["train"])
    per_epoch = math.ceil(frames / settings.batch_size)
    steps = planned_steps(settings, per_epoch)
    validations = math.ceil(steps / per_epoch / settings.validate_every)
    evaluated = sum(counts[split] if split == "test" else min(counts[split], job.parity_frames or counts[split])
                    for split in job.splits)  # fmt: skip
    per_frame = cost.validation / max(1, counts["valid"])
    return cost.start + steps * cost.step + validations * cost.validation + evaluated * per_frame


def _measured(job: TrainingJob, settings: TrainingSettings) -> StepCost:
    """The cost from ten steps in a folder that is removed."""
    logger.info("%s: %d steps to estimate its time", job.folder.name, STEPS)
    job.runs.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    frames = min(STEPS * settings.batch_size, settings.limit_train or job.request.data.counts["train"])
    # One epoch of ten steps: packages' own trainers validate, and write their model, at an epoch's end alone.
    short = {**job.request.settings, "limit_train": frames}
    request = replace(job.request, settings=short, epochs=1, steps=None, max_time=None)
    with tempfile.TemporaryDirectory(dir=job.runs, prefix=".calibration-") as folder:
        trained = job.trainer.train(request, Path(folder))
    whole = time.monotonic() - began
    assert isinstance(trained, TrainingResult)  # the mean needs no estimate
    step = trained.step_seconds or trained.seconds / trained.steps
    validations = math.ceil(trained.steps / trained.steps_per_epoch)
    validation = max(0.0, trained.seconds - step * trained.steps) / validations
    return StepCost(start=max(0.0, whole - trained.seconds), step=step, validation=validation)


def _kept(file: Path) -> StepCost | None:
    try:
        return StepCost.model_validate(read_json_object(file)) if file.exists() else None
    except (UserError, ValidationError):  # a damaged file is measured again
        return None


def _key(job: TrainingJob, settings: TrainingSettings) -> str:
    request = job.request
    values = settings.model_dump(mode="json", exclude=set(LENGTH))
    depends = [hardware(), _threads(), request.device, job.model, request.data.name, request.data.scale, values]
    depends += [request.data.counts["valid"], code_digest(job.trainer.code())]
    return digest_of(depends)


def _threads() -> int:
    import torch

    return torch.get_num_threads()
