"""A worker for tests of the timing harness: what it takes, holds and refuses is what its architecture says."""

import sys
from pathlib import Path

from alphanet.measure.speed.models import TimedModel, TimingSetup
from alphanet.potentials.protocol import LoadRequest

WORKER = """
import hashlib, os, pathlib, time
import numpy as np
from worker_kit import RefusedError


def load(request):
    kind = request["architecture"]
    if request["mode"] == "compiled" and "compiled" not in kind and not kind.get("unaware"):
        raise RefusedError("it has no compiled mode")
    return (Split if kind.get("split", True) else Whole)(kind, request["mode"])


class Whole:
    def __init__(self, kind, mode):
        self.kind = kind | (kind.get("compiled", {}) if mode == "compiled" else {})
        self.info = {"parameters": 1, "cutoff": 3.0, "dtype": "float32", "reference": "float64 eager"}
        self.begun = False
        self.info |= {} if kind.get("unaware") else {"mode": mode}

    def predict(self, structures):
        atoms = int(structures.counts.sum())
        if atoms > self.kind.get("memory_for", 1e9):
            raise MemoryError("unable to allocate")
        if atoms > self.kind.get("lives_for", 1e9):
            os.kill(os.getpid(), 9)
        if atoms > self.kind.get("works_for", 1e9):
            raise ValueError("no such orbital")
        if structures.counts.sum() == 8 and "passes_it_works_for" in self.kind:
            self._begin_pass()
        if "seen" in self.kind:
            with pathlib.Path(self.kind["seen"]).open("a") as seen:
                seen.write(hashlib.sha256(structures.positions.tobytes()).hexdigest() + "\\n")
        held = np.ones(int(self.kind.get("bytes_an_atom", 0) * atoms), dtype=np.uint8)
        time.sleep(1e-6 * atoms * self.kind.get("slowness", 1.0))
        return {"forces": np.ones((atoms, 3)) * self.kind.get("force", 1.0)}

    def _begin_pass(self):
        if not self.begun:
            with pathlib.Path(self.kind["seen"] + ".passes").open("a") as passes:
                passes.write("one\\n")
            self.begun = True
        passes = pathlib.Path(self.kind["seen"] + ".passes").read_text().count("one")
        if passes > self.kind["passes_it_works_for"]:
            raise ValueError("no such orbital")

    def reference(self, structures):
        return {"forces": np.ones((int(structures.counts.sum()), 3))}


class Split(Whole):
    def prepare(self, structures):
        return structures

    def evaluate(self, structures):
        self.predict(structures)

    def train_step(self, structures):
        self.predict(structures)
"""


def timed_models(folder: Path, kinds: dict[str, dict]):
    """A function in the place of `models.timed_model` that makes the potentials of `kinds`."""
    (folder / "worker.py").write_text(WORKER)

    def make(name: str, setup: TimingSetup) -> TimedModel:
        request = LoadRequest(architecture=kinds[name], device=setup.device, threads=setup.threads)
        versions = {"kind": str(kinds[name])}
        return TimedModel(name, Path(sys.executable), (folder,), {}, request, versions)

    return make
