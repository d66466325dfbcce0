"""`alphanet train`: train AlphaNet, or a baseline in its own environment, on files or on a data set."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from alphanet.cli import options as o
from alphanet.cli import process
from alphanet.cli.choices import DEFAULT_SCALE
from alphanet.cli.output import print_json, print_table, print_text, show_messages
from alphanet.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from alphanet.potentials.settings import BaselineSettings
    from alphanet.results.schema import BenchmarkResult
    from alphanet.training.config import AlphaNetSettings
    from alphanet.training.folder import TrainingResult
    from alphanet.training.run import TrainingData

logger = logging.getLogger(__name__)

EXAMPLES = """Examples:

alphanet train mine.extxyz --test test.extxyz epochs=200

alphanet train run1.traj run2.traj --group-by trajectory --model mace --dry-run

alphanet train --dataset formate epochs=20 loss.energy_weight=1

alphanet train mine.extxyz --from model.safetensors finetune.freeze=structure

alphanet train mine.extxyz --members 4 bootstrap=true

alphanet train settings.yaml --seed 1 --out runs/train/mine"""
CONFIGURATIONS = (".yaml", ".yml")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("train", epilog=EXAMPLES)(train)


def train(
    words: o.TrainWords = None,
    model: o.TrainedModel = "alphanet",
    dataset: o.Dataset = None,
    scale: o.Scale = None,
    start: o.StartFrom = None,
    config: o.ModelConfig = None,
    trust: o.Trust = False,
    valid: o.ValidFrames = None,
    test: o.TestFrames = None,
    split: o.SplitRule = None,
    group_by: o.GroupBy = None,
    split_seed: o.SplitSeed = None,
    energy_key: o.EnergyKey = None,
    forces_key: o.ForcesKey = None,
    stress_key: o.StressKey = None,
    virial_key: o.VirialKey = None,
    mirror: o.Mirror = None,
    seed: o.Seed = None,
    members: o.Members = None,
    restart: o.Restart = False,
    dry_run: o.DryRun = False,
    keys: o.Keys = False,
    epochs: o.Epochs = None,
    max_time: o.MaxTime = None,
    device: o.Device = "auto",
    dtype: o.Dtype = None,
    threads: o.Threads = None,
    out: o.OutFolder = None,
    as_json: o.AsJson = False,
) -> None:
    """Train AlphaNet or a baseline on FILES or a data set, and evaluate it on test frames.

    The same command resumes an interrupted training. The run goes to runs/train/[MODEL-]DATA-SCALE-seedN if --out is
    not given: weights, logs, errors on test frames, a parity plot and the learning curve. A committee (--members)
    has the folder of a run for each member, in one that ends in -committee; its spread is compared with its errors.
    """
    if keys:
        _print_keys(model, as_json=as_json)
        return
    from alphanet.training.api import default_folder, train_on, training_data

    if not process.is_first():
        show_messages(logging.WARNING)  # the first process does the talking
    values = o.given(
        epochs=epochs,
        seed=seed,
        device=None if device == "auto" else device,
        precision=dtype,
        max_time=max_time,
        threads=threads,
    )
    if start:
        values["finetune"] = o.given(weights=start, config=None if config is None else str(config), trust=trust)
    else:
        o.refuse("it goes with --from", config=config, trust=trust)
    labels = o.given(energy=energy_key, forces=forces_key, stress=stress_key, virial=virial_key)
    division = o.given(
        valid=o.part(valid),
        test=o.part(test),
        split=split,
        group_by=group_by,
        split_seed=split_seed,
        labels=labels or None,
    )
    chosen = _settings(model, words or [], values, dataset, scale, division)
    folder = out or default_folder(chosen, committee=members is not None)
    frames = training_data(chosen, mirror=mirror)
    if dry_run:
        _print_plan(chosen, frames, folder, members, as_json=as_json)
        return
    if members is not None:
        _train_committee(chosen, frames, folder, members, resume=not restart, as_json=as_json)
        return
    result = train_on(chosen, frames, folder, resume=not restart)
    if not process.is_first():  # another process evaluates and prints
        return
    evaluation = _evaluation(folder, [result], frames)
    if as_json:
        errors = _errors(evaluation)
        print_json("alphanet-training", result.model_dump(mode="json") | ({"errors": errors} if errors else {}))
        return
    print_text(result.describe())
    _print_grids(evaluation, 1)


def _train_committee(
    settings: "AlphaNetSettings | BaselineSettings",
    frames: "TrainingData",
    folder: Path,
    members: int,
    *,
    resume: bool,
    as_json: bool,
) -> None:
    from alphanet.training.committee import train_committee

    results = train_committee(settings, frames, folder, members, resume=resume)
    if not process.is_first():
        return
    evaluation = _evaluation(folder, results, frames)
    if as_json:
        values = {"folder": str(folder), "members": [result.model_dump(mode="json") for result in results]}
        print_json("alphanet-committee", {**values, "errors": _errors(evaluation)})
        return
    for result in results:
        print_text(result.describe())
    _print_grids(evaluation, 2)


def _errors(evaluation: "BenchmarkResult | None") -> "dict[str, JsonValue]":
    """Errors of an evaluation by split."""
    records = {} if evaluation is None else evaluation.records
    return {str(record.data["split"]): dict(record.metrics) for record in records.values()}


def _print_grids(evaluation: "BenchmarkResult | None", count: int) -> None:
    """Print the first tables of an evaluation."""
    if evaluation is not None:
        from alphanet.report.trainings.tables import text_rows

        for grid in evaluation.grids[:count]:
            print_table(grid.columns, text_rows(grid), left=grid.columns[1:2], title=grid.title if count > 1 else "")


def _evaluation(folder: Path, results: "Sequence[TrainingResult]", frames: "TrainingData") -> "BenchmarkResult | None":
    """The evaluation of a training, or of several as a committee; None for stores that say nothing of a test."""
    from alphanet.data.own_stores import OwnFrames
    from alphanet.data.prepare import PreparedData
    from alphanet.report.trainings.committee import evaluate_committee
    from alphanet.report.trainings.evaluation import evaluate_training

    if not isinstance(frames, PreparedData | OwnFrames):
        return None
    try:
        if len(results) > 1:
            return evaluate_committee(folder, results, frames)
        return evaluate_training(folder, results[0], frames)
    except UserError as error:  # the training is done, and its model is there
        logger.warning("the model is trained, but it could not be evaluated: %s", error)
        return None


def _settings(
    model: str,
    words: Sequence[str],
    values: "Mapping[str, JsonValue]",
    dataset: str | None,
    scale: str | None,
    division: "Mapping[str, JsonValue]",
) -> "AlphaNetSettings | BaselineSettings":
    """The settings that the command line names; a configuration is all of AlphaNet's, or lies over the defaults.

    Args:
        model: alphanet or a baseline.
        words: files of structures, the name of a data set, a configuration, and `key=value`.
        values: of options.
        dataset: a data set, or a file of structures.
        scale: of the defaults.
        division: rules by which files of structures are divided, as `OwnData` names them.

    Raises:
        UserError: several configurations or data sets, no data, or a wrong setting.
    """
    from alphanet.data.cards import known_names
    from alphanet.training.api import ALPHANET, settings_for
    from alphanet.training.config import file_config
    from alphanet.training.settings import from_words, merged, with_files

    overrides = [word for word in words if "=" in word and not Path(word).exists()]
    others = [word for word in words if word not in overrides]
    configurations = [word for word in others if Path(word).suffix in CONFIGURATIONS]
    names = [word for word in others if word in known_names()] + ([dataset] if dataset else [])
    files = [word for word in others if word not in configurations and word not in names]
    if len(configurations) > 1 or len(names) + bool(files) > 1:
        listed = [*configurations] if len(configurations) > 1 else [*files, *names]
        raise UserError(f"give one configuration and one set of data, not {', '.join(listed)}")
    above = merged(from_words(overrides), values)
    if files:
        above = merged({"data": {"train": [*files]}}, above)
    elif names:
        above = {"dataset": names[0], **above}
    lower = from_words(configurations)
    above = with_files(merged(lower, above) if lower else above)
    if division:
        if not above.get("data"):
            raise UserError(f"{', '.join(map(o.flag, division))}: these divide files; a data set has its own division")
        above = merged({"data": {}, **above}, {"data": {**division}})
    named = str(above.get("dataset") or "")
    if not named:
        raise UserError(
            "name what to train on: files of labeled structures, --dataset NAME, or a configuration that names it"
        )
    whole = model == ALPHANET and bool(lower.get("dataset") or lower.get("data"))
    if whole:
        o.refuse("the configuration names data set and scale", scale=scale)
        return file_config(Path(configurations[0]), above)
    return settings_for(model, named, scale or str(above.get("scale") or DEFAULT_SCALE), above)


def _print_keys(model: str, *, as_json: bool) -> None:
    from alphanet.training.keys import training_keys

    listed = training_keys(model)
    if as_json:
        print_json("alphanet-training-keys", {"keys": [vars(key) for key in listed]})
        return
    columns = ("key", "default", "meaning")
    print_table(columns, [(key.name, key.default, key.meaning) for key in listed], left=columns)


def _print_plan(
    settings: "AlphaNetSettings | BaselineSettings", frames: Any, folder: Path, members: int | None, *, as_json: bool
) -> None:
    from alphanet.measure.training_plan import training_plan

    plan = training_plan(settings, frames)
    if as_json:
        committee = {} if members is None else {"members": members}
        print_json("alphanet-training-plan", {**plan.as_json(), "folder": str(folder), **committee})
    else:
        print_text(f"{folder}: {'' if members is None else f'{members} members, each: '}{plan.describe()}")
