"""The base of a worker: the protocol, structures as arrays, stores, and a package's own trainer as a child process.

This file is run inside the baselines' environments, where it is imported as `worker_kit`; it needs numpy and nothing of
alphanet. A `worker.py` has `load(request) -> model` with `model.info` and `model.predict(structures)`, which is
`model.evaluate(model.prepare(structures))` where the package takes a graph, `train(request)` if it trains, and
`start(request)` if a training can go on from weights, see `starting`. What it writes to `logger` reaches the caller's
log.
"""

from __future__ import annotations

import functools
import importlib
import logging
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

if TYPE_CHECKING:
    from timing import Difference, Displaced, Timing, TimingRequest

WATCH_EVERY = 0.5  # seconds between looks at whether the parent is still there
ALIVE_EVERY = 20.0  # seconds between signs of life while a trainer runs

logger = logging.getLogger("alphanet-worker")  # its messages travel to the caller
_places: list[str] = []  # where the worker and its children import from


class RefusedError(Exception):
    """A foreseeable mistake of the caller, told in one line; everything else is a failure of the worker."""


class _LoadRequest(TypedDict):
    checkpoint: str | None
    carried: str | None
    architecture: dict[str, Any]  # in the package's own words
    elements: Sequence[str]
    seed: int
    stress: bool
    dtype: str
    device: str
    threads: int


class LoadRequest(_LoadRequest, total=False):
    """The request for `load`, as `alphanet.potentials.protocol.LoadRequest` has it."""

    mode: str  # eager by default
    amplification: float  # factor on random weights, 1 by default; whoever applies it says so in `info`


@dataclass(frozen=True)
class Structures:
    """B structures of N atoms in all."""

    counts: np.ndarray  # (B,) atoms in each structure
    numbers: np.ndarray  # (N,) atomic numbers
    positions: np.ndarray  # (N, 3) Å
    cells: np.ndarray  # (B, 3, 3) Å, rows are lattice vectors
    pbc: np.ndarray  # (B, 3) bool

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Per structure: numbers (n,), positions (n, 3), cell (3, 3), pbc (3,)."""
        end = np.cumsum(self.counts)
        for i, (first, last) in enumerate(zip(end - self.counts, end, strict=True)):
            yield self.numbers[first:last], self.positions[first:last], self.cells[i], self.pbc[i]

    @property
    def batch(self) -> np.ndarray:
        """(N,) the structure of each atom."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def atoms(self) -> list[Any]:
        """A list of ASE Atoms."""
        from ase import Atoms

        return [Atoms(numbers, positions, cell=cell, pbc=pbc) for numbers, positions, cell, pbc in self]


def packed(frames: Sequence[Any]) -> dict[str, np.ndarray]:
    """ASE Atoms as the arrays of `Structures`: counts, numbers, positions (Å), cells (Å), pbc."""
    return {
        "counts": np.array([len(atoms) for atoms in frames], dtype=np.int64),
        "numbers": np.concatenate([atoms.numbers for atoms in frames]).astype(np.int64),
        "positions": np.concatenate([atoms.positions for atoms in frames]).astype(np.float64),
        "cells": np.stack([atoms.cell.array for atoms in frames]).astype(np.float64),
        "pbc": np.stack([atoms.pbc for atoms in frames]),
    }


