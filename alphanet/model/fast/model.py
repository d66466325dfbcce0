"""The fast model: predictions of a reference model with constant weights, by the same formulas on blocks of edges."""

import warnings
from copy import deepcopy
from dataclasses import replace
from typing import Any, TypedDict

import torch
from torch import Tensor

from alphanet.errors import UserError
from alphanet.graph import AtomGraph, edge_vectors, sum_over_atoms
from alphanet.hardware.devices import BACKENDS, backend_of
from alphanet.model.alphanet import AlphaNet
from alphanet.model.base import InteratomicModel
from alphanet.model.fast.arena import Arena
from alphanet.model.fast.checking import largest_error
from alphanet.model.fast.choice import Backend
from alphanet.model.fast.compiler import Compiler, triton_is_installed
from alphanet.model.fast.edge_arrays import EdgeArrays
from alphanet.model.fast.layout import CHUNK, EdgeLayout, edge_layout, most_chunks
from alphanet.model.fast.memory import Retention, default_limit, edges_a_block_on_gpu, retention
from alphanet.model.fast.official import OfficialNetwork
from alphanet.model.fast.paper import PaperNetwork
from alphanet.model.native.evaluation import NativeEvaluation
from alphanet.model.native.library import Kernels, NativeError, cpp_compiler, kernels
from alphanet.model.official import OfficialAlphaNet
from alphanet.model.prediction import Prediction, per_volume, predict

# Of the radial columns, see `radial_columns`; float32's own rounding is larger than what 1e-8 leaves out.
TOLERANCE = {torch.float32: 1e-8, torch.float64: 0.0}
BLOCK_NUMBERS = 65536  # edges times channels of a block: one array of 3 H columns is 786 kB, so that a few stay in L2
NATIVE_BLOCK_NUMBERS = 8 * BLOCK_NUMBERS  # kernels cut blocks into tiles themselves
FEWEST_EDGES, MOST_EDGES = 256, 2048
ALLOWED = 1.0  # largest error that a check passes, see `largest_error`


class Settings(TypedDict):
    """The arguments of `FastModel` besides the reference."""

    compiled: bool
    native: bool | None
    max_memory: int | None
    block: int | None


