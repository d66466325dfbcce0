"""The end of a training: errors on test and validation frames, parity plot, learning curve, `results.json`."""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ase import Atoms
from pydantic import JsonValue

from alphanet.benchmark.runner import this_process
from alphanet.data.labels import labels_of
from alphanet.data.own_stores import OwnFrames
from alphanet.data.prepare import PreparedData
from alphanet.data.statistics import fingerprint
from alphanet.data.store import FrameStore
from alphanet.errors import UserError
from alphanet.figures.learning import learning_figure, write_learning_csv
from alphanet.figures.parity import parity_figure, write_parity_csv
from alphanet.figures.style import figure_files
from alphanet.measure.accuracy import Accuracy
from alphanet.measure.accuracy import evaluate as evaluate_potential
from alphanet.potentials.kit.loop import METRICS
from alphanet.potentials.kit.loop.table import rows_of
from alphanet.potentials.opening import ALPHANET, LoadOptions, open_potential
from alphanet.provenance import where
from alphanet.report.trainings.tables import error_grid, settings_grid
from alphanet.results.facts import record_facts
from alphanet.results.records import Record
from alphanet.results.schema import RESULTS, BenchmarkResult, Curve, Figure, Grid, Point, read_result
from alphanet.training.fine_tuning import list_of, weights_of
from alphanet.training.folder import RunFolder, TrainingResult
from alphanet.training.settings import FineTuning

KIND = "training"
MILLI = 1e3
CURVES = (("energy_mae", "energy MAE", "meV/atom"), ("force_mae", "force MAE", "meV/Å"))
PARTS = (("train", "training"), ("valid", "validation"))

logger = logging.getLogger(__name__)


def evaluate_training(folder: Path, trained: TrainingResult, data: PreparedData | OwnFrames) -> BenchmarkResult:
    """Evaluate a finished training on its test and validation frames, and write figures and `results.json`.

    An earlier evaluation of the same weights on the same frames is kept.

    Args:
        folder: of the training.
        trained: its result.
        data: the stores; without test frames the validation frames stand alone.

    Returns:
        What `results.json` holds: a record for each split, tables, curves and figures.

    Raises:
        UserError: the weights cannot be loaded, or predict numbers that are not finite.
    """
    stores = stores_of(data)
    identities = {split: frames_identity(store) for split, store in stores.items()}
    before = earlier_evaluation(folder, trained, identities)
    if before is not None:
        return before
    logger.info("evaluating %s frames", " and ".join(stores))
    accuracies = errors_of(trained, trained.model, {split: FrameStore(store) for split, store in stores.items()})
    records = records_of(trained, accuracies, identities) + _before_and_after(trained, stores, identities)
    title = f"{trained.name} trained on {trained.settings['dataset']}"
    curves = learning_curves(folder, title)
    figures = []
    if learning_figure(folder / "learning", title, curves):
        write_learning_csv(folder / "learning.csv", curves)
        figures = [Figure(name="learning", title="Errors during the training", files=figure_files("learning", "csv"))]
    return write_evaluation(
        folder,
        trained,
        title,
        f"{trained.epochs} epochs, {trained.steps} steps, {trained.seconds:.0f} s.",
        accuracies,
        records,
        grids=(error_grid({title: records}), settings_grid(trained)),
        figures=figures,
        curves=curves,
    )


def write_evaluation(
    folder: Path,
    trained: TrainingResult,
    title: str,
    protocol: str,
    accuracies: Mapping[str, Accuracy],
    records: Sequence[Record],
    *,
    grids: tuple[Grid, ...],
    figures: Sequence[Figure] = (),
    curves: Sequence[Curve] = (),
    origins: Mapping[str, dict[str, str]] | None = None,
) -> BenchmarkResult:
    """Draw the parity of the predictions, and write and return the result, whose newest record is the last one."""
    samples = {split: accuracy.parity for split, accuracy in accuracies.items()}
    parity_figure(folder / "parity", title, samples)
    write_parity_csv(folder / "parity.csv", samples)
    parity = Figure(name="parity", title="Predicted against reference values", files=figure_files("parity", "csv"))
    result = BenchmarkResult(
        kind=KIND,
        name=folder.resolve().name,
        title=title,
        scale=str(trained.settings["scale"]),
        protocol=protocol,
        comparable=False,
        reason="a training on data of the user",
        when=records[-1].when,
        grids=grids,
        curves=tuple(curves),
        figures=(parity, *figures),
        records={record.id: record for record in records},
        origins={record.id: record_facts(record) for record in records} | dict(origins or {}),
        provenance=this_process(),
    )
    result.write(folder)
    return result


def stores_of(data: PreparedData | OwnFrames) -> dict[str, Path]:
    """The stores of the splits that a training is evaluated on."""
    return {"valid": data.valid} | ({} if data.test is None else {"test": data.test})


