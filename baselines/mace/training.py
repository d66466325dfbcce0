"""Training by mace's own trainer: what it needs is written, it is run as a child, its logs are read."""

import json
import time
from pathlib import Path

from settings import refuse_unknown_settings
from training_run import checkpoint_to_resume, element_energies
from worker_kit import RefusedError, open_store, peak_memory, run_module

LAST, BEST, FRAMES = "last.pt", "best.safetensors", "frames"


def train(request, report):
    """Train as `request` says; the best checkpoint, what it costs and how good it is on the validation frames."""
    import torch

    _refuse(request)
    out = Path(request["out"])
    resumed = checkpoint_to_resume(request, out, LAST, (BEST, FRAMES))
    references = element_energies(request)
    job = request | {"references": references, "resumed": resumed is not None}
    (out / "job.json").write_text(json.dumps(job, indent=1))
    log = EpochLines(out / "logs", request["epochs"], report)
    started = time.monotonic()
    run_module(["trainer", out / "job.json"], out, report, log.read)
    seconds = time.monotonic() - started
    if not (out / BEST).exists():
        raise RefusedError("mace: the loss on the validation frames was never a number; try a smaller learning_rate")
    last = torch.load(out / LAST, map_location="cpu", weights_only=True)
    return {
        "model": str(out / BEST),
        "seconds": seconds,
        "epochs": last["progress"]["epochs"],
        "steps": last["progress"]["steps"],
        "elements": sorted(references),
        "reference_energies": references,
        "parameters": last["parameters"],
        "peak_memory": peak_memory()["children"],
        "energy_mae": last["progress"]["energy_mae"],
        "force_mae": last["progress"]["force_mae"],
    }


class EpochLines:
    """The trainer's log, read while it grows: a line an epoch for the caller."""

    def __init__(self, folder, epochs, report):
        self._folder, self._epochs, self._report = folder, epochs, report
        self._place, self._told = 0, -1
        for row in self._new_rows():
            self._told = max(self._told, row["epoch"])

    def read(self):
        """Report the epochs that have ended since the last time."""
        for row in self._new_rows():
            if row["epoch"] > self._told:
                self._told = row["epoch"]
                of = f"/{self._epochs}" if self._epochs else ""
                energy, force = 1000 * row["mae_e_per_atom"], 1000 * row["mae_f"]
                self._report(f"epoch {self._told + 1}{of}: valid {energy:.2f} meV/atom, {force:.1f} meV/Å")

    def _new_rows(self):
        """Evaluations of epochs in the complete lines that are new since the last time."""
        for file in self._folder.glob("*_train.txt"):
            with file.open("rb") as stream:
                stream.seek(self._place)
                text = stream.read()
            complete = text[: text.rfind(b"\n") + 1]
            self._place += len(complete)
            rows = [json.loads(line) for line in complete.splitlines() if b'"eval"' in line]
            return [row for row in rows if row["epoch"] is not None]
        return []


def _refuse(request):
    """Refuse what mace's trainer cannot do, before anything is started."""
    refuse_unknown_settings(request["architecture"])
    if request["schedule"] != "plateau":
        raise RefusedError(f"mace's trainer has no schedule: {request['schedule']}; use schedule: plateau")
    if request["loss"]["kind"] == "mae" and request["loss"]["stress_weight"] > 0:
        raise RefusedError("mace's trainer has no absolute error of the stress; use loss.kind: huber or mse")
    frames = len(open_store(request["train"]))
    if frames < request["batch_size"]:
        raise RefusedError(f"mace's trainer leaves out incomplete batches; batch_size is above the {frames} frames")
