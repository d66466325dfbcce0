"""Molecular dynamics that can be killed at any moment and goes on as if it had not been."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ase import Atoms, units
from pydantic import JsonValue

from alphanet.data.formats import write_frames
from alphanet.data.leftovers import Leftovers
from alphanet.errors import UserError
from alphanet.potentials.ase_calculator import PotentialCalculator
from alphanet.potentials.channel import WorkerError
from alphanet.potentials.protocol import Potential
from alphanet.simulation.inputs import named, origin_of, structure_digest
from alphanet.simulation.integrators import Dynamics, integrator, thermostat_of, with_velocities
from alphanet.simulation.md_summary import COLUMNS, summary_of
from alphanet.simulation.outputs import (
    LOG,
    TRAJECTORY,
    GrowingText,
    Table,
    folder_of,
    frame_of,
    text_of_frame,
    write_summary,
)
from alphanet.simulation.progress import steps_of
from alphanet.simulation.state import State, read_state
from alphanet.spread_limit import SpreadLimit

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_SAVES = 10.0
UNCERTAIN, FINAL = "uncertain.extxyz", "final.extxyz"
LARGEST_MOVE = 3.0  # Å in a step: farther than a bond is long
HOTTEST, TIMES_HOTTER = 1e4, 20.0  # K, and times the temperature asked for: above both, dynamics have exploded
FARTHEST = 100.0  # Å from the others, without a periodic direction: the atom has left


@dataclass
class MdResult:
    """How molecular dynamics ended, and what they measured."""

    folder: Path
    status: str
    """finished; uncertain: the committee's spread exceeded its limit"""
    summary: dict[str, JsonValue] = field(default_factory=dict)
    """As `summary.json` has it"""


def run_md(
    atoms: Atoms,
    potential: Potential,
    dynamics: Dynamics,
    folder: Path,
    *,
    steps: int,
    max_spread: float | None = None,
    restart: bool = False,
) -> MdResult:
    """Move a structure for some steps; goes on where an earlier process stopped in the same folder.

    Args:
        atoms: the structure, which is not changed. Velocities that it has are kept, otherwise they are drawn.
        potential: gives energies, forces and stresses.
        dynamics: ensemble, temperature, time step and so on.
        folder: for `trajectory.extxyz`, `log.csv`, `summary.json`, `final.extxyz` and `state.npz`.
        steps: of the whole trajectory.
        max_spread: eV/Å, the force deviation of a committee at which the dynamics stop, see `SpreadLimit`; their frame
            is added to `uncertain.extxyz`.
        restart: begin anew.

    Raises:
        UserError: the structure cannot move like this, the model fails, the dynamics diverge (all that was computed
            stays), or the folder holds another trajectory.
    """
    dynamics.check(atoms)
    conditions: dict[str, JsonValue] = {
        "structure": structure_digest(atoms), "dynamics": dynamics.model_dump(mode="json"),
        "model": origin_of(potential),
    }  # fmt: skip
    with folder_of(folder):
        state = None if restart else read_state(folder, conditions)
        run = _Run(atoms.copy(), potential, dynamics, folder, conditions, state)
        if state is not None and state.step >= steps:
            logger.info("%s: %d steps are done", folder, state.step)
        elif state is not None:
            logger.info("%s: goes on at step %d of %d", folder, state.step, steps)
        with run.trajectory, run.log:
            status = run.until(steps, max_spread)
        measured = summary_of(folder, dynamics, run.state.step, run.state.seconds, len(atoms))
        values: dict[str, JsonValue] = {"status": status, **measured}
        write_summary(folder, values)
        return MdResult(folder, status, values)


