"""The end of a committee's training: errors of its mean, its spread against them, figures, `results.json`."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

from alphanet.data.own_stores import OwnFrames
from alphanet.data.prepare import PreparedData
from alphanet.data.store import FrameStore
from alphanet.figures.calibration import calibration_figure
from alphanet.figures.style import figure_files
from alphanet.report.trainings.evaluation import (
    earlier_evaluation,
    errors_of,
    evaluate_training,
    frames_identity,
    records_of,
    stores_of,
    write_evaluation,
)
from alphanet.report.trainings.tables import calibration_grid, error_grid, settings_grid
from alphanet.results.schema import BenchmarkResult, Figure
from alphanet.training.folder import TrainingResult

logger = logging.getLogger(__name__)


def evaluate_committee(
    folder: Path, members: Sequence[TrainingResult], data: PreparedData | OwnFrames
) -> BenchmarkResult:
    """Evaluate the members and their mean on test and validation frames; write figures and `results.json` of the mean.

    Args:
        folder: of the committee, which holds those of the members.
        members: their results.
        data: the stores; without test frames the validation frames stand alone.

    Returns:
        What `results.json` holds: a record of each split, tables of errors and of the calibration, figures.

    Raises:
        UserError: weights cannot be loaded, or predict numbers that are not finite.
    """
    of_members = {member.model.parent.name: evaluate_training(member.model.parent, member, data) for member in members}
    stores = stores_of(data)
    identities = {split: frames_identity(store) for split, store in stores.items()}
    trained = _as_one(folder, members)
    before = earlier_evaluation(folder, trained, identities)
    if before is not None:
        return before
    logger.info("evaluating the committee")
    accuracies = errors_of(trained, folder, {split: FrameStore(store) for split, store in stores.items()})
    records = records_of(trained, accuracies, identities)
    title = f"Committee of {len(members)} {trained.name} trained on {trained.settings['dataset']}"
    figures = []
    calibration = list(accuracies.values())[-1].calibration  # of the test frames, if there are any
    if calibration is not None and calibration_figure(folder / "calibration", title, calibration):
        figures = [Figure(name="calibration", title="Spread against errors", files=figure_files("calibration"))]
    rows = {"committee": records} | {name: [*result.records.values()] for name, result in of_members.items()}
    return write_evaluation(
        folder,
        trained,
        title,
        f"{len(members)} trainings with seeds of their own, {trained.seconds:.0f} s.",
        accuracies,
        records,
        grids=(error_grid(rows), calibration_grid(records), settings_grid(trained)),
        figures=figures,
        origins={key: facts for result in of_members.values() for key, facts in result.origins.items()},
    )


def _as_one(folder: Path, members: Sequence[TrainingResult]) -> TrainingResult:
    """The result of the first member with the weights, parameters and seconds of all."""
    digests = " ".join(member.sha256 for member in members)
    return members[0].model_copy(
        update={
            "model": folder,
            "sha256": hashlib.sha256(digests.encode()).hexdigest(),
            "parameters": sum(member.parameters for member in members),
            "seconds": sum(member.seconds for member in members),
        }
    )
