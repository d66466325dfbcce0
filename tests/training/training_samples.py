"""Frames, configurations and processes for the tests of training."""

import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from alphanet.data.store import write_store
from alphanet.errors import UserError
from alphanet.graph import collate
from alphanet.model.base import InteratomicModel
from alphanet.potentials.kit.loop.data import Batch, GraphDataset
from alphanet.training.config import AlphaNetSettings
from alphanet.training.data import LabeledFrames

OFFSET = -1228.0  # eV/atom, the size of CP2K's energies


@dataclass(frozen=True)
class Data:
    train: Path
    valid: Path
    sources: dict[str, str] = field(default_factory=lambda: {"made.extxyz": "0" * 64})


def copper_frames(n: int, seed: int) -> list[Atoms]:
    """Rattled four-atom cells of Cu and Au with EMT labels, far from zero in energy."""
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(n):
        atoms = bulk("Cu", cubic=True)
        atoms.symbols[0] = "Au"
        atoms.rattle(0.1, rng=rng)
        atoms.calc = EMT()
        labels = {
            "energy": atoms.get_potential_energy() + OFFSET * len(atoms),
            "forces": atoms.get_forces(),
            "stress": atoms.get_stress(),
        }
        atoms.calc = SinglePointCalculator(atoms, **labels)
        frames.append(atoms)
    return frames


def write_data(folder: Path, train: list[Atoms] | None = None) -> Data:
    write_store(folder / "train.aselmdb", train or copper_frames(18, seed=0), {})
    write_store(folder / "valid.aselmdb", copper_frames(6, seed=1), {})
    return Data(folder / "train.aselmdb", folder / "valid.aselmdb")


def small_config(**changes: object) -> AlphaNetSettings:
    values: dict[str, object] = {
        "dataset": "copper",
        "model": {
            "hidden_channels": 8,
            "num_layers": 1,
            "heads": 2,
            "num_basis": 4,
            "temporal_channels": 4,
            "cutoff": 3.0,
        },
        "epochs": 3,
        "batch_size": 4,
        "learning_rate": 0.01,
        "ema_decay": 0.9,
        "device": "cpu",
        "log_every": 2,
        "loss": {"energy_loss": "per_atom", "dynamic": {"start": 0.05, "stages": 3}},
    }
    return AlphaNetSettings.model_validate(values | changes)


def dataset_of(path: Path, model: InteratomicModel, cache_mb: int = 0) -> GraphDataset:
    return GraphDataset(LabeledFrames(path), model.graph, collate, cache_mb, UserError)


def batch_of(items: GraphDataset, indices: list[int] | None = None) -> Batch:
    return items.collate([items[index] for index in (range(len(items)) if indices is None else indices)])


class _Messages(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextlib.contextmanager
def messages() -> Iterator[list[str]]:
    """Collect what is logged meanwhile."""
    logger, lines = logging.getLogger("alphanet"), list[str]()
    handler, level = _Messages(lines), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def run_python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, with this folder's helpers on its path."""
    places = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(places), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, script, *arguments], env=environment, capture_output=True, text=True, check=False
    )
