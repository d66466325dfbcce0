"""Options of the panel "Model"."""

from pathlib import Path
from typing import Annotated

from alphanet.cli import completion
from alphanet.cli.options.panels import MODEL, option

NamedModels = Annotated[
    list[str] | None,
    option(
        MODEL,
        "Models, separated by commas, as the arguments; may be given several times.",
        "--models",
        "--model",
        autocompletion=completion.models,
    ),
]
TrainedModel = Annotated[
    str,
    option(
        MODEL,
        "alphanet, or a baseline that can be trained (`alphanet baselines list`), by name or path of its card.",
        "--model",
        autocompletion=completion.models,
    ),
]
ModelConfig = Annotated[
    Path | None,
    option(MODEL, "JSON file with the configuration of a public checkpoint that carries none.", "--config"),
]
Members = Annotated[
    int | None,
    option(
        MODEL,
        "Train a committee of so many models, with the seeds SEED, SEED + 1, …; bootstrap=true: each on frames drawn "
        "with replacement.",
        "--members",
        min=2,
    ),
]
StartFrom = Annotated[
    str | None,
    option(
        MODEL,
        "Start from these weights (fine-tuning): a file that `train` wrote, a public checkpoint of AlphaNet (with "
        "--config), a name of `alphanet models list`, or a baseline's released weights (`mace-mp-0`, "
        "`sevennet-0:22May2024`) with --model.",
        "--from",
    ),
]
Untrained = Annotated[bool, option(MODEL, "Random weights, with the settings of --preset.", "--untrained")]
Preset = Annotated[
    str | None,
    option(MODEL, "Settings of random weights: fig3a, zeolite, mptrj, … If not given: the card's first.", "--preset"),
]
Trust = Annotated[
    bool,
    option(
        MODEL,
        "Load released weights that are pickled and have no checksum in the card, or an exported model (.pt2) that "
        "someone else made: both run code.",
        "--trust",
    ),
]
Weights = Annotated[
    str,
    option(
        MODEL,
        "Of models whose names tell no weights: untrained (the first preset of the card, if it has one) or released.",
        "--weights",
    ),
]
AlphaNetFile = Annotated[
    Path | None,
    option(
        MODEL, "File of AlphaNet's weights or a name of `alphanet models list`, with --weights released.", "--alphanet"
    ),
]
Reading = Annotated[
    str,
    option(
        MODEL, "Variant: paper (invariant and smooth) or official-v1 (that of the public checkpoints).", "--reading"
    ),
]
Elements = Annotated[
    str | None,
    option(
        MODEL,
        "Chemical symbols, separated by commas. If not given: the preset's; in `baselines check` three that the model "
        "knows, or C,O,Si.",
        "--elements",
    ),
]
Engine = Annotated[
    str | None,
    option(
        MODEL,
        "ase (one structure at a time) or torch-sim (--batch-size structures at once). If not given: ase.",
        "--engine",
    ),
]
