"""Relax a sample of WBM anew with the potentials of a table, and compare with their published predictions."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alphanet.errors import UserError
from alphanet.measure.discovery_files import read_columns
from alphanet.measure.discovery_tables import predicted_column
from alphanet.measure.relaxation.campaign import Campaign
from alphanet.measure.relaxation.job import Job
from alphanet.measure.relaxation.prediction import numbers_of_sites, predict
from alphanet.measure.relaxation.sampling import sample
from alphanet.measure.relaxation.settings import label, protocol_of, settings_of
from alphanet.measure.relaxation.structures import initial_structures
from alphanet.measure.wbm_compare import compare_predictions
from alphanet.paper.discovery import Options, published_predictions
from alphanet.paper.discovery_cards import DiscoveryTable
from alphanet.potentials.opening import ALPHANET, Opening

FOLDER = "relaxed"  # in the table's; a campaign's folder a row
Report = Callable[[str], None]


@dataclass(frozen=True)
class Sample:
    """What is relaxed anew, and where."""

    count: int
    """Structures, drawn at random in the proportions of WBM's steps"""
    cluster: str = "local:1"
    seed: int = 0
    structures: Path | None = None  # none: the published ones
    references: Path | None = None  # none: the published ones


def relax_again(card: DiscoveryTable, options: Options, wanted: Sample, report: Report) -> dict[str, dict[str, Any]]:
    """For every row how far its predictions are from the published ones, structure by structure: is the wrapper right?

    Returns:
        By row what `Comparison.summary` says (eV/atom), or `reason`, why there is nothing to compare.

    Raises:
        UserError: the structures are not on this machine or cannot be read.
    """
    structures = initial_structures(wanted.structures)
    ids = tuple(sample(structures.ids, wanted.count, wanted.seed, numbers_of_sites(options.truth)))
    found: dict[str, dict[str, Any]] = {}
    for row in [name for name in card.rows if not options.models or name in options.models]:
        model = card.rows[row].model
        try:
            if model == ALPHANET:
                raise UserError("relax with its own file: alphanet bench wbm --model alphanet --alphanet FILE")
            published = published_predictions(card.rows[row].source, options)
            job = Job(model, Opening(settings_of(model).dtype), protocol_of(model, fmax=None, max_steps=None))
            campaign = Campaign(job, structures, ids, options.folder / FOLDER / label(model))
            ours = _formation_energies(campaign, options, wanted, report)
            column, _ = predicted_column(published, None)
            found[row] = compare_predictions(ours, read_columns(published, [column])[column].to_dict()).summary()
        except UserError as error:
            found[row] = {"reason": str(error)}
            report(f"{row}: not relaxed anew: {error}")
    return found


def _formation_energies(campaign: Campaign, options: Options, wanted: Sample, report: Report) -> dict[str, float]:
    """By id, eV/atom."""
    made = predict(campaign, wanted.cluster, report, wanted.references, options.truth)
    table, column = campaign.out / "predictions.csv.gz", f"e_form_per_atom_{label(campaign.job.model)}"
    if "corrections" not in made.summary:
        raise UserError(made.notes[0])
    values = read_columns(table, [column])[column]
    return {str(identity): float(value) for identity, value in values.items()}


def comparison_lines(found: dict[str, dict[str, Any]]) -> list[tuple[str, ...]]:
    """A line a row: structures, MAE and largest difference in meV/atom, how many within 1 and 10 meV/atom."""
    lines: list[tuple[str, ...]] = []
    for row, told in found.items():
        if "reason" in told:
            lines.append((row, "", "", "", "", "", told["reason"]))
            continue
        errors = (f"{1e3 * told['mae']:.2f}", f"{1e3 * told['largest']:+.2f}")
        close = (str(told["within_1_mev"]), str(told["within_10_mev"]))
        lines.append((row, str(told["n"]), *errors, *close, f"largest: {told['largest_id']}"))
    return lines
