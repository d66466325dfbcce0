"""A baseline that needs no environment: its worker runs in this interpreter and does what the test asks."""

USUAL = {"epochs": 3, "batch_size": 4, "learning_rate": 0.1}

CARD = {
    "name": "fake",
    "title": "Fake",
    "source": "https://example.org/fake",
    "license": "MIT",
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
    "presets": {"mini": {"note": "none", "model": {"stiffness": 2.0}, "training": USUAL}},
}

WORKER = '''
import os, pathlib, sys, time
import numpy as np
from worker_kit import RefusedError, logger, refuse_unknown, run_module


def load(request):
    return Model(request)


class Model:
    """Atoms on springs to the origin; `behavior` says what goes wrong."""

    def __init__(self, request):
        if request["checkpoint"] is not None:
            self.stiffness = float(pathlib.Path(request["checkpoint"]).read_text())
        else:
            self.stiffness = 5.0 if request["carried"] else request["architecture"]["stiffness"]
        self.request = request
        self.behavior = request["architecture"].get("behavior")
        self.info = {"parameters": 1, "pid": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"]}
        self.info |= {"elements": ["H", "C"], "variable": os.environ.get("FAKE_VARIABLE")}

    def predict(self, structures):
        refuse_unknown(structures.numbers, ["H", "C"])
        if 1 in structures.counts and self.behavior is not None:
            print("something is wrong", file=sys.stderr, flush=True)
            misbehave(self.behavior)
        energy = 0.5 * self.stiffness * (structures.positions**2).sum(1)
        return {
            "energy": np.bincount(structures.batch, energy),
            "forces": -self.stiffness * structures.positions,
            "stress": np.zeros((len(structures.counts), 3, 3)),
        }


def misbehave(behavior):
    if behavior == "crash":
        os._exit(3)
    if behavior == "raise":
        raise ValueError("no such orbital\\n  in 0.1,\\n      0.2")
    if behavior == "hang":
        time.sleep(60)


def start(request):
    stiffness = Model(request).stiffness
    pathlib.Path(request["target"]).write_text(str(stiffness))
    if request["freeze"]:
        raise RefusedError("there is nothing to freeze")
    return {
        "architecture": {"stiffness": stiffness}, "elements": ["H", "C"], "references": {"H": -1.0, "C": -2.0},
        "energy_scale": 1.0,
    }


def train(request):
    for epoch in range(request["epochs"]):
        logger.info("epoch %d", epoch)
    if request["architecture"].get("behavior") == "sleep":
        run_module(["sleeper"], request["out"])
    model = pathlib.Path(request["out"]) / "model.safetensors"
    model.write_text(str(request["architecture"]["stiffness"] + 1))
    return {
        "epochs": request["epochs"], "steps": 7, "steps_per_epoch": 7, "seconds": 0.1, "cpu_seconds": 0.1,
        "finished": True, "parameters": 1, "best_epoch": 1,
        "validation": {"loss": 2.0, "energy_mae": 0.01, "force_mae": 0.02}, "peak_memory": 5,
    }
'''
