"""`alphanet train`: train AlphaNet, or a baseline in its own environment, on a data set."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from alphanet.cli import options as o
from alphanet.cli.choices import DEFAULT_SCALE
from alphanet.cli.output import print_json
from alphanet.errors import UserError

if TYPE_CHECKING:
    from alphanet.potentials.settings import BaselineSettings
    from alphanet.training.config import AlphaNetSettings

EXAMPLES = """Examples:

alphanet train --dataset formate epochs=20 loss.energy_weight=1

alphanet train --model mace --dataset zeolite --max-time 10m model.correlation=2

alphanet train settings.yaml --seed 1 --out runs/train/mine"""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("train", epilog=EXAMPLES)(train)


def train(
    settings: o.TrainWords = None,
    model: o.TrainedModel = "alphanet",
    dataset: o.Dataset = None,
    scale: o.Scale = None,
    mirror: o.Mirror = None,
    seed: o.Seed = None,
    restart: o.Restart = False,
    epochs: o.Epochs = None,
    max_time: o.MaxTime = None,
    device: o.Device = "auto",
    dtype: o.Dtype = None,
    threads: o.Threads = None,
    out: o.OutFolder = None,
    as_json: o.AsJson = False,
) -> None:
    """Train AlphaNet or a baseline. The same command resumes an interrupted training.

    The run goes to runs/train/[MODEL-]DATASET-SCALE-seedN if --out is not given.
    """
    from alphanet.training.api import ALPHANET
    from alphanet.training.api import train as run

    values = o.given(
        epochs=epochs,
        seed=seed,
        device=None if device == "auto" else device,
        precision=dtype,
        max_time=max_time,
        threads=threads,
    )
    words = [*(settings or []), *(f"{key}={value}" for key, value in values.items())]
    chosen = _settings(model, words, dataset, scale, whole_file=model == ALPHANET)
    result = run(chosen.dataset, settings=chosen, out=out, resume=not restart, mirror=mirror)
    if os.environ.get("LOCAL_RANK", "0") != "0":  # another process prints
        return
    if as_json:
        print_json("alphanet-training", result.model_dump(mode="json"))
    else:
        print(result.describe())


def _settings(
    model: str, words: Sequence[str], dataset: str | None, scale: str | None, *, whole_file: bool
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
            o.refuse("the configuration names data set and scale", scale=scale)
            return chosen
    values = from_words(words)
    dataset = dataset or values.get("dataset")
    if not dataset:
        raise UserError("name what to train on: --dataset NAME, or a configuration file that names it")
    return settings_for(model, dataset, scale or values.get("scale") or DEFAULT_SCALE, values)
