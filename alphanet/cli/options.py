"""Options that several commands share, each written once."""

from pathlib import Path
from typing import Annotated

import typer

Dtype = Annotated[str, typer.Option(help="Precision of the network: float32 or float64.")]
Device = Annotated[str, typer.Option(help="Where to compute: cpu, cuda, cuda:1, …")]
BatchSize = Annotated[int, typer.Option(min=1, help="Structures that are evaluated together.")]
ModelConfig = Annotated[
    Path | None, typer.Option("--config", help="JSON file with the configuration, for a checkpoint that carries none.")
]
Threads = Annotated[int, typer.Option(min=1, help="Threads of the libraries of a baseline's worker.")]
EvaluationMode = Annotated[
    str,
    typer.Option("--mode", help="Of AlphaNet: eager, blocked (fast, no compiler) or compiled (fastest, once ready)."),
]
MaxMemory = Annotated[
    float | None, typer.Option("--max-memory", min=0, help="GB for arrays of edges, in the modes blocked and compiled.")
]
Untrained = Annotated[bool, typer.Option("--untrained", help="Random weights at a preset of the card.")]
Preset = Annotated[
    str | None, typer.Option(help="With --untrained: settings of the card; its first, the paper's small ones.")
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Load released weights that are pickled and have no checksum in the card.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout and nothing else there.")]
Seed = Annotated[int, typer.Option(help="Seed of the random weights.")]
