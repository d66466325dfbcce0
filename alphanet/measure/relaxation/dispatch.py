"""Handing pieces of shards to a Dask cluster, and what to do when workers are lost."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alphanet.errors import UserError
from alphanet.measure.relaxation.crystals import Crystal
from alphanet.measure.relaxation.guarded import relax_guarded
from alphanet.measure.relaxation.job import Job, conditions, relax_piece
from alphanet.measure.relaxation.records import Record, failure
from alphanet.measure.relaxation.shards import Shard

if TYPE_CHECKING:
    from distributed import Client, Future

AHEAD = 2  # pieces a worker's thread has before it; the next is there when one is done


@dataclass(frozen=True)
class Piece:
    """A few structures of a shard, which one worker relaxes in one go."""

    shard: Shard
    crystals: dict[str, Crystal]
    guarded: bool = False
    """Whether it runs in a process of its own, because workers were lost with it"""

    def failures(self, reason: str) -> list[Record]:
        """Records of structures that were all lost for one reason."""
        return [failure(one, reason, n_sites=len(crystal["numbers"])) for one, crystal in self.crystals.items()]


@dataclass(frozen=True)
class Answer:
    """Records of a piece."""

    shard: Shard
    records: list[Record]
    conditions: str | None
    """Digest of what made them; none where a structure has ended its process"""


def ask_conditions(client: "Client", job: Job) -> dict[str, Any]:
    """The conditions on a worker of the cluster, which opens the potential for it.

    Raises:
        UserError: the potential cannot be opened, or the cluster is gone.
    """
    from distributed import KilledWorker

    try:
        found = client.submit(_conditions, job, pure=False).result()
    except KilledWorker as error:
        raise UserError(f"{job.model}: opening it ended the worker; is there memory enough for it?") from error
    except _gone() as error:
        raise UserError(_GONE) from error
    if "refused" in found:
        raise UserError(found["refused"])
    return dict(found)


def dispatch(client: "Client", job: Job, pieces: Iterable[Piece]) -> Iterator[Answer]:
    """Answers as they come. A piece whose worker is lost runs again; if that one is lost, too, in a process of its own.

    Raises:
        UserError: no structure can be relaxed as asked, or the cluster is gone.
    """
    from distributed import KilledWorker

    queue = _Queue(client, job, pieces)
    try:
        for future, piece in queue:
            try:
                found = future.result()
            except KilledWorker:
                if piece.guarded:
                    yield Answer(piece.shard, piece.failures("its worker was lost again and again"), None)
                else:
                    queue.guard(piece)
                continue
            if "refused" in found:
                raise UserError(found["refused"])
            yield Answer(piece.shard, found["records"], found["conditions"])
    except _gone() as error:
        raise UserError(_GONE) from error
    finally:
        queue.cancel()


class _Queue:
    """Pieces under way: enough that no worker waits, few enough that memory holds them."""

    def __init__(self, client: "Client", job: Job, pieces: Iterable[Piece]) -> None:
        from distributed import as_completed

        self._client, self._job, self._pieces = client, job, iter(pieces)
        self._suspects: deque[Piece] = deque()
        self._under_way: dict[Any, Piece] = {}
        self._completed = as_completed()

    def __iter__(self) -> Iterator[tuple["Future", Piece]]:
        self._fill()
        while self._under_way:
            future = next(self._completed)
            piece = self._under_way.pop(future)
            yield future, piece
            self._fill()

    def guard(self, piece: Piece) -> None:
        """Have `piece` relaxed in a process of its own, in which each structure that ends it is found."""
        self._suspects.append(Piece(piece.shard, piece.crystals, guarded=True))

    def cancel(self) -> None:
        """Drop what is under way."""
        for future in self._under_way:
            future.release()

    def _fill(self) -> None:
        room = max(2, AHEAD * sum(self._client.nthreads().values())) - len(self._under_way)
        for _ in range(room):
            if self._suspects:
                piece = self._suspects.popleft()
                self._send(piece, relax_guarded, self._job, piece.crystals)
            elif (following := next(self._pieces, None)) is not None:
                self._send(following, relax_piece, self._job, following.crystals)
            else:
                return

    def _send(self, piece: Piece, *task: Any) -> None:
        future = self._client.submit(*task, pure=False)
        self._under_way[future] = piece
        self._completed.add(future)


_GONE = "the Dask scheduler is gone; what is relaxed is kept, and the same command goes on from there"


def _gone() -> tuple[type[BaseException], ...]:
    """What Dask raises when the scheduler has ended."""
    from concurrent.futures import CancelledError

    from distributed.comm import CommClosedError

    return (CommClosedError, CancelledError, TimeoutError, ConnectionError)


def _conditions(job: Job) -> dict[str, Any]:
    try:
        return conditions(job)
    except UserError as error:
        return {"refused": str(error)}
