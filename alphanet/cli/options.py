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
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout and nothing else there.")]
Seed = Annotated[int, typer.Option(help="Seed of the random weights.")]
