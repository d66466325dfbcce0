"""Many structures at once: torch_sim's FIRE with the Frechet cell, in ASE's flavour, on any potential."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from ase import Atoms

from alphanet.errors import UserError
from alphanet.measure.relaxation.protocol import RelaxationProtocol
from alphanet.measure.relaxation.records import Record, failure
from alphanet.measure.relaxation.relax import diverged, relax, success, unsound
from alphanet.potentials.protocol import Potential


def relax_batched(
    frames: Mapping[str, Atoms], potential: Potential, protocol: RelaxationProtocol, batch: int
) -> list[Record]:
    """Relax atoms and cells, `batch` structures at once; one that is done makes room for the next.

    The seconds of a record are its share of the time of the steps that it took part in. Structures of a call in which
    the potential failed are relaxed one after another by `alphanet.measure.relaxation.relax`.

    Args:
        frames: initial structures by id.
        potential: gives energies, forces and stresses.
        protocol: when to stop.
        batch: structures that are moved together.

    Returns:
        Records in the order of `frames`.

    Raises:
        UserError: torch_sim is not installed, or the potential gives no stress.
    """
    try:
        from alphanet.measure.relaxation.potential_model import PotentialModel
    except ImportError:
        raise UserError("engine torch-sim needs torch_sim; install it: pip install torch-sim-atomistic") from None
    reasons = {identity: unsound(atoms) for identity, atoms in frames.items()}
    found = {one: failure(one, why, n_sites=len(frames[one])) for one, why in reasons.items() if why}
    waiting = deque(one for one in frames if one not in found)
    flock = _Flock(frames, PotentialModel(potential), protocol)
    while waiting or flock.ids:
        room = min(batch - len(flock.ids), len(waiting))
        arriving = [waiting.popleft() for _ in range(room)]
        lost: list[str] = []
        try:
            flock.admit(arriving)
        except _FailedCallError:
            lost = arriving
        found |= flock.collect()
        try:
            flock.step()
        except _FailedCallError:
            lost = [*lost, *flock.clear()]
        found |= {one: relax(one, frames[one], potential, protocol) for one in lost}
    return [found[one] for one in frames]


class _FailedCallError(Exception):
    """The potential could not answer for a batch."""


class _Flock:
    """Structures under way, as one torch_sim state."""

    def __init__(self, frames: Mapping[str, Atoms], model: Any, protocol: RelaxationProtocol) -> None:
        from torch_sim.optimizers import frechet_cell_fire

        self.ids: list[str] = []
        self._frames, self._model, self._protocol = frames, model, protocol
        self._initialise, self._update = frechet_cell_fire(model, md_flavor="ase_fire")
        self._state: Any = None
        self._steps: list[int] = []
        self._seconds: list[float] = []

    def admit(self, ids: Sequence[str]) -> None:
        """Add structures, each before its first step.

        Raises:
            _FailedCallError: the potential cannot answer for them.
        """
        from torch_sim import concatenate_states, initialize_state

        if not ids:
            return
        atoms = [
            Atoms(self._frames[one].numbers, self._frames[one].positions, cell=self._frames[one].cell, pbc=True)
            for one in ids
        ]
        started = time.perf_counter()
        state = _ready(self._guarded(self._initialise, initialize_state(atoms, self._model.device, self._model.dtype)))
        self._state = state if self._state is None else concatenate_states([self._state, state])
        self.ids += ids
        self._steps += [0] * len(ids)
        self._seconds += [(time.perf_counter() - started) / len(ids)] * len(ids)

    def collect(self) -> dict[str, Record]:
        """Records of the structures that are done, which leave."""
        if not self.ids:
            return {}
        fmax = _fmax(self._state)
        volumes = torch.linalg.det(self._state.cell).abs().tolist()
        done: dict[int, Record] = {}
        for place, identity in enumerate(self.ids):
            ratio = volumes[place] / self._frames[identity].cell.volume
            reached = {"energy": float(self._state.energy[place]), "steps": self._steps[place]}
            reached |= {"fmax": fmax[place], "volume_ratio": ratio}
            sites = len(self._frames[identity])
            if reason := diverged(fmax[place], reached["energy"], ratio):
                done[place] = failure(identity, f"diverged: {reason}", n_sites=sites, steps=self._steps[place])
            elif fmax[place] < self._protocol.fmax or self._steps[place] >= self._protocol.max_steps:
                (atoms,) = self._state[place].to_atoms()
                done[place] = success(identity, atoms, converged=fmax[place] < self._protocol.fmax, **reached)
        records = {self.ids[place]: one | {"seconds": round(self._seconds[place], 4)} for place, one in done.items()}
        self._drop(set(done))
        return records

    def step(self) -> None:
        """One step of every structure.

        Raises:
            _FailedCallError: the potential cannot answer.
        """
        if not self.ids:
            return
        started = time.perf_counter()
        self._state = self._guarded(self._update, self._state)
        share = (time.perf_counter() - started) / len(self.ids)
        self._steps = [one + 1 for one in self._steps]
        self._seconds = [one + share for one in self._seconds]

    def clear(self) -> list[str]:
        """Give up on all, who are returned."""
        given_up = self.ids
        self._drop(set(range(len(self.ids))))
        return given_up

    def _drop(self, places: set[int]) -> None:
        if not places:
            return
        kept = [place for place in range(len(self.ids)) if place not in places]
        self._state = self._state[kept] if kept else None
        self.ids = [self.ids[place] for place in kept]
        self._steps = [self._steps[place] for place in kept]
        self._seconds = [self._seconds[place] for place in kept]

    def _guarded(self, call: Any, state: Any) -> Any:
        try:
            return call(state)
        except NotImplementedError as error:
            raise UserError(f"{error}, which relaxing a cell needs") from error
        except (UserError, ArithmeticError, ValueError, RuntimeError) as error:
            raise _FailedCallError from error


def _ready(state: Any) -> Any:
    """A state whose next step is ASE's first one.

    torch_sim marks fresh structures by velocities that are NaN, and then leaves out the mixing of velocities for the
    whole batch. At rest, with twice the time step, the ordinary step does to them what the first one does: without
    power it halves the time step and starts from no velocity.
    """
    state.velocities = torch.zeros_like(state.positions)
    state.cell_velocities = torch.zeros_like(state.cell_positions)
    state.dt = 2 * state.dt
    return state


def _fmax(state: Any) -> list[float]:
    """Largest norm of the forces that ASE's filter would have, a structure: of atoms, and rows of the cell's."""
    atomic = torch.bmm(state.forces.unsqueeze(1), state.deform_grad()[state.system_idx]).squeeze(1).norm(dim=1)
    largest = torch.zeros(state.n_systems, dtype=atomic.dtype, device=atomic.device)
    largest = largest.scatter_reduce(0, state.system_idx, atomic, reduce="amax")
    return [float(one) for one in torch.maximum(largest, state.cell_forces.norm(dim=2).amax(dim=1)).tolist()]
