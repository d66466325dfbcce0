"""Dask clusters by name: processes of this machine, jobs of SLURM, or a scheduler that is already there."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphanet.cards import read_yaml
from alphanet.errors import UserError

if TYPE_CHECKING:
    from distributed import Client

FORMS = "local[:N], slurm:FILE or tcp://HOST:PORT"
CONNECT = "30s"
LOST_TWICE = 1  # failures after the first with which a piece is still run again as it is
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@contextlib.contextmanager
def client_of(cluster: str, threads: int | None) -> Iterator["Client"]:
    """A client of the cluster called `cluster`; a cluster that was made for it ends with it.

    Args:
        cluster: `local` (a worker), `local:N`; `slurm:FILE`, a YAML file with the arguments of
            `dask_jobqueue.SLURMCluster` and `jobs`, how many of them; `tcp://HOST:PORT` of a scheduler.
        threads: of the libraries in each worker of a local cluster; None: one.

    Raises:
        UserError: no such form, a file that is not right, dask-jobqueue is missing, or no scheduler answers.
    """
    # What Dask logs of lost workers is expected, and what matters of it becomes an error or a record.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    kind, _, rest = cluster.partition(":")
    if kind == "local":
        with _local(rest or "1", threads or 1) as client:
            yield client
    elif kind == "slurm":
        with _slurm(rest) as client:
            yield client
    elif kind in ("tcp", "tls"):
        with _connected(cluster) as client:
            yield client
    else:
        raise UserError(f"cluster: {cluster!r} is none of {FORMS}")


@contextlib.contextmanager
def _local(number: str, threads: int) -> Iterator["Client"]:
    import dask
    from distributed import Client, LocalCluster

    if not number.isdigit() or int(number) < 1:
        raise UserError(f"cluster: local:{number}: give a number of processes, such as local:2")
    environment = dict.fromkeys(THREADS, str(threads))
    with (
        _changed(environment),
        dask.config.set({"distributed.scheduler.allowed-failures": LOST_TWICE}),
        LocalCluster(
            n_workers=int(number),
            threads_per_worker=1,
            processes=True,
            memory_limit=0,  # potentials run in processes of their own, which Dask does not see
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as made,
        Client(made) as client,
    ):
        yield client


@contextlib.contextmanager
def _slurm(file: str) -> Iterator["Client"]:
    from distributed import Client

    arguments = read_yaml(Path(file))
    if not isinstance(arguments, dict):
        raise UserError(
            f"{file}: write the arguments of dask_jobqueue.SLURMCluster, such as `queue: gpu`, and `jobs: 4`"
        )
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise UserError("cluster slurm needs dask-jobqueue; install it: pip install dask-jobqueue") from None
    jobs = arguments.pop("jobs", 1)
    try:
        made: Any = SLURMCluster(**arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f"{file}: {error}") from error
    with made, Client(made) as client:
        made.scale(jobs=jobs)
        client.wait_for_workers(1)
        yield client


@contextlib.contextmanager
def _connected(address: str) -> Iterator["Client"]:
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECT)
    except (OSError, ValueError) as error:
        raise UserError(f"cluster: no scheduler answers at {address}: {error}") from error
    with client:
        if not client.scheduler_info(n_workers=-1)["workers"]:
            raise UserError(f"cluster: the scheduler at {address} has no workers; start some (dask worker {address})")
        yield client


@contextlib.contextmanager
def _changed(variables: dict[str, str]) -> Iterator[None]:
    """The environment that processes started meanwhile receive."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
