"""Options of the panel "Hardware"."""

from typing import Annotated, Any, Literal

import typer

from alphanet.cli.options.panels import HARDWARE, option

Device = Annotated[str, option(HARDWARE, "auto (a GPU if there is one), cpu, cuda, cuda:1, …", "--device")]
Dtype = Annotated[
    str | None,
    option(
        HARDWARE,
        "Precision of the network: float32 or float64. If not given: that of the settings or of the published entry, "
        "or float32.",
        "--dtype",
    ),
]
Threads = Annotated[
    int | None, option(HARDWARE, "Threads of each model. If not given: the card's number, or 1.", "--threads", min=1)
]
MaxMemory = Annotated[
    float | None,
    option(
        HARDWARE, "Memory (GB) that a worker may use. If not given: most of the machine's.", "--max-memory", min=0.1
    ),
]
EdgeMemory = Annotated[
    float | None,
    option(HARDWARE, "Memory (GB) for arrays of edges, in every mode but eager.", "--edge-memory", min=0),
]
Mode = Annotated[
    str | None,
    option(
        HARDWARE,
        "How a model is executed: eager (the reference); compiled; in predict and eval also blocked (AlphaNet alone: "
        "fast without a compiler); in repro and bench also best (the faster of eager and compiled). If not given: "
        "AlphaNet's kernels in C++ where they serve (float32, on a CPU), else eager; in bench speed, train-speed and "
        "memory best, in repro eager.",
        "--mode",
    ),
]
Cluster = Annotated[
    str | None,
    option(
        HARDWARE,
        "Where relaxations run: local[:N] (processes here), slurm:FILE (YAML for dask-jobqueue) or tcp://HOST:PORT. "
        "If not given: local.",
        "--cluster",
    ),
]


def _batch_size(text: str) -> "int | Literal['auto']":
    if text == "auto":
        return "auto"
    if not text.isdecimal() or int(text) < 1:
        raise typer.BadParameter(f"{text!r} is neither auto nor a whole number from 1 on")
    return int(text)


BatchSize = Annotated[
    Any,  # int, "auto" or None; typer knows no unions
    option(
        HARDWARE,
        "Structures that are computed together; in predict, eval and wbm also auto: begins with 128, halves where "
        "memory is not enough, and goes on with what fits. If not given: 8 in predict and eval, 32 in wbm, 4 in "
        "train-speed, 1 in speed.",
        "--batch-size",
        parser=_batch_size,
        metavar="INTEGER|auto",
    ),
]
