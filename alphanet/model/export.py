"""A model as one compiled file: AOTInductor's package of energy, forces and stress, checked before it is written.

The graph of energy and derivatives is traced first (`make_fx`), because torch.export does not take derivatives in a
forward pass. A package is native code: load only what you trust.
"""

import json
import logging
from dataclasses import fields
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from ase import Atoms
from torch import Tensor

from alphanet.errors import UserError
from alphanet.files import atomic_path
from alphanet.graph import AtomGraph, collate
from alphanet.model.base import InteratomicModel
from alphanet.model.config import config_from
from alphanet.model.create import create_model
from alphanet.model.prediction import Prediction, predict
from alphanet.outside import require_regular
from alphanet.programs import PACKAGE, is_on_record, remember

SUFFIX = PACKAGE
CONFIG_KEY, DTYPE_KEY, DEVICE_KEY = "alphanet_config", "alphanet_dtype", "alphanet_device"
FIELDS = tuple(field.name for field in fields(AtomGraph))
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}  # relative, of energies, forces and stresses
BOND = 1.0  # Å, of the two atoms that no size falls below 2 with

logger = logging.getLogger(__name__)


def export_model(model: InteratomicModel, path: Path, extra: dict[str, str] | None = None) -> float:
    """Write `model` as a package for its device and precision, if it predicts what the model predicts.

    Args:
        model: any reading.
        path: ends in `.pt2`.
        extra: more metadata, such as the weights' checksum.

    Returns:
        The largest relative difference that was found.

    Raises:
        UserError: another suffix, no compiler, or predictions that differ by more than `TOLERANCE`.
    """
    if path.suffix != SUFFIX:
        raise UserError(f"{path}: compiled models are written as {SUFFIX}; choose such a name")
    model = model.eval().requires_grad_(False)
    with atomic_path(path) as temporary:
        _compile(model, temporary, extra or {})
        remember(temporary)
        logger.info("comparing it with the model")
        found, allowed = _largest_difference(ExportedModel(temporary), model), TOLERANCE[model.dtype]
        if not found <= allowed:
            raise UserError(
                f"{path} is not written: what was compiled differs from the model by {found:.1e}, relative; "
                f"at most {allowed:.0e} is allowed"
            )
    return found


class ExportedModel:
    """A package that `export_model` wrote; predicts, and makes graphs as its model does.

    Args:
        path: the file. It is native code and runs as such, so it must be on record, see `alphanet.programs.remember`.

    Raises:
        UserError: no such file, not exported by this user nor trusted, or not a package of this project.
    """

    mode = "exported"

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise UserError(f"cannot read {path}: no such file")
        require_regular(self.path)
        content = self.path.read_bytes()  # once: what is checked is what runs
        if not is_on_record(content):
            raise UserError(
                f"{path} is a program (machine code), and you did not export it here; if you trust who made it, allow "
                "it once (trust), or export it from its weights"
            )
        try:
            self._run: Any = torch._inductor.aoti_load_package(BytesIO(content))
            metadata = self._run.get_metadata()
            settings = json.loads(metadata[CONFIG_KEY])
        except (RuntimeError, KeyError, ValueError, OSError) as error:
            raise UserError(f"{path} is no model that alphanet export wrote: {str(error).splitlines()[0]}") from error
        self.config = config_from(settings, str(path))
        self.metadata = metadata
        self.dtype: torch.dtype = getattr(torch, metadata[DTYPE_KEY])
        self.device = torch.device(metadata[DEVICE_KEY])
        with torch.device("meta"):  # without weights, for the graphs alone
            self._like = create_model(self.config)
        self._dimer = _dimer(self._like, self.dtype, self.device)

    def __reduce__(self) -> tuple[Any, ...]:
        """The file: a copy (pickle, deepcopy) loads it again."""
        return ExportedModel, (self.path.resolve(),)

    def graph(self, atoms: Atoms) -> AtomGraph:
        """As `InteratomicModel.graph`."""
        return self._like.graph(atoms, self.dtype, self.device)

    def limit_neighbors(self, graph: AtomGraph) -> AtomGraph:
        """As `InteratomicModel.limit_neighbors`."""
        return self._like.limit_neighbors(graph)

    def require_elements(self, atoms: Atoms) -> None:
        """As `InteratomicModel.require_elements`."""
        self._like.require_elements(atoms)

    @property
    def n_parameters(self) -> int:
        """Number of trainable values of the model that was exported."""
        return self._like.n_parameters

    def predict(self, graph: AtomGraph, *, forces: bool = True, stress: bool = True) -> Prediction:
        """Energies, and forces and stresses if asked, of a graph in the package's precision."""
        padded = collate([graph, self._dimer.to(device=graph.positions.device)]).to(device=self.device)
        values = (getattr(padded, name).contiguous() for name in FIELDS)
        energy, atomic_energies, found_forces, found_stress = self._run(*values)
        return Prediction(
            energy[:-1],
            atomic_energies[:-2],
            forces=found_forces[:-2] if forces else None,
            stress=found_stress[:-1] if stress else None,
        )


