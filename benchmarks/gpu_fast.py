"""Time the backends of the fast path on a GPU and the reference; check each of them against float64.

    python benchmarks/gpu_fast.py --minutes 4

One line per setting, size and backend: median and quartiles of a call whose graph is on the device, its peak memory
beyond that in use before, and the largest error of a force. Backends that do not fit the time are skipped and listed.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import chain

import numpy as np
import torch

from alphanet.graph import AtomGraph
from alphanet.measure.speed.structures import supercell, unit_cell
from alphanet.model.base import InteratomicModel
from alphanet.model.config import preset
from alphanet.model.create import create_model
from alphanet.model.fast.model import FastModel
from alphanet.model.prediction import Prediction, predict

SETTINGS = [(name, reading) for name in ("zeolite", "small") for reading in ("paper", "official-v1")]
HEAD = ("setting", "atoms", "edges", "way", "ms", "quartiles", "MB", "error of forces, relative")
STRUCTURES = 4  # displaced differently, in turn
CALLS, SECONDS = 40, 2.0  # of a timing, whichever ends first
DISPLACED = 0.05  # Å

Evaluate = Callable[[AtomGraph], Prediction]


def ways(model: InteratomicModel, on_cuda: bool) -> Iterator[tuple[str, Evaluate]]:
    """Each made when it is its turn, those that compile for longest last."""
    yield "reference", lambda graph: predict(model, graph)
    yield "blocks", FastModel(model, compiled=False).predict
    if on_cuda:
        yield "compiled", FastModel(model, compiled=True).predict


def timed(evaluate: Evaluate, graphs: list[AtomGraph]) -> tuple[np.ndarray, float]:
    """Milliseconds of calls after one of every graph, and the MB that they take at most."""
    for graph in graphs:
        evaluate(graph)
    before = _memory(reset=True)
    times: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(times) < 3 or (len(times) < CALLS and time.perf_counter() < end):
        _synchronize()
        start = time.perf_counter()
        evaluate(graphs[len(times) % len(graphs)])
        _synchronize()
        times.append(1e3 * (time.perf_counter() - start))
    return np.array(times), (_memory() - before) / 1e6


def measured(evaluate: Evaluate, graphs: list[AtomGraph], truth: torch.Tensor | None) -> tuple[str, ...]:
    """The last four columns."""
    error = "unknown: the reference does not fit"
    if truth is not None:
        error = f"{float((_forces(evaluate, graphs[0]).double() - truth).abs().max() / truth.abs().max()):.1e}"
    times, memory = timed(evaluate, graphs)
    low, median, high = np.percentile(times, (25, 50, 75))
    return f"{median:.2f}", f"{low:.2f} to {high:.2f}", f"{memory:.0f}", error


def rows(device: str, atoms: list[int], deadline: float) -> Iterator[tuple[str, ...]]:
    """The table, line by line."""
    for name, reading in SETTINGS:
        model = create_model(preset(name, reading=reading), 0).to(device).eval().requires_grad_(False)
        exact = deepcopy(model).double()
        sizes = [_graphs(model, n_atoms, device) for n_atoms in atoms]
        truths = [_truth(exact, graphs[0]) for graphs in sizes]
        for way, evaluate in ways(model, device == "cuda"):
            for graphs, truth in zip(sizes, truths, strict=True):
                graph = graphs[0]
                row = (f"{name}, {reading}", str(graph.n_atoms), str(graph.n_edges), way)
                if time.perf_counter() > deadline:
                    yield *row, "left out: no time", "", "", ""
                    continue
                try:
                    yield *row, *measured(evaluate, graphs, truth)
                except Exception as failure:  # out of memory, or a way that does not work here: the others go on
                    first_line = (str(failure).strip().splitlines() or [""])[0][:80]
                    yield *row, f"failed: {type(failure).__name__}: {first_line}", "", "", ""


def _graphs(model: InteratomicModel, n_atoms: int, device: str) -> list[AtomGraph]:
    frames = [supercell(unit_cell("quartz"), n_atoms) for _ in range(STRUCTURES)]
    for seed, frame in enumerate(frames):
        frame.rattle(DISPLACED, seed=seed)
    return [model.graph(frame).to(device) for frame in frames]


def _truth(exact: InteratomicModel, graph: AtomGraph) -> torch.Tensor | None:
    """Forces in float64, unless they do not fit into memory."""
    try:
        return _forces(lambda graph: predict(exact, graph), graph.to(dtype=torch.float64))
    except torch.OutOfMemoryError:
        return None


def _forces(evaluate: Evaluate, graph: AtomGraph) -> torch.Tensor:
    forces = evaluate(graph).forces
    assert forces is not None
    return forces


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _memory(reset: bool = False) -> float:
    """Bytes allocated at most since the last reset; at it, those that are allocated."""
    if not torch.cuda.is_available():
        return 0.0
    if reset:
        torch.cuda.reset_peak_memory_stats()
    return float(torch.cuda.max_memory_allocated())


def main() -> None:
    """Print the table as it grows."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: reference and blocks alone")
    options.add_argument("--atoms", default="72,216,1008,4608", help="of quartz, about, separated by commas")
    options.add_argument("--minutes", type=float, default=4.0, help="after which nothing new is timed")
    chosen = options.parse_args()
    deadline = time.perf_counter() + 60 * chosen.minutes
    table = rows(chosen.device, [int(one) for one in chosen.atoms.split(",")], deadline)
    for cells in chain((HEAD, ("---",) * len(HEAD)), table):
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
