"""The child process of a training: `dp --pt train`, ended by the clock too, and resumable to the bit.

python -m dp_train job.json
"""

import functools
import json
import logging
import sys
from pathlib import Path

import deepmd_backend
import numpy as np
import torch
from loop.adapters import freeze
from loop.costs import CostMeter

PREFIX = "model.ckpt"  # deepmd's newest checkpoint is PREFIX.pt
LAST = f"{PREFIX}.pt"
BEST = "best_ema.ckpt-*.pt"
AVERAGED_LOG = "val_ema.log"
INITIAL = "initial.pt"  # trained weights to start from, as deepmd's own checkpoint
CLOCK, COSTS = "clock.json", "costs.json"


class TimeIsUpError(Exception):
    """Raised when the run has spent its time."""


class Clock:
    """Costs of a run over all its resumptions, as of its last checkpoint, and its guard."""

    def __init__(self, job):
        self.meter = CostMeter()
        self._device, self._limit, self._file = job["device"], job["max_time"], Path(CLOCK)
        if job["resumed"] and self._file.is_file():
            self.meter.load(json.loads(self._file.read_text()))

    def start(self):
        """Count from now on, after imports and statistics."""
        self.meter.start(self._device)

    def check(self):
        """End the run when its time is up."""
        if self._limit and self.meter.now()["seconds"] > self._limit:
            raise TimeIsUpError

    def write(self):
        """Keep the costs so far."""
        self._file.write_text(json.dumps(self.meter.state()))

    def report(self, steps):
        """Write the costs of all `steps`."""
        Path(COSTS).write_text(json.dumps({"steps": steps, **self.meter.costs(steps)}))


def main(job):
    """Train as `job` says, in the current folder."""
    deepmd_backend.prepare(job["device"], job["threads"])
    logging.basicConfig(level=logging.INFO)
    torch.manual_seed(job["seed"])
    # deepmd draws the frames for its statistics from a generator without a seed
    np.random.default_rng = functools.partial(_seeded, np.random.default_rng, job["seed"])
    from deepmd.pt.entrypoints.main import train

    start = job["finetune"]
    _watch(Clock(job), frozen=[] if start is None else start["freeze"])
    train(
        input_file="input.json",
        init_model=None if start is None or job["resumed"] else INITIAL,
        restart=PREFIX if job["resumed"] else None,
        finetune=None,
        init_frz_model=None,
        model_branch="",
        skip_neighbor_stat=not job["counts"],
    )


def _followed(function, action):
    """`function`, and then `action`."""

    def both(*arguments):
        function(*arguments)
        action()

    return both


def _seeded(generator, usual, seed=None):
    return generator(usual if seed is None else seed)


def _watch(clock, frozen):
    """Make deepmd's trainer look at the clock, measure its costs, and count steps as done when they are.

    Parameters whose names match a pattern in `frozen` stay as they are.
    """
    from deepmd.pt.train import training

    class Trainer(training.Trainer):
        """deepmd's trainer, which looks at the clock before every step."""

        def run(self):
            freeze(self.model, frozen)  # the optimizer leaves out what has no gradient
            clock.start()
            self.scheduler.step = _followed(self.scheduler.step, clock.meter.end_step)
            epoch = self.ema_full_validator.validation_freq
            try:
                super().run()
            except TimeIsUpError:
                logging.info("The time is up.")
                whole = self.scheduler.last_epoch >= epoch  # then the last checkpoint, of a whole epoch, stays
            else:
                whole = self.scheduler.last_epoch % epoch == 0
            if not whole:
                self._finish()
            clock.report(self.scheduler.last_epoch)

        def get_data(self, is_train=True, task_key="Default"):
            if is_train and self.scheduler.last_epoch > 0:  # however short the time, there is a step to show
                clock.check()
            if is_train:
                clock.meter.begin_step(count=True)
            return super().get_data(is_train=is_train, task_key=task_key)

        def save_model(self, save_path, lr=0.0, step=0, **options):
            # deepmd writes the number of the last step and takes it for the next one when it resumes
            super().save_model(save_path, lr=lr, step=step + 1, **options)
            clock.write()

        def _finish(self):
            """Validate and write a checkpoint, as deepmd does at the end of an epoch."""
            done = self.scheduler.last_epoch
            state = {"lr": self.scheduler.get_last_lr()[0], "step": done - 1}
            self.ema_full_validator.validation_freq = 1
            self.ema_full_validator.run(
                step_id=done - 1, display_step=done, lr=state["lr"], save_checkpoint=self.save_ema_model
            )
            newest = self.ckpt_store.path_for(done)
            self.save_model(newest, **state)
            self.ckpt_store.publish(newest)

    training.Trainer = Trainer


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
