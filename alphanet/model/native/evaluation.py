"""A whole evaluation by the kernels in one call (`evaluate.cpp`): constants, and memory that later calls use again."""

import ctypes

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from alphanet.graph import AtomGraph
from alphanet.model.alphanet import AlphaNet, MessageLayer
from alphanet.model.fast.network import BlockNetwork
from alphanet.model.fast.products import weight_and_bias
from alphanet.model.native.arguments import address
from alphanet.model.native.atoms import Constants, Features, Update
from alphanet.model.native.embedding import ENVELOPES, NativeEmbeddingStage, NativeRadial
from alphanet.model.native.layer import NativeLayerStage
from alphanet.model.native.packing import Matrix, Packer
from alphanet.model.native.scalars import NativeScalarsStage
from alphanet.model.official import OfficialAlphaNet, OfficialMessageLayer
from alphanet.model.prediction import Prediction
from alphanet.model.repulsion import Repulsion

MOST = 1 << 30  # bytes that stay for the next call
SLACK = 1.1  # a structure that follows may have some more edges; what is not written takes no memory
LINE = 64  # bytes of a cache line


class _Repulsion(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("weights", "exponents", "charges", "powers", "reaches")),
        *((name, ctypes.c_double) for name in ("length", "coulomb")),
        *((name, ctypes.c_int64) for name in ("terms", "envelope")),
    )


class _Model(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("radial", "scalars", "layers", "updates")),
        ("features", Features),
        *((name, Matrix) for name in ("source", "to_state")),
        *((name, ctypes.c_void_p) for name in ("embedding", "neighbor", "memory", "scale", "shift")),
        *((name, ctypes.c_void_p) for name in ("energies", "rows", "elements")),
        ("energy_scale", ctypes.c_double),
        ("repulsion", _Repulsion),
        *((name, ctypes.c_int64) for name in ("n_layers", "block")),
        ("cutoff", ctypes.c_float),
    )


class _Graph(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("n", "E", "structures")),
        *((name, ctypes.c_void_p) for name in ("positions", "cell", "shift")),
        *((name, ctypes.c_void_p) for name in ("numbers", "batch", "sender", "receiver", "pbc")),
    )


class _Asked(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_int64) for name in ("differentiates", "keeps", "threads"))


class _Answer(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_void_p) for name in ("energy", "energies", "forces", "stress"))


class NativeEvaluation:
    """Evaluates a model with constant weights.

    Args:
        model: of either reading, in float32 on a CPU.
        network: its stages, by the kernels.
        block: edges that are walked over together.
    """

    def __init__(self, model: AlphaNet | OfficialAlphaNet, network: BlockNetwork, block: int) -> None:
        radial, scalars, layers = _stages(network)
        self._kernels = radial.kernels
        self._packer = packer = Packer(self._kernels.lanes(), self._kernels.panel())
        constants, tables = Constants(packer), _tables(model)
        source, norm, of_first, divisor, rows, scale, shift = _beginning(model)
        self._layers = (ctypes.c_void_p * len(layers))(*(ctypes.addressof(one.struct) for one in layers))
        self._updates = (Update * len(layers))(*constants.updates(model, network.branches))
        self._parts = (radial, scalars, tuple(layers))  # the addresses of their constants are used
        embedding, neighbor, memory = tables
        self._model = _Model(
            radial=ctypes.addressof(radial.struct),
            scalars=ctypes.addressof(scalars.struct),
            layers=ctypes.addressof(self._layers),
            updates=ctypes.addressof(self._updates),
            features=constants.features(norm, of_first, divisor, vectors=False),
            source=packer.matrix(*weight_and_bias(source)),
            to_state=packer.matrix(source.weight.detach().t()),
            embedding=packer.kept(embedding),
            neighbor=packer.kept(neighbor),
            memory=None if memory is None else packer.kept(constants.parts(memory)),
            scale=packer.kept(scale),
            shift=packer.kept(shift),
            energies=packer.kept(model.reference.energies),
            rows=packer.kept(rows),
            elements=packer.kept(model.element_of_number),
            energy_scale=float(model.reference.scale),
            n_layers=len(layers),
            block=block,
            cutoff=model.config.cutoff,
        )
        if model.repulsion is not None:
            self._model.repulsion = _repulsion(model.repulsion, packer)
        self._memories: list[np.ndarray] = []  # that no call uses

    def predict(self, graph: AtomGraph, *, forces: bool, stress: bool, keeps: bool) -> Prediction:
        """Energy, and forces and stress if asked.

        Args:
            graph: made by `model.graph`.
            forces: also give forces.
            stress: also give the stress.
            keeps: whether the backward finds in memory what it would otherwise compute again.
        """
        n, structures = graph.n_atoms, graph.n_structures
        alive = [
            one.contiguous()
            for one in (graph.positions, graph.cell, graph.edge_shift, graph.numbers, graph.batch, graph.sender,
                        graph.receiver, graph.pbc)
        ]  # fmt: skip
        if any(one.dtype != torch.float32 for one in alive[:3]):
            raise TypeError("the graph is not in float32, as the model is")
        given = _Graph(n, graph.n_edges, structures, *(one.data_ptr() for one in alive))
        asked = _Asked(forces or stress, keeps, torch.get_num_threads())
        energy, energies = torch.empty(structures, dtype=torch.float64), torch.empty(n, dtype=torch.float64)
        found = torch.empty(n, 3) if forces else None, torch.empty(structures, 3, 3) if stress else None
        answer = _Answer(energy.data_ptr(), energies.data_ptr(), *(address(one) for one in found))
        model, places = ctypes.byref(self._model), (ctypes.byref(given), ctypes.byref(asked))
        memory = self._memory(self._kernels.evaluate_room(model, *places))
        begin = memory.ctypes.data
        self._kernels.evaluate(model, *places, begin + -begin % LINE, ctypes.byref(answer))
        if memory.nbytes <= MOST:
            self._memories.append(memory)
        return Prediction(energy, energies, *found)

    def _memory(self, size: int) -> np.ndarray:
        """At least so many bytes, and those up to the next cache line."""
        if self._memories and self._memories[-1].nbytes >= size + LINE:
            return self._memories.pop()
        if self._memories:  # too small
            self._memories.pop()
        return np.empty(int(SLACK * size) + LINE, np.uint8)


