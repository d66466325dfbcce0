"""Training by mace's own trainer: its inputs are written, it runs as a child process, and its logs are read."""

import json
from pathlib import Path

from devices import children_peak
from loop import LAST, MODEL
from settings import refuse_unknown_settings
from trainer_kit import ValidationLog, training_answer
from worker_kit import RefusedError, open_store, run_module

FRAMES, COSTS = "frames", "costs.json"


def train(request):
    """Train as `request` says; return the numbers of epochs and steps, the cost, and the validation errors."""
    import torch

    _refuse(request)
    out = Path(request["out"])
    folder = out / "trainer"
    (out / LAST).parent.mkdir(exist_ok=True)
    (folder / "job.json").write_text(json.dumps(request, indent=1))
    batches = len(open_store(request["train"])) // request["batch_size"]
    log = ValidationLog(out, request["epochs"], lambda: _rows(folder, batches))
    run_module(["trainer", folder / "job.json"], folder, log.read)
    if not (out / MODEL).exists():
        raise RefusedError("mace: the loss on the validation frames was never a number; try a smaller learning_rate")
    last = torch.load(out / LAST, map_location="cpu", weights_only=True)
    return {
        **training_answer(json.loads((folder / COSTS).read_text()), request, batches, log),
        "parameters": last["parameters"],
        "peak_memory": children_peak(),
    }


def _rows(folder, batches):
    """Evaluations after epochs in the complete lines of mace's log; the loss is mace's."""
    lines = [line for file in folder.glob("logs/*_train.txt") for line in file.read_text().split("\n")[:-1]]
    found = [json.loads(line) for line in lines if '"eval"' in line]
    return [
        {
            "step": (row["epoch"] + 1) * batches,
            "epoch": row["epoch"] + 1,
            "valid_loss": row["loss"],
            "valid_energy_mae": row["mae_e_per_atom"],
            "valid_force_mae": row["mae_f"],
        }
        for row in found
        if row["epoch"] is not None
    ]


def _refuse(request):
    """Refuse what mace's trainer cannot do, before anything is started."""
    refuse_unknown_settings(request["architecture"])
    if request["loss"]["kind"] == "mae" and request["loss"]["stress_weight"] > 0:
        raise RefusedError("mace's trainer has no absolute error of the stress; use loss.kind: huber or mse")
    if request["optimizer"] not in ("adam", "adamw"):
        raise RefusedError(f"mace's trainer has the optimizers adam and adamw, not {request['optimizer']}")
    if request["ema_decay"] is None:
        raise RefusedError("mace is trained here with averaged weights; give ema_decay")
    frames = len(open_store(request["train"]))
    if frames < request["batch_size"]:
        raise RefusedError(f"mace's trainer leaves out incomplete batches; batch_size is above the {frames} frames")
