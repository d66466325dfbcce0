"""mace's own trainer, extended by a number of steps, a guard, an exact resume, and checkpoints without code.

Run as a child process by `training`. mace's `run_train` reads the options and the frames and makes model, loss,
optimizer, schedule and average; its loop is then given a loader, a logger and a keeper of checkpoints that are ours.
"""

import json
import sys
from pathlib import Path

import mace  # noqa: F401  before torch and e3nn, see network.py

# isort: split
import torch
import torch_kit
from ase.data import atomic_numbers
from frames import mean_neighbors, write_frames
from loop import FACTOR, LAST, MODEL, PATIENCE
from loop.adapters import freeze
from loop.costs import CostMeter
from mace import tools
from mace.cli import run_train
from network import DEFAULTS, MaceNetwork, build
from settings import OPTIONS
from training import COSTS, FRAMES


class DoneError(Exception):
    """Ends mace's loop at the end of an epoch."""


def main(job):
    """Train in this process, whose working folder is the run's."""
    torch.set_num_threads(job["threads"])
    torch.use_deterministic_algorithms(True, warn_only=True)
    architecture = _prepared(job)
    loop = tools.train

    def train(**parts):
        Run(job, architecture, parts).train(loop)
        sys.exit()  # what run_train does next is to write pickles and to predict the training frames once more

    tools.train = train
    if job["finetune"] is not None:
        run_train.configure_model = _with_weights(run_train.configure_model, job["finetune"])
    run_train.run(tools.build_default_arg_parser().parse_args(_options(job, architecture)))


class Run:
    """mace's loop with our length and guard; an epoch is an iteration over this object."""

    def __init__(self, job, architecture, parts):
        self._job, self._architecture, self._parts = job, architecture, parts
        self._last, self._best = Path(job["out"]) / LAST, Path(job["out"]) / MODEL
        self._model, self._loader = parts["model"], parts["train_loader"]
        self._stateful = {name: parts[name] for name in ("model", "ema", "optimizer", "lr_scheduler")}
        self._progress = {"epochs": 0, "steps": 0, "loss": float("inf")}
        self._evaluated = {}
        self._meter, self._cut = CostMeter(), False

    def train(self, loop):
        """Run the loop until all steps are taken or the time is up."""
        if self._last.exists():
            self._restore()
        self._meter.start(self._job["device"])
        ours = {"train_loader": self, "logger": self, "checkpoint_handler": self}
        try:
            loop(**self._parts | ours | {"start_epoch": self._progress["epochs"]})
        except DoneError:
            pass
        else:
            self._save_state()
        steps = self._progress["steps"]
        Path(COSTS).write_text(json.dumps({"steps": steps, **self._meter.costs(steps)}))

    def __iter__(self):
        """Batches of an epoch, which ends early after the last step.

        If the time is up, the epoch is given up, and the checkpoint stays that of its begin; only if there is no model
        yet, the loop evaluates once more.
        """
        if self._cut:
            raise DoneError
        self._save_state()
        if self._all_steps_taken() or (self._time_is_up() and self._best.exists()):
            raise DoneError
        for index, batch in enumerate(self._loader, 1):
            self._meter.begin_step(count=True, follows=index > 1)
            yield batch
            self._meter.end_step()
            self._progress["steps"] += 1
            if self._all_steps_taken():
                break
            if self._time_is_up() and index < len(self._loader):
                self._cut = True
                if self._best.exists():
                    raise DoneError
                break
        self._progress["epochs"] += 1

    def log(self, values):
        """Rows of mace's log: one per step, and one per evaluation with averaged weights."""
        if values["mode"] == "eval":
            self._evaluated = values
        self._parts["logger"].log(values)

    def save(self, **_):
        """Save the weights of an epoch that mace calls the best since its start, which may have been a resume.

        The weights are the averaged ones meanwhile.
        """
        if not self._evaluated["loss"] < self._progress["loss"]:
            return
        self._progress["loss"] = self._evaluated["loss"]
        scaled = torch_kit.Scaled(MaceNetwork(self._model), stress=self._job["stress"])
        for element, energy in self._job["references"].items():
            scaled.references[atomic_numbers[element]] = energy
        torch_kit.save(scaled, self._architecture, self._best)

    def _all_steps_taken(self):
        return self._job["steps"] is not None and self._progress["steps"] >= self._job["steps"]

    def _time_is_up(self):
        return self._job["max_time"] is not None and self._meter.now()["seconds"] >= self._job["max_time"]

    def _save_state(self):
        state = {name: part.state_dict() for name, part in self._stateful.items()}
        state |= {
            "order": self._loader.generator.get_state(),
            "progress": self._progress,
            "costs": self._meter.state(),
            "parameters": sum(weights.numel() for weights in self._model.parameters()),
        }
        part = self._last.with_name(f".{self._last.name}.part")
        torch.save(state, part)
        part.replace(self._last)

    def _restore(self):
        state = torch.load(self._last, map_location=self._parts["device"], weights_only=True)
        for name, part in self._stateful.items():
            part.load_state_dict(state[name])
        self._loader.generator.set_state(state["order"].cpu())
        self._progress = state["progress"]
        self._meter.load(state["costs"])


