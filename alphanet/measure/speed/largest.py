"""The largest system that fits, by doubling up to the first failure and a binary search; and memory per sample."""

import hashlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from alphanet.journal import Journal
from alphanet.measure.speed.models import TimedModel, TimingSetup, timed_model
from alphanet.measure.speed.points import Status, Typed, used_memory
from alphanet.measure.speed.process import LONGEST_OVER, TimedProcess, TimingSettings
from alphanet.measure.speed.size import MEGABYTE
from alphanet.measure.speed.structures import supercell, unit_cell
from alphanet.potentials.forms import file_label
from alphanet.potentials.kit.worker_kit import packed
from alphanet.provenance import hardware, software, utc_now
from alphanet.results.schema import Hardware

logger = logging.getLogger(__name__)

STEP = 2.0  # from one size to the next on the way up
PRECISION = 1.05  # between the largest that fits and the smallest that does not
SAMPLES = (1, 2, 4)  # structures in a training step, for the memory of one more


@dataclass(frozen=True)
class Search:
    """The search for the largest system of one model."""

    model: str
    structures: str
    setup: TimingSetup
    memory_limit: int | None  # bytes
    mode: str = "eager"  # or compiled, best: models without such a mode are tried eagerly
    smallest: int = 100  # atoms, where the search begins
    most: int = 1_000_000  # atoms, where it ends
    longest: float = 120.0  # s, for a call
    sample_atoms: int = 72  # atoms of a structure in training


class SearchConditions(Typed):
    """All that must be the same for trials to belong together, and when the first of them was made."""

    versions: dict[str, str]  # of the model's packages, settings, weights
    structures: str
    setup: TimingSetup
    memory_limit: int | None
    mode: str
    longest: float
    sample_atoms: int
    hardware: Hardware
    software: dict[str, str]
    begun: str


class Trial(Typed):
    """One call in a fresh process."""

    task: str
    n_atoms: int
    batch: int
    status: Status
    reason: str | None
    seconds: float | None
    mode: str = "eager"
    peak_memory_mb: dict[str, float]
    resident_before_mb: float

    @property
    def used_mb(self) -> float:
        """Memory that the call needed beside what the process held before."""
        return used_memory(self.peak_memory_mb, self.resident_before_mb)


class LargestSystem(Typed):
    """The result of a search."""

    model: str
    trials: tuple[Trial, ...]
    fitting: tuple[Trial, ...]  # those of energy and forces that fit, ascending
    limited_by: Trial | None  # the smallest that did not fit; None if the search ended before
    out_of_time: bool  # whether the budget ended it
    training_mb_per_sample: float | None
    training_reason: str | None  # why there is no memory of training
    conditions: SearchConditions

    @property
    def largest(self) -> Trial | None:
        """The largest that fits; None if none does."""
        return self.fitting[-1] if self.fitting else None

    @property
    def kb_per_atom(self) -> float | None:
        """Memory of the largest, kB an atom."""
        return None if self.largest is None else 1e3 * self.largest.used_mb / self.largest.n_atoms

    @property
    def limit(self) -> str:
        """The end of the search, in words."""
        if self.limited_by is not None:
            return f"{self.limited_by.status} at {self.limited_by.n_atoms} atoms"
        return "the budget of time" if self.out_of_time else "the end of the search"


def find_largest(search: Search, folder: Path, budget: float | None = None, *, restart: bool = False) -> LargestSystem:
    """The largest system whose energy and forces the model gives, and the memory of its training.

    Args:
        search: the model, structures and limits.
        folder: of the journal, from which the search resumes.
        budget: seconds after which no further call is started; None means no limit.
        restart: start again, even if the folder has results.

    Raises:
        UserError: the model cannot take part, the structure cannot be had, or the folder holds trials made under other
            conditions.
    """
    model = timed_model(search.model, search.setup)
    unit = unit_cell(search.structures)
    journal = Journal(
        folder / f"trials_{_file_name(search.model)}.jsonl", _conditions(search, model), Trial, restart=restart
    )
    trials = _Trials(model, unit, search, journal, np.inf if budget is None else time.monotonic() + budget)
    climb = _Climb(trials, search)
    training: list[Trial] = []
    try:
        climb.run()
        _train(trials, search, training)
    except _OutOfTimeError:
        logger.info("%s: the time is used up (budget)", search.model)
    per_sample, reason = _memory_per_sample(training)
    return LargestSystem(
        model=search.model,
        trials=tuple(journal.entries),
        fitting=tuple(climb.fitting),
        limited_by=climb.failed,
        out_of_time=trials.out_of_time,
        training_mb_per_sample=per_sample,
        training_reason=reason,
        conditions=journal.header,
    )


def _file_name(model: str) -> str:
    """The model's name; of a path its end, and a hash that tells it from others with the same end."""
    if "/" not in model:
        return model
    return f"{file_label(model)}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"


class _OutOfTimeError(Exception):
    """Raised when the budget is used up."""


