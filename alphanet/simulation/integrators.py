"""ASE's integrators of the ensembles, and everything that they need to go on as if they had never stopped."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import PropertyNotImplementedError
from ase.md.langevinbaoab import LangevinBAOAB
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary
from ase.md.verlet import VelocityVerlet
from pydantic import Field, JsonValue, NonNegativeFloat, PositiveFloat, PositiveInt

from alphanet.cards import Card
from alphanet.data.constraints import held_directions
from alphanet.errors import UserError
from alphanet.simulation.inputs import require_cell, require_known

ENSEMBLES = ("nve", "nvt", "npt")


class Dynamics(Card):
    """How atoms move. Equal ones, from equal structures and velocities, give equal trajectories."""

    ensemble: str = "nve"
    """nve: velocity Verlet; nvt: Langevin dynamics (BAOAB); npt: the same with a cell that keeps its shape"""
    temperature: NonNegativeFloat = 300.0
    """K, of velocities that are drawn, and of the thermostat"""
    timestep: PositiveFloat = 1.0
    """fs"""
    pressure: float = 0.0
    """GPa, of npt"""
    thermostat_time: PositiveFloat = 100.0
    """fs, in which velocities forget themselves, of nvt and npt"""
    barostat_time: PositiveFloat = 1000.0
    """fs, of npt"""
    seed: int = Field(default=0, ge=0)
    """Of drawn velocities and of the thermostat"""
    interval: PositiveInt = 10
    """Steps from one frame to the next"""

    @property
    def thermostatted(self) -> bool:
        """Whether the temperature is held."""
        return self.ensemble != "nve"

    def check(self, atoms: Atoms) -> None:
        """Check that the structure can move like this.

        Raises:
            UserError: an unknown ensemble, no temperature to hold, or no cell whose pressure could be held.
        """
        require_known("ensemble", self.ensemble, ENSEMBLES)
        if self.thermostatted and self.temperature == 0:
            raise UserError(f"{self.ensemble} needs a temperature above 0 K")
        others = held_directions(list(atoms.constraints), len(atoms))[1]
        if self.thermostatted and others:
            names = ", ".join(sorted({type(one).__name__ for one in others}))
            raise UserError(f"{self.ensemble} holds atoms in place and nothing else; the structure has {names}")
        if self.ensemble == "npt":
            require_cell(atoms, "npt")
            if atoms.constraints:
                raise UserError("npt cannot hold atoms in place while the cell moves; take nvt, or free the atoms")


@dataclass(frozen=True)
class Thermostat:
    """What integrators remember beside positions, velocities and cell."""

    random: dict[str, JsonValue] | None = None
    """State of the generator"""
    cell_momentum: float = 0.0
    cell_force: float = 0.0


def with_velocities(atoms: Atoms, dynamics: Dynamics) -> bool:
    """Draw velocities at the temperature, the center of mass at rest, unless the structure has some.

    Returns:
        Whether they were drawn.
    """
    if atoms.get_momenta().any():
        return False
    if dynamics.temperature > 0:
        rng = np.random.default_rng(dynamics.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # ASE 3.29 calls it thermalize_momenta
            MaxwellBoltzmannDistribution(atoms, temperature_K=dynamics.temperature, rng=rng)
        if len(atoms) > 1 and not atoms.constraints:
            Stationary(atoms)
    return True


def integrator(atoms: Atoms, dynamics: Dynamics, thermostat: Thermostat | None = None) -> Any:
    """ASE's dynamics of the ensemble, as they were when `thermostat` was taken of them.

    Raises:
        UserError: as the potential, which is asked for the first forces; npt, and it gives no stress.
    """
    step = dynamics.timestep * units.fs
    if not dynamics.thermostatted:
        return VelocityVerlet(atoms, timestep=step)
    # Apart from the velocities' draws, which begin with the same seed.
    rng = np.random.default_rng([dynamics.seed, 1])
    pressure: dict[str, Any] = {}
    if dynamics.ensemble == "npt":
        stress = -dynamics.pressure * units.GPa
        pressure = {"externalstress": stress, "hydrostatic": True, "P_tau": dynamics.barostat_time * units.fs}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about its own guess of the cell's mass, and about held atoms
        try:
            made = LangevinBAOAB(
                atoms, step, temperature_K=dynamics.temperature, T_tau=dynamics.thermostat_time * units.fs, rng=rng,
                **pressure,
            )  # fmt: skip
        except PropertyNotImplementedError as error:
            raise UserError(f"npt needs stresses, and the model has none ({error})") from error
    if thermostat is not None:
        if thermostat.random is not None:
            rng.bit_generator.state = thermostat.random
        if pressure:
            made.p_eps, made.force_eps = thermostat.cell_momentum, thermostat.cell_force
    return made


def thermostat_of(dynamics: Any) -> Thermostat:
    """What the dynamics of `integrator` remember now."""
    if not isinstance(dynamics, LangevinBAOAB):
        return Thermostat()
    cell = (float(dynamics.p_eps), float(dynamics.force_eps)) if dynamics.externalstress is not None else (0.0, 0.0)
    return Thermostat(dynamics.rng.bit_generator.state, *cell)
