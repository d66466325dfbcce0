"""The harness measures itself: potentials of known cost, timed as every other one is."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alphanet.measure.speed import artificial
from alphanet.measure.speed.contestants import Contestant
from alphanet.measure.speed.point import Protocol
from alphanet.measure.speed.size import measure_size
from alphanet.measure.speed.statistics import used_memory
from alphanet.measure.speed.structures import supercell, unit_cell

SECONDS, BYTES = 0.2, 200_000_000  # of the known cost; touching the memory takes part of the time
TIME_TOLERANCE, MEMORY_TOLERANCE = 0.03, 0.05
ALLOWANCE = 15.0  # seconds a contestant
N_ATOMS = 100

Report = Callable[[str], None]


def check_harness(report: Report) -> dict[str, Any]:
    """Measure a potential that takes 200 ms and 200 MB, and one that takes nothing.

    Returns:
        `time_error` and `memory_error`, relative; `overhead_us`, what the harness adds to a call; `passed`.
    """
    atoms = supercell(unit_cell("cu"), N_ATOMS)
    contestants = [(_artificial("known", SECONDS, BYTES), "eager"), (_artificial("nothing", 0.0, 1), "eager")]
    known, nothing = measure_size(contestants, atoms, Protocol(rounds=5), ALLOWANCE, report)
    for point in (known, nothing):
        if point["status"] != "ok":
            return {"passed": False, "reason": point["reason"]}
    time_error = known["step_ms"]["median"] / (1e3 * SECONDS) - 1
    memory_error = used_memory(known) / (BYTES / 1e6) - 1
    return {
        "passed": abs(time_error) <= TIME_TOLERANCE and abs(memory_error) <= MEMORY_TOLERANCE,
        "time_error": time_error,
        "time_tolerance": TIME_TOLERANCE,
        "memory_error": memory_error,
        "memory_tolerance": MEMORY_TOLERANCE,
        "overhead_us": 1e3 * nothing["step_ms"]["median"],
    }


def _artificial(name: str, seconds: float, size: int) -> Contestant:
    request = {"architecture": {"seconds": seconds, "bytes": size}, "elements": []}
    folder = Path(artificial.__file__).parent
    return Contestant(name, name, Path(sys.executable), (folder,), {}, request, {})
