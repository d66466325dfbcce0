"""Speed of reading and storing frames, of this package and of ASE on the same files; each measured in a new process.

As `python -m alphanet.measure.data_speed` it measures one of the two and prints the numbers as JSON.
"""

import gc
import json
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import numpy as np
from ase import Atoms

from alphanet.cards import Card, validate
from alphanet.errors import UserError
from alphanet.files import atomic_path
from alphanet.hardware.devices import peak_memory, reset_peak, trim_heap
from alphanet.paths import own_python

Reader = Literal["alphanet", "ASE"]
READERS: tuple[Reader, ...] = ("alphanet", "ASE")
TASKS = ("open", "random", "read", "ingest")  # in this order: memory is measured before anything else is held
SPACING = 2.5  # Å between the made-up frames' atoms
MEGABYTE = 1e6
PAGE = 4096  # bytes; a row of two atoms takes less


class DataRequest(Card):
    """One reader in one pass."""

    reader: Reader
    file: Path  # frames in a text format
    store: Path  # the same frames
    large: Path  # a store that is opened
    random_reads: int
    seed: int


class TaskTime(Card):
    """What one task took."""

    count: int  # frames
    seconds: float
    cpu_seconds: float
    memory_mb: float | None = None  # resident, that the task added; of opening

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.count / self.seconds


def made_up_frames(count: int, atoms: int, seed: int = 0) -> Iterator[Atoms]:
    """Frames of silica-like composition at random displacements, with labels that mean nothing."""
    from ase.calculators.singlepoint import SinglePointCalculator

    random = np.random.default_rng(seed)
    side = int(np.ceil(atoms ** (1 / 3)))
    grid = SPACING * np.indices((side,) * 3).reshape(3, -1).T[:atoms]
    symbols = [("Si", "O", "O")[place % 3] for place in range(atoms)]
    for _ in range(count):
        frame = Atoms(symbols, grid + random.normal(0, 0.1, grid.shape), cell=[side * SPACING] * 3, pbc=True)
        labels = {"energy": float(-8.0 * atoms + random.normal()), "forces": random.normal(size=grid.shape)}
        frame.calc = SinglePointCalculator(frame, **labels)
        yield frame


def write_large_store(path: Path, count: int) -> None:
    """Write a store of `count` frames of two atoms, whose rows are all copies of one.

    Raises:
        UserError: the disk is full.
    """
    import lmdb
    from ase_db_backends.aselmdb import encode_key

    from alphanet.data.store import write_store

    try:
        with atomic_path(path) as temporary:
            write_store(temporary, made_up_frames(2, 2), {})
            size = temporary.stat().st_size + PAGE * count
            with (
                closing(lmdb.open(str(temporary), subdir=False, lock=False, map_size=2 * size)) as database,
                database.begin(write=True) as rows,
            ):
                row = rows.get(encode_key("1")) or b""
                for number in range(3, count + 1):
                    rows.put(encode_key(str(number)), row)
                rows.put(encode_key("nextid"), _encoded(count + 1))
    except lmdb.Error as error:
        raise UserError(f"cannot write {path}: {error}") from error


def measured_apart(request: DataRequest) -> dict[str, TaskTime]:
    """Every task of one reader, measured in a new process.

    Raises:
        UserError: the process failed.
    """
    python, variables = own_python()
    done = subprocess.run(
        [*python, "-m", __name__],
        input=request.model_dump_json(),
        capture_output=True,
        env=variables,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise UserError(f"{request.reader} failed on {request.file}: {lines[-1] if lines else done.returncode}")
    return {task: validate(values, TaskTime, task) for task, values in json.loads(done.stdout).items()}


def measured(request: DataRequest) -> dict[str, TaskTime]:
    """Every task of one reader, in this process."""
    own = request.reader == "alphanet"
    with tempfile.TemporaryDirectory(prefix="alphanet-data-") as folder:
        target = Path(folder) / "ingested.aselmdb"
        tasks: dict[str, Callable[[], int]] = {
            "open": lambda: (_open_store if own else _open_database)(request.large),
            "random": lambda: (_random_store if own else _random_database)(request),
            "read": lambda: _exhausted(_frames(request)),
            "ingest": lambda: (_ingest_store if own else _ingest_database)(request, target),
        }
        _imported(request)
        return {task: _timed(tasks[task]) for task in TASKS}


def _timed(task: Callable[[], int]) -> TaskTime:
    gc.collect()
    trim_heap()
    before = reset_peak()
    wall, processor = time.perf_counter(), time.process_time()
    count = task()
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - processor
    memory = max(0, peak_memory().get("resident", before) - before) / MEGABYTE
    return TaskTime(count=count, seconds=seconds, cpu_seconds=cpu_seconds, memory_mb=memory)


def _imported(request: DataRequest) -> None:
    """Import what the tasks need, and read a frame, so that no task is charged for it."""
    next(_frames(request))
    if request.reader == "alphanet":
        _open_store(request.store)
    else:
        _open_database(request.store)


def _frames(request: DataRequest) -> Iterator[Atoms]:
    if request.reader == "alphanet":
        from alphanet.data.formats import read_frames

        return read_frames(request.file, labeled=False)
    from ase.io import iread

    frames: Iterator[Atoms] = iread(request.file, index=":")
    return frames


def _exhausted(frames: Iterable[Atoms]) -> int:
    """The number of frames, of which none is kept."""
    counted = enumerate(frames, 1)
    last = deque(((number,) for number, _ in counted), maxlen=1)
    return last[0][0] if last else 0


def _open_store(path: Path) -> int:
    from alphanet.data.store import FrameStore

    return len(FrameStore(path))


def _open_database(path: Path) -> int:
    from ase.db import connect

    with connect(path, type="aselmdb", readonly=True) as database:
        return len(database)


def _random_store(request: DataRequest) -> int:
    from alphanet.data.store import FrameStore

    store = FrameStore(request.store)
    return _exhausted(store[int(index)] for index in _chosen(request, len(store)))


def _random_database(request: DataRequest) -> int:
    from ase.db import connect

    with connect(request.store, type="aselmdb", readonly=True) as database:
        return _exhausted(database.get(int(index) + 1).toatoms() for index in _chosen(request, len(database)))


def _ingest_store(request: DataRequest, target: Path) -> int:
    from alphanet.data.store import write_store

    return write_store(target, _frames(request), {})


def _ingest_database(request: DataRequest, target: Path) -> int:
    from ase.db import connect

    with connect(target, type="aselmdb", use_lock_file=False) as database:
        return _exhausted(_written(database, frame) for frame in _frames(request))


def _written(database: "object", frame: Atoms) -> Atoms:
    database.write(frame)  # type: ignore[attr-defined]
    return frame


def _chosen(request: DataRequest, count: int) -> np.ndarray:
    return np.random.default_rng(request.seed).integers(count, size=request.random_reads)


def _encoded(value: int) -> bytes:
    from ase_db_backends.aselmdb import encode_object

    encoded: bytes = encode_object(value, compress=True, json_encode=True)
    return encoded


def main() -> None:
    """Measure the request on stdin and print the numbers."""
    request = validate(json.loads(sys.stdin.read()), DataRequest, "request")
    answer = {task: taken.model_dump(mode="json") for task, taken in measured(request).items()}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
