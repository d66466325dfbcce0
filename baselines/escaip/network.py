"""EScAIP of fairchem-core 2, with forces that are derivatives or come from a separate head."""

import light_fairchem  # noqa: F401  before fairchem

# isort: split
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import torch
from ase.data import chemical_symbols
from ase.geometry import complete_cell
from fairchem.core.models.escaip import configs
from fairchem.core.models.escaip.EScAIP import (
    EScAIPBackbone,
    EScAIPDirectForceHead,
    EScAIPEnergyHead,
    EScAIPGradientEnergyForceStressHead,
)
from torch_kit import Network
from worker_kit import RefusedError

GROUPS = (
    configs.GlobalConfigs,
    configs.MolecularGraphConfigs,
    configs.GraphNeuralNetworksConfigs,
    configs.RegularizationConfigs,
)
# What this wrapper decides. Padding to fixed sizes is for torch.compile, which takes no second derivatives.
DECIDED = {
    "regress_forces": True,
    "regress_stress": False,
    "use_pbc": True,
    "use_compile": False,
    "use_padding": False,
    "max_atoms": 0,
    "max_batch_size": 0,
    "knn_pad_size": 0,
}


def build(architecture, elements):
    """A network in the words of the package's configuration, which itself passes over words that it does not know."""
    known = {field.name for group in GROUPS for field in fields(group)} - set(DECIDED)
    unknown = sorted(set(architecture) - known)
    if unknown:
        raise RefusedError(f"EScAIP has no setting {', '.join(unknown)} here; it has {', '.join(sorted(known))}")
    return EScAIP(architecture, elements)


class EScAIP(Network):
    """Backbone and heads. The package finds the neighbors itself; the edges only say how many there can be."""

    def __init__(self, architecture, elements):
        super().__init__()
        self.backbone = EScAIPBackbone(**architecture, **DECIDED)
        self.cutoff = self.backbone.cutoff
        self.elements = tuple(elements or chemical_symbols[1 : self.backbone.max_num_elements])
        self.direct = self.backbone.direct_forces
        if self.direct:
            self.energy = EScAIPEnergyHead(self.backbone)
            self.forces = EScAIPDirectForceHead(self.backbone)
        else:
            self.energy = EScAIPGradientEnergyForceStressHead(self.backbone, wrap_property=False)
            self.energy.regress_forces = self.energy.regress_stress = False  # the kit differentiates

    def make_compilable(self):
        """Not at all."""
        raise RefusedError("EScAIP has no compiled mode: the package compiles it for graphs padded to one size only")

    def forward(self, batch):
        """Energies (B,); with them forces (N, 3) if there is a head for them."""
        features = self.backbone.compiled_forward(self._graph(batch))
        energy = self.energy(None, features)["energy"]
        return (energy, self.forces(None, features)["forces"]) if self.direct else energy

    def _graph(self, batch):
        """The package's padded neighbor lists, with as many slots as the batch needs."""
        settings = self.backbone.molecular_graph_cfg
        within = int(torch.bincount(batch.edge_index[1], minlength=1).max()) + 1  # every atom is its own neighbor
        # each atom that is not farther adds at least 1/2 to the soft rank, which has to stay below k
        settings.knn_pad_size = min(within, 2 * settings.knn_k)
        cells = _inert_where_open(batch, self.cutoff)
        frames = SimpleNamespace(
            atomic_numbers=batch.numbers,
            pos=_wrapped(batch, cells).to(self.dtype),
            cell=cells.to(self.dtype),
            batch=batch.batch,
            natoms=batch.counts,
            num_graphs=len(batch.counts),
        )
        return _trimmed(self.backbone.data_preprocess(frames))


def _inert_where_open(batch, cutoff):
    """(B, 3, 3) Å: cells whose open directions have a vector so long that no image comes within the cutoff.

    The package repeats every structure in all three directions or none.
    """
    cells = batch.cells.clone()
    for index, positions in enumerate(batch.positions.detach().split(batch.counts.tolist())):
        opened = ~batch.pbc[index]
        if opened.any():
            periodic = torch.where(opened[:, None], 0, batch.cells[index].detach())
            length = 2 * np.ptp(positions.cpu().numpy()) + 2 * cutoff
            complete = torch.from_numpy(complete_cell(periodic.cpu().numpy())).to(cells)
            cells[index, opened] = length * complete[opened]
    return cells


def _wrapped(batch, cells):
    """(N, 3) Å: positions inside the cells, as the package's own conversion of structures stores them.

    Its graph looks for images in the cells next to where an atom is stored, and would miss those of atoms farther out.
    """
    cells = cells[batch.batch]
    with torch.no_grad():
        turns = torch.linalg.solve(cells.mT, batch.positions[:, :, None])[:, :, 0].floor() * batch.pbc[batch.batch]
    return batch.positions - (turns[:, None, :].to(cells) @ cells)[:, 0]


def _trimmed(graph):
    """Without the slots that no atom uses; neighbors are sorted, so these come last."""
    used = int(graph.neighbor_mask.any(dim=0).sum())
    cut = {
        name: getattr(graph, name)[:, :used]
        for name in ("edge_distance_expansion", "edge_direction", "neighbor_list", "neighbor_mask")
    }
    cut["attn_mask"] = graph.attn_mask[:, :used, :used]
    if graph.angle_embedding is not None:
        cut["angle_embedding"] = graph.angle_embedding[:, :used, :used]
    if graph.frequency_vectors is not None:
        cut["frequency_vectors"] = graph.frequency_vectors[:, :used]
    return replace(graph, **cut)
