"""A campaign: every structure relaxed once, wherever the command stops and starts again."""

import contextlib
import itertools
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from alphanet.errors import UserError
from alphanet.measure.relaxation.cluster import Piece, ask_conditions, client_of, relax_pieces
from alphanet.measure.relaxation.job import Job
from alphanet.measure.relaxation.protocol import digest, label
from alphanet.measure.relaxation.records import OTHER_RUN, Conditions, Crystal, Header, RecordFile, RelaxationRecord
from alphanet.measure.relaxation.structures import Structures, natural

if TYPE_CHECKING:
    from distributed import Client

logger = logging.getLogger(__name__)

LARGEST_PIECE = 10  # structures that one worker relaxes in one go; what a lost worker loses
PIECES_PER_WORKER = 8  # at least, so that all have work until the end
SECONDS_BETWEEN_LINES = 10.0
REMEDY = "use another folder, or restart to relax anew"

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Campaign:
    """What is relaxed, with what, and where the records go."""

    job: Job
    structures: Structures
    ids: tuple[str, ...]
    out: Path

    @property
    def file(self) -> RecordFile:
        """The file of records."""
        return RecordFile(self.out / "relaxations.jsonl")

    def run_digest(self) -> str:
        """Hash of model, protocol and ids, whatever their order; 16 hex digits.

        Raises:
            UserError: no ids, an id that is there twice, or one that no structure has.
        """
        options = self.job.options
        model = {
            "name": label(self.job.model),
            "engine": self.job.engine,
            "dtype": options.dtype,
            "device": options.device.partition(":")[0],
        }
        ordered = sorted(self.ids, key=natural)
        if not ordered:
            raise UserError("there are no structures to relax")
        if repeated := [one for one, following in itertools.pairwise(ordered) if one == following]:
            raise UserError(f"{len(repeated)} ids are there more than once, first {repeated[0]}")
        if missing := [one for one in ordered if one not in self.structures]:
            raise UserError(f"there is no structure {missing[0]} ({len(missing)} of {len(ordered)} ids have none)")
        return digest([model, self.job.protocol.digest, ordered])

    def records(self) -> Iterator[RelaxationRecord]:
        """The records of all structures, in the order in which they were written.

        Raises:
            UserError: see `RecordFile.complete`.
        """
        return self.file.complete(self.run_digest(), self.ids)


def run(campaign: Campaign, cluster: str, *, restart: bool = False) -> None:
    """Relax what has no record yet.

    Args:
        campaign: what to do.
        cluster: see `alphanet.measure.relaxation.cluster.client_of`.
        restart: relax everything anew.

    Raises:
        UserError: the folder holds another run or records made under other conditions; no structure can be relaxed as
            asked; the cluster is gone; the disk is full. What is relaxed is kept in each case.
    """
    file, run_digest = campaign.file, campaign.run_digest()
    if restart:
        file.path.unlink(missing_ok=True)
    header = file.header()
    if header is not None and header.run != run_digest:
        raise UserError(f"{file.path} {OTHER_RUN}; {REMEDY}")
    recorded = {record.id for record in file.records()}
    left = sorted(set(campaign.ids) - recorded, key=natural)
    total, done = len(campaign.ids), len(campaign.ids) - len(left)
    if done:
        logger.info("%s %d structures have their records in %s", f"{done} of" if left else "all", total, campaign.out)
    if left:
        with client_of(cluster, campaign.job.options.threads) as client, _progress(done, total) as advance:
            _relax(campaign, client, left, advance)


def _relax(campaign: Campaign, client: "Client", left: Sequence[str], advance: Advance) -> None:
    file, conditions = campaign.file, ask_conditions(client, campaign.job)
    earlier = file.header()
    if earlier is not None:
        _require_same(file.path, earlier.conditions, conditions)
    size = _piece_size(campaign.job, client, len(left))
    started = False
    for answer in relax_pieces(client, campaign.job, _pieces(campaign.structures, left, size)):
        if answer.conditions is not None and answer.conditions != digest(conditions):
            raise UserError(
                "the workers of the cluster differ in model, versions or kind of GPU, and their records must not be "
                "mixed; give all of them the same environment"
            )
        if not started:  # only now it is known that something can be relaxed
            file.start(Header(campaign.run_digest(), conditions))
            started = True
        file.add(answer.records)
        advance(len(answer.records))


def _piece_size(job: Job, client: "Client", structures: int) -> int:
    workers = max(1, sum(client.nthreads().values()))
    largest = LARGEST_PIECE if job.engine == "ase" else 2 * job.batch
    return max(1, min(largest, -(-structures // (PIECES_PER_WORKER * workers))))


def _pieces(structures: Structures, ids: Sequence[str], size: int) -> Iterator[Piece]:
    for first in range(0, len(ids), size):
        yield {identity: Crystal.of(structures[identity]) for identity in ids[first : first + size]}


def _require_same(path: Path, before: Conditions, now: Conditions) -> None:
    different = [key for key in now if before.get(key) != now[key]]
    if different:
        raise UserError(
            f"{path} was made with other {', '.join(different)} ({_difference(before, now, different[0])}); "
            f"records of both must not be mixed: {REMEDY}"
        )


def _difference(before: Mapping[str, JsonValue], now: Mapping[str, JsonValue], key: str) -> str:
    """The first value below `key` that differs, by its path."""
    one, other = before.get(key), now.get(key)
    if isinstance(one, dict) and isinstance(other, dict):
        inner = min(name for name in {*one, *other} if one.get(name) != other.get(name))
        return f"{key}: {_difference(one, other, inner)}"
    return f"{key} {one} then, {other} now"


@contextlib.contextmanager
def _progress(done: int, total: int) -> Iterator[Advance]:
    """Yield a function that takes the number of further records; it moves a bar on a terminal, logs lines elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("structures"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())
    task = bar.add_task("structures", total=total, completed=done)
    started = last = time.monotonic()
    first = done

    def advance(more: int) -> None:
        nonlocal done, last
        done += more
        bar.advance(task, more)
        now = time.monotonic()
        if bar.disable and (now - last > SECONDS_BETWEEN_LINES or done == total):
            last = now
            rate = (done - first) / max(now - started, 1e-3)
            end = datetime.now() + timedelta(seconds=(total - done) / rate)
            logger.info("%d of %d structures, %.3g/s, end about %s", done, total, rate, f"{end:%a %H:%M}")

    with bar:
        yield advance
