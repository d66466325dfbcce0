"""A check of the harness: it times potentials of known cost as it does every other one."""

import sys
from pathlib import Path

from alphanet.measure.speed import artificial
from alphanet.measure.speed.models import TimedModel
from alphanet.measure.speed.points import Typed
from alphanet.measure.speed.process import TimingSettings
from alphanet.measure.speed.size import ModelInMode, measure_size
from alphanet.measure.speed.structures import supercell, unit_cell
from alphanet.potentials.protocol import LoadRequest

SECONDS, BYTES = 0.2, 200_000_000  # of the known cost; touching the memory takes part of the time
TIME_TOLERANCE, MEMORY_TOLERANCE = 0.03, 0.05
ALLOWANCE = 15.0  # seconds a model
N_ATOMS = 100


class HarnessCheck(Typed):
    """The errors of the harness at a known cost; None if it could not be measured."""

    passed: bool
    reason: str | None = None  # why it could not be measured
    time_error: float | None = None  # relative
    time_tolerance: float = TIME_TOLERANCE
    memory_error: float | None = None  # relative
    memory_tolerance: float = MEMORY_TOLERANCE
    overhead_us: float | None = None  # that the harness adds to a call


def check_harness() -> HarnessCheck:
    """The errors measured on a potential that takes 200 ms and 200 MB, and on one that takes nothing."""
    atoms = supercell(unit_cell("cu"), N_ATOMS)
    models = [_artificial("known", SECONDS, BYTES), _artificial("nothing", 0.0, 1)]
    known, nothing = measure_size(models, atoms, TimingSettings(rounds=5), ALLOWANCE)
    for point in (known, nothing):
        if not point.ok:
            return HarnessCheck(passed=False, reason=point.reason)
    time_error = known.times_ms["step"].median / (1e3 * SECONDS) - 1
    memory_error = known.used_mb / (BYTES / 1e6) - 1
    return HarnessCheck(
        passed=abs(time_error) <= TIME_TOLERANCE and abs(memory_error) <= MEMORY_TOLERANCE,
        time_error=time_error,
        memory_error=memory_error,
        overhead_us=1e3 * nothing.times_ms["step"].median,
    )


def _artificial(name: str, seconds: float, size: int) -> ModelInMode:
    request = LoadRequest(architecture={"seconds": seconds, "bytes": size})
    folder = Path(artificial.__file__).parent
    return ModelInMode(TimedModel(name, Path(sys.executable), (folder,), {}, request, {}), "eager")
