"""Timed points: one model at one size, as journals and summaries keep them."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue

Status = Literal["ok", "failed", "oom", "timeout"]
NS_PER_DAY = 86.4  # of steps of 1 ms and 1 fs each


class Typed(BaseModel):
    """Base of stored values: unknown keys are errors, and values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Times(Typed):
    """Times of one task at one point, ms."""

    median: float
    q25: float
    q75: float
    raw: tuple[float, ...]

    @classmethod
    def of_milliseconds(cls, values: Sequence[float]) -> "Times":
        """The quartiles of `values` (n,), ms."""
        q25, median, q75 = np.percentile(np.asarray(values, dtype=float), [25, 50, 75])
        return cls(median=float(median), q25=float(q25), q75=float(q75), raw=tuple(values))

    @classmethod
    def of_seconds(cls, values: Sequence[float]) -> "Times":
        """The quartiles of `values` (n,), s; raw times are kept to the microsecond."""
        return cls.of_milliseconds([round(1e3 * value, 3) for value in values])


class ForceCheck(Typed):
    """Forces of a fast mode beside those of the reference, eV/Å."""

    reference: str
    max_difference: float
    max_force: float
    relative: float  # difference over force
    tolerance: float  # of `relative`


class SpeedPoint(Typed):
    """One model at one size: what it needs, in one process or in those of several repeats."""

    model: str
    n_atoms: int
    batch: int
    status: Status
    reason: str | None = None  # None if ok
    note: str | None = None
    n_edges: int | None = None  # of all structures of a batch, undisplaced; None without a cutoff
    density: float | None = None  # atoms/Å^3
    cutoff: float | None = None  # Å
    parameters: int | None = None
    dtype: str | None = None
    device: str | None = None
    mode: str = "eager"
    threads: int | None = None
    force_check: ForceCheck | None = None
    peak_memory_mb: dict[str, float] = {}  # resident, on CUDA also allocated and reserved
    resident_before_mb: float = 0.0  # of the process with its model, before the calls
    times_ms: dict[str, Times] = {}  # by task
    unsupported: dict[str, str] = {}  # task -> why the model cannot be timed at it
    first_call_s: dict[str, float] = {}  # by task
    overhead_s: float = 0.0  # until the model was ready
    load_s: float = 0.0  # from the start of the process to the loaded model
    compile_s: float = 0.0
    pays_from: int | None = None
    """Calls of the first task from which the compiled form takes less time than the eager one, the start of the process
    included; None if it is not the faster one, or if only one form was timed"""
    cpu_s: dict[str, float] = {}  # processor time of a call, by task
    rounds: dict[str, tuple[tuple[float, ...], ...]] = {}
    """For each task and repeat the median of each round, s"""
    repeats_mb: tuple[float, ...] = ()  # memory that the calls needed in each repeat; see `used_mb`
    repeat: int = 1  # the first of those behind it
    repeats: int = 1  # number of them that were timed
    noise_s: tuple[float, ...] = ()  # readings of the machine's noise before and after

    @property
    def ok(self) -> bool:
        """Whether it was measured."""
        return self.status == "ok"

    @property
    def used_mb(self) -> float:
        """Memory that the calls needed beside what the process held before: on CUDA allocated, else resident."""
        return used_memory(self.peak_memory_mb, self.resident_before_mb)

    @property
    def start_s(self) -> float:
        """Seconds from the start of the process to the first answer, beyond the usual time of a call."""
        return self.load_s + self.compile_s

    def us_per_atom(self, task: str) -> float | None:
        """Microseconds an atom, of a median call of `task`; None if it was not timed."""
        return 1e3 * self.times_ms[task].median / (self.n_atoms * self.batch) if task in self.times_ms else None

    def us_per_edge(self, task: str) -> float | None:
        """Microseconds an edge within the cutoff, of a median call of `task`; None if it was not timed."""
        return 1e3 * self.times_ms[task].median / self.n_edges if self.n_edges and task in self.times_ms else None

    @property
    def ns_per_day(self) -> float | None:
        """Nanoseconds that dynamics with a time step of 1 fs simulate in a day; None if no step was timed."""
        return NS_PER_DAY / self.times_ms["step"].median if "step" in self.times_ms else None

    def rates(self, task: str) -> dict[str, float | None]:
        """By column: what times of `task` mean to those who simulate, and what the start of a process costs."""
        return {
            "us_per_atom": self.us_per_atom(task),
            "us_per_edge": self.us_per_edge(task),
            "ns_per_day": self.ns_per_day,
            "start_s": self.start_s,
            "pays_from": self.pays_from,
        }

    def without_raw_times(self) -> dict[str, JsonValue]:
        """Plain values for a record; `speed.json` has every single time and every repeat."""
        return self.model_dump(mode="json", exclude={"rounds": True, "times_ms": {"__all__": {"raw"}}})


def used_memory(peak_mb: dict[str, float], before_mb: float) -> float:
    """MB that calls needed beside `before_mb`: on CUDA the peak allocated, else resident; at least 1."""
    if "allocated" in peak_mb:
        return max(1.0, peak_mb["allocated"])
    return max(1.0, peak_mb["resident"] - before_mb)
