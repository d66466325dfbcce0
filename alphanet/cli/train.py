"""`alphanet train`: train AlphaNet, or a baseline in its own environment, on a data set."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alphanet.cli.options import AsJson
from alphanet.cli.train_baseline import BaselineRun, train_baseline
from alphanet.errors import UserError

if TYPE_CHECKING:
    from alphanet.training.config import TrainConfig
    from alphanet.training.run import TrainResult


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("train")(train)


def train(
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CONFIG.yaml] [KEY=VALUE]...", help="A configuration, and values to put over it."),
    ] = None,
    model: Annotated[str, typer.Option(help="alphanet, or a baseline that trains (`alphanet baselines list`).")] = (
        "alphanet"
    ),
    dataset: Annotated[str | None, typer.Option(help="Train as the preset of this data set says.")] = None,
    scale: Annotated[str, typer.Option(help="With --dataset: mini, slice or full.")] = "mini",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run; runs/train/[MODEL-]DATASET-SCALE-seedN if not given.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training frames.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the weights and of the order of frames.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, …")] = None,
    dtype: Annotated[str | None, typer.Option(help="Precision of the network: float32 or float64.")] = None,
    max_time: Annotated[str | None, typer.Option(help="Wall time for the training: seconds or hh:mm:ss.")] = None,
    mirror: Annotated[
        str | None, typer.Option(envvar="ALPHANET_MIRROR", help="file:// or http(s):// that serves HOST/PATH.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--restart", help="Go on with what lies in the folder, or remove it first.")
    ] = True,
    threads: Annotated[int, typer.Option(min=1, help="With --model: threads of the baseline's libraries.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Train AlphaNet or a baseline. The same command resumes an interrupted training.

    Examples: alphanet train --dataset formate --scale mini epochs=20 loss.energy_weight=1
    alphanet train --model mace --dataset zeolite --scale mini epochs=5 model.correlation=2
    """
    flags = {"epochs": epochs, "seed": seed, "accelerator": device, "precision": dtype, "max_time": max_time}
    given = [f"{key}={value}" for key, value in flags.items() if value is not None]
    if model != "alphanet":
        baseline = BaselineRun(model, dataset, scale, out, device or "cpu", threads, resume, mirror)
        train_baseline(
            baseline, settings or [], [text for text in given if not text.startswith("accelerator")], as_json
        )
        return
    config = _config(settings or [], dataset, scale, given)

    from alphanet.data.prepare import prepare
    from alphanet.training.run import train as run

    data = prepare(config.dataset, config.scale, mirror=mirror)
    folder = out or Path("runs/train") / f"{config.dataset}-{config.scale}-seed{config.seed}"
    result = run(config, data, folder, resume=resume)
    _print(result, as_json)


def _config(settings: Sequence[str], dataset: str | None, scale: str, flags: Sequence[str]) -> "TrainConfig":
    from alphanet.training.config import file_config, preset_config

    files = [text for text in settings if "=" not in text]
    overrides = [text for text in settings if "=" in text] + list(flags)
    if len(files) > 1 or (files and dataset):
        raise UserError(f"give one configuration, not {', '.join([*files, *([dataset] if dataset else [])])}")
    if files:
        return file_config(Path(files[0]), overrides)
    if dataset is None:
        raise UserError("name what to train on: --dataset NAME, or a configuration file")
    return preset_config(dataset, scale, overrides)


def _print(result: "TrainResult", as_json: bool) -> None:
    from lightning.pytorch.utilities import rank_zero_only

    if getattr(rank_zero_only, "rank", 0) != 0:  # another process prints
        return
    if as_json:
        print(json.dumps(result.as_json()))
        return
    best = result.best
    print(
        f"{result.model_path}: energy {1000 * best['energy_mae']:.3g} meV/atom, force {1000 * best['force_mae']:.3g} "
        f"meV/Å on the validation frames (epoch {result.best_epoch} of {result.epochs}, {result.seconds:.0f} s)"
    )
