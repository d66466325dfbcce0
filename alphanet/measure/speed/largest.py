"""The largest system that fits: geometric steps up to the first failure, then a binary search; and memory a sample."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from alphanet.measure.speed.contestants import Contestant, Setting, contestant
from alphanet.measure.speed.journal import WHEN, Journal
from alphanet.measure.speed.point import LONGEST_OVER, Point, Protocol
from alphanet.measure.speed.size import MEGABYTE
from alphanet.measure.speed.statistics import exponent, used_memory
from alphanet.measure.speed.structures import supercell, unit_cell
from alphanet.potentials.kit.worker_kit import packed
from alphanet.provenance import hardware, software, utc_now

JOURNAL = "trials.jsonl"  # a line a trial
STEP = 2.0  # from one size to the next on the way up
PRECISION = 1.05  # between the largest that fits and the smallest that does not
SAMPLES = (1, 2, 4)  # structures in a training step, for the memory of one more

Report = Callable[[str], None]


@dataclass(frozen=True)
class Search:
    """What is to be found."""

    models: tuple[str, ...]
    structures: str
    setting: Setting
    memory_limit: int | None  # bytes
    mode: str = "eager"
    smallest: int = 100  # atoms, where the search begins
    most: int = 1_000_000  # atoms, where it ends
    longest: float = 120.0  # s, for a call
    sample_atoms: int = 72  # atoms of a structure in training


def find_largest(search: Search, folder: Path, report: Report, *, restart: bool = False) -> dict[str, Any]:
    """For every model the largest system whose energy and forces can be had, and the memory that training takes.

    Returns:
        What `memory.json` says: `models` (a mapping each), `trials` and `provenance`.

    Raises:
        UserError: a contestant that cannot take part, a structure that cannot be had, or a folder with trials that were
            made under other conditions.
    """
    contestants = [contestant(name, search.setting) for name in search.models]
    unit = unit_cell(search.structures)
    header = _header(search, contestants)
    journal = Journal(folder / JOURNAL, header, restart=restart)
    models = []
    for one in contestants:
        tried = _Tried(one, unit, search, journal, report)
        models.append(_search(tried, search) | _training(tried, search))
    return {"models": models, "trials": journal.entries, "provenance": journal.header}


class _Tried:
    """Trials of one contestant, each made once."""

    def __init__(self, contestant: Contestant, unit: Atoms, search: Search, journal: Journal, report: Report) -> None:
        self.name = contestant.name
        self._contestant, self._unit, self._search = contestant, unit, search
        self._journal, self._report = journal, report

    def size(self, asked: float) -> int:
        """Atoms of the supercell nearest to `asked`."""
        return len(supercell(self._unit, round(asked)))

    def __call__(self, n_atoms: int, *, task: str = "step", batch: int = 1) -> dict[str, Any]:
        key = {"model": self.name, "task": task, "n_atoms": n_atoms, "batch": batch}
        for entry in self._journal.entries:
            if all(entry[name] == value for name, value in key.items()):
                return dict(entry)
        trial = key | self._try(n_atoms, task, batch)
        self._journal.add(trial)
        self._report(_line(trial))
        return trial

    def _try(self, n_atoms: int, task: str, batch: int) -> dict[str, Any]:
        search = self._search
        atoms = supercell(self._unit, n_atoms)
        protocol = Protocol(
            tasks=(task,),
            batch=batch,
            seed=search.setting.seed,
            threads=search.setting.threads,
            memory_limit=search.memory_limit,
        )
        elements = tuple(dict.fromkeys(atoms.get_chemical_symbols()))
        mode = "eager" if search.mode == "eager" or task == "train" else "compiled"
        allowance = search.longest / LONGEST_OVER
        point = Point(self._contestant, packed([atoms] * batch), elements, protocol, allowance, mode=mode)
        point.try_once()
        return {
            "status": point.status,
            "reason": point.reason,
            "seconds": point.first_s.get(task),
            "peak_memory_mb": {key: round(value / MEGABYTE, 3) for key, value in point.peak.items()},
            "resident_before_mb": round(point.resident_before / MEGABYTE, 3),
        }


def _search(tried: _Tried, search: Search) -> dict[str, Any]:
    """The largest size that works, the smallest that does not, and why."""
    fine: list[dict[str, Any]] = []
    failed: dict[str, Any] | None = None
    size = tried.size(search.smallest)
    while failed is None and size <= search.most:
        trial = tried(size)
        if trial["status"] == "ok":
            fine.append(trial)
            size = max(tried.size(STEP * size), size + 1)
        else:
            failed = trial
    while failed is not None and fine and failed["n_atoms"] > PRECISION * fine[-1]["n_atoms"]:
        middle = tried.size(np.sqrt(failed["n_atoms"] * fine[-1]["n_atoms"]))
        if middle in (failed["n_atoms"], fine[-1]["n_atoms"]):
            break  # the structure makes no size between the two
        trial = tried(middle)
        if trial["status"] == "ok":
            fine.append(trial)
        else:
            failed = trial
    largest = fine[-1] if fine else None
    sizes, memory = [float(one["n_atoms"]) for one in fine], [used_memory(one) for one in fine]
    return {
        "model": tried.name,
        "largest": None if largest is None else largest["n_atoms"],
        "limited_by": None if failed is None else {key: failed[key] for key in ("n_atoms", "status", "reason")},
        "kb_per_atom": None if largest is None else 1e3 * memory[-1] / largest["n_atoms"],
        "seconds": None if largest is None else largest["seconds"],
        "scaling": exponent(sizes, memory),
    }


def _training(tried: _Tried, search: Search) -> dict[str, Any]:
    """Memory of one more structure in a training step: the slope of the peak against the structures in a batch."""
    n_atoms = tried.size(search.sample_atoms)
    trials = []
    for batch in SAMPLES:
        trials.append(tried(n_atoms, task="train", batch=batch))
        if trials[-1]["status"] != "ok":
            break
    fine = [trial for trial in trials if trial["status"] == "ok"]
    found: dict[str, Any] = {"sample_atoms": n_atoms, "training_mb_per_sample": None, "training_reason": None}
    if len(fine) < 2:
        return found | {"training_reason": trials[-1]["reason"]}
    slope, _ = np.polyfit([trial["batch"] for trial in fine], [used_memory(trial) for trial in fine], 1)
    return found | {"training_mb_per_sample": float(slope)}


def _header(search: Search, contestants: Sequence[Contestant]) -> dict[str, Any]:
    conditions = asdict(search)
    for free in ("models", "smallest", "most"):
        del conditions[free]  # trials of other ranges belong together
    return {
        "models": {one.name: one.versions for one in contestants},
        "search": conditions,
        "hardware": hardware(),
        "software": software(),
        WHEN: utc_now(),
    }


def _line(trial: dict[str, Any]) -> str:
    samples = f", {trial['batch']} structures" if trial["task"] == "train" else ""
    head = f"{trial['n_atoms']:>7} atoms  {trial['model']:<18} {trial['task']}{samples}"
    if trial["status"] != "ok":
        return f"{head} {trial['status']}: {trial['reason']}"
    return f"{head} {used_memory(trial):.0f} MB, {trial['seconds']:.2f} s"