class _Run:
    def __init__(
        self,
        atoms: Atoms,
        potential: Potential,
        dynamics: Dynamics,
        folder: Path,
        conditions: Mapping[str, JsonValue],
        state: State | None,
    ) -> None:
        self._atoms, self._dynamics, self._folder, self._conditions = atoms, dynamics, folder, conditions
        atoms.calc = PotentialCalculator(potential)
        if state is None:
            self._begin()
        else:
            state.put_into(atoms)
        self._moving = integrator(atoms, dynamics, None if state is None else state.thermostat)
        atoms.get_forces()  # a model that cannot compute the structure shows before any file is written
        sizes = (0, 0) if state is None else state.sizes
        self.trajectory, self.log = GrowingText(folder / TRAJECTORY, sizes[0]), Table(folder / LOG, COLUMNS, sizes[1])
        self._earlier = 0.0 if state is None else state.seconds
        self._begun, self._saved = time.perf_counter(), time.monotonic()
        self._leftovers = Leftovers()
        self._largest = max(HOTTEST, TIMES_HOTTER * dynamics.temperature)
        if state is None:
            self._record(0)
        self.state = self._now(0 if state is None else state.step)
        self._save()

    def until(self, steps: int, max_spread: float | None) -> str:
        """Make the steps that are left; the status."""
        limit = None
        if max_spread is not None:
            limit = SpreadLimit(self._moving, max_spread, self._folder / UNCERTAIN)
            if self.state.step == 0 and self._is_over(limit):
                return "uncertain"
        status = "finished"
        try:
            with steps_of("md", steps, self.state.step) as update:
                for step in range(self.state.step + 1, steps + 1):
                    self._step(step)
                    update(step, f"{self._atoms.get_temperature():.0f} K")
                    if limit is not None and self._is_over(limit):
                        status = "uncertain"
                        break
        except _DivergedError as error:
            raise UserError(
                f"{named(self._atoms)}, step {self.state.step + 1}: {error}; the {self.state.step} steps before it are "
                f"in {self._folder}. A smaller time step, a relaxed structure or another model may help"
            ) from error
        except KeyboardInterrupt:
            logger.info("stopped after step %d of %d; the same command goes on", self.state.step, steps)
            raise
        finally:
            self._save()
            self._leave()
        self._leftovers.tell(self._folder / TRAJECTORY, "extxyz")
        return status

    def _step(self, step: int) -> None:
        """One whole step, with what is written about it; `self.state` is the last whole one at any moment."""
        before = self._atoms.positions.copy()
        try:
            self._moving.step()
            self._moving.nsteps = step
            self._atoms.get_forces()
        except WorkerError:
            raise  # the process of the model is lost, which says nothing of the dynamics
        except (UserError, ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
            raise _DivergedError(str(error).replace("frame 0: ", "")) from error
        if problem := self._problem(before):
            raise _DivergedError(problem)
        if step % self._dynamics.interval == 0:
            self._record(step)
        self.state = self._now(step)
        if time.monotonic() - self._saved > SECONDS_BETWEEN_SAVES:
            self._save()

    def _problem(self, before: np.ndarray) -> str | None:
        """In which way the dynamics have diverged; None if they have not."""
        atoms = self._atoms
        if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.get_momenta()).all()):
            return "positions or velocities are not finite"
        moves = np.linalg.norm(atoms.positions - before, axis=1)
        if self._dynamics.ensemble != "npt" and moves.max() > LARGEST_MOVE:
            return f"atom {moves.argmax()} moved {moves.max():.3g} Å in a step"
        if (temperature := atoms.get_temperature()) > self._largest:
            return f"the temperature is {temperature:.3g} K"
        if not atoms.pbc.any() and len(atoms) > 1:
            away = np.linalg.norm(atoms.positions - np.median(atoms.positions, axis=0), axis=1)
            farthest = int(away.argmax())
            if away[farthest] > FARTHEST + 2 * float(np.median(away)):
                return f"atom {farthest} has left: it is {away[farthest]:.0f} Å from the others"
        return None

    def _is_over(self, limit: SpreadLimit) -> bool:
        limit()
        return limit.frame is not None

    def _begin(self) -> None:
        drawn = with_velocities(self._atoms, self._dynamics)
        kept = f"drawn at {self._dynamics.temperature:g} K" if drawn else "those of the structure"
        logger.info("%s: velocities are %s", named(self._atoms), kept)

    def _record(self, step: int) -> None:
        """A frame and a row of the log."""
        info = {"step": step, "time": step * self._dynamics.timestep}
        self.trajectory.add(text_of_frame(frame_of(self._atoms, info), self._leftovers))
        self.log.add(_row(self._atoms, step, self._dynamics.timestep))

    def _now(self, step: int) -> State:
        atoms = self._atoms
        return State(
            positions=atoms.positions.copy(), momenta=atoms.get_momenta().copy(), cell=atoms.cell.array.copy(),
            step=step, seconds=self._earlier + time.perf_counter() - self._begun,
            sizes=(self.trajectory.size, self.log.text.size), thermostat=thermostat_of(self._moving),
        )  # fmt: skip

    def _save(self) -> None:
        """Write the last whole step; what it says of the other files is on the disk before it."""
        for file in (self.trajectory, self.log.text):
            file.flush()
        self.state.write(self._folder, self._conditions)
        self._saved = time.monotonic()

    def _leave(self) -> None:
        last = self._atoms.copy()
        self.state.put_into(last)
        last.info |= {"step": self.state.step, "time": self.state.step * self._dynamics.timestep}
        write_frames(self._folder / FINAL, [last])


def _row(atoms: Atoms, step: int, timestep: float) -> list[float | int | None]:
    """A row of the log, see `COLUMNS`."""
    results = atoms.calc.results
    potential, kinetic = float(atoms.get_potential_energy()), float(atoms.get_kinetic_energy())
    periodic = "stress" in results
    pressure = -atoms.get_stress(include_ideal_gas=True)[:3].mean() / units.GPa if periodic else None
    return [
        step,
        step * timestep / 1000,
        potential,
        kinetic,
        potential + kinetic,
        float(atoms.get_temperature()),
        None if pressure is None else float(pressure),
        float(atoms.cell.volume) if atoms.pbc.all() else None,
        float(np.linalg.norm(results["forces"], axis=1).max()),
        float(results["forces_spread"].max()) if "forces_spread" in results else None,
    ]


class _DivergedError(Exception):
    """The dynamics make no sense any more."""