def encode(value: Any) -> Any:
    """`value` with its arrays as plain mappings, which is all that the channel can carry."""
    if isinstance(value, np.ndarray):
        return {"__array__": value.tobytes(), "dtype": value.dtype.str, "shape": value.shape}
    if isinstance(value, dict):
        return {key: encode(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def decode(value: Any) -> Any:
    """The value that `encode` was given; arrays are copies of their own."""
    if isinstance(value, dict):
        if "__array__" in value:
            flat = np.frombuffer(value["__array__"], dtype=value["dtype"])
            return flat.reshape(value["shape"]).copy()
        return {key: decode(part) for key, part in value.items()}
    return [decode(part) for part in value] if isinstance(value, list) else value


def serve(channel: Any, places: Sequence[str], log: str) -> None:
    """Answer requests until the channel closes; everything printed goes to the file `log`.

    An error other than `RefusedError` ends the worker; execnet carries it to the caller.

    Args:
        channel: execnet's.
        places: folders that the worker imports from; the first that has a `worker.py` gives it.
        log: takes what the worker prints.
    """
    _places.extend(places)
    sys.path[:0] = [*places, str(Path(__file__).parent)]
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    # Ctrl-C in a terminal reaches the whole process group, and SLURM's warning the whole step; the parent decides what
    # happens to its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    end_with_parent()
    logger.addHandler(_ToCaller(channel))
    logger.setLevel(logging.INFO)
    logger.propagate = False
    calls = _Calls()
    channel.send(("ready", sys.version.split()[0]))
    for name, request in channel:
        try:
            channel.send(("result", encode(getattr(calls, name)(decode(request)))))
        except RefusedError as refusal:
            channel.send(("refused", str(refusal)))


def end_with_parent() -> None:
    """End this process soon after its parent has ended, however that happened."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_EVERY)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def run_module(arguments: Sequence[object], folder: str | Path, progress: Callable[[], None] = lambda: None) -> None:
    """Run `python -m arguments…` in `folder` as a child that ends with this process; `progress()` is called meanwhile.

    The child can import what the worker can, and nothing from the caller's PYTHONPATH.

    Raises:
        RuntimeError: it ended with an error; what it printed is in the worker's log.
    """
    command = [sys.executable, str(Path(__file__).resolve()), *map(str, arguments)]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(_places)}
    child = subprocess.Popen(command, cwd=folder, env=variables, stdin=subprocess.DEVNULL)
    spoken = time.monotonic()
    while child.poll() is None:
        time.sleep(WATCH_EVERY)
        progress()
        if time.monotonic() - spoken > ALIVE_EVERY:
            logger.info("")  # the caller takes silence for a hang
            spoken = time.monotonic()
    progress()
    if child.returncode != 0:
        raise RuntimeError(f"{arguments[0]} ended with exit code {child.returncode}")


def open_store(path: str | Path) -> Any:
    """An ASE-LMDB store as an ASE database: `len`, `get(id=1…)`, `select()`; frames are read when asked for."""
    file = Path(path).resolve()
    return _opened(file, file.stat().st_ino, os.getpid())


@functools.cache
def _opened(path: Path, inode: int, process: int) -> Any:  # noqa: ARG001  (a new file or a fork opens its own)
    """LMDB refuses to open a file twice in a process, also while a forgotten handle waits to be collected."""
    from ase.db import connect

    return connect(path, type="aselmdb", readonly=True, use_lock_file=False)


def read_store(path: str | Path) -> Iterator[Any]:
    """Frames of an ASE-LMDB store, one after another, as ASE Atoms with their labels."""
    for row in open_store(path).select():
        yield frame_of(row)


def frame_of(row: Any) -> Any:
    """The frame of a row, as ASE Atoms with its labels, without constraints, which would zero its forces."""
    atoms = row.toatoms()
    atoms.set_constraint()
    return atoms


def evenly_spaced(count: int, most: int | None) -> np.ndarray:
    """Indices of frames to train on, as `alphanet.data.subsets` chooses them, which is not importable here."""
    return np.arange(count) if most is None or most >= count else np.arange(most) * count // most


def refuse_unknown(numbers: np.ndarray, known: Sequence[str]) -> None:
    """Refuse elements outside `known`, a list of chemical symbols."""
    from ase.data import chemical_symbols

    unknown = sorted({chemical_symbols[number] for number in np.unique(numbers)} - set(known))
    if unknown:
        raise RefusedError(f"this model does not know {', '.join(unknown)}; it knows {', '.join(known)}")


class _ToCaller(logging.Handler):
    """Sends messages over the channel."""

    def __init__(self, channel: Any) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        self._channel.send(("report", record.getMessage()))


class _Calls:
    """Calls that the caller may make; `worker.py` is imported at the first call that needs it."""

    def __init__(self) -> None:
        self._model: Any = None

    def load(self, request: LoadRequest) -> dict[str, object]:
        self._model = self._worker().load(request)
        return dict(self._model.info)

    def predict(self, request: dict[str, np.ndarray]) -> dict[str, object]:
        structures = Structures(**request)
        started = time.perf_counter()
        answer = self._model.predict(structures)
        return {**answer, "seconds": time.perf_counter() - started}

    def time(self, request: TimingRequest) -> Timing:
        import timing

        return timing.timed(self._model, request)

    def difference(self, request: Displaced) -> Difference:
        import timing

        return timing.difference(self._model, request)

    def start(self, request: dict[str, object]) -> dict[str, object]:
        return dict(self._worker().start(request))

    def train(self, request: dict[str, object]) -> dict[str, object]:
        return dict(self._worker().train(request))

    def memory(self, _request: dict[str, object]) -> dict[str, int]:
        import devices

        return {**devices.peak_memory(), "children": devices.children_peak()}

    def _worker(self) -> Any:
        return importlib.import_module("worker")


if __name__ == "__main__":
    end_with_parent()
    sys.argv = sys.argv[1:]
    sys.modules["worker_kit"] = sys.modules["__main__"]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
