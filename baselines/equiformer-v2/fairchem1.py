"""The networks of fairchem-core 1, without compiled packages and on edges that come with the structures.

Three things of the package are replaced. Its neighbor lists by the edges that are given, of which it then chooses the
nearest `max_neighbors` of an atom as it always does. The random angle by which it turns each edge's frame about the
edge, on which results would depend a little and differently every time, by one that follows from the edge. And the
names of structures in a warning, which these have not.
"""

import stand_ins  # noqa: F401  before anything of fairchem

# isort: split
import torch

# Module by module: fairchem's setup_imports() would also import SCN, which needs a function that scipy no longer has.
from fairchem.core.common.registry import registry
from fairchem.core.common.utils import cg_change_mat, get_max_neighbors_mask, load_state_dict, match_state_dict
from fairchem.core.models import dimenet_plus_plus  # noqa: F401
from fairchem.core.models.base import GraphData, GraphModelMixin
from fairchem.core.models.equiformer_v2 import equiformer_v2, equiformer_v2_dens  # noqa: F401
from fairchem.core.models.equiformer_v2.equiformer_v2_deprecated import EquiformerV2
from fairchem.core.models.escn.escn import eSCN
from fairchem.core.models.gemnet_oc.gemnet_oc import GemNetOC
from fairchem.core.models.schnet import SchNetWrap
from fairchem.core.modules.normalization.normalizer import Normalizer
from torch_geometric.data import Data

# What the row's other files need of the package, which has to be imported here first.
__all__ = [
    "GemNetOC",
    "Normalizer",
    "SchNetWrap",
    "cg_change_mat",
    "load_state_dict",
    "match_state_dict",
    "model_class",
    "packed",
]


def model_class(name):
    """The class that fairchem's configurations call `name`; KeyError if there is none."""
    return registry.mapping["model_name_mapping"][name]


class _Structures(Data):
    """The data of a batch; GemNet-OC looks structures up by a mask, for a warning that one has no short edges."""

    def __getitem__(self, key):
        return int(key.sum()) if isinstance(key, torch.Tensor) else super().__getitem__(key)


def packed(batch, dtype):
    """A `torch_kit.Batch` as the data that the networks take; its vectors keep what they depend on."""
    receiver = batch.edge_index[1]
    shifts = torch.einsum("ei,eij->ej", batch.images, batch.cells[batch.batch[receiver]])
    return _Structures(
        pos=batch.positions.to(dtype),
        atomic_numbers=batch.numbers,
        natoms=batch.counts,
        batch=batch.batch,
        tags=torch.ones_like(batch.numbers),  # GemNet-OC takes quadruplets of atoms at a surface, which these all are
        edge_index=batch.edge_index,
        edge_vectors=batch.vectors().to(dtype),
        cell_offsets=batch.images.to(dtype),
        edge_shifts=shifts.to(dtype),
    )


def _given_graph(self, data, cutoff=None, max_neighbors=None, enforce_max_neighbors_strictly=None, **_):  # noqa: ARG001
    """The graph of the data's own edges (all within the largest cutoff), without those beyond `max_neighbors`."""
    strictly = enforce_max_neighbors_strictly
    if strictly is None:
        strictly = getattr(self, "enforce_max_neighbors_strictly", True)
    distances = data.edge_vectors.norm(dim=1)
    nearest, per_structure = get_max_neighbors_mask(
        natoms=data.natoms,
        index=data.edge_index[1],
        atom_distance=distances.detach().float() ** 2,  # squared, as the package's own neighbor list has it
        max_num_neighbors_threshold=max_neighbors or self.max_neighbors,
        enforce_max_strictly=strictly,
    )
    return GraphData(
        edge_index=data.edge_index[:, nearest],
        edge_distance=distances[nearest],
        edge_distance_vec=data.edge_vectors[nearest],
        cell_offsets=data.cell_offsets[nearest],
        offset_distances=data.edge_shifts[nearest],
        neighbors=per_structure,
        batch_full=data.batch,
        atomic_numbers_full=data.atomic_numbers,
    )


def _edge_frames(_self, _data, _edge_index, vectors):
    """(E, 3, 3) rotations that turn each edge to the y axis; the axis least along the edge gives the angle about it."""
    along = torch.nn.functional.normalize(vectors.detach(), dim=1)
    least = torch.nn.functional.one_hot(along.abs().argmin(dim=1), 3).to(along)
    side = torch.nn.functional.normalize(torch.linalg.cross(along, least), dim=1)
    return torch.stack([side, along, torch.linalg.cross(side, along)], dim=1)


GraphModelMixin.generate_graph = _given_graph
for network in (EquiformerV2, equiformer_v2.EquiformerV2Backbone, eSCN):
    network._init_edge_rot_mat = _edge_frames
