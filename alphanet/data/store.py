"""ASE-LMDB stores (`*.aselmdb`), from which training reads any number of frames one by one."""

import contextlib
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import lmdb
from ase import Atoms
from ase.db.row import AtomsRow
from ase_db_backends.aselmdb import LMDBDatabase, decode_bytestream, encode_key
from pydantic import JsonValue

from alphanet.data.leftovers import Leftovers
from alphanet.data.lmdb_pages import check_pages
from alphanet.data.rows import extras_of, frame_of_row, whole
from alphanet.errors import UserError
from alphanet.files import atomic_path
from alphanet.outside import require_regular

MAP_SIZES = tuple(2**power for power in (41, 39, 37, 35, 34, 33, 32, 31, 30))  # bytes; of what is mapped little is used
FRAMES_PER_COMMIT = 500  # bounds LMDB's memory of dirty pages


def write_store(path: Path, frames: Iterable[Atoms], metadata: Mapping[str, JsonValue]) -> int:
    """Write `frames` and `metadata` to `path` atomically; returns the number of frames.

    Raises:
        UserError: the store cannot be written, e.g. the disk is full.
    """
    with store_writer(path, metadata) as writer:
        for atoms in frames:
            writer.add(atoms)
    return writer.count


@contextlib.contextmanager
def store_writer(
    path: Path, metadata: Mapping[str, JsonValue], leftovers: Leftovers | None = None
) -> Iterator["StoreWriter"]:
    """A writer of a temporary store that takes the name `path` when the `with` block succeeds.

    `metadata` is read at the end of the block, so it may hold what was counted meanwhile. What a store cannot hold
    is told at the end, or added to `leftovers`.
    """
    own = Leftovers()
    with atomic_path(path) as temporary:
        lock = temporary.with_name(temporary.name + "-lock")  # LMDB's, while the store is open for writing
        try:
            with contextlib.closing(StoreWriter(temporary, path, leftovers or own)) as writer:
                yield writer
                writer.finish(metadata)
        finally:
            lock.unlink(missing_ok=True)
    own.tell(path, "an ASE-LMDB store")


class StoreWriter:
    """Appends frames to a new ASE-LMDB file."""

    def __init__(self, file: Path, called: Path, leftovers: Leftovers):
        """Create `file`; errors name `called`, its final name."""
        self.count = 0
        self._leftovers = leftovers
        self._called = called
        with _writing(called):
            self._database = _Database(file, use_lock_file=False)
            self._database.ids = _Forgetful()
            self._database.__enter__()

    def add(self, atoms: Atoms) -> None:
        """Append a frame with everything that ASE keeps."""
        with _writing(self._called):
            frame = whole(atoms)
            self._database.write(frame, data=extras_of(frame, self._leftovers))
            self.count += 1
            if self.count % FRAMES_PER_COMMIT == 0:
                self._database.txn.commit()
                self._database.txn = self._database.env.begin(write=True)

    def finish(self, metadata: Mapping[str, JsonValue]) -> None:
        """Write the metadata and commit everything."""
        with _writing(self._called):
            self._database.metadata = {**metadata, "frames": self.count}
            self._database.txn.commit()

    def close(self) -> None:
        """Release the file; what was not committed is dropped."""
        self._database.txn.abort()
        self._database.close()


class FrameStore:
    """Frames of a store by index, with labels; DataLoader workers may share it."""

    def __init__(self, path: Path):
        """Open `path`.

        Raises:
            UserError: the file is missing or is not an ASE-LMDB store.
        """
        self.path = Path(path)
        deleted = set(self._get("deleted_ids") or ())
        last = int(self._get("nextid") or 1)
        self._ids: range | list[int] = range(1, last)
        if deleted:
            self._ids = [key for key in self._ids if key not in deleted]

    @property
    def metadata(self) -> dict[str, Any]:
        """Facts that were written with the frames: card, scale, sources, level of theory, counts."""
        return self._get("metadata") or {}

    def __len__(self) -> int:
        """Number of frames."""
        return len(self._ids)

    def __getitem__(self, index: int) -> Atoms:
        """The frame at `index`, with its energy (eV), forces (eV/Å) and stress (eV/Å^3), as far as it has them.

        Raises:
            IndexError: no such frame.
            UserError: the stored frame is damaged.
        """
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self.path} has {len(self)} frames, no frame {index}")
        row = self._get(str(self._ids[index]))
        if row is None:
            raise UserError(f"{self.path}: frame {index} is missing; remove the file and prepare it again")
        return frame_of_row(AtomsRow(row))

    def __iter__(self) -> Iterator[Atoms]:
        """All frames in order."""
        return (self[index] for index in range(len(self)))

    def _get(self, key: str) -> Any:
        try:
            with environment(self.path).begin() as transaction:
                value = transaction.get(encode_key(key))
            return None if value is None else decode_bytestream(value, decompress=True, json_decode=True)
        except (lmdb.Error, zlib.error, ValueError) as error:
            raise UserError(f"{self.path} is damaged ({error}); remove it and prepare the data again") from error


_checked: dict[str, tuple[int, ...]] = {}  # path -> the file whose pages were checked, here or before a fork
_open: dict[str, tuple[int, tuple[int, ...], lmdb.Environment]] = {}


def environment(path: Path) -> lmdb.Environment:
    """The LMDB environment of `path`, one per process and file.

    LMDB refuses to open a path twice in a process and to use one opened before a fork, so all stores of a
    path share one environment, and a forked worker or a replaced file gets a new one.

    Raises:
        UserError: the file is missing or is not an LMDB file.
    """
    key = str(Path(path).resolve())
    try:
        state = Path(key).stat()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    identity = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)  # also of a file that was written over
    if key in _open:
        process, earlier, opened = _open[key]
        if process == os.getpid() and earlier == identity:
            return opened
        opened.close()
    require_regular(path)
    if _checked.get(key) != identity:
        check_pages(Path(key))
        _checked[key] = identity
    try:
        opened = lmdb.open(key, subdir=False, readonly=True, lock=False, readahead=False, meminit=False)
    except lmdb.Error as error:
        raise UserError(f"{path} is not an ASE-LMDB store, or it is damaged ({error})") from error
    if (opened.info()["last_pgno"] + 1) * opened.stat()["psize"] > state.st_size:
        # Reading pages that are mapped but not there would end the process with a bus error.
        opened.close()
        raise UserError(f"{path} is truncated; remove it and prepare the data again")
    _open[key] = (os.getpid(), identity, opened)
    return opened


class _Database(LMDBDatabase):
    """ASE's database with as much address space as the process may use: 2 TB, or less under a limit (`ulimit -v`)."""

    def _open_lmdb_env(self) -> None:
        for size in MAP_SIZES:
            try:
                self._env = lmdb.open(str(self.filename), map_size=size, subdir=False, meminit=False, map_async=True)
                self._env_pid = os.getpid()
                return
            except lmdb.MemoryError as error:
                refusal = error
        raise refusal


class _Forgetful(list[int]):
    """Replaces the ids that the database keeps: searching them at every write would take quadratic time."""

    def __contains__(self, item: object) -> bool:
        return False

    def append(self, item: int) -> None:
        pass


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except (lmdb.MemoryError, lmdb.MapFullError) as error:
        raise UserError(
            f"cannot write {path}: the limit on virtual memory (ulimit -v) leaves no room to map the file ({error})"
        ) from error
    except lmdb.Error as error:
        raise UserError(f"cannot write {path}: {error}; is the disk full?") from error
