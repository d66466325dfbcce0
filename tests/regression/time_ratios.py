"""Times of AlphaNet as ratios, which machines share better than seconds, each with its 99 % interval."""

import time
from collections.abc import Callable, Sequence

import torch
from ase.build import bulk
from torch import nn

from alphanet.measure.speed.statistics import RatioInterval, ratio_intervals, ratio_of_repeat
from alphanet.model.config import AlphaNetConfig
from alphanet.model.create import create_model
from alphanet.model.fast.model import fast_model
from alphanet.model.prediction import predict

CHANNELS = 32  # that the kernels are compiled for
REPEATS, ROUNDS = 5, 7
SAME, OTHER = 1.25, 2.0  # factors that are allowed beyond the intervals, on the same kind of processor and on another


def measured() -> dict[str, RatioInterval]:
    """Ratios of processor times, of one thread."""
    torch.set_num_threads(1)
    config = AlphaNetConfig(elements=("Cu",), num_layers=2, hidden_channels=CHANNELS, heads=4, cutoff=5.0)
    model = create_model(config).float().eval()
    atoms = bulk("Cu", cubic=True).repeat(3)
    atoms.rattle(0.05, seed=0)
    graph, native, blocked = model.graph(atoms), fast_model(model), fast_model(model, compiled=False)
    ratios = _ratios(
        {
            "yardstick": _yardstick(),
            "reference": lambda: predict(model, graph),
            "in blocks": lambda: blocked.predict(graph),
            "kernels": lambda: native.predict(graph),
            "neighbors": lambda: model.graph(atoms),
        }
    )
    return {f"{name} / yardstick": ratio for name, ratio in ratios.items()}


def slower(ratios: dict[str, RatioInterval], last: dict[str, RatioInterval], factor: float) -> dict[str, float]:
    """Factors by which ratios grew beyond both intervals and `factor`."""
    return {
        key: ratios[key].ratio / before.ratio
        for key, before in last.items()
        if (ratios[key].low or 0.0) > factor * (before.high or before.ratio)
    }


def _ratios(tasks: dict[str, Callable[[], object]]) -> dict[str, RatioInterval]:
    """Every task's time over that of the first."""
    reference, *others = tasks
    repeats: dict[str, list[float]] = {name: [] for name in others}
    for _ in range(REPEATS):
        times = {name: [_seconds(task) for _ in range(ROUNDS)] for name, task in tasks.items()}
        for name in others:
            repeats[name].append(ratio_of_repeat(times[name], times[reference]))
    return dict(zip(others, ratio_intervals(list(repeats.values())), strict=True))


def _seconds(task: Callable[[], object]) -> float:
    begun = time.process_time()
    task()
    return time.process_time() - begun


def _yardstick() -> Callable[[], object]:
    """Work of the same kind that no change of AlphaNet touches: products, an activation, sums over places, and back."""
    generator = torch.Generator().manual_seed(0)
    edges = torch.randn(8000, CHANNELS, generator=generator, requires_grad=True)
    places = torch.randint(0, 108, (8000,), generator=generator)
    layers = nn.Sequential(nn.Linear(CHANNELS, 4 * CHANNELS), nn.SiLU(), nn.Linear(4 * CHANNELS, CHANNELS))

    def work() -> Sequence[torch.Tensor]:
        sums = torch.zeros(108, CHANNELS).index_add(0, places, layers(edges))
        return torch.autograd.grad(sums.square().sum(), edges)

    return work
