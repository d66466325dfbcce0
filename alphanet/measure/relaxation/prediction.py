"""From a campaign's records to predictions of formation energies, and their score where the labels are here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphanet.errors import UserError
from alphanet.files import write_text
from alphanet.measure.relaxation.campaign import Campaign, run
from alphanet.measure.relaxation.energies import Corrections, read_references
from alphanet.measure.relaxation.merging import formation_of, records_of, summary_of, table_of, write_table
from alphanet.measure.relaxation.records import RecordFile
from alphanet.measure.relaxation.settings import label, settings_of
from alphanet.measure.relaxation.structures import REFERENCES, SUMMARY, published

if TYPE_CHECKING:
    from alphanet.measure.discovery.wbm import Wbm

CORRECTION = "e_correction_per_atom_mp2020"  # column of the published summary, eV/atom
SITES = "n_sites"
FETCH = "alphanet data fetch wbm --scale full"


@dataclass
class Made:
    """What a campaign led to."""

    summary: dict[str, Any]
    scored: "Wbm | None" = None
    scores: list[dict[str, Any]] = field(default_factory=list)
    """Metrics of the full set and of the unique prototypes, where the labels say which they are"""
    notes: list[str] = field(default_factory=list)
    """What is not there, and what to do about it"""

    def metrics(self) -> dict[str, Any] | None:
        """The scores as one object: those of the full set, others by name in `subsets`."""
        if not self.scores:
            return None
        first, *others = self.scores
        return {**first, **({"subsets": {one["subset"]: one for one in others}} if others else {})}


def predict(
    campaign: Campaign,
    cluster: str,
    references: Path | None = None,
    truth: Path | None = None,
    *,
    restart: bool = False,
) -> Made:
    """Relax, merge and score; writes predictions.csv.gz, summary.json and, with labels, metrics.json.

    Args:
        campaign: what is relaxed.
        cluster: where, see `alphanet.measure.relaxation.cluster.client_of`.
        references: the elemental reference entries; none: the published ones, where they are on this machine.
        truth: DFT labels, and the corrections; none: the published summary, where it is on this machine.
        restart: relax everything anew.

    Raises:
        UserError: see `run`; a file of the user's cannot be read.
    """
    labels, elements = truth or published(SUMMARY), references or published(REFERENCES)
    # Mistakes in files of the user's are said before hours of relaxing.
    known = read_references(elements) if elements else None
    corrections = Corrections(_column(labels, CORRECTION), included=settings_of(campaign.job.model).corrected)
    shards = run(campaign, cluster, restart=restart)
    column = f"e_form_per_atom_{label(campaign.job.model)}"
    formation = formation_of(known, corrections) if known else None
    table = table_of(records_of(shards, campaign.out / "shards"), column, formation)
    predictions = campaign.out / "predictions.csv.gz"
    write_table(predictions, table)
    header = RecordFile(campaign.out / "shards" / shards[0].file_name).header() or {}
    made = Made({**summary_of(table), "conditions": header.get("conditions"), "run": shards[0].run})
    if formation is None:
        made.notes.append(
            f"no formation energies: the MP elemental reference entries are not here; fetch them ({FETCH})"
        )
    else:
        made.summary["corrections"] = corrections.source()
    write_text(campaign.out / "summary.json", json.dumps(made.summary, indent=2) + "\n")
    if formation is not None and labels is None:
        made.notes.append(
            f"no score: the published WBM summary is not here; fetch it ({FETCH})"
            " or name a file with its columns as the truth"
        )
    elif formation is not None:
        _score(made, campaign, predictions, labels, column)
    return made


def numbers_of_sites(truth: Path | None) -> Mapping[str, int]:
    """Numbers of sites by id, from the labels; nothing where they are not on this machine or do not say."""
    found = _column(truth or published(SUMMARY), SITES)
    return {identity: int(value) for identity, value in found.items()}


def _column(path: Path | None, column: str) -> dict[str, float]:
    """A column of the labels by id, where it is known."""
    from alphanet.measure.discovery.files import columns_of, read_columns

    if path is None or column not in columns_of(path):
        return {}
    values = read_columns(path, [column])[column].dropna()
    return dict(zip(values.index.astype(str), values.astype(float), strict=True))


def _score(made: Made, campaign: Campaign, predictions: Path, labels: Path | None, column: str) -> None:
    """The leaderboard's metrics of the structures that were relaxed, into metrics.json."""
    from alphanet.measure.discovery.wbm import read_wbm

    try:
        scored = read_wbm(predictions, labels, column).only(campaign.ids)
    except UserError as error:
        made.notes.append(f"no score: {error}")
        return
    made.scored = scored
    made.scores = [scored.score(subset) for subset in ("full", "unique") if subset in scored.available()]
    write_text(campaign.out / "metrics.json", json.dumps(made.metrics(), indent=2) + "\n")
