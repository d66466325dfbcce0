"""Dask clusters by name, and relaxing the pieces of a campaign on them."""

import contextlib
import itertools
import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphanet import durations
from alphanet.cards import read_yaml
from alphanet.errors import UserError
from alphanet.measure.relaxation.isolated import relax_isolated
from alphanet.measure.relaxation.job import Job, conditions, relax_piece
from alphanet.measure.relaxation.records import Conditions, Crystal, RelaxationRecord, failure
from alphanet.potentials.channel import THREADS
from alphanet.printed import one_line

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

logger = logging.getLogger(__name__)

Piece = Mapping[str, Crystal]
"""A few structures by id, which one worker relaxes in one go"""

FORMS = "local[:N], slurm:FILE or tcp://HOST:PORT"
CONNECT = "30s"
LOST_TWICE = 1  # failures after the first with which Dask runs a piece again as it is
RETRIES = {"distributed.scheduler.allowed-failures": LOST_TWICE}
WAIT_HOURS = 24.0  # in a queue, unless the file says otherwise
JOIN = 600.0  # seconds in which a worker has to join a running scheduler
SAYS_EVERY = 60.0  # seconds
AHEAD = 2  # pieces a worker's thread has before it; the next is there when one is done


@contextlib.contextmanager
def client_of(cluster: str, threads: int | None) -> Iterator["Client"]:
    """Yield a client of the cluster called `cluster`; a cluster that was made for it ends with it.

    Args:
        cluster: `local` (a worker), `local:N`; `slurm:FILE`, a YAML file with the arguments of
            `dask_jobqueue.SLURMCluster`, `jobs` (how many of them) and `wait_hours` (in the queue, at most; 24);
            `tcp://HOST:PORT` of a scheduler.
        threads: of the libraries in each worker; None: one. Workers of a running scheduler have loaded theirs: there
            only what starts later follows.

    Raises:
        UserError: no such form, a file that is not right, dask-jobqueue is missing, no scheduler answers, SLURM takes
            no job, or none has started within `wait_hours`.
    """
    # What Dask logs of lost workers is expected, and what matters of it becomes an error or a record.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    kind, _, rest = cluster.partition(":")
    if kind == "local":
        manager = _local(rest or "1", threads or 1)
    elif kind == "slurm":
        manager = _slurm(rest, threads or 1)
    elif kind in ("tcp", "tls"):
        manager = _connected(cluster, threads or 1)
    else:
        raise UserError(f"cluster: {cluster!r} is none of {FORMS}")
    with manager as client:
        yield client


def ask_conditions(client: "Client", job: Job) -> Conditions:
    """The conditions on a worker of the cluster, which opens the potential for it.

    Raises:
        UserError: the potential cannot be opened, or the cluster is gone.
    """
    from distributed import KilledWorker

    with _scheduler_needed():
        try:
            answer: Conditions = client.submit(conditions, job, pure=False).result()
        except KilledWorker as error:
            raise UserError(f"{job.model}: opening it ended the worker; is there memory enough for it?") from error
    return answer


def relax_pieces(
    client: "Client", job: Job, expected: str, pieces: Iterable[Piece]
) -> Iterator[list[RelaxationRecord]]:
    """Yield the records of each piece when it is done.

    Dask runs the piece of a lost worker again. If that is lost, too, each structure of the piece gets a process of its
    own, in which the one that ends it is found.

    Args:
        client: of the cluster.
        job: how to relax.
        expected: digest of the conditions that all workers must have.
        pieces: structures, read as workers become free.

    Raises:
        UserError: no structure can be relaxed as asked, a worker's conditions are others, or the cluster is gone.
    """
    from distributed import KilledWorker, as_completed

    waiting = iter(pieces)
    under_way: dict[Future[Any], Piece] = {}
    alone: set[object] = set()  # keys of tasks with a process of their own
    completed = as_completed()

    def submit(piece: Piece, *task: Any) -> "Future[Any]":
        future = client.submit(*task, pure=False)
        under_way[future] = piece
        completed.add(future)
        return future

    def fill() -> None:
        room = max(2, AHEAD * sum(client.nthreads().values())) - len(under_way)
        for piece in itertools.islice(waiting, max(0, room)):
            submit(piece, relax_piece, job, expected, piece)

    with _scheduler_needed():
        fill()
        for future in completed:
            piece = under_way.pop(future)
            try:
                yield future.result()
            except KilledWorker:
                if future.key in alone:
                    reason = "its worker was lost again and again"
                    yield [failure(name, reason, n_sites=len(one.numbers)) for name, one in piece.items()]
                else:
                    for name, one in piece.items():
                        alone.add(submit({name: one}, relax_isolated, job, expected, name, one).key)
            fill()


@contextlib.contextmanager
def _local(number: str, threads: int) -> Iterator["Client"]:
    import dask
    from distributed import Client

    if not number.isdigit() or int(number) < 1:
        raise UserError(f"cluster: local:{number}: give a number of processes, such as local:2")
    settings = RETRIES | {"distributed.nanny.pre-spawn-environ": dict.fromkeys(THREADS, threads)}
    with dask.config.set(settings), _processes(int(number)) as cluster, Client(cluster) as client:
        yield client