class _Trials:
    """Trials of one model; each is made once."""

    def __init__(
        self, model: TimedModel, unit: Atoms, search: Search, journal: Journal[SearchConditions, Trial], end: float
    ) -> None:
        self._model, self._unit, self._search, self._journal, self._end = model, unit, search, journal, end
        self.out_of_time = self._has_no_other_mode = False

    def size(self, n_atoms: float) -> int:
        """Atoms of the supercell nearest to `n_atoms`."""
        return len(supercell(self._unit, round(n_atoms)))

    def __call__(self, n_atoms: int, *, task: str = "step", batch: int = 1) -> Trial:
        for earlier in self._journal.entries:
            if (earlier.task, earlier.n_atoms, earlier.batch) == (task, n_atoms, batch):
                return earlier
        if time.monotonic() > self._end:
            self.out_of_time = True
            raise _OutOfTimeError
        trial = self._try(n_atoms, task, batch)
        self._journal.add(trial)
        logger.info("%7d atoms  %-18s %s", n_atoms, self._model.name, _text(trial))
        return trial

    def _try(self, n_atoms: int, task: str, batch: int) -> Trial:
        search = self._search
        atoms = supercell(self._unit, n_atoms)
        settings = TimingSettings(tasks=(task,), batch=batch, seed=search.setup.seed, memory_limit=search.memory_limit)
        elements = tuple(dict.fromkeys(atoms.get_chemical_symbols()))
        allowance = search.longest / LONGEST_OVER
        arrays = packed([atoms] * batch)
        process = TimedProcess(self._model, arrays, elements, settings, allowance, mode=self._mode(task))
        process.try_once()
        if process.mode != "eager" and process.refused:
            self._has_no_other_mode = True
            process = TimedProcess(self._model, arrays, elements, settings, allowance)
            process.try_once()
        return Trial(
            task=task,
            n_atoms=n_atoms,
            batch=batch,
            status=process.status,
            reason=process.reason,
            seconds=process.first_s.get(task),
            mode=process.mode,
            peak_memory_mb={key: round(value / MEGABYTE, 3) for key, value in process.peak.items()},
            resident_before_mb=round(process.resident_before / MEGABYTE, 3),
        )

    def _mode(self, task: str) -> str:
        if self._has_no_other_mode or self._model.mode_of((task,), self._search.mode) == "eager":
            return "eager"
        return "compiled"


class _Climb:
    """The sizes that fit, and the smallest that does not."""

    def __init__(self, trials: _Trials, search: Search) -> None:
        self.fitting: list[Trial] = []
        self.failed: Trial | None = None
        self._trials, self._search = trials, search

    def run(self) -> None:
        """Double the size until one does not fit, then halve the interval in between."""
        size = self._trials.size(self._search.smallest)
        while self.failed is None and size <= self._search.most:
            self._try(size)
            size = max(self._trials.size(STEP * size), size + 1)
        while self.failed is not None and self.fitting and self._ratio() > PRECISION:
            low, high = self.fitting[-1].n_atoms, self.failed.n_atoms
            middle = self._trials.size(np.sqrt(low * high))
            if middle in (low, high):
                break  # the structure makes no size between the two
            self._try(middle)

    def _try(self, size: int) -> None:
        trial = self._trials(size)
        if trial.status == "ok":
            self.fitting.append(trial)
        else:
            self.failed = trial

    def _ratio(self) -> float:
        assert self.failed is not None
        return self.failed.n_atoms / self.fitting[-1].n_atoms


def _train(trials: _Trials, search: Search, made: list[Trial]) -> None:
    """Add steps of training with more and more structures to `made`, up to the first that fails."""
    n_atoms = trials.size(search.sample_atoms)
    for batch in SAMPLES:
        made.append(trials(n_atoms, task="train", batch=batch))
        if made[-1].status != "ok":
            break


def _memory_per_sample(trials: Sequence[Trial]) -> tuple[float | None, str | None]:
    """MB of one more structure, the slope of the peak against the structures in a batch; or why there is none."""
    fitting = [trial for trial in trials if trial.status == "ok"]
    if len(fitting) < 2:
        return None, trials[-1].reason if trials and trials[-1].reason else "the time is used up (budget)"
    slope, _ = np.polyfit([trial.batch for trial in fitting], [trial.used_mb for trial in fitting], 1)
    return float(slope), None


def _conditions(search: Search, model: TimedModel) -> SearchConditions:
    return SearchConditions(
        versions=model.versions,
        structures=search.structures,
        setup=search.setup,
        memory_limit=search.memory_limit,
        mode=search.mode,
        longest=search.longest,
        sample_atoms=search.sample_atoms,
        hardware=Hardware.model_validate(hardware()),
        software=software(),
        begun=utc_now(),
    )


def _text(trial: Trial) -> str:
    task = f"train, {trial.batch} structures" if trial.task == "train" else trial.task
    if trial.status != "ok":
        return f"{task} {trial.status}: {trial.reason}"
    return f"{task} {trial.used_mb:.0f} MB, {trial.seconds:.2f} s"
