"""Potentials from Python: the ASE calculator or torch_sim model that `module:callable` returns."""

import importlib.util
import inspect
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import PathFinder
from itertools import groupby, islice
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator, PropertyNotImplementedError
from ase.stress import voigt_6_to_full_3x3_stress
from pydantic import JsonValue

from alphanet.errors import UserError
from alphanet.potentials.protocol import FramePrediction, Potential, frame_predictions
from alphanet.potentials.specification import specified


def from_python(name: str, *, dtype: str, device: str, seed: int) -> Potential:
    """The potential that `module:callable` makes; a module in the working folder goes before an installed one.

    Of `dtype`, `device` and `seed`, the callable gets those that it has parameters for.

    Raises:
        UserError: it cannot be imported or called, or returns something else.
    """
    module, _, attribute = name.partition(":")
    try:
        make: Any = _imported(module)
        for part in attribute.split("."):
            make = getattr(make, part)
    except (Exception, SystemExit) as error:  # importing runs the user's code
        raise UserError(f"{name} cannot be imported as module:callable: {_gist(error)}") from error
    made = _call(name, make, {"dtype": dtype, "device": device, "seed": seed})
    source = specified(name).digest
    if isinstance(made, type):
        raise UserError(f"{name} returned the class {made.__name__}; return a calculator that is made from it")
    if isinstance(made, BaseCalculator) or (hasattr(made, "get_potential_energy") and not isinstance(made, Atoms)):
        return CalculatorPotential(name, made, source)
    if hasattr(made, "compute_forces") and callable(made):
        return TorchSimPotential(name, made, source)
    raise UserError(f"{name} returned {type(made).__name__}, neither an ASE calculator nor a torch_sim model")


class CalculatorPotential:
    """An ASE calculator as a potential, one structure after another."""

    def __init__(self, name: str, calculator: Any, source: str | None = None) -> None:
        """Wrap the calculator; errors and records call it `name`, and records keep the hash of its source."""
        self.name, self._calculator, self._source = name, calculator, source

    def predict(self, frames: Sequence[Atoms], *, batch_size: int = 8) -> list[FramePrediction]:
        """Energies, forces and, if the calculator has them, stresses of `frames`, in order.

        Raises:
            UserError: the calculator fails or answers with something that is not finite (the frame is named).
        """
        del batch_size
        return [self._one(place, atoms) for place, atoms in enumerate(frames)]

    def provenance(self) -> dict[str, JsonValue]:
        """Name, class, and sha256 of the module that made it."""
        kind = _kind(self._calculator)
        return {"name": self.name, "calculator": kind, "source_sha256": self._source, "parameters": None}

    def close(self) -> None:
        """Release nothing; the calculator lives as long as this object."""

    def _one(self, place: int, atoms: Atoms) -> FramePrediction:
        copy = atoms.copy()
        copy.calc = self._calculator
        try:
            energy, forces = float(copy.get_potential_energy()), np.array(copy.get_forces(), dtype=np.float64)
            stress = self._stress(copy)
        except Exception as error:
            raise UserError(f"{self.name}: frame {place} ({atoms.symbols}): {_gist(error)}") from error
        stresses = None if stress is None else [stress]
        return frame_predictions(self.name, [atoms], place, [energy], forces, stresses)[0]

    def _stress(self, atoms: Atoms) -> np.ndarray | None:
        if not atoms.pbc.all():
            return None
        try:
            return np.asarray(voigt_6_to_full_3x3_stress(atoms.get_stress()), dtype=np.float64)
        except (PropertyNotImplementedError, NotImplementedError):
            return None


class TorchSimPotential:
    """A torch_sim `ModelInterface` as a potential, a batch at a time."""

    def __init__(self, name: str, model: Any, source: str | None = None) -> None:
        """Wrap the model; errors and records call it `name`, and records keep the hash of its source."""
        self.name, self._model, self._source = name, model, source

    def predict(self, frames: Sequence[Atoms], *, batch_size: int = 8) -> list[FramePrediction]:
        """Energies, forces and, if the model computes them, stresses of `frames`, in order.

        Raises:
            UserError: the model fails or answers with something that is not finite (the frame is named).
        """
        predictions: list[FramePrediction] = []
        for batch in _of_one_periodicity(frames, batch_size):
            first = len(predictions)
            answer = self._answer(batch, first)
            arrays = (answer["energy"], answer["forces"], answer.get("stress"))
            predictions += frame_predictions(self.name, batch, first, *arrays)
        return predictions

    def provenance(self) -> dict[str, JsonValue]:
        """Name, class, sha256 of the module that made it, precision and device."""
        return {
            "name": self.name,
            "model": _kind(self._model),
            "source_sha256": self._source,
            "dtype": str(self._model.dtype).removeprefix("torch."),
            "device": str(self._model.device),
            "parameters": None,
        }

    def close(self) -> None:
        """Release nothing; the model lives as long as this object."""

    def _answer(self, batch: Sequence[Atoms], first: int) -> dict[str, np.ndarray]:
        from torch_sim import initialize_state

        try:
            state = initialize_state(list(batch), device=self._model.device, dtype=self._model.dtype)
        except Exception as error:
            raise UserError(f"{self.name}: frames {first} to {first + len(batch) - 1}: {_gist(error)}") from error
        periodic = np.asarray(getattr(state.pbc, "cpu", lambda: state.pbc)())
        if (np.broadcast_to(periodic, 3) != batch[0].pbc).any():
            raise UserError(
                f"{self.name}: frame {first} ({batch[0].symbols}) is periodic in some directions only (pbc "
                f"{' '.join('FT'[int(flag)] for flag in batch[0].pbc)}), which this torch_sim cannot say; use an ASE "
                "calculator of the model, or make the structure periodic in all directions, with vacuum"
            )
        try:
            return {key: value.detach().double().cpu().numpy() for key, value in self._model(state).items()}
        except Exception as error:
            raise UserError(f"{self.name}: frames {first} to {first + len(batch) - 1}: {_gist(error)}") from error


def _of_one_periodicity(frames: Sequence[Atoms], most: int) -> Iterator[list[Atoms]]:
    """Batches of up to `most` frames that follow each other and are periodic in the same directions.

    A state of torch_sim has one pbc for all its systems.
    """
    for _, alike in groupby(frames, key=lambda atoms: tuple(atoms.pbc)):
        while batch := list(islice(alike, most)):
            yield batch


def _imported(name: str) -> ModuleType:
    """The module, with the working folder first for its own name and last for everything that it imports.

    A folder `ase` or `mace` beside the user's module must not stand in for the installed package.
    """
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)
    top = name.partition(".")[0]
    if top not in sys.modules and (spec := PathFinder.find_spec(top, [folder])) is not None and spec.loader is not None:
        module = sys.modules[top] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[top]
            raise
    return importlib.import_module(name)


def _call(name: str, make: Any, offered: dict[str, JsonValue]) -> Any:
    if not callable(make):
        raise UserError(f"{name} is not a function or class that makes a calculator")
    try:
        accepted = inspect.signature(make).parameters
        return make(**{key: value for key, value in offered.items() if key in accepted})
    except (Exception, SystemExit) as error:
        raise UserError(f"{name} cannot be called: {_gist(error)}") from error


def _kind(thing: Any) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


def _gist(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[-1]}" if lines else type(error).__name__