def _compile(model: InteratomicModel, package: Path, extra: dict[str, str]) -> None:
    from torch._inductor.exc import InductorError, InvalidCxxCompiler
    from torch.fx.experimental.proxy_tensor import make_fx

    def answers(*values: Tensor) -> tuple[Tensor | None, ...]:
        found = predict(model, AtomGraph(*values))
        return found.energy, found.atomic_energies, found.forces, found.stress

    device = next(model.parameters()).device
    example = [getattr(_sample(model, seed=0).to(device=device), name) for name in FIELDS]
    metadata = {
        CONFIG_KEY: model.config.model_dump_json(),
        DTYPE_KEY: str(model.dtype).removeprefix("torch."),
        DEVICE_KEY: device.type,
        **extra,
    }
    try:
        logger.info("tracing energy, forces and stress")
        traced = make_fx(answers, tracing_mode="symbolic", _allow_non_fake_inputs=True)(*example)
        program = torch.export.export(traced, tuple(example), dynamic_shapes=_sizes())
        logger.info("compiling; this takes a minute or more")
        torch._inductor.aoti_compile_and_package(
            program, package_path=str(package), inductor_configs={"aot_inductor.metadata": metadata}
        )
    except InvalidCxxCompiler as error:
        raise UserError("export needs a C++ compiler (g++ or clang++, or set CXX); there is none") from error
    except InductorError as error:
        raise UserError(f"this model cannot be compiled here: {str(error).splitlines()[0]}") from error


def _sizes() -> tuple[dict[int, Any], ...]:
    """Which dimensions of the fields vary: atoms, edges and structures, each at least 2."""
    atoms, edges, structures = (torch.export.Dim(name, min=2) for name in ("atoms", "edges", "structures"))
    of = {
        "positions": {0: atoms},
        "numbers": {0: atoms},
        "cell": {0: structures},
        "pbc": {0: structures},
        "batch": {0: atoms},
        "edge_index": {1: edges},
        "edge_shift": {0: edges},
    }
    return tuple(of[name] for name in FIELDS)


def _sample(model: InteratomicModel, seed: int) -> AtomGraph:
    """Five small random crystals and molecules: sizes that are equal, or 3, would be taken for constants."""
    generator = torch.Generator().manual_seed(seed)
    graphs = []
    for count, periodic in ((3 + seed, True), (6, True), (4, False), (8, True), (2, False)):
        edge = 2.2 * count ** (1 / 3)
        grid = torch.cartesian_prod(*[torch.arange(2.0)] * 3)[torch.randperm(8, generator=generator)[: min(count, 8)]]
        positions = (grid + 0.15 * torch.rand(len(grid), 3, generator=generator)) * edge / 2
        symbols = [
            model.config.elements[int(torch.randint(len(model.config.elements), (), generator=generator))] for _ in grid
        ]
        cell = [edge + 1.0] * 3 if periodic else None
        graphs.append(model.graph(Atoms(symbols, positions.numpy(), cell=cell, pbc=periodic)))
    return collate(graphs)


def _dimer(model: InteratomicModel, dtype: torch.dtype, device: torch.device) -> AtomGraph:
    symbol = model.config.elements[0]
    return model.graph(Atoms([symbol, symbol], [[0, 0, 0], [0, 0, BOND]]), dtype, device)


def _largest_difference(exported: ExportedModel, model: InteratomicModel) -> float:
    """Relative to the largest value of each quantity, over structures of other sizes than those that were traced."""
    device = next(model.parameters()).device
    worst = 0.0
    for seed in (1, 2):
        graph = _sample(model, seed).to(device=device)
        found, wanted = exported.predict(graph), predict(model, graph)
        for name in ("energy", "atomic_energies", "forces", "stress"):
            a, b = getattr(found, name), getattr(wanted, name)
            worst = max(worst, float((a - b).abs().max() / b.abs().max().clamp(min=1e-6)))
    return worst
