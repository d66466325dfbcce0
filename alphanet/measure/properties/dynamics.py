"""Dynamics: whether energy is kept (NVE), and whether the structure and motion at a temperature are right (NVT)."""

from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import BaseCalculator
from ase.constraints import FixCom
from ase.md.langevin import Langevin
from ase.md.verlet import VelocityVerlet
from pydantic import Field, PositiveFloat

from alphanet.errors import UserError
from alphanet.measure.properties.task import Curve, Property, Quantity, Result
from alphanet.measure.properties.trajectories import (
    Trajectory,
    diffusion,
    radial_distribution,
    sampled,
    vibrations,
    warm,
)

FEWEST = 10  # samples for a slope
REACH = 6.0  # Å
RESAMPLES = 200
Z = 1.96  # of a 95 % interval


class Drift(Result):
    """The total energy of a run without a thermostat."""

    drift: float | None = None  # eV/atom/ps, slope of the total energy; None if the run ended too early
    wobble: float | None = None  # eV/atom, standard deviation about the slope
    stable: float  # ps until it went wrong, or its whole length


class Nve(Property[Drift]):
    """Velocity Verlet from a Maxwell distribution."""

    name: ClassVar[str] = "nve"
    title: ClassVar[str] = "dynamics without thermostat"
    result_type: ClassVar[type[Result]] = Drift
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "drift_error": Quantity("energy drift", "meV/atom/ps", 1e-9, 1000, of="drift"),
        "stable": Quantity("stable", "ps", own=True),
    }
    drawn: ClassVar[str] = "energy"
    seconds: ClassVar[float] = 60.0

    temperature: PositiveFloat = 300.0  # K
    timestep: PositiveFloat = 1.0  # fs
    steps: int = Field(default=500, ge=FEWEST)
    length: PositiveFloat = 6.0  # Å
    seed: int = 0

    def unfit(self, atoms: Atoms) -> str | None:
        """Everything with two atoms or more."""
        return None if len(atoms) > 1 or atoms.pbc.all() else "it is a single atom"

    def compute(self, calculator: BaseCalculator, atoms: Atoms) -> Drift:
        """Drift, and how long the run was stable; a run that goes wrong is a result with a note.

        Raises:
            UserError: the potential fails on the first structure.
        """
        moving = warm(atoms, calculator, self.temperature, self.length, self.seed)
        moving.get_forces()
        run = sampled(
            VelocityVerlet(moving, self.timestep * units.fs), moving, self.temperature, self.steps, 1, self.timestep
        )
        energies = np.array(run.energies) / len(moving)
        times = run.interval * np.arange(len(energies))
        drift = wobble = None
        if len(energies) >= FEWEST:
            line = np.polyfit(times, energies, 1)
            drift, wobble = float(line[0]), float((energies - np.polyval(line, times)).std())
        return Drift(
            drift=drift,
            wobble=wobble,
            stable=run.picoseconds,
            notes=_problem(run),
            curves={
                "energy": Curve(
                    x_title="time, ps",
                    y_title="total energy against the first, eV/atom",
                    x=tuple(times.tolist()),
                    y=tuple((energies - energies[0]).tolist()) if len(energies) else (),
                )
            },
        )


class Ensemble(Result):
    """Distributions of a run with a thermostat; curves `rdf 0`, `vdos 0` and so on are those of its blocks."""

    stable: float  # ps
    temperature: float  # K, mean
    diffusion: float  # Å^2/ps, mean over blocks


