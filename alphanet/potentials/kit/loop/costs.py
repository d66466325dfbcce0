"""Costs of a training: time of wall, processor and GPU over all its resumptions, and operations.

An operation is a floating-point addition or multiplication of a matrix product or convolution, as
`torch.utils.flop_counter` counts them; what works element by element is not counted. One training step is counted, and
all steps are taken to be like it. Validation costs time and no counted operations.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any, TypedDict

import torch
from torch.utils.flop_counter import FlopCounterMode

WARM_UP = 2  # steps of each start whose time says nothing about the later ones
_counts = False


class Times(TypedDict):
    """Seconds of wall, processor and GPU."""

    seconds: float
    cpu_seconds: float
    gpu_seconds: float


class MeterState(Times):
    """The state of a meter in a checkpoint."""

    timed: int  # steps
    step_seconds: float  # wall time of these steps together
    step_cpu_seconds: float  # likewise, of the processor
    step_flops: float | None


class Costs(TypedDict):
    """The costs in a training's answer."""

    seconds: float
    cpu_seconds: float
    gpu_seconds: float | None  # without a GPU
    flops: float | None  # of all steps, if they could be counted
    step_seconds: float | None  # of one step, if enough were timed
    step_cpu_seconds: float | None


def is_counting() -> bool:
    """Whether operations are counted now, so that kernels which the counter does not see must leave the work to it."""
    return _counts


@contextlib.contextmanager
def counted() -> Iterator[FlopCounterMode]:
    """A counter of the operations within."""
    global _counts  # noqa: PLW0603
    _counts = True
    try:
        counter: Any = FlopCounterMode(display=False)
        counter.mod_tracker = _NoModules()  # its hooks on modules refuse gradients by leaves of the graph
        with counter:
            yield counter
    finally:
        _counts = False


class _NoModules:
    """In place of the counter's tracker of modules: all operations are of the whole."""

    parents = frozenset({"Global"})

    def __enter__(self) -> None:
        """Track nothing."""

    def __exit__(self, *_: object) -> None:
        """Track nothing."""


class CostMeter:
    """The costs of this process since `start`, added to those in the state of the checkpoint that it goes on from."""

    def __init__(self) -> None:
        """Prepare to measure."""
        self._gpu = False
        self._before: Times = {"seconds": 0.0, "cpu_seconds": 0.0, "gpu_seconds": 0.0}
        self._started: tuple[float, float] | None = None
        self._step_began = self._step_ended = 0.0, 0.0
        self._steps_here = 0
        self._timed, self._step_seconds, self._step_cpu_seconds = 0, 0.0, 0.0
        self._counting: contextlib.ExitStack | None = None
        self.step_flops: float | None = None

    def start(self, device: str) -> None:
        """Start the clocks of a training on `device`; a GPU counts as busy as long as the training has it."""
        self._gpu = torch.device(device).type != "cpu"
        self._started = time.monotonic(), time.process_time()

    def now(self) -> Times:
        """Seconds of wall, processor and GPU so far."""
        if self._started is None:
            return self._before.copy()
        wall, cpu = time.monotonic() - self._started[0], time.process_time() - self._started[1]
        return {
            "seconds": self._before["seconds"] + wall,
            "cpu_seconds": self._before["cpu_seconds"] + cpu,
            "gpu_seconds": self._before["gpu_seconds"] + (wall if self._gpu else 0.0),
        }

    def begin_step(self, *, count: bool = False, follows: bool = False) -> None:
        """Note the begin of a step.

        Args:
            count: its operations, unless a step was counted before.
            follows: it comes right after another one, so that the time in between, in which its batch was made, is its.
        """
        now = time.monotonic(), time.process_time()
        self._step_began = self._step_ended if follows and self._steps_here else now
        if count and self.step_flops is None:
            self._counting = contextlib.ExitStack()
            self._counter = self._counting.enter_context(counted())

    def end_step(self) -> None:
        """Note the end of a step."""
        self._step_ended = time.monotonic(), time.process_time()
        if self._counting is not None:
            self._counting.close()
            self._counting, self.step_flops = None, float(self._counter.get_total_flops())
        elif self._steps_here >= WARM_UP:
            self._timed += 1
            self._step_seconds += self._step_ended[0] - self._step_began[0]
            self._step_cpu_seconds += self._step_ended[1] - self._step_began[1]
        self._steps_here += 1

    def state(self) -> MeterState:
        """Plain values for a checkpoint."""
        return {
            **self.now(),
            "timed": self._timed,
            "step_seconds": self._step_seconds,
            "step_cpu_seconds": self._step_cpu_seconds,
            "step_flops": self.step_flops,
        }

    def load(self, state: MeterState) -> None:
        """Go on from the state in a checkpoint."""
        self._before = {
            "seconds": state["seconds"],
            "cpu_seconds": state["cpu_seconds"],
            "gpu_seconds": state["gpu_seconds"],
        }
        self._timed, self._step_seconds = state["timed"], state["step_seconds"]
        self._step_cpu_seconds = state["step_cpu_seconds"]
        self.step_flops = state["step_flops"]

    def costs(self, steps: int, processes: int = 1) -> Costs:
        """The costs in a training's answer, of `steps` by `processes` like this one."""
        return costs_of(self.state(), steps, processes)


def costs_of(state: MeterState, steps: int, processes: int = 1) -> Costs:
    """The costs in a training's answer from the state of its meter: s, and operations of all `steps`."""
    flops, timed = state["step_flops"], state["timed"]
    return {
        "seconds": state["seconds"],
        "cpu_seconds": state["cpu_seconds"] * processes,
        "gpu_seconds": state["gpu_seconds"] * processes or None,
        "flops": None if flops is None else flops * steps * processes,
        "step_seconds": state["step_seconds"] / timed if timed else None,
        "step_cpu_seconds": state["step_cpu_seconds"] * processes / timed if timed else None,
    }
