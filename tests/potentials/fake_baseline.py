"""A baseline that needs no environment: its worker runs in this interpreter and does what the test asks."""

CARD = {
    "name": "fake",
    "title": "Fake",
    "source": "https://example.org/fake",
    "licence": "MIT",
    "citation": "nobody",
    "environment": {
        "name": "fake",
        "python": ">=3.9",
        "packages": [{"name": "numpy", "version": "2.4.6"}],
        "imports": ["json"],
    },
    "conservative": True,
    "stress": True,
    "trainable": True,
    "presets": {"mini": {"note": "none", "model": {"stiffness": 2.0}, "training": {"epochs": 3}}},
}

WORKER = '''
import os, sys, time
import numpy as np
from worker_kit import RefusedError, refuse_unknown, run_module


def load(request):
    return Model(request)


class Model:
    """Atoms on springs to the origin; `behaviour` says what goes wrong."""

    def __init__(self, request):
        self.request, self.stiffness = request, request["architecture"]["stiffness"]
        self.behaviour = request["architecture"].get("behaviour")
        self.info = {"parameters": 1, "pid": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"]}

    def predict(self, structures):
        refuse_unknown(structures.numbers, ["H", "C"])
        if 1 in structures.counts and self.behaviour is not None:
            print("something is wrong", file=sys.stderr, flush=True)
            misbehave(self.behaviour)
        energy = 0.5 * self.stiffness * (structures.positions**2).sum(1)
        return {
            "energy": np.bincount(structures.batch, energy),
            "forces": -self.stiffness * structures.positions,
            "stress": np.zeros((len(structures.counts), 3, 3)),
        }


def misbehave(behaviour):
    if behaviour == "crash":
        os._exit(3)
    if behaviour == "raise":
        raise ValueError("no such orbital")
    if behaviour == "hang":
        time.sleep(60)


def train(request, report):
    for epoch in range(request["epochs"]):
        report(f"epoch {epoch}")
    if request["architecture"].get("behaviour") == "sleep":
        run_module(["sleeper"], request["out"], report, lambda: None)
    return {"model": request["train"], "epochs": request["epochs"], "seen": request}
'''
