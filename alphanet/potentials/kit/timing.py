"""Timing of a model inside its worker: other positions at every call, results on the host, memory watched."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypedDict

import devices
import numpy as np
from worker_kit import Structures

UNSUPPORTED = {
    "forward": ("evaluate", "the package builds its neighbor list inside the model"),
    "train": ("train_step", "the package trains in a loop of its own"),
}
OUT_OF_MEMORY = (
    "out of memory",
    "oom when allocating",
    "can't allocate memory",
    "cannot allocate memory",
    "unable to allocate",
)


class Displaced(TypedDict):
    """Structures that are displaced anew for each call."""

    structures: dict[str, np.ndarray]  # as for predict
    rattle: float  # Å, standard deviation
    seed: int


class TimingRequest(Displaced):
    """The request for `timed`."""

    first: int  # number of the first call, which with the seed fixes its displacements
    calls: int
    budget: float  # s, after which no call is begun
    task: str  # step (structures in, energy and forces on the host out), forward (on a given graph), train (a step)
    memory_limit: int | None  # bytes of private memory


class Timing(TypedDict, total=False):
    """The answer of `timed`."""

    status: str  # ok, oom, unsupported
    reason: str  # if the status is not ok
    seconds: list[float]  # of each call
    cpu_seconds: list[float]
    peak: dict[str, int]  # bytes: resident, allocated, reserved
    resident_before: int  # bytes


class Difference(TypedDict):
    """The answer of `difference`."""

    seconds: float  # of the prediction, which compiles if it is the first
    max_difference: float  # eV/Å, between the forces
    max_force: float  # eV/Å
    reference: str  # precision and mode that it was computed with


def timed(model: Any, request: TimingRequest) -> Timing:
    """Time `calls` calls of `model` on copies of the structures that are displaced anew for each.

    Args:
        model: `predict(structures)`; for the task `forward` also `prepare(structures)` and `evaluate(inputs)`, for
            `train` `prepare(structures)` and `train_step(inputs)`.
        request: structures, task and limits.
    """
    task = request["task"]
    method, lacking = UNSUPPORTED.get(task, ("predict", ""))
    if not hasattr(model, method):
        return {"status": "unsupported", "reason": lacking}
    if request["memory_limit"] is not None:
        devices.limit_memory(request["memory_limit"])
    if request["first"] == 0:
        devices.trim_heap()
    before = devices.reset_peak()
    seconds: list[float] = []
    cpu_seconds: list[float] = []
    begun = time.perf_counter()
    try:
        for call in range(request["first"], request["first"] + request["calls"]):
            structures = displaced(request["structures"], request["rattle"], [request["seed"], call])
            wall, cpu = _clocked(_call(model, task, structures))
            seconds.append(wall)
            cpu_seconds.append(cpu)
            if time.perf_counter() - begun > request["budget"]:
                break
    except Exception as error:  # every library has an error of its own for it
        if not is_out_of_memory(error):
            raise
        return {"status": "oom", "reason": str(error).splitlines()[0][:300], "peak": devices.peak_memory()}
    return {
        "status": "ok",
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak": devices.peak_memory(),
        "resident_before": before,
    }


def displaced(arrays: dict[str, np.ndarray], rattle: float, seed: list[int]) -> Structures:
    """The structures with every coordinate moved by a normal deviate of width `rattle`."""
    moves = np.random.default_rng(seed).normal(0.0, rattle, arrays["positions"].shape)
    return Structures(**{**arrays, "positions": arrays["positions"] + moves})


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory is used up; packages have many ways to."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(words in text for words in OUT_OF_MEMORY)


def difference(model: Any, request: Displaced) -> Difference:
    """Differences between the forces of `model` and of `model.reference`, on structures that are displaced.

    Args:
        model: a model in a fast mode; `reference(structures)` predicts with the same weights, eagerly.
        request: structures.
    """
    structures = displaced(request["structures"], request["rattle"], [request["seed"], 0])
    begun = time.perf_counter()
    found = np.asarray(model.predict(structures)["forces"])
    seconds = time.perf_counter() - begun
    wanted = np.asarray(model.reference(structures)["forces"])
    return {
        "seconds": seconds,
        "max_difference": float(np.abs(found - wanted).max()),
        "max_force": float(np.abs(wanted).max()),
        "reference": model.info["reference"],
    }


def _call(model: Any, task: str, structures: Structures) -> Callable[[], object]:
    if task == "step":
        return lambda: model.predict(structures)
    inputs = model.prepare(structures)
    return lambda: (model.evaluate if task == "forward" else model.train_step)(inputs)


def _clocked(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the wall and of the processor, with the device idle before and after."""
    devices.synchronize()
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    devices.synchronize()
    return time.perf_counter() - wall, time.process_time() - cpu
