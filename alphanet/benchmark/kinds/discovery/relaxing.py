"""Relaxations here: all predictions of a row, or a sample of published ones that is relaxed anew."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds.discovery.card import DiscoveryRow, RelaxationSettings
from alphanet.benchmark.kinds.discovery.files import published_predictions
from alphanet.errors import UserError
from alphanet.measure.discovery.compare import Comparison, compare_predictions
from alphanet.measure.discovery.files import read_columns
from alphanet.measure.discovery.tables import predicted_column
from alphanet.potentials.forms import file_label
from alphanet.potentials.specification import specified

if TYPE_CHECKING:
    from alphanet.measure.relaxation.campaign import Campaign
    from alphanet.measure.relaxation.prediction import RelaxationResult


def campaign_of(row: DiscoveryRow, options: RunOptions, folder: Path) -> "Campaign":
    """The relaxations of a row in its folder; a published row is relaxed as its published entry was.

    Raises:
        UserError: the structures are not here or cannot be read, or the model cannot be relaxed.
    """
    from alphanet.measure.relaxation.campaign import Campaign
    from alphanet.measure.relaxation.job import Job
    from alphanet.measure.relaxation.prediction import numbers_of_sites
    from alphanet.measure.relaxation.protocol import protocol_of, settings_of
    from alphanet.measure.relaxation.sampling import sample
    from alphanet.measure.relaxation.structures import initial_structures
    from alphanet.potentials.opening import LoadOptions

    if specified(row.model).kind == "random":
        raise UserError(f"{row.model} comes without weights: relax with its file, as a model of `bench wbm`")
    settings = row.relaxation or RelaxationSettings()
    loading = LoadOptions(
        dtype=settings.dtype or settings_of(row.model).dtype,
        device=options.device,
        threads=options.threads if options.threads > 1 else None,  # a single one is every worker's own choice
        config=settings.config,
        trust=settings.trust,
    )
    protocol = protocol_of(row.model, fmax=settings.fmax, max_steps=settings.steps)
    job = Job(row.model, loading, protocol, settings.engine, settings.batch_size)
    structures = initial_structures(None if options.structures is None else Path(options.structures))
    ids: Iterable[str] = structures
    if options.relax is not None:
        ids = sample(ids, options.relax, options.seed, numbers_of_sites(options.truth))
    return Campaign(job, structures, tuple(ids), folder)


def relax(row: DiscoveryRow, options: RunOptions, folder: Path) -> tuple["RelaxationResult", "Campaign"]:
    """Relax what has no record yet, and score it if the labels are here.

    Raises:
        UserError: see `campaign_of`, and `alphanet.measure.relaxation.prediction.predict`.
    """
    from alphanet.measure.relaxation.prediction import predict

    campaign = campaign_of(row, options, folder)
    result = predict(campaign, options.cluster, options.references, options.truth, restart=options.restart)
    if row.relaxation is not None and row.relaxation.geometry is not None:
        from alphanet.measure.relaxation.geometry import compare_geometries

        result.summary.geometry = compare_geometries(campaign, row.relaxation.geometry)
    return result, campaign


def relaxed_anew(row: DiscoveryRow, options: RunOptions, folder: Path) -> Comparison:
    """Differences of a sample that is relaxed here from the published predictions.

    Raises:
        UserError: the row cannot be relaxed here, or there is nothing to compare.
    """
    published = published_predictions(row.source, options)
    result, campaign = relax(row, options, folder)
    ours = _formation_energies(result, campaign)
    column, _ = predicted_column(published, None)
    theirs: Mapping[str, float] = read_columns(published, [column])[column].to_dict()
    return compare_predictions(ours, theirs)


def _formation_energies(result: "RelaxationResult", campaign: "Campaign") -> dict[str, float]:
    """By id, eV/atom."""
    if result.summary.corrections is None:
        raise UserError(result.notes[0])
    column = f"e_form_per_atom_{file_label(campaign.job.model)}"
    values = read_columns(campaign.out / "predictions.csv.gz", [column])[column]
    return {str(identity): float(value) for identity, value in values.items()}