class Nvt(Property[Ensemble]):
    """Langevin dynamics at a fixed cell: a reference trajectory has the same length, start and random forces."""

    name: ClassVar[str] = "nvt"
    title: ClassVar[str] = "dynamics with thermostat"
    result_type: ClassVar[type[Result]] = Ensemble
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "rdf_error": Quantity("radial distribution", "%", 1e-6, 100),
        "vdos_error": Quantity("vibrations", "%", 1e-6, 100),
        "diffusion_error": Quantity("diffusion", "Å^2/ns", 1e-9, 1000, of="diffusion"),
        "stable_nvt": Quantity("stable with thermostat", "ps", of="stable", own=True),
    }
    drawn: ClassVar[str] = "rdf 0"
    seconds: ClassVar[float] = 120.0

    temperature: PositiveFloat = 300.0  # K
    timestep: PositiveFloat = 1.0  # fs
    steps: int = Field(default=1000, ge=100)  # that are sampled
    settle: int = Field(default=200, ge=0)  # steps before
    every: int = Field(default=4, ge=1)
    blocks: int = Field(default=5, ge=2)
    friction: PositiveFloat = 0.01  # 1/fs
    length: PositiveFloat = 6.0  # Å
    seed: int = 0

    def unfit(self, atoms: Atoms) -> str | None:
        """A radial distribution needs a density."""
        return None if atoms.pbc.all() else "it is not periodic"

    def compute(self, calculator: BaseCalculator, atoms: Atoms) -> Ensemble:
        """The distributions of each block.

        Raises:
            UserError: the run goes wrong, so that distributions do not exist.
        """
        moving = warm(atoms, calculator, self.temperature, self.length, self.seed)
        moving.set_constraint(FixCom())
        dynamics = Langevin(
            moving,
            self.timestep * units.fs,
            temperature_K=self.temperature,
            friction=self.friction / units.fs,
            fixcm=False,
            rng=np.random.RandomState(self.seed),
        )
        settled = sampled(dynamics, moving, self.temperature, self.settle, self.every, self.timestep)
        run = settled
        if not settled.problem:
            run = sampled(dynamics, moving, self.temperature, self.steps, self.every, self.timestep)
        if run.problem:
            lasted = run.picoseconds if run is settled else settled.picoseconds + run.picoseconds
            raise UserError(f"dynamics of {atoms.symbols} are unstable after {lasted:.3g} ps: {run.problem}")
        curves: dict[str, Curve] = {}
        slopes = []
        for block, part in enumerate(np.array_split(np.arange(len(run.energies)), self.blocks)):
            positions = [run.positions[place] for place in part]
            velocities = [run.velocities[place] for place in part[: len(run.energies) // self.blocks]]
            curves[f"rdf {block}"] = _curve("distance, Å", *radial_distribution(moving, positions, REACH))
            curves[f"vdos {block}"] = _curve(
                "frequency, THz", *vibrations(velocities, moving.get_masses(), run.interval)
            )
            slopes.append(diffusion(positions, run.interval))
        return Ensemble(
            stable=run.picoseconds,
            temperature=float(np.mean(run.temperatures)),
            diffusion=float(np.mean(slopes)),
            curves={**curves, "diffusion": _curve("block", np.arange(float(len(slopes))), np.array(slopes))},
        )

    def compare(self, found: Ensemble, truth: Ensemble | None) -> dict[str, float]:
        """Also the area between two distributions, over that of the reference."""
        errors = super().compare(found, truth)
        if truth is None:
            return errors
        areas = {
            f"{name}_error": _area(_blocks(found, name).mean(axis=0), _blocks(truth, name).mean(axis=0))
            for name in ("rdf", "vdos")
        }
        return {**areas, **errors}

    def intervals(self, found: Ensemble, truth: Ensemble) -> dict[str, tuple[float, float]]:
        """95 % intervals from resampled blocks of both runs; two runs of one potential differ by as much."""
        random = np.random.default_rng(self.seed)
        values = self.compare(found, truth)
        measures: dict[str, tuple[str, Callable[[np.ndarray, np.ndarray], float]]] = {
            "rdf_error": ("rdf", _area),
            "vdos_error": ("vdos", _area),
            "diffusion_error": ("diffusion", lambda one, other: float(abs(one - other).item())),
        }
        found_intervals = {}
        for error, (name, measure) in measures.items():
            one, other = _blocks(found, name), _blocks(truth, name)
            drawn = [measure(_redrawn(one, random), _redrawn(other, random)) for _ in range(RESAMPLES)]
            width = Z * float(np.std(drawn))
            found_intervals[error] = (max(0.0, values[error] - width), values[error] + width)
        return found_intervals


def _area(found: np.ndarray, true: np.ndarray) -> float:
    return float(np.abs(found - true).sum() / np.abs(true).sum())


def _redrawn(blocks: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The mean of as many blocks as there are, drawn with replacement."""
    mean: np.ndarray = blocks[random.integers(len(blocks), size=len(blocks))].mean(axis=0)
    return mean


def _blocks(result: Ensemble, name: str) -> np.ndarray:
    """(blocks, points) of a curve; of the diffusion (blocks, 1)."""
    if name == "diffusion":
        return np.array(result.curves[name].y)[:, None]
    return np.array([curve.y for title, curve in result.curves.items() if title.startswith(f"{name} ")])


def _curve(x_title: str, x: np.ndarray, y: np.ndarray) -> Curve:
    return Curve(x_title=x_title, y_title="density", x=tuple(x.tolist()), y=tuple(y.tolist()))


def _problem(run: Trajectory) -> tuple[str, ...]:
    return (f"unstable after {run.picoseconds:.3g} ps: {run.problem}",) if run.problem else ()
