"""Many structures at once: torch_sim's FIRE with the Frechet cell, in ASE's flavor, on any potential.

The loop is our own, because `torch_sim.optimize` with its `InFlightAutoBatcher` (0.3) counts steps over the whole run
instead of by structure, cannot set aside a structure that diverges, loses every structure under way if the potential
fails for one, and starts fresh ones in a way that changes the steps of the others (see `_at_rest`).
"""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from ase import Atoms
from torch import Tensor
from torch_sim import concatenate_states, initialize_state
from torch_sim.models.interface import ModelInterface
from torch_sim.optimizers import frechet_cell_fire

from alphanet.errors import UserError
from alphanet.measure.relaxation.optimize import Step
from alphanet.measure.relaxation.protocol import RelaxationProtocol
from alphanet.measure.relaxation.records import RelaxationRecord, failure
from alphanet.measure.relaxation.relax import ended, relax, unsound
from alphanet.potentials.protocol import Potential


def relax_batched(
    frames: Mapping[str, Atoms], potential: Potential, protocol: RelaxationProtocol, batch: int
) -> list[RelaxationRecord]:
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
        UserError: the potential gives no stress.
    """
    reasons = {identity: unsound(atoms) for identity, atoms in frames.items()}
    records = {one: failure(one, why, n_sites=len(frames[one])) for one, why in reasons.items() if why}
    waiting = deque(one for one in frames if one not in records)
    under_way = _Batch(frames, PotentialModel(potential), protocol)
    while waiting or under_way.members:
        arriving = [waiting.popleft() for _ in range(min(batch - len(under_way.members), len(waiting)))]
        lost: list[str] = []
        try:
            under_way.admit(arriving)
        except _FailedCallError:
            lost = arriving
        records |= under_way.collect()
        try:
            under_way.step()
        except _FailedCallError:
            lost = lost + [member.id for member in under_way.members]
            under_way.keep([])
        records |= {one: relax(one, frames[one], potential, protocol) for one in lost}
    return [records[one] for one in frames]


class PotentialModel(ModelInterface):
    """Any potential as a torch_sim model: all systems of a state by one call of `Potential.predict`.

    Positions and cells are float64 on the CPU, as potentials take them; in which precision and where the network
    computes is the potential's own business.
    """

    def __init__(self, potential: Potential) -> None:
        """The potential stays open; who opened it closes it."""
        super().__init__()
        self._potential = potential
        self._device, self._dtype = torch.device("cpu"), torch.float64
        self._compute_forces = self._compute_stress = True

    def forward(self, state: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Energy (B,) eV, forces (N, 3) eV/Å, stress (B, 3, 3) eV/Å^3 of the B systems of `state`.

        Raises:
            UserError: as the potential's `predict`.
            NotImplementedError: the potential gives no stress.
        """
        del kwargs
        frames = state.to_atoms()
        predictions = self._potential.predict(frames, batch_size=len(frames))
        if any(one.stress is None for one in predictions):
            raise NotImplementedError(f"{self._potential.name} gives no stress")
        return {
            "energy": torch.tensor([one.energy for one in predictions], dtype=self._dtype),
            "forces": torch.cat([torch.as_tensor(one.forces, dtype=self._dtype) for one in predictions]),
            "stress": torch.stack([torch.as_tensor(one.stress, dtype=self._dtype) for one in predictions]),
        }


class _FailedCallError(Exception):
    """The potential could not answer for a batch."""


@dataclass
class _Member:
    """A structure under way."""

    id: str
    volume: float
    """Initial, Å^3"""
    seconds: float
    steps: int = 0