def _with_weights(configure, start):
    """mace's `configure_model`, whose model then has the weights that the training starts from, some of them frozen."""

    def configured(*parts):
        model, outputs = configure(*parts)
        old = torch_kit.restore(Path(start["weights"]), build, stress=False).network
        model.load_state_dict(old.network.state_dict())
        freeze(torch.nn.ModuleDict({"network": model}), start["freeze"])  # the names are those of our network
        return model, outputs

    return configured


def _prepared(job):
    """The architecture with all its settings; what the trainer reads is written unless it is there."""
    folder = Path(FRAMES)
    for name in ("train", "valid"):
        if not (folder / f"{name}.aselmdb").exists():
            write_frames(job[name], folder / f"{name}.aselmdb", job["references"])
    about = folder / "neighbors.json"
    if not about.exists():
        about.write_text(json.dumps(mean_neighbors(job["train"], job["architecture"]["r_max"])))
    return DEFAULTS | {"avg_num_neighbors": json.loads(about.read_text())} | job["architecture"]


def _options(job, architecture):
    """The trainer's command line."""
    numbers = [atomic_numbers[element] for element in job["references"]]
    loss = job["loss"]
    options = {OPTIONS[key]: value for key, value in architecture.items()}
    options |= {
        "name": "mace",
        "model": "ScaleShiftMACE",
        "seed": job["seed"],
        "device": job["device"],
        "default_dtype": job["precision"],
        "log_dir": "logs",
        "results_dir": "logs",
        "train_file": f"{FRAMES}/train.aselmdb",
        "valid_file": f"{FRAMES}/valid.aselmdb",
        "atomic_numbers": numbers,
        "E0s": dict.fromkeys(numbers, 0.0),
        "mean": 0.0,
        "std": job["energy_scale"],
        "compute_avg_num_neighbors": False,
        "max_num_epochs": job["epochs"] or sys.maxsize,
        "batch_size": job["batch_size"],
        "valid_batch_size": job["batch_size"],
        "lr": job["learning_rate"],
        "lr_factor": FACTOR,
        "scheduler_patience": PATIENCE,
        "optimizer": job["optimizer"],
        "weight_decay": job["weight_decay"],
        "clip_grad": job["clip_norm"],
        "huber_delta": loss["huber_delta"],
        "ema_decay": job["ema_decay"],
        "energy_weight": loss["energy_weight"],
        "forces_weight": loss["force_weight"],
        "stress_weight": loss["stress_weight"],
        "error_table": "PerAtomMAE",
        "plot": False,
    }
    options |= _loss(loss)
    return ["--ema", *(f"--{name}={value}" for name, value in options.items())]


def _loss(loss):
    """The trainer's name of the loss, with weights that are not the request's."""
    if loss["kind"] == "mae":
        # The length of an atom's error instead of its components, which is about twice their mean.
        return {"loss": "l1l2energyforces", "forces_weight": loss["force_weight"] / 2}
    if loss["kind"] == "huber":
        return {"loss": "universal"}
    return {"loss": "stress" if loss["stress_weight"] > 0 else "weighted"}


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
