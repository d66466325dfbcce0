"""Options of `alphanet repro NAME` for tables of accuracies, each written once."""

from pathlib import Path
from typing import Annotated

import typer

Scale = Annotated[str, typer.Option(help="mini (shipped miniatures), slice (real data) or full (the paper's).")]
Seeds = Annotated[
    int | None, typer.Option(min=1, help="Trainings of each model, instead of the card's; several give a spread.")
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Epochs of each training, instead of the card's.")]
MaxTime = Annotated[
    float | None, typer.Option("--max-time", min=1, help="Seconds of each training at most, instead of the card's.")
]
Budget = Annotated[
    float | None,
    typer.Option(min=0.1, help="Minutes for all that is not measured yet, divided among the trainings."),
]
Only = Annotated[
    str | None,
    typer.Option(help="Only these cells: ROW, COLUMN or ROW/COLUMN, separated by commas; * stands for anything."),
]
Models = Annotated[str | None, typer.Option(help="Only these, separated by commas: alphanet,nequip,mean.")]
Datasets = Annotated[str | None, typer.Option(help="Only these, separated by commas: formate,graphene.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Mirror = Annotated[
    str | None, typer.Option(envvar="ALPHANET_MIRROR", help="file:// or http(s):// that serves HOST/PATH.")
]
Out = Annotated[Path, typer.Option(help="Folder of runs; results are in a folder of the table's name in it.")]
Restart = Annotated[bool, typer.Option("--restart", help="Train again what is finished or begun.")]


def names(text: str | None) -> tuple[str, ...]:
    """The parts of a list with commas, in lower case."""
    return tuple(part.strip().lower() for part in text.split(",") if part.strip()) if text else ()


def device(asked: str) -> str:
    """`asked`, or what `auto` means on this machine."""
    import torch

    if asked != "auto":
        return asked
    return "cuda" if torch.cuda.is_available() else "cpu"