class _Batch:
    """Structures under way, as one torch_sim state."""

    def __init__(self, frames: Mapping[str, Atoms], model: PotentialModel, protocol: RelaxationProtocol) -> None:
        self.members: list[_Member] = []
        self._frames, self._model, self._protocol = frames, model, protocol
        self._initialize, self._update = frechet_cell_fire(model, md_flavor="ase_fire")
        self._state: Any = None

    def admit(self, ids: Sequence[str]) -> None:
        """Add structures, each before its first step.

        Raises:
            _FailedCallError: the potential cannot answer for them.
        """
        if not ids:
            return
        frames = [self._frames[one] for one in ids]
        bare = [Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True) for atoms in frames]
        started = time.perf_counter()
        state = _at_rest(_call(self._initialize, initialize_state(bare, self._model.device, self._model.dtype)))
        self._state = state if self._state is None else concatenate_states([self._state, state])
        share = (time.perf_counter() - started) / len(ids)
        self.members += [_Member(one, atoms.cell.volume, share) for one, atoms in zip(ids, frames, strict=True)]

    def collect(self) -> dict[str, RelaxationRecord]:
        """Remove the structures that are done, and return their records."""
        if not self.members:
            return {}
        values = zip(self._state.energy.tolist(), _fmax(self._state), _volumes(self._state), strict=True)
        records: dict[str, RelaxationRecord] = {}
        left = []
        for place, (member, (energy, fmax, volume)) in enumerate(zip(self.members, values, strict=True)):
            step = Step(energy, member.steps, fmax, volume / member.volume)
            converged = fmax < self._protocol.fmax
            if problem := step.problem():
                sites = len(self._frames[member.id])
                record = failure(member.id, f"diverged: {problem}", n_sites=sites, steps=member.steps)
            elif converged or member.steps >= self._protocol.max_steps:
                (atoms,) = self._state[place].to_atoms()
                record = ended(member.id, step, atoms, converged=converged)
            else:
                left.append(place)
                continue
            record.seconds = round(member.seconds, 4)
            records[member.id] = record
        self.keep(left)
        return records

    def step(self) -> None:
        """Move every structure by one step.

        Raises:
            _FailedCallError: the potential cannot answer.
        """
        if not self.members:
            return
        started = time.perf_counter()
        self._state = _call(self._update, self._state)
        share = (time.perf_counter() - started) / len(self.members)
        for member in self.members:
            member.steps += 1
            member.seconds += share

    def keep(self, places: Sequence[int]) -> None:
        """Remove all structures but those at `places`."""
        if len(places) < len(self.members):
            self.members = [self.members[place] for place in places]
            self._state = self._state[list(places)] if places else None


def _call(function: Callable[[Any], Any], state: Any) -> Any:
    try:
        return function(state)
    except NotImplementedError as error:
        raise UserError(f"{error}, which relaxing a cell needs") from error
    except (UserError, ArithmeticError, ValueError, RuntimeError) as error:
        raise _FailedCallError from error


def _at_rest(state: Any) -> Any:
    """A fresh state whose next step is ASE's first one.

    torch_sim marks fresh structures by velocities that are NaN, and then leaves out the mixing of velocities for the
    whole batch. At rest, with twice the time step, the ordinary step does to them what the first one does: without
    power it halves the time step and starts from no velocity.
    """
    state.velocities = torch.zeros_like(state.positions)
    state.cell_velocities = torch.zeros_like(state.cell_positions)
    state.dt = 2 * state.dt
    return state


def _fmax(state: Any) -> list[float]:
    """Largest norm (eV/Å) of the forces that ASE's filter would have, a structure: of atoms, and rows of the cell's."""
    atomic = torch.bmm(state.forces.unsqueeze(1), state.deform_grad()[state.system_idx]).squeeze(1).norm(dim=1)
    largest = torch.zeros(state.n_systems, dtype=atomic.dtype, device=atomic.device)
    largest = largest.scatter_reduce(0, state.system_idx, atomic, reduce="amax")
    return list(torch.maximum(largest, state.cell_forces.norm(dim=2).amax(dim=1)).tolist())


def _volumes(state: Any) -> list[float]:
    return list(torch.linalg.det(state.cell).abs().tolist())
