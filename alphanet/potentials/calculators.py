"""Potentials from Python: the ASE calculator or torch_sim model that `module:callable` returns."""

import importlib
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator, PropertyNotImplementedError
from ase.stress import voigt_6_to_full_3x3_stress
from pydantic import JsonValue

from alphanet.errors import UserError
from alphanet.potentials.protocol import FramePrediction, Potential, frame_predictions


def from_python(name: str, *, dtype: str, device: str, seed: int) -> Potential:
    """The potential that `module:callable` makes; the module may be in the working folder.

    Of `dtype`, `device` and `seed`, the callable gets those that it has parameters for.

    Raises:
        UserError: it cannot be imported or called, or returns something else.
    """
    module, _, attribute = name.partition(":")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        make = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(
            f"{name} is no file, no baseline, and cannot be imported as module:callable: {error}"
        ) from error
    made = _call(name, make, {"dtype": dtype, "device": device, "seed": seed})
    if isinstance(made, BaseCalculator) or hasattr(made, "get_potential_energy"):
        return CalculatorPotential(name, made)
    if hasattr(made, "compute_forces") and callable(made):
        return TorchSimPotential(name, made)
    raise UserError(f"{name} returned {type(made).__name__}, neither an ASE calculator nor a torch_sim model")


class CalculatorPotential:
    """An ASE calculator as a potential, one structure after another."""

    def __init__(self, name: str, calculator: Any) -> None:
        """Wrap the calculator; errors and records call it `name`."""
        self.name, self._calculator = name, calculator

    def predict(self, frames: Sequence[Atoms], *, batch_size: int = 8) -> list[FramePrediction]:
        """Energies, forces and, if the calculator has them, stresses of `frames`, in order.

        Raises:
            UserError: the calculator fails or answers with something that is not finite (the frame is named).
        """
        del batch_size
        return [self._one(place, atoms) for place, atoms in enumerate(frames)]

    def provenance(self) -> dict[str, JsonValue]:
        """Name, class and, if the calculator has them, its parameters."""
        return {"name": self.name, "calculator": _kind(self._calculator), "parameters": None}

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

    def __init__(self, name: str, model: Any) -> None:
        """Wrap the model; errors and records call it `name`."""
        self.name, self._model = name, model

    def predict(self, frames: Sequence[Atoms], *, batch_size: int = 8) -> list[FramePrediction]:
        """Energies, forces and, if the model computes them, stresses of `frames`, in order.

        Raises:
            UserError: the model fails or answers with something that is not finite (the frame is named).
        """
        predictions: list[FramePrediction] = []
        for first in range(0, len(frames), batch_size):
            batch = frames[first : first + batch_size]
            answer = self._answer(batch, first)
            arrays = (answer["energy"], answer["forces"], answer.get("stress"))
            predictions += frame_predictions(self.name, batch, first, *arrays)
        return predictions

    def provenance(self) -> dict[str, JsonValue]:
        """Name, class, precision and device."""
        return {
            "name": self.name,
            "model": _kind(self._model),
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
            return {key: value.detach().double().cpu().numpy() for key, value in self._model(state).items()}
        except Exception as error:
            raise UserError(f"{self.name}: frames {first} to {first + len(batch) - 1}: {_gist(error)}") from error


def _call(name: str, make: Any, offered: dict[str, JsonValue]) -> Any:
    if not callable(make):
        raise UserError(f"{name} is not a function or class that makes a calculator")
    try:
        accepted = inspect.signature(make).parameters
        return make(**{key: value for key, value in offered.items() if key in accepted})
    except Exception as error:
        raise UserError(f"{name} cannot be called: {_gist(error)}") from error


def _kind(thing: Any) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


def _gist(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[-1]}" if lines else type(error).__name__
