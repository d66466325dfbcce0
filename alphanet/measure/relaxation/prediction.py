"""From a campaign's records to predictions of formation energies, and their score if the labels are here."""

import gzip
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, JsonValue

from alphanet.errors import UserError
from alphanet.files import atomic_path, write_text
from alphanet.measure.relaxation.campaign import Campaign, run
from alphanet.measure.relaxation.energies import Corrections, formation_energy, read_references
from alphanet.measure.relaxation.protocol import settings_of
from alphanet.measure.relaxation.records import RelaxationRecord
from alphanet.measure.relaxation.structures import REFERENCES, SUMMARY, natural, published
from alphanet.potentials.forms import file_label

if TYPE_CHECKING:
    import pandas as pd

    from alphanet.measure.discovery.wbm import Wbm

Formation = Callable[[RelaxationRecord], float]

CORRECTION = "e_correction_per_atom_mp2020"  # column of the published summary, eV/atom
SITES = "n_sites"
FETCH = "alphanet data fetch wbm --scale full"
COLUMNS = ("energy", "energy_per_atom", "n_sites", "steps", "fmax", "volume_ratio", "seconds", "status", "reason")
LISTED_REASONS = 10


class RelaxationSummary(BaseModel):
    """Counts of a campaign, and the time that it took."""

    structures: int
    converged: int
    unconverged: int
    failed: int
    flags: dict[str, int]
    reasons: dict[str, int]
    """The most frequent kinds of failures"""
    steps: int
    seconds: float
    """Of all structures"""
    median_seconds: float
    conditions: dict[str, JsonValue] = {}
    """See `alphanet.measure.relaxation.records.Header`"""
    corrections: str | None = None
    """Source of the corrections; None if there are no formation energies"""
    geometry: dict[str, float | int] | None = None
    """See `alphanet.measure.relaxation.geometry.summary`"""

    def facts(self) -> dict[str, JsonValue]:
        """The fields that are known, as plain JSON."""
        return self.model_dump(mode="json", exclude_none=True)


@dataclass
class RelaxationResult:
    """Outcome of a campaign."""

    summary: RelaxationSummary
    scored: "Wbm | None" = None
    """Predictions beside their labels; None if one of them is missing"""
    notes: list[str] = field(default_factory=list)
    """Missing files, and how to get them"""


def predict(
    campaign: Campaign,
    cluster: str,
    references: Path | None = None,
    truth: Path | None = None,
    *,
    restart: bool = False,
) -> RelaxationResult:
    """Relax, and join with the labels; writes predictions.csv.gz and summary.json.

    Args:
        campaign: what is relaxed.
        cluster: where, see `alphanet.measure.relaxation.cluster.client_of`.
        references: the elemental reference entries; None: the published ones, if they are on this machine.
        truth: DFT labels, and the corrections; None: the published summary, if it is on this machine.
        restart: relax everything anew.

    Raises:
        UserError: see `run`; a file of the user's cannot be read.
    """
    labels, elements = truth or published(SUMMARY), references or published(REFERENCES)
    # Mistakes in files of the user's are said before hours of relaxing.
    energies = read_references(elements) if elements else None
    corrections = Corrections(_column(labels, CORRECTION), included=settings_of(campaign.job.model).corrected)
    journal = run(campaign, cluster, restart=restart)
    column = f"e_form_per_atom_{file_label(campaign.job.model)}"
    formation = formation_of(energies, corrections) if energies else None
    table = table_of(journal.entries, column, formation)
    predictions = campaign.out / "predictions.csv.gz"
    write_table(predictions, table)
    result = RelaxationResult(summary_of(table))
    result.summary.conditions = journal.header.facts()
    if formation is None:
        result.notes.append(
            f"no formation energies: the MP elemental reference entries are not here; fetch them ({FETCH})"
        )
    elif labels is None:
        result.notes.append(
            f"no score: the published WBM summary is not here; fetch it ({FETCH})"
            " or name a file with its columns as the truth"
        )
    else:
        from alphanet.measure.discovery.wbm import read_wbm

        try:
            result.scored = read_wbm(predictions, labels, column).only(campaign.ids)
        except UserError as error:
            result.notes.append(f"no score: {error}")
    if formation is not None:
        result.summary.corrections = corrections.source()
    write_text(campaign.out / "summary.json", result.summary.model_dump_json(indent=2, exclude_none=True) + "\n")
    return result


def formation_of(references: Mapping[str, float], corrections: Corrections) -> Formation:
    """A function that gives the formation energy (eV/atom) of a relaxed structure."""

    def formation(record: RelaxationRecord) -> float:
        assert record.structure is not None and record.energy is not None  # it is no failure
        corrected = record.energy + corrections.correction(record.id, record.structure.atoms())
        return formation_energy(record.structure.numbers, corrected, references)

    return formation


def table_of(records: Iterable[RelaxationRecord], column: str, formation: Formation | None) -> "pd.DataFrame":
    """A row a structure, by `material_id`; `column` holds the formation energy (eV/atom) if `formation` is given."""
    import pandas as pd

    rows: dict[str, tuple[Any, ...]] = {}
    for record in records:
        energy = formation(record) if formation and record.status != "failed" else np.nan
        rows[record.id] = (energy, *(getattr(record, name) for name in COLUMNS), ";".join(record.flags))
    ids = sorted(rows, key=natural)
    index = pd.Index(ids, name="material_id")
    table = pd.DataFrame([rows[one] for one in ids], columns=[column, *COLUMNS, "flags"], index=index)
    # A failure's energy is that of its last sound step, which is no prediction.
    table.loc[table["status"] == "failed", ["energy", "energy_per_atom"]] = np.nan
    return table if formation else table.drop(columns=column)


def write_table(path: Path, table: "pd.DataFrame") -> None:
    """Write `table` as CSV, packed with gzip; the same table gives the same bytes."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(gzip.compress(table.to_csv().encode(), compresslevel=6, mtime=0))


def summary_of(table: "pd.DataFrame") -> RelaxationSummary:
    """Counts of a table of predictions, and its seconds in all and of the middle structure."""
    status = Counter(table["status"])
    flags = Counter(flag for text in table["flags"] for flag in text.split(";") if flag)
    return RelaxationSummary(
        structures=len(table),
        converged=status["converged"],
        unconverged=status["unconverged"],
        failed=status["failed"],
        flags=dict(sorted(flags.items())),
        reasons=dict(Counter(_kind(text) for text in table["reason"].dropna()).most_common(LISTED_REASONS)),
        steps=int(table["steps"].fillna(0).sum()),
        seconds=round(float(table["seconds"].sum()), 3),
        median_seconds=round(float(table["seconds"].median()), 4),
    )


def numbers_of_sites(truth: Path | None) -> Mapping[str, int]:
    """Numbers of sites by id, from the labels; empty if they are not on this machine or do not say."""
    return {identity: int(value) for identity, value in _column(truth or published(SUMMARY), SITES).items()}


def _column(path: Path | None, column: str) -> dict[str, float]:
    """A column of the labels by id, where it is known."""
    from alphanet.measure.discovery.files import columns_of, read_columns

    if path is None or column not in columns_of(path):
        return {}
    values = read_columns(path, [column])[column].dropna()
    return dict(zip(values.index.astype(str), values.astype(float), strict=True))


def _kind(reason: str) -> str:
    """The beginning of a reason that says something, so that equal ones are counted together."""
    parts = reason.split(": ")
    return parts[0] if parts[0] in ("diverged", "atoms overlap") else next((one for one in parts if " " in one), reason)