def _processes(number: int) -> "LocalCluster":
    """So many workers on this machine.

    Raises:
        UserError: one of them did not start.
    """
    from distributed import LocalCluster

    try:
        return LocalCluster(
            n_workers=number,
            threads_per_worker=1,
            processes=True,
            memory_limit=0,  # potentials run in processes of their own, which Dask does not see
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        )
    except (RuntimeError, OSError) as error:
        raise UserError(
            f"cluster: local:{number}: a worker did not start ({one_line(error)}); is there memory and disk enough? "
            "The same command goes on"
        ) from error


@contextlib.contextmanager
def _slurm(file: str, threads: int) -> Iterator["Client"]:
    import dask
    from distributed import Client

    arguments = read_yaml(Path(file))
    if not isinstance(arguments, dict):
        raise UserError(
            f"{file}: write the arguments of dask_jobqueue.SLURMCluster, such as `queue: gpu`, and `jobs: 4`"
        )
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise UserError("cluster slurm needs dask-jobqueue; install it: pip install 'alphanet-suite[slurm]'") from None
    jobs, hours = arguments.pop("jobs", 1), arguments.pop("wait_hours", WAIT_HOURS)
    if not isinstance(jobs, int) or jobs < 1 or not isinstance(hours, (int, float)) or hours <= 0:
        raise UserError(f"{file}: jobs is a number of jobs, wait_hours a number of hours; found {jobs!r} and {hours!r}")
    exports = [f"export {name}={threads}" for name in THREADS]
    arguments["job_script_prologue"] = [*exports, *(arguments.get("job_script_prologue") or ())]
    with dask.config.set(RETRIES):
        try:
            cluster: Any = SLURMCluster(**arguments)
        except (TypeError, ValueError) as error:
            raise UserError(f"{file}: {error}") from error
        with cluster, Client(cluster) as client:
            cluster.scale(jobs=jobs)
            try:
                cluster.sync(_submitted, cluster)
            except (RuntimeError, OSError) as error:
                raise UserError(f"{file}: SLURM took no job: {' '.join(str(error).split())}") from error
            limit = durations.words(3600 * hours)
            logger.info("%d jobs submitted to SLURM; waiting for the first to start, at most %s", jobs, limit)
            if not _joined(client, 3600 * hours, "in the queue for %s (squeue shows the jobs)"):
                raise UserError(
                    f"no SLURM job has started within {limit}; see squeue for the reason, "
                    "and the same command waits again (wait_hours in the file changes the limit)"
                )
            yield client


async def _submitted(cluster: Any) -> None:
    """Return when the jobs are in the queue; what `scale` does later would fail unheard."""
    await cluster


def _joined(client: "Client", longest: float, waiting: str) -> bool:
    """Wait for the first worker; a line a minute says so. Returns whether one has come.

    Args:
        client: of the cluster.
        longest: seconds.
        waiting: where the time goes, with `%s` for it.
    """
    started = time.monotonic()
    while (waited := time.monotonic() - started) < longest:
        try:
            client.wait_for_workers(1, timeout=min(SAYS_EVERY, longest - waited))
            return True
        except TimeoutError:
            logger.info(f"waiting {waiting}", durations.words(time.monotonic() - started))
    return False


@contextlib.contextmanager
def _connected(address: str, threads: int) -> Iterator["Client"]:
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECT)
    except (OSError, ValueError) as error:
        raise UserError(f"cluster: no scheduler answers at {address}: {error}") from error
    with client:
        if not client.nthreads():
            logger.info("the scheduler at %s has no workers yet; waiting at most %s", address, durations.words(JOIN))
            if not _joined(client, JOIN, f"for workers at {address} for %s"):
                raise UserError(
                    f"cluster: no worker has joined the scheduler at {address}; start some (dask worker {address})"
                )
        client.run_on_scheduler(_retry_lost)
        client.register_plugin(_threads(threads))
        yield client


def _retry_lost(dask_scheduler: Any) -> None:
    """Run on a scheduler that was started by others."""
    dask_scheduler.allowed_failures = LOST_TWICE


def _threads(threads: int) -> Any:
    """A plugin that reaches the workers that were started by others, now and later."""
    from distributed import WorkerPlugin

    class Threads(WorkerPlugin):
        name = "alphanet-threads"  # a later one takes its place

        def setup(self, worker: Any) -> None:  # noqa: ARG002
            os.environ.update(dict.fromkeys(THREADS, str(threads)))

    return Threads()


@contextlib.contextmanager
def _scheduler_needed() -> Iterator[None]:
    from distributed.comm import CommClosedError

    try:
        yield
    except (CommClosedError, CancelledError, TimeoutError, ConnectionError) as error:
        raise UserError(
            "the Dask scheduler is gone; what is relaxed is kept, and the same command goes on from there"
        ) from error
