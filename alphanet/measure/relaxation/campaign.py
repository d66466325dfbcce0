"""A campaign: every structure relaxed once, wherever the command stops and starts again."""

import contextlib
import itertools
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from alphanet.errors import UserError
from alphanet.journal import Journal
from alphanet.measure.relaxation.cluster import Piece, ask_conditions, client_of, relax_pieces
from alphanet.measure.relaxation.job import Job
from alphanet.measure.relaxation.records import Conditions, Crystal, Header, RelaxationRecord
from alphanet.measure.relaxation.structures import Structures, natural
from alphanet.potentials.batches import LARGEST
from alphanet.potentials.forms import file_label
from alphanet.potentials.specification import specified
from alphanet.provenance import digest_of

if TYPE_CHECKING:
    from distributed import Client

logger = logging.getLogger(__name__)

LARGEST_PIECE = 10  # structures that one worker relaxes in one go; what a lost worker loses
PIECES_PER_WORKER = 8  # at least, so that all have work until the end
SECONDS_BETWEEN_LINES = 10.0
KNOWN_TO_WORKERS = tuple(Conditions.model_fields)
FREE = ("where", "when")  # fields of the header that may differ from one start to the next

RelaxationJournal = Journal[Header, RelaxationRecord]
Advance = Callable[[int], None]


@dataclass(frozen=True)
class Campaign:
    """Structures to relax, the job of relaxing them, and the folder of their records."""

    job: Job
    structures: Structures
    ids: tuple[str, ...]
    out: Path

    @property
    def path(self) -> Path:
        """The journal's file."""
        return self.out / "relaxations.jsonl"

    def header(self, conditions: Conditions | None = None) -> Header:
        """The header of this campaign's journal, with the conditions on its workers if they are known.

        Raises:
            UserError: no ids, an id that is there twice, or one that no structure has.
        """
        ordered = sorted(self.ids, key=natural)
        if not ordered:
            raise UserError("there are no structures to relax")
        if repeated := [one for one, following in itertools.pairwise(ordered) if one == following]:
            raise UserError(f"{len(repeated)} ids are there more than once, first {repeated[0]}")
        if missing := sorted(set(ordered) - set(self.structures), key=natural):
            raise UserError(f"there is no structure {missing[0]} ({len(missing)} of {len(ordered)} ids have none)")
        return Header(
            potential=file_label(self.job.model),
            dtype=self.job.options.dtype or specified(self.job.model).usual_dtype,
            device=self.job.options.device.partition(":")[0],
            engine=self.job.engine,
            protocol=self.job.protocol.described(),
            structures=digest_of(ordered),
            **dict(conditions or Conditions()),
        )

    def journal(self) -> RelaxationJournal | None:
        """The records on disk; None if there is no file.

        Raises:
            UserError: the file is damaged or belongs to another campaign, or a structure has two records or is none of
                this campaign's.
        """
        if not self.path.exists():
            return None
        journal = Journal(self.path, self.header(), RelaxationRecord, free=(*KNOWN_TO_WORKERS, *FREE))
        known, recorded = set(self.ids), set[str]()
        for record in journal.entries:
            if record.id in recorded:
                raise UserError(f"{self.path} has two records of {record.id}; remove one of the lines")
            if record.id not in known:
                raise UserError(f"{self.path} has a record of {record.id}, which is no structure of this campaign")
            recorded.add(record.id)
        return journal

    def records(self) -> list[RelaxationRecord]:
        """The records of all structures, in the order in which they were written.

        Raises:
            UserError: see `journal`; or there is a structure without a record.
        """
        journal = self.journal()
        records = journal.entries if journal else []
        if missing := len(self.ids) - len(records):
            raise UserError(f"{self.path} lacks {missing} of its {len(self.ids)} records; run the command again")
        return records


def run(campaign: Campaign, cluster: str, *, restart: bool = False) -> RelaxationJournal:
    """Relax what has no record yet.

    Args:
        campaign: what to do.
        cluster: see `alphanet.measure.relaxation.cluster.client_of`.
        restart: relax everything anew.

    Returns:
        The journal, with a record of every structure.

    Raises:
        UserError: the folder holds records of another campaign or other conditions; no structure can be relaxed as
            asked; the cluster is gone; the disk is full. Finished relaxations are kept in each case.
    """
    campaign.header()  # mistakes in the ids show before a cluster starts
    if restart:
        campaign.path.unlink(missing_ok=True)
    journal = campaign.journal()
    recorded = {record.id for record in journal.entries} if journal else set()
    left = sorted(set(campaign.ids) - recorded, key=natural)
    total, done = len(campaign.ids), len(recorded)
    if done:
        logger.info("%s %d structures have their records in %s", f"{done} of" if left else "all", total, campaign.out)
    if journal and not left:
        return journal
    with client_of(cluster, campaign.job.options.threads) as client, _progress(done, total) as advance:
        return _relax(campaign, client, left, advance)


def _relax(campaign: Campaign, client: "Client", left: Sequence[str], advance: Advance) -> RelaxationJournal:
    conditions = ask_conditions(client, campaign.job)

    def begin_or_resume() -> RelaxationJournal:
        return Journal(campaign.path, campaign.header(conditions), RelaxationRecord, free=FREE)

    # A new journal is begun with the first records: only then it is known that something can be relaxed.
    journal = begin_or_resume() if campaign.path.exists() else None
    pieces = _pieces(campaign.structures, left, _piece_size(campaign.job, client, len(left)))
    for records in relax_pieces(client, campaign.job, conditions.digest, pieces):
        journal = journal or begin_or_resume()
        journal.extend(records)
        advance(len(records))
    assert journal is not None  # there was something left
    return journal


def _piece_size(job: Job, client: "Client", structures: int) -> int:
    workers = max(1, sum(int(threads) for threads in client.nthreads().values()))
    batch = LARGEST if job.batch == "auto" else job.batch
    largest = LARGEST_PIECE if job.engine == "ase" else 2 * batch
    return max(1, min(largest, -(-structures // (PIECES_PER_WORKER * workers))))


def _pieces(structures: Structures, ids: Sequence[str], size: int) -> Iterator[Piece]:
    for first in range(0, len(ids), size):
        yield {identity: Crystal.of(structures[identity]) for identity in ids[first : first + size]}


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