def _stages(network: BlockNetwork) -> tuple[NativeRadial, NativeScalarsStage, list[NativeLayerStage]]:
    embedding, _, scalars, *layers = network.stages
    assert isinstance(embedding, NativeEmbeddingStage) and isinstance(scalars, NativeScalarsStage)
    return embedding.radial, scalars, [one for one in layers if isinstance(one, NativeLayerStage)]


def _beginning(
    model: AlphaNet | OfficialAlphaNet,
) -> tuple[nn.Linear, nn.Module, nn.Module, int, Tensor, Tensor, Tensor]:
    """Map of s behind what neighbors send; norm, network and divisor of the first layer; rows of the tables by atomic
    number; scale and shift.
    """
    if isinstance(model, AlphaNet):
        first, elements = model.messages[0], model.element_of_number
        assert isinstance(first, MessageLayer)
        scale, shift = model.element_scale, model.element_shift
        return model.structure.source, first.norm, first.features, 1, elements, scale, shift
    of_first, source = model.message_layers[0], model.S_vector["lin1"]
    assert isinstance(of_first, OfficialMessageLayer) and isinstance(source, nn.Sequential)
    map_of_s, rows = source[0], torch.arange(len(model.element_of_number))
    assert isinstance(map_of_s, nn.Linear)
    divisor = model.config.hidden_channels
    return map_of_s, of_first.x_layernorm, of_first.x_proj, divisor, rows, model.a, model.b


def _tables(model: AlphaNet | OfficialAlphaNet) -> tuple[Tensor, Tensor, Tensor | None]:
    """Embeddings and neighbors' embeddings (rows, H), and the memory before the first layer (rows, 2 C), if any."""
    with torch.no_grad():
        if isinstance(model, AlphaNet):
            tables = model.structure.atom_embedding, model.structure.neighbor_embedding
        else:
            of_neighbors = model.neighbor_emb["embedding"]
            assert isinstance(of_neighbors, nn.Embedding)
            tables = model.z_emb, of_neighbors
        z, neighbor = (F.layer_norm(table.weight, table.weight.shape[1:]) for table in tables)
        if isinstance(model, AlphaNet):
            return z, neighbor, model.temporal.initial(z) if model.config.temporal else None
        return z, neighbor, z @ model.kernel1


def _repulsion(of: Repulsion, packer: Packer) -> _Repulsion:
    charges = torch.arange(len(of.reach), dtype=torch.float64)
    arrays = of.weights, of.exponents, charges, charges.pow(of.power), of.reach
    return _Repulsion(
        *(packer.kept(one.double()) for one in arrays),
        length=float(of.length),
        coulomb=float(of.coulomb),
        terms=len(of.weights),
        envelope=ENVELOPES.index(of.kind),
    )
