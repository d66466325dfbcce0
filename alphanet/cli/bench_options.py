"""Options that the commands of `bench` share, and what becomes of them."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from alphanet.errors import UserError, did_you_mean

FIGURE_3A = "alphanet,schnet,painn,nequip,mace,equiformer-v2"
MODES = ("eager", "compiled", "best")
WEIGHTS = ("untrained", "released")
MOST_OF_MEMORY = 0.9  # of the machine's, which a worker may have

Models = Annotated[
    str, typer.Option(help="Names separated by commas, the reference of the ratios first; NAME@PRESET for others.")
]
Sizes = Annotated[str, typer.Option(help="Atoms: A..B (evenly spaced logarithms) or a,b,c.")]
Points = Annotated[int, typer.Option(min=2, help="Sizes between A and B.")]
Batch = Annotated[int, typer.Option(min=1, help="Structures in a call; the paper's figure has 10.")]
Structure = Annotated[
    str, typer.Option("--structures", help="zeolite, quartz, diamond, water, cu, perovskite, slab, or a file.")
]
Mode = Annotated[
    str, typer.Option(help="eager; compiled (forces are compared with float64 first); best: the faster of both.")
]
Weights = Annotated[str, typer.Option(help="untrained (the first preset of the card) or released.")]
AlphaNetFile = Annotated[Path | None, typer.Option("--alphanet", help="AlphaNet's file for --weights released.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads of every library in every worker.")]
Passes = Annotated[
    int, typer.Option(min=1, help="Passes over all sizes, each in new processes; intervals need two or three.")
]
Rounds = Annotated[int, typer.Option(min=1, help="Turns of each model at each size in a pass.")]
Budget = Annotated[float, typer.Option(min=0.1, help="Minutes for everything; what does not fit is said.")]
MaxMemory = Annotated[
    float | None, typer.Option(min=0.1, help="GB a worker may use; most of the machine's memory if not given.")
]
Restart = Annotated[bool, typer.Option("--restart", help="Measure anew what the folder holds.")]


def parse_sizes(text: str, points: int) -> tuple[int, ...]:
    """Numbers of atoms, ascending, from `A..B` or `a,b,c`.

    Raises:
        UserError: another form, a reversed range, or numbers below 1.
    """
    import numpy as np

    try:
        if ".." in text:
            low, high = (int(part) for part in text.split(".."))
            if low > high:
                raise UserError(f"--sizes: {text!r} is reversed; write {high}..{low}")
            found = [round(float(size)) for size in np.geomspace(low, high, points)] if low > 0 else [low]
        else:
            found = [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"--sizes: {text!r} is neither A..B nor a list such as 100,300,1000") from None
    if min(found) < 1:
        raise UserError(f"--sizes: {text!r}: a system has at least one atom")
    return tuple(sorted(set(found)))


def parse_names(text: str) -> tuple[str, ...]:
    """Names of contestants, each once.

    Raises:
        UserError: none.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise UserError("--models: name at least one")
    return names


def require_one_of(option: str, value: str, known: Iterable[str]) -> None:
    """Raise UserError where `value` is not among `known`."""
    if value not in known:
        raise UserError(f"{option}: unknown {value!r}{did_you_mean(value, known)}")


def memory_limit(gigabytes: float | None, device: str) -> int | None:
    """Bytes that a worker may have; on a GPU its own limit where none is given."""
    if gigabytes is not None:
        return int(gigabytes * 1e9)
    if device != "cpu":
        return None
    return int(MOST_OF_MEMORY * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def require_device(device: str, dtype: str) -> None:
    """Raise UserError where torch has no such device, or the precision is unknown."""
    require_one_of("--dtype", dtype, ("float32", "float64"))
    kind = device.partition(":")[0]
    require_one_of("--device", kind, ("cpu", "cuda"))
    if kind == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise UserError(f"--device {device}: torch sees no GPU here; use --device cpu")
