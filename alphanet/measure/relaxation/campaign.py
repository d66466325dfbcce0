"""A whole run: every structure relaxed once, wherever the command stops and starts again."""

import logging
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphanet.errors import UserError
from alphanet.measure.relaxation.cluster import client_of
from alphanet.measure.relaxation.crystals import packed
from alphanet.measure.relaxation.job import Job, digest
from alphanet.measure.relaxation.progress import progress
from alphanet.measure.relaxation.records import RecordFile
from alphanet.measure.relaxation.settings import label
from alphanet.measure.relaxation.shards import Shard, shards
from alphanet.measure.relaxation.structures import Structures
from alphanet.provenance import utc_now, where

if TYPE_CHECKING:
    from distributed import Client

    from alphanet.measure.relaxation.dispatch import Answer, Piece

logger = logging.getLogger(__name__)

MOST_OF_A_PIECE = 10  # structures that one worker relaxes in one go; what a lost worker loses
PIECES_PER_WORKER = 8  # at least, so that all have work until the end


@dataclass(frozen=True)
class Campaign:
    """What is relaxed, with what, and where the records go."""

    job: Job
    structures: Structures
    ids: tuple[str, ...]
    out: Path

    def shards(self) -> list[Shard]:
        """Shards of this run.

        Raises:
            UserError: see `alphanet.measure.relaxation.shards.shards`.
        """
        how = self.job.how
        asked = {
            "name": label(self.job.model),
            "engine": self.job.engine,
            "dtype": how.dtype,
            "device": how.device.partition(":")[0],
        }
        return shards(asked, self.job.protocol.digest, self.ids)

    def file(self, shard: Shard) -> RecordFile:
        """Where the records of `shard` are."""
        return RecordFile(self.out / "shards" / shard.file_name)


def run(campaign: Campaign, cluster: str, *, restart: bool = False) -> list[Shard]:
    """Relax what has no record yet.

    Args:
        campaign: what to do.
        cluster: see `alphanet.measure.relaxation.cluster.client_of`.
        restart: relax everything anew.

    Returns:
        The shards, whose files are complete now.

    Raises:
        UserError: the folder holds another run or records made under other conditions; no structure can be relaxed as
            asked; the cluster is gone; the disk is full. What is relaxed is kept in each case.
    """
    if restart:
        shutil.rmtree(campaign.out / "shards", ignore_errors=True)
    parts = campaign.shards()
    require_same_run(campaign, parts)
    left = {shard: missing for shard in parts if (missing := _missing(campaign, shard))}
    total, waiting = len(campaign.ids), sum(map(len, left.values()))
    if not waiting:
        logger.info(f"all {total} structures have their records in {campaign.out}")
        return parts
    if waiting < total:
        logger.info(f"{total - waiting} of {total} structures have their records in {campaign.out}")
    with client_of(cluster, campaign.job.how.threads) as client, progress(total - waiting, total) as advance:
        _relax(campaign, client, left, advance)
    return parts


def require_same_run(campaign: Campaign, parts: Iterable[Shard]) -> None:
    """Raise UserError where the folder holds records of another run, or a file that is none of this one's."""
    known = {shard.file_name: shard for shard in parts}
    for path in sorted((campaign.out / "shards").glob("*.jsonl")):
        header = RecordFile(path).header()
        if header is None:
            continue
        if path.name not in known or header.get("run") != known[path.name].run:
            raise UserError(
                f"{path} belongs to a run of another model, protocol or choice of structures; "
                "use another folder, or restart to relax anew"
            )


def _relax(
    campaign: Campaign, client: "Client", left: Mapping[Shard, list[str]], advance: Callable[[int], None]
) -> None:
    from alphanet.measure.relaxation.dispatch import ask_conditions, dispatch

    found = ask_conditions(client, campaign.job)
    made = digest(found)
    for shard in left:
        _require_same_conditions(campaign.file(shard), found)
    pieces = _pieces(campaign, left, _piece_size(campaign, client, left))
    for answer in dispatch(client, campaign.job, pieces):
        _require_alike(answer, made)
        file = campaign.file(answer.shard)
        file.start(_header(campaign, answer.shard, found))
        file.add(answer.records)
        advance(len(answer.records))


def _missing(campaign: Campaign, shard: Shard) -> list[str]:
    """Ids of `shard` that have no record yet."""
    there = {record["id"] for record in campaign.file(shard).records()}
    return [one for one in shard.ids if one not in there]


def _piece_size(campaign: Campaign, client: "Client", left: Mapping[Shard, list[str]]) -> int:
    workers = max(1, sum(client.nthreads().values()))
    even = -(-sum(map(len, left.values())) // (PIECES_PER_WORKER * workers))
    if campaign.job.engine == "ase":
        return max(1, min(MOST_OF_A_PIECE, even))
    return max(1, min(2 * campaign.job.batch, even))


def _pieces(campaign: Campaign, left: Mapping[Shard, list[str]], size: int) -> Iterator["Piece"]:
    from alphanet.measure.relaxation.dispatch import Piece

    for shard, ids in left.items():
        for first in range(0, len(ids), size):
            atoms = campaign.structures.load(ids[first : first + size])
            yield Piece(shard, {one: packed(structure) for one, structure in atoms.items()})


def _header(campaign: Campaign, shard: Shard, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "run": shard.run,
        "shard": shard.number,
        "structures": len(shard.ids),
        "conditions": found,
        "protocol": campaign.job.protocol.digest,
        "where": where(),
        "when": utc_now(),
    }


def _require_same_conditions(file: RecordFile, found: Mapping[str, Any]) -> None:
    header = file.header()
    if header is None:
        return
    before = header["conditions"]
    different = [key for key in found if before.get(key) != found[key]]
    if different:
        raise UserError(
            f"{file.path} was made with other {', '.join(different)} ({_differences(before, found, different)}); "
            "records of both must not be mixed: use another folder, or restart to relax anew"
        )


def _require_alike(answer: "Answer", made: str) -> None:
    if answer.conditions is not None and answer.conditions != made:
        raise UserError(
            "the workers of the cluster differ in model, versions or kind of GPU, and their records must not be mixed; "
            "give all of them the same environment"
        )


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], keys: Iterable[str]) -> str:
    """The first value that differs, by its path."""
    for key in keys:
        one, other = before.get(key), now.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            inner = [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]
            return f"{key}: {_differences(one, other, inner)}"
        return f"{key} {one} then, {other} now"
    return ""