def frames_identity(store: Path) -> str:
    """A hash of the frames in a store and their labels, whatever their order."""
    prints = sorted(fingerprint(atoms, labels_of(atoms)) for atoms in FrameStore(store))
    return hashlib.sha256(repr(prints).encode()).hexdigest()[:16]


def learning_curves(folder: Path, row: str) -> list[Curve]:
    """Energy and force errors over epochs (meV/atom, meV/Å) of a training's log, of training and validation frames."""
    rows = rows_of(folder / METRICS)
    if not rows:
        return []
    last = rows[-1]
    per_epoch = last["step"] / last["epoch"] if last.get("epoch") and last.get("step") else 1.0
    curves = []
    for quantity, title, unit in CURVES:
        for prefix, part in PARTS:
            points = tuple(
                Point(x=values["step"] / per_epoch, y=MILLI * values[f"{prefix}_{quantity}"])
                for values in rows
                if f"{prefix}_{quantity}" in values
            )
            curves.append(
                Curve(row=row, quantity=f"{part} {quantity}", x_title="epoch", y_title=title, unit=unit, points=points)
            )
    return curves


def earlier_evaluation(folder: Path, trained: TrainingResult, identities: Mapping[str, str]) -> BenchmarkResult | None:
    """The result of an earlier evaluation of the same weights on the same frames."""
    if not (folder / RESULTS).is_file():
        return None
    try:
        result = read_result(folder / RESULTS)
    except UserError:
        return None
    records = {
        split: record
        for record in result.records.values()
        if (split := str(record.data.get("split"))) in identities  # others are of the weights before a fine-tuning
    }
    same = {split: record.data.get("frames") for split, record in records.items()} == dict(identities)
    return result if same and all(r.model.get("sha256") == trained.sha256 for r in records.values()) else None


def errors_of(
    trained: TrainingResult, weights: Path, frames: Mapping[str, Iterable[Atoms]], config: Path | None = None
) -> dict[str, Accuracy]:
    """Errors of weights of the trained kind, or of the committee in a folder, on sets of frames."""
    settings: Mapping[str, Any] = trained.settings
    ours = trained.name == ALPHANET
    name = str(weights) if ours or weights.is_dir() else f"{settings['baseline']}:{weights}"
    options = LoadOptions(
        dtype=settings["precision"],
        device=settings["device"],
        threads=settings["threads"],
        trust=not ours,
        config=config,
    )
    potential = open_potential(name, options)
    try:
        return {
            split: evaluate_potential(potential, of_split, batch_size=settings["batch_size"])
            for split, of_split in frames.items()
        }
    finally:
        potential.close()


def _before_and_after(
    trained: TrainingResult, stores: Mapping[str, Path], identities: Mapping[str, str]
) -> list[Record]:
    """Records of a fine-tuning: the old weights on the new frames, and both weights on frames of the old task."""
    if trained.settings.get("finetune") is None:
        return []
    start = FineTuning.model_validate(trained.settings["finetune"])
    split = "test" if "test" in stores else "valid"
    old = start.old or start.replay
    of_old: Mapping[str, Iterable[Atoms]] = {} if old is None else {"old": list_of(old)}
    if trained.name == ALPHANET:
        weights, config = weights_of(start)
    else:
        weights, config = RunFolder(trained.model.parent).start, None
    try:
        before = errors_of(trained, weights, {split: FrameStore(stores[split]), **of_old}, config)
    except UserError as error:  # elements that the old weights do not know
        logger.info("errors before the fine-tuning are not known: %s", error)
        before = errors_of(trained, weights, of_old, config) if of_old else {}
    logger.info("evaluating the weights before the fine-tuning")
    after = errors_of(trained, trained.model, of_old) if of_old else {}
    named = {f"{name}, before": accuracy for name, accuracy in before.items()} | after
    frames = {f"{name}, before": identities.get(name, name) for name in before}
    return records_of(trained, named, {**identities, **frames})


def records_of(
    trained: TrainingResult, accuracies: Mapping[str, Accuracy], identities: Mapping[str, str]
) -> list[Record]:
    """A record of the errors of each split; `identities` are those of the frames of all splits."""
    settings = trained.settings
    protocol: dict[str, JsonValue] = {
        "benchmark": KIND,
        "seed": settings["seed"],
        "precision": settings["precision"],
        "train_frames": trained.frames,
        "epochs": trained.epochs,
        "steps": trained.steps,
        "seconds": trained.seconds,
    }
    data: dict[str, JsonValue] = {
        "dataset": settings["dataset"],
        "test_frames": identities.get("test", identities["valid"]),
        "sources": dict(trained.sources),
    }
    return [
        Record(
            metrics=accuracy.metrics(),
            data={**data, "split": split, "frames": identities.get(split, split)},
            model={"name": trained.name, "sha256": trained.sha256, "parameters": trained.parameters},
            protocol=protocol,
            environment=where(),
        )
        for split, accuracy in accuracies.items()
    ]
