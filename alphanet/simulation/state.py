"""The state of molecular dynamics on disk: all that the next process needs to go on as if nothing had happened."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from pydantic import JsonValue

from alphanet.errors import UserError
from alphanet.files import atomic_path
from alphanet.simulation.integrators import Thermostat

STATE = "state.npz"


@dataclass(frozen=True)
class State:
    """A moment of a trajectory. Arrays are copies."""

    positions: np.ndarray  # (n, 3) Å
    momenta: np.ndarray  # (n, 3), in ASE's units
    cell: np.ndarray  # (3, 3) Å
    step: int
    seconds: float
    """Wall time of all processes so far"""
    sizes: tuple[int, int]
    """Bytes of the trajectory and of the log at this step"""
    thermostat: Thermostat = field(default_factory=Thermostat)

    def put_into(self, atoms: Atoms) -> None:
        """Move the atoms to where they were, bit by bit."""
        atoms.set_cell(self.cell)
        atoms.positions[:] = self.positions
        atoms.set_momenta(self.momenta, apply_constraint=False)

    def write(self, folder: Path, conditions: Mapping[str, JsonValue]) -> None:
        """Write the state and the `conditions` of the whole trajectory into `folder`.

        Raises:
            UserError: it cannot be written.
        """
        words = {
            "conditions": conditions, "step": self.step, "seconds": self.seconds, "sizes": self.sizes,
            "thermostat": asdict(self.thermostat),
        }  # fmt: skip
        arrays = {"positions": self.positions, "momenta": self.momenta, "cell": self.cell}
        with atomic_path(folder / STATE) as temporary:
            np.savez(temporary, words=np.array(json.dumps(words)), **arrays)  # type: ignore[arg-type]


def read_state(folder: Path, conditions: Mapping[str, JsonValue]) -> State | None:
    """The state in `folder`; None if there is none.

    Raises:
        UserError: the file is damaged, or its trajectory was made under other conditions.
    """
    path = folder / STATE
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            words = json.loads(str(arrays["words"]))
            kept = {name: arrays[name] for name in ("positions", "momenta", "cell")}
        thermostat = Thermostat(**words["thermostat"])
        state = State(**kept, step=words["step"], seconds=words["seconds"], sizes=tuple(words["sizes"]),
                      thermostat=thermostat)  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} cannot be read ({error}); restart, or choose another folder") from error
    before, now = words["conditions"], json.loads(json.dumps(conditions, default=str))
    for key in {**before, **now}:
        if before.get(key) != now.get(key):
            raise UserError(
                f"{folder} holds a trajectory with other {key} ({_difference(before.get(key), now.get(key))}): "
                "choose another folder, or restart"
            )
    return state


def _difference(before: Any, now: Any) -> str:
    if isinstance(before, dict) and isinstance(now, dict):
        key = next(key for key in {**before, **now} if before.get(key) != now.get(key))
        return f"{key}: {_difference(before.get(key), now.get(key))}"
    return f"{before} then, {now} now"
