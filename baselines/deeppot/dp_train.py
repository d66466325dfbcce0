"""The child process of a training: `dp --pt train`, ended by the clock too, and resumable to the bit.

python -m dp_train job.json
"""

import functools
import json
import logging
import sys
import time
from pathlib import Path

import deepmd_backend
import numpy as np
import torch

PREFIX = "model.ckpt"  # deepmd's newest checkpoint is PREFIX.pt
LAST = f"{PREFIX}.pt"
BEST = "best_ema.ckpt-*.pt"
AVERAGED_LOG = "val_ema.log"
CLOCK = "clock.json"


class TimeIsUpError(Exception):
    """Raised when the run has spent its time."""


class Clock:
    """Wall time of a run over all its resumptions, as of its last checkpoint."""

    def __init__(self, limit, resumed):
        self._limit, self._file = limit, Path(CLOCK)
        self._before = json.loads(self._file.read_text())["seconds"] if resumed and self._file.is_file() else 0.0
        self._started = 0.0

    def start(self):
        """Count from now on, after imports and statistics."""
        self._started = time.monotonic() - self._before

    def check(self):
        """End the run when its time is up."""
        if self._limit and time.monotonic() - self._started > self._limit:
            raise TimeIsUpError

    def write(self):
        """Keep the time spent so far."""
        self._file.write_text(json.dumps({"seconds": time.monotonic() - self._started}))


def main(job):
    """Train as `job` says, in the current folder."""
    deepmd_backend.prepare(job["device"], job["threads"])
    logging.basicConfig(level=logging.INFO)
    torch.manual_seed(job["seed"])
    # deepmd draws the frames for its statistics from a generator without a seed
    np.random.default_rng = functools.partial(_seeded, np.random.default_rng, job["seed"])
    from deepmd.pt.entrypoints.main import train

    _stop_in_time(Clock(job["max_time"], job["resumed"]))
    train(
        input_file="input.json",
        init_model=None,
        restart=PREFIX if job["resumed"] else None,
        finetune=None,
        init_frz_model=None,
        model_branch="",
        skip_neighbor_stat=not job["counts"],
    )


def _seeded(generator, usual, seed=None):
    return generator(usual if seed is None else seed)


def _stop_in_time(clock):
    """Make deepmd's trainer look at the clock, and count steps as done when they are."""
    from deepmd.pt.train import training

    class Trainer(training.Trainer):
        """deepmd's trainer, which looks at the clock before every step."""

        def run(self):
            clock.start()
            try:
                super().run()
            except TimeIsUpError:
                logging.info("The time is up.")
            if self.scheduler.last_epoch % self.ema_full_validator.validation_freq:
                self._finish()

        def get_data(self, is_train=True, task_key="Default"):
            if is_train and self.scheduler.last_epoch > 0:  # however short the time, there is a step to show
                clock.check()
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
