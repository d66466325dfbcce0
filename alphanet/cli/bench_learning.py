"""`alphanet bench learning`: the error that models reach for an amount of compute, on any data."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from alphanet.cli import options as o
from alphanet.cli.choices import DEFAULT_SCALE
from alphanet.cli.output import print_json, print_table, print_text
from alphanet.cli.repro import run_card, run_values
from alphanet.errors import UserError

if TYPE_CHECKING:
    from alphanet.benchmark.kinds.learning.card import LearningCard
    from alphanet.data.own import OwnData

MODELS = ("alphanet", "nequip", "mace", "painn", "schnet")
COMPUTE, SEEDS = "300,1000,3000", 3
EXAMPLES = """Examples:

alphanet bench learning --data mine.extxyz --models alphanet,nequip,mace --compute 300,1000,3000

alphanet bench learning --data formate --compute 20,60 --seeds 2 --dry-run

alphanet bench learning --data formate --scale slice --train-frames 100,400 --out runs/formate-learning"""


def register(group: typer.Typer) -> None:
    """Add the command to the group `bench`."""
    group.command(epilog=EXAMPLES)(learning)


def learning(
    data: o.LearningData,
    named: o.NamedModels = None,
    compute: o.Compute = COMPUTE,
    train_frames: o.TrainFrames = None,
    seeds: o.Seeds = None,
    scale: o.Scale = None,
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
    restart: o.Restart = False,
    dry_run: o.DryRun = False,
    budget: o.Budget = None,
    max_time: o.MaxTime = None,
    device: o.Device = "auto",
    dtype: o.Dtype = None,
    threads: o.Threads = None,
    mode: o.Mode = None,
    out: o.OutFolder = None,
    as_json: o.AsJson = False,
) -> None:
    """Train models for given amounts of compute; draw test errors against it, and against the time of a step.

    What a step costs is measured first, and an amount of compute becomes a number of steps: no clock ends a training,
    and the same command resumes. Each training is a process of its own. Models have the recommended settings of their
    cards. Files of yours are divided as `alphanet train` does it.
    """
    from alphanet.benchmark.kinds.learning.card import learning_card

    folder = out or Path("runs/learning")
    labels = o.given(energy=energy_key, forces=forces_key, stress=stress_key, virial=virial_key)
    division = o.given(
        valid=o.part(valid), test=o.part(test), split=split, group_by=group_by, split_seed=split_seed,
        labels=labels or None,
    )  # fmt: skip
    card = learning_card(
        folder.name,
        models=o.model_names(named) or MODELS,
        data=_data(data, division),
        scale=scale or DEFAULT_SCALE,
        compute=_numbers("--compute", compute, float, "seconds"),
        train_frames=_numbers("--train-frames", train_frames, int, "numbers of frames") if train_frames else (),
        seeds=seeds or SEEDS,
        dtype=dtype or "float32",
    )
    values = o.given(device=device, threads=threads, mode=mode, mirror=mirror, max_time=max_time, budget=budget)
    if dry_run:
        _print_forecast(card, folder, values, as_json=as_json)
    else:
        run_card(card, folder, as_json, restart=restart, **values)


def _data(words: Sequence[str], division: Mapping[str, object]) -> "str | OwnData":
    """A data set's name, or files of the user's own with the rules by which they are divided.

    Raises:
        UserError: no such file or name, or rules for a data set, which has its own.
    """
    from alphanet.cards import validate
    from alphanet.data.cards import known_names
    from alphanet.data.own import OwnData
    from alphanet.errors import did_you_mean

    if len(words) == 1 and words[0] in known_names():
        if division:
            flags = ", ".join(map(o.flag, division))
            raise UserError(f"{flags}: these divide files, and the data set {words[0]} has its own division")
        return words[0]
    for word in words:
        if not Path(word).expanduser().exists():
            raise UserError(f"--data: no file and no data set {word!r}{did_you_mean(word, known_names())}")
    return validate({"train": list(words), **division}, OwnData, "--data")


def _numbers(option: str, text: str, kind: type[Any], what: str) -> tuple[Any, ...]:
    """Positive numbers from a list with commas.

    Raises:
        UserError: one is none.
    """
    try:
        numbers = tuple(kind(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or not all(0 < number < float("inf") for number in numbers):
        raise UserError(
            f"{option}: {text!r} is no list of {what}; write for example {'300,1000' if kind is float else '100,400'}"
        )
    return numbers


def _print_forecast(card: "LearningCard", folder: Path, values: Mapping[str, Any], *, as_json: bool) -> None:
    from alphanet import durations
    from alphanet.benchmark.card import AD_HOC
    from alphanet.benchmark.kind import RunOptions
    from alphanet.benchmark.kinds.learning import Learning
    from alphanet.benchmark.kinds.learning.forecast import forecasts
    from alphanet.hardware import resolve_device

    options = RunOptions.model_validate({"scale": AD_HOC, **run_values(out=folder.parent, **values)})
    listed = forecasts(Learning(card, options.model_copy(update={"device": resolve_device(options.device)})))
    known = [one.seconds for one in listed if one.seconds is not None]
    total = sum(known)
    if as_json:
        points = [vars(one) for one in listed]
        print_json("alphanet-learning-plan", {"folder": str(folder), "seconds": total, "points": points})
        return
    rows = [
        (
            one.row,
            one.column,
            *("–" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
              for value in (one.frames, one.steps, one.epochs, one.step_seconds)),
            f"{one.seeds - one.done} of {one.seeds}",
            one.reason or durations.words(one.seconds or 0.0),
        )
        for one in listed
    ]  # fmt: skip
    unit = next((one.unit for one in listed if one.unit), "CPU")
    print_table(
        (
            "row",
            "compute",
            "frames",
            "steps",
            "epochs",
            f"{unit} s a step",
            "trainings left",
            f"{unit} time, or why not",
        ),
        rows,
        left=("row", "compute", f"{unit} time, or why not"),
    )
    trainings = sum(one.seeds - one.done for one in listed if one.seconds is not None)
    print_text(f"{folder}: {trainings} trainings, {durations.words(total)} of {unit} time")
