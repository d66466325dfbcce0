"""`alphanet train`: train AlphaNet, or a baseline in its own environment, on a data set."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alphanet.cli.options import AsJson
from alphanet.errors import UserError

if TYPE_CHECKING:
    from alphanet.potentials.settings import BaselineSettings
    from alphanet.training.config import AlphaNetSettings


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("train")(train)


def train(
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CONFIG.yaml] [KEY=VALUE]...", help="Settings in a file, and values to put over them."),
    ] = None,
    model: Annotated[str, typer.Option(help="alphanet, or a baseline that trains (`alphanet baselines list`).")] = (
        "alphanet"
    ),
    dataset: Annotated[str | None, typer.Option(help="Train on this data set, with its defaults.")] = None,
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
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of torch.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train AlphaNet or a baseline. The same command resumes an interrupted training.

    Examples: alphanet train --dataset formate --scale mini epochs=20 loss.energy_weight=1
    alphanet train --model mace --dataset zeolite --scale mini epochs=5 model.correlation=2
    """
    from alphanet.training.api import ALPHANET
    from alphanet.training.api import train as run

    flags = {"epochs": epochs, "seed": seed, "device": device, "precision": dtype, "max_time": max_time}
    given = {key: value for key, value in (flags | {"threads": threads}).items() if value is not None}
    words = [*(settings or []), *(f"{key}={value}" for key, value in given.items())]
    chosen = _settings(model, words, dataset, scale, whole_file=model == ALPHANET)
    result = run(chosen.dataset, settings=chosen, out=out, resume=resume, mirror=mirror)
    if os.environ.get("LOCAL_RANK", "0") == "0":  # another process prints otherwise
        print(result.model_dump_json() if as_json else result.describe())


def _settings(
    model: str, words: Sequence[str], dataset: str | None, scale: str, *, whole_file: bool
) -> "AlphaNetSettings | BaselineSettings":
    """The settings that the command line names; a file is all of AlphaNet's, or lies over a baseline's defaults."""
    from alphanet.training.api import settings_for
    from alphanet.training.config import file_config
    from alphanet.training.settings import from_words

    files = [word for word in words if "=" not in word]
    if len(files) > 1 or (whole_file and files and dataset):
        raise UserError(f"give one configuration, not {', '.join([*files, *([dataset] if dataset else [])])}")
    if files and whole_file:
        chosen = file_config(Path(files[0]), [word for word in words if "=" in word])
        if chosen.dataset:
            return chosen
    values = from_words(words)
    dataset = dataset or values.get("dataset")
    if not dataset:
        raise UserError("name what to train on: --dataset NAME, or a configuration file that names it")
    return settings_for(model, dataset, scale, values)
