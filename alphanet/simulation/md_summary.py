"""What molecular dynamics measured: means over their log."""

from pathlib import Path

import numpy as np

from alphanet.simulation.integrators import Dynamics
from alphanet.simulation.outputs import LOG, columns_of

STEP, TIME, TOTAL = "step", "time [ps]", "total energy [eV]"
TEMPERATURE, PRESSURE, VOLUME = "temperature [K]", "pressure [GPa]", "volume [Å^3]"
FORCE, SPREAD = "largest force [eV/Å]", "force deviation [eV/Å]"
COLUMNS = (
    STEP, TIME, "potential energy [eV]", "kinetic energy [eV]", TOTAL, TEMPERATURE, PRESSURE, VOLUME, FORCE, SPREAD
)  # fmt: skip


def summary_of(folder: Path, dynamics: Dynamics, steps: int, seconds: float, atoms: int) -> dict[str, float | None]:
    """Means over all rows of the log; what was not measured is None.

    Args:
        folder: of the run.
        dynamics: of the run.
        steps: that were made.
        seconds: that they took.
        atoms: of the structure.
    """
    columns = columns_of(folder / LOG)
    return {
        "atoms": atoms,
        "steps": steps,
        "time_ps": steps * dynamics.timestep / 1000,
        "temperature_mean_K": _mean(columns[TEMPERATURE]),
        "temperature_std_K": _deviation(columns[TEMPERATURE]),
        "pressure_mean_GPa": _mean(columns[PRESSURE]),
        "volume_mean_A3": _mean(columns[VOLUME]),
        "drift_meV_per_atom_per_ps": None if dynamics.thermostatted else _drift(columns, atoms),
        "force_deviation_max_eV_per_A": float(np.nanmax(columns[SPREAD])) if _known(columns[SPREAD]) else None,
        "seconds_per_step": seconds / steps if steps else None,
    }


def _drift(columns: dict[str, np.ndarray], atoms: int) -> float | None:
    """Slope of the total energy, meV/atom/ps; None below three rows."""
    times, energies = columns[TIME], columns[TOTAL]
    if len(times) < 3:
        return None
    return float(1000 * np.polyfit(times, energies - energies[0], 1)[0] / atoms)


def _known(values: np.ndarray) -> bool:
    return bool(np.isfinite(values).any())


def _mean(values: np.ndarray) -> float | None:
    return float(np.nanmean(values)) if _known(values) else None


def _deviation(values: np.ndarray) -> float | None:
    return float(np.nanstd(values)) if _known(values) else None
