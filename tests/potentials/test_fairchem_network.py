"""GemNet-OC on structures without a pair within its shortest cutoff; stand-ins are in the place of its packages."""

import importlib
import sys
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch
from ase import Atoms
from torch import nn

import alphanet.potentials.kit
from alphanet.hardware import WORKER_PATH
from alphanet.potentials.kit.worker_kit import packed

FOLDER = Path(__file__).parents[2] / "baselines" / "equiformer-v2"
PACKAGES = (
    "torch_scatter",
    "torch_sparse",
    "torch_geometric",
    "torch_geometric.data",
    "fairchem",
    "fairchem.core",
    "fairchem.core.common",
    "fairchem.core.common.registry",
    "fairchem.core.common.utils",
    "fairchem.core.models",
    "fairchem.core.models.base",
    "fairchem.core.models.equiformer_v2",
    "fairchem.core.models.equiformer_v2.equiformer_v2_deprecated",
    "fairchem.core.models.escn",
    "fairchem.core.models.escn.escn",
    "fairchem.core.models.gemnet_oc",
    "fairchem.core.models.gemnet_oc.gemnet_oc",
    "fairchem.core.models.schnet",
    "fairchem.core.modules",
    "fairchem.core.modules.normalization",
    "fairchem.core.modules.normalization.normalizer",
)


class Data:
    """torch_geometric's, as far as it is used: fields by name, and an error for any other key."""

    def __init__(self, **fields):
        self.__dict__ |= fields

    def __getitem__(self, key):
        return self.__dict__[key]


class GemNetOC(nn.Module):
    """An energy of pairs; like the package's network it names structures without short edges, and needs some."""

    def __init__(self, cutoff, cutoff_qint):
        super().__init__()
        self.cutoff = self.cutoff_aint = cutoff
        self.cutoff_qint, self.quad_interaction, self.direct_forces = cutoff_qint, True, False
        self.embedding = nn.Embedding(100, 1)
        self.warned = 0

    def forward(self, data):
        distances = data.edge_vectors.norm(dim=1)
        structure = data.batch[data.edge_index[1]]
        short = torch.bincount(structure[distances < self.cutoff_qint], minlength=len(data.natoms))
        if (short == 0).any():
            self.warned += data[short == 0]
        if not short.any():
            raise RuntimeError("cannot reshape tensor of 0 elements")
        energy = torch.zeros(len(data.natoms), dtype=distances.dtype).index_add(0, structure, distances**-2)
        return {"energy": energy}


@pytest.fixture
def build(monkeypatch):
    """A function that makes the worker's network of a stand-in of GemNet-OC, and the kit that it needs."""
    for name in PACKAGES:
        monkeypatch.setitem(sys.modules, name, MagicMock())
    modules = sys.modules
    modules["torch_geometric.data"].Data = Data
    modules["fairchem.core.models.gemnet_oc.gemnet_oc"].GemNetOC = GemNetOC
    modules["fairchem.core.models.schnet"].SchNetWrap = type("SchNetWrap", (nn.Module,), {})
    kit = str(Path(alphanet.potentials.kit.__file__).parent)
    places = str(FOLDER), kit, str(WORKER_PATH)
    monkeypatch.setattr(sys, "path", [*places, *sys.path])
    before = set(sys.modules)
    network = importlib.import_module("network")
    monkeypatch.setattr(network, "model_class", lambda name: {"gemnet_oc": GemNetOC}[name])
    yield network, importlib.import_module("torch_kit"), importlib.import_module("worker_kit")
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(places):
            del sys.modules[name]


def test_a_structure_without_short_pairs_is_predicted_alone_and_beside_others(build):
    network, torch_kit, worker_kit = build
    made = network.build({"name": "gemnet_oc", "cutoff": 6.0, "cutoff_qint": 3.0}, ["Ar"])
    wide, near = Atoms("Ar2", [[0, 0, 0], [0, 0, 4.0]]), Atoms("Ar2", [[0, 0, 0], [0, 0, 2.0]])

    def energies(*frames):
        batch = torch_kit.batched(worker_kit.Structures(**packed(frames)), made.cutoff)
        return made(batch).detach().numpy()

    np.testing.assert_allclose(energies(wide), [2 / 16], rtol=1e-6)
    np.testing.assert_allclose(energies(wide, near), [2 / 16, 2 / 4], rtol=1e-6)
    np.testing.assert_allclose(energies(near), [2 / 4], rtol=1e-6)


def test_a_structure_without_any_pair_is_refused(build):
    network, torch_kit, worker_kit = build
    made = network.build({"name": "gemnet_oc", "cutoff": 6.0, "cutoff_qint": 3.0}, ["Ar"])
    alone = torch_kit.batched(worker_kit.Structures(**packed([Atoms("Ar")])), made.cutoff)
    with pytest.raises(worker_kit.RefusedError, match=r"no two atoms within 6\.0 Å"):
        made(alone)
