"""From the files of all shards to one table of predictions and a summary."""

import gzip
import io
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alphanet.errors import UserError
from alphanet.files import atomic_path
from alphanet.measure.relaxation.crystals import unpacked
from alphanet.measure.relaxation.energies import Corrections, formation_energy
from alphanet.measure.relaxation.job import digest
from alphanet.measure.relaxation.records import Record, RecordFile
from alphanet.measure.relaxation.shards import Shard

if TYPE_CHECKING:
    import pandas as pd

Formation = Callable[[Record], float]

COLUMNS = ("energy", "energy_per_atom", "n_sites", "steps", "fmax", "volume_ratio", "seconds", "status", "reason")


def records_of(shards: Iterable[Shard], folder: Path) -> Iterable[Record]:
    """Every structure's record, in the order of the shards.

    Raises:
        UserError: a file is missing or damaged; files were made under different conditions or by other runs; a
            structure has two records, none, or one in the wrong file.
    """
    first: tuple[Path, str] | None = None
    for shard in shards:
        file = RecordFile(folder / shard.file_name)
        header = file.header()
        if header is None:
            raise UserError(f"{file.path} is missing; the command that made the others goes on with it")
        if header.get("run") != shard.run:
            raise UserError(f"{file.path} belongs to a run of another model, protocol or choice of structures")
        made = digest(header["conditions"])
        first = first or (file.path, made)
        if made != first[1]:
            raise UserError(f"{first[0]} and {file.path} were made with different versions, models or hardware")
        yield from _checked(file, shard)


def formation_of(references: dict[str, float], corrections: Corrections) -> Formation:
    """A function that gives the formation energy (eV/atom) of a record's structure."""

    def formation(record: Record) -> float:
        atoms = unpacked(record["structure"])
        corrected = record["energy"] + corrections.correction(record["id"], atoms)
        return formation_energy(record["structure"]["numbers"], corrected, references)

    return formation


def table_of(records: Iterable[Record], column: str, formation: Formation | None) -> "pd.DataFrame":
    """A row a structure, by `material_id`; `column` holds the formation energy, where it can be computed (eV/atom)."""
    import pandas as pd

    ids: list[str] = []
    rows: list[tuple[Any, ...]] = []
    energies: list[float] = []
    for record in records:
        ids.append(record["id"])
        rows.append((*(record[name] for name in COLUMNS), ";".join(record["flags"])))
        energies.append(formation(record) if formation and record["status"] != "failed" else np.nan)
    table = pd.DataFrame(rows, columns=[*COLUMNS, "flags"], index=pd.Index(ids, name="material_id"))
    # What a failure had reached is no prediction.
    table.loc[table["status"] == "failed", ["energy", "energy_per_atom"]] = np.nan
    if formation:
        table.insert(0, column, energies)
    return table


def write_table(path: Path, table: "pd.DataFrame") -> None:
    """Write `table` as CSV, packed with gzip; the same table gives the same bytes."""
    with (
        atomic_path(path) as temporary,
        temporary.open("wb") as stream,
        # Neither time nor temporary name may stand in the file.
        gzip.GzipFile(filename="", fileobj=stream, mode="wb", compresslevel=6, mtime=0) as compressed,
        io.TextIOWrapper(compressed, encoding="utf-8", newline="\n") as text,
    ):
        table.to_csv(text)


def summary_of(table: "pd.DataFrame") -> dict[str, Any]:
    """Counts, and what the relaxations took: steps, seconds in all and for the middle structure."""
    status = Counter(table["status"])
    flags = Counter(flag for text in table["flags"] for flag in text.split(";") if flag)
    return {
        "structures": len(table),
        **{name: status.get(name, 0) for name in ("converged", "unconverged", "failed")},
        "flags": dict(sorted(flags.items())),
        "reasons": dict(Counter(_kind(text) for text in table["reason"].dropna()).most_common(10)),
        "steps": int(table["steps"].fillna(0).sum()),
        "seconds": round(float(table["seconds"].sum()), 3),
        "median_seconds": round(float(table["seconds"].median()), 4),
    }


def _checked(file: RecordFile, shard: Shard) -> list[Record]:
    found: dict[str, Record] = {}
    for record in file.records():
        if record["id"] in found:
            raise UserError(f"{file.path} has two records of {record['id']}; remove one of the lines")
        found[record["id"]] = record
    strange, missing = found.keys() - set(shard.ids), set(shard.ids) - found.keys()
    if strange:
        raise UserError(f"{file.path} has a record of {min(strange)}, which is no structure of this shard")
    if missing:
        raise UserError(f"{file.path} lacks {len(missing)} of its {len(shard.ids)} records; run the command again")
    return [found[one] for one in shard.ids]


def _kind(reason: str) -> str:
    """The beginning of a reason that says something, so that equal ones are counted together."""
    parts = reason.split(": ")
    return parts[0] if parts[0] in ("diverged", "atoms overlap") else next((one for one in parts if " " in one), reason)