class FastModel:
    """Predicts what `predict(model, graph)` does, from a copy of the weights that never changes.

    Use `fast_model`, which also checks it.

    Args:
        model: the reference.
        compiled: whether functions are compiled, at their first call.
        native: whether edges are done by the kernels in C++, in single precision on a CPU; if not said, as `compiled`.
        max_memory: bytes that arrays of edges may take; above it the backward computes again what it would otherwise
            find in memory, and where that is not enough, arrays are written anew for every block.
        block: edges a block; if not given, chosen for the caches, on CUDA for the memory.

    Raises:
        UserError: the model has a setting that only the reference evaluates.
    """

    def __init__(
        self,
        model: InteratomicModel,
        *,
        compiled: bool,
        native: bool | None = None,
        max_memory: int | None = None,
        block: int | None = None,
    ) -> None:
        if lacking := no_fast_path(model):
            raise UserError(lacking)
        self.model = deepcopy(model).requires_grad_(False).eval()
        self._settings: Settings = {
            "compiled": compiled,
            "native": native,
            "max_memory": max_memory,
            "block": block,
        }
        self.mode = "compiled" if compiled else "blocked"
        """compiled, blocked (the same, not compiled) or eager (the reference)"""
        # Element tables are arguments of the functions, so that models of other elements share what is compiled; the
        # repulsion is no part of them.
        architecture = f"{type(model).__name__} {model.config.model_dump_json(exclude={'elements', 'zbl'})}"
        H = model.config.hidden_channels
        own, refusal = _kernels(model) if (compiled if native is None else native) else (None, None)
        # Beside the kernels nothing is left that would be worth the minute that the compiler takes.
        compiler = Compiler(architecture) if compiled and own is None else None
        self.note = refusal
        """The reason why it does not run as asked; None if it does"""
        device = next(model.parameters()).device
        backend = Backend(own, compiler)
        self._limit = max_memory
        if device.type != "cpu":
            limit = default_limit(device) if max_memory is None else max_memory
            chosen = edges_a_block_on_gpu(H, model.dtype, limit, compiled=compiled)
        else:
            numbers = BLOCK_NUMBERS if own is None else NATIVE_BLOCK_NUMBERS
            chosen = min(max(numbers // H, FEWEST_EDGES), MOST_EDGES * numbers // BLOCK_NUMBERS)
        self._block = block or chosen
        self._arenas: list[Arena] = []  # that no call uses
        self._network: PaperNetwork | OfficialNetwork
        if isinstance(self.model, AlphaNet):
            self._network = PaperNetwork(self.model, TOLERANCE[model.dtype], backend)
        elif isinstance(self.model, OfficialAlphaNet):
            self._network = OfficialNetwork(self.model, TOLERANCE[model.dtype], backend)
        else:
            raise TypeError(f"no fast path for {type(model).__name__}")
        self._whole = None if own is None else NativeEvaluation(self.model, self._network, self._block)

    def __reduce__(self) -> tuple[Any, ...]:
        """The reference and the settings: a copy (pickle, deepcopy) makes its functions and its memory anew."""
        return _restored, (self.model, self._settings, self.mode, self.note)

    @property
    def radial_error(self) -> float:
        """Largest error of a radial feature relative to the largest one, from leaving out columns."""
        return self._network.radial_error

    def predict(self, graph: AtomGraph, *, forces: bool = True, stress: bool = True) -> Prediction:
        """Energy, and forces and stress if asked.

        Args:
            graph: made by `model.graph`, in the model's precision and on its device.
            forces: also give forces.
            stress: also give the stress.
        """
        if self.mode == "eager":
            return predict(self.model, graph, forces=forces, stress=stress)
        differentiates = forces or stress
        if self._whole is not None and (stays := self._stays(most_chunks(graph), differentiates)) != "nothing":
            return self._whole.predict(graph, forces=forces, stress=stress, keeps=stays == "all")
        layout = edge_layout(graph)
        arena = self._arenas.pop() if self._arenas else Arena(graph.positions)
        try:
            return self.evaluate(graph, layout, self.vectors(graph, layout), arena, forces=forces, stress=stress)
        finally:
            arena.reset()
            self._arenas.append(arena)

    def vectors(self, graph: AtomGraph, layout: EdgeLayout) -> Tensor:
        """(chunks, P, 3) Å, receiver to sender; at the cutoff where there is no edge."""
        return layout.scattered(edge_vectors(graph), self.model.config.cutoff)

    def evaluate(
        self, graph: AtomGraph, layout: EdgeLayout, vector: Tensor, arena: Arena, *, forces: bool, stress: bool
    ) -> Prediction:
        """The answer of `predict` from `layout` and `vectors` in place of the edges of `graph`, which are not read.

        The fast path alone, which never waits for the device.

        Args:
            graph: its atoms and cells.
            layout: its edges.
            vector: see `vectors`.
            arena: memory for the edges; used by nothing else during the call.
            forces: also give forces.
            stress: also give the stress.
        """
        differentiates = forces or stress
        arrays = self._arrays(layout, vector, differentiates, arena)
        token = graph.positions.new_zeros(0, requires_grad=differentiates)
        positions = graph.positions.detach().requires_grad_(differentiates)
        with torch.set_grad_enabled(differentiates):
            output = self._network(replace(graph, positions=positions), arrays, token)
        element = self.model.element_of_number[graph.numbers]
        atomic_energies = self.model.reference(output.detach(), element)
        repulsion = self._repulsion(graph, layout, vector)
        if repulsion is not None:
            atomic_energies = atomic_energies + repulsion[0]
        energy = sum_over_atoms(atomic_energies, graph)
        if not differentiates:
            return Prediction(energy, atomic_energies)
        arrays.prepare_gradients()
        seed = self.model.reference.scale.to(output.dtype).expand_as(output)
        direct, _ = torch.autograd.grad(output, [positions, token], seed, allow_unused=True)
        if repulsion is not None:
            arrays.vector_gradient.add_(repulsion[1])
        return Prediction(
            energy,
            atomic_energies,
            forces=-_by_positions(graph, arrays, direct) if forces else None,
            stress=per_volume(_by_strain(graph, arrays, direct), graph) if stress else None,
        )

    def _repulsion(self, graph: AtomGraph, layout: EdgeLayout, vector: Tensor) -> tuple[Tensor, Tensor] | None:
        """(N,) eV, and the derivatives of their sum by `vector`; None if the model has no repulsion.

        The filling is farther away than the repulsion reaches.
        """
        if self.model.repulsion is None:
            return None
        ends = graph.numbers[layout.receiver][:, None], graph.numbers[layout.sender]
        halves, gradient = self.model.repulsion.halves_and_gradient(vector, *ends)
        energies = torch.zeros(graph.n_atoms, dtype=torch.float64, device=vector.device)
        return energies.index_add_(0, layout.receiver, halves.sum(1).double()), gradient

    def _arrays(self, layout: EdgeLayout, vector: Tensor, differentiates: bool, arena: Arena) -> EdgeArrays:
        stays = self._stays(layout.n_chunks, differentiates)
        return EdgeArrays(
            layout=layout,
            blocks=layout.blocks(self._block),
            vector=vector,
            columns=self._columns,
            keeps=differentiates and stays == "all",
            streams=stays == "nothing",
            arena=arena,
        )

    @property
    def _columns(self) -> int:
        """Of the weights of edges."""
        return 2 * self.model.config.hidden_channels + self._network.n_columns

    def _stays(self, chunks: int, differentiates: bool) -> Retention:
        """What arrays of so many chunks of edges may leave in memory between the walks."""
        kept = self._network.kept if differentiates else 0
        limit = default_limit(self.model.device) if self._limit is None else self._limit
        return retention((chunks, CHUNK), self._columns, kept, self.model.dtype, limit)


def _restored(model: InteratomicModel, settings: Settings, mode: str, note: str | None) -> FastModel:
    """A copy of a fast model that was compared with its reference when it was made."""
    fast = FastModel(model, **settings)
    fast.mode, fast.note = mode, note
    return fast


def no_fast_path(model: InteratomicModel) -> str | None:
    """The reason why only the reference evaluates `model`; None if the fast path can."""
    settings = getattr(model.config, "without_fast_path", ())
    return f"no fast path for {', '.join(settings)}: the reference is used (mode eager)" if settings else None


def fast_model(model: InteratomicModel, *, compiled: bool | None = None, max_memory: int | None = None) -> FastModel:
    """A fast model that has been compared with its reference on a small structure.

    In single precision on a CPU the kernels in C++ are compiled here, in seconds, once for a number of channels on a
    machine. Functions for other precisions and devices take a minute or two at the first use of an
    architecture. Where the fast path cannot be used as asked, the next slower one is, with one line of warning.

    Args:
        model: the reference; later changes of its weights are not seen.
        compiled: whether to compile; None: where it can be done, on a CPU with a C++ compiler, on CUDA with triton.
        max_memory: bytes that the arrays of edges may take; if not given, half of what the process may use, or of the
            GPU's memory. At 0 they take 100 bytes an edge, and the call takes half as long again to twice as long.

    Raises:
        UserError: the model has a setting that only the reference evaluates, see `no_fast_path`.
    """
    device = next(model.parameters()).device.type
    missing = _missing(device)
    wanted = device in BACKENDS and missing is None if compiled is None else compiled
    note = None
    if wanted and missing is not None:
        wanted, note = False, f"{missing}: blocks of edges are computed without compilation"
    fast = FastModel(model, compiled=wanted, max_memory=max_memory)
    try:
        error = largest_error(fast.predict, model)
        note = fast.note or note
    except Exception as failure:  # compilers fail in many ways, and the answer is always the same
        if not wanted:
            raise
        note = f"compilation failed ({_first_line(failure)}): blocks of edges are computed without it"
        fast = FastModel(model, compiled=False, max_memory=max_memory)
        error = largest_error(fast.predict, model)
    if not error <= ALLOWED:
        fast.mode = "eager"
        note = f"the fast path is not used: it differs from the reference, {error:.1e} times the error allowed"
    if note is not None:
        fast.note = note
        warnings.warn(note, stacklevel=2)
    return fast


def _missing(device: str) -> str | None:
    """The reason why functions cannot be compiled for a kind of device here; None if they can."""
    if backend_of(device).triton:
        return None if triton_is_installed() else "triton is not installed"
    return None if cpp_compiler() is not None else "no C++ compiler found"


def _kernels(model: InteratomicModel) -> tuple[Kernels | None, str | None]:
    """The kernels for a model where they serve it, or why they do not although they should."""
    on_cpu = next(model.parameters()).device.type == "cpu"
    if model.dtype != torch.float32 or not on_cpu:
        return None, None
    try:
        return kernels(model.config.hidden_channels), None
    except NativeError as error:
        return None, f"kernels in C++ are not used: {error}"


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0][:120]}" if text else type(error).__name__


def _by_positions(graph: AtomGraph, arrays: EdgeArrays, direct: Tensor | None) -> Tensor:
    """(N, 3) derivatives of the energy by positions, from those by edge vectors and by stored positions."""
    layout = arrays.layout
    total = torch.zeros_like(graph.positions) if direct is None else direct.clone()
    total.index_add_(0, layout.sender.flatten(), arrays.vector_gradient.flatten(0, 1))
    return total.index_add_(0, layout.receiver, arrays.vector_gradient.sum(1), alpha=-1)


def _by_strain(graph: AtomGraph, arrays: EdgeArrays, direct: Tensor | None) -> Tensor:
    """(B, 3, 3) derivatives of the energy by a symmetric strain."""
    of_chunks = arrays.vector.transpose(1, 2) @ arrays.vector_gradient
    total = torch.zeros_like(graph.cell).index_add_(0, graph.batch[arrays.layout.receiver], of_chunks)
    if direct is not None:
        total.index_add_(0, graph.batch, graph.positions[:, :, None] * direct[:, None, :])
    return 0.5 * (total + total.transpose(1, 2))
