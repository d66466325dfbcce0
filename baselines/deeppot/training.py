"""Training by deepmd's own trainer: data and input are written, `dp train` is run, its logs are read."""

import json
import math
import time
from pathlib import Path

import torch
from deepmd_settings import counts_from_data, cutoff_of, model_section
from deepmd_store import write_store
from dp_train import BEST, LAST
from network import save, weights_of
from training_run import checkpoint_to_resume, element_energies
from validation_log import ValidationLog
from worker_kit import peak_memory, run_module

FOLDER, RESULT, DATA = "deepmd", "best.safetensors", "data.json"
ENDLESS = 10**9  # steps of a run that only the clock ends
CLIP = 5.0  # gradient norm, as in deepmd's examples
DECAY = {"decay_steps": 5000, "decay_rate": 0.95}  # of the rate, as deepmd usually has it


def train(request, report):
    """Train as `request` says; the best checkpoint, what it costs and how good it is on the validation frames."""
    out = Path(request["out"])
    folder = out / FOLDER
    resumed = checkpoint_to_resume(request, out, f"{FOLDER}/{LAST}", (FOLDER, RESULT)) is not None
    references = element_energies(request)
    model = model_section(request["architecture"], list(references), request["precision"], request["seed"])
    if not resumed:
        folder.mkdir()
        _write_data(request, references, cutoff_of(model), folder)
    data = json.loads((folder / DATA).read_text())
    done = _steps(folder / LAST) // data["batches"] if resumed else 0
    (folder / "input.json").write_text(json.dumps(configuration(request, model, data, done), indent=1))
    job = {key: request[key] for key in ("device", "threads", "seed", "max_time")}
    job |= {"resumed": resumed, "counts": counts_from_data(model)}
    (folder / "job.json").write_text(json.dumps(job, indent=1))
    log = ValidationLog(folder, data["batches"], request["epochs"], report)
    started = time.monotonic()
    run_module(["dp_train", folder / "job.json"], folder, report, log.read)
    seconds = time.monotonic() - started
    _export(folder, references, out / RESULT)
    return {
        "model": str(out / RESULT),
        "seconds": seconds,
        "epochs": _steps(folder / LAST) // data["batches"],
        "steps": _steps(folder / LAST),
        "elements": list(references),
        "reference_energies": references,
        "parameters": _parameters(folder / LAST),
        "peak_memory": peak_memory()["children"],
        **log.best(_judged_by(request["loss"])),
    }


def configuration(request, model, data, epochs_done):
    """deepmd's input: model, loss, learning rate, training, validation. An epoch is as long as its data."""
    batches = data["batches"]
    steps = min(request["steps"] or ENDLESS, (request["epochs"] or math.inf) * batches)
    every = min(batches, steps)
    stores = {name: {"systems": f"{name}.lmdb", "batch_size": request["batch_size"]} for name in ("train", "valid")}
    return {
        "model": model,
        "loss": _loss(request["loss"], data["density"]),
        "learning_rate": _learning_rate(request),
        "training": {
            "training_data": stores["train"],
            "validation_data": stores["valid"],
            "numb_steps": steps,
            # deepmd's order of frames follows from this seed plus the epochs since its start
            "seed": request["seed"] + epochs_done,
            "gradient_max_norm": CLIP,
            "enable_ema": True,
            "ema_decay": request["ema_decay"],
            "disp_freq": every,
            "save_freq": every,
            "max_ckpt_keep": 2,
        },
        "validating": {
            "ema_full_validation": True,
            "full_val_start": 0.0,
            "validation_freq": every,
            "validation_metric": f"{_judged_by(request['loss'])[0]}:MAE".upper(),
        },
    }


def _write_data(request, references, cutoff, folder):
    """The frames in deepmd's format, and what the input needs to know of them."""
    stress = request["loss"]["stress_weight"] > 0
    train, _ = (
        write_store(request[name], folder / f"{name}.lmdb", references, cutoff, stress=stress)
        for name in ("train", "valid")
    )
    density = train.atoms / train.volume if train.atoms else 0.0
    about = {"batches": train.batches(request["batch_size"]), "density": density}
    (folder / DATA).write_text(json.dumps(about))


def _loss(weights, density):
    """deepmd's terms are per atom, where the suite's stress is per volume; `density` is atoms per Å^3."""
    mean_absolute = weights["kind"] == "mae"
    factors = {
        "e": weights["energy_weight"],
        "f": weights["force_weight"],
        "v": weights["stress_weight"] * density ** (1 if mean_absolute else 2),
    }
    kinds = {
        "mae": {"loss_func": "mae"},
        "mse": {"loss_func": "mse", "intensive_ener_virial": True},
        "huber": {"loss_func": "mse", "use_huber": True, "huber_delta": 1.0},
    }
    steady = {f"{end}_pref_{term}": value for term, value in factors.items() for end in ("start", "limit")}
    return {"type": "ener", **kinds[weights["kind"]], **steady}


def _learning_rate(request):
    rate = request["learning_rate"]
    if request["schedule"] == "plateau":
        return {"type": "exp", "start_lr": rate, "stop_lr": 1e-3 * rate, **DECAY}
    return {"type": "cosine", "start_lr": rate, "stop_lr": 1e-5 * rate, "warmup_ratio": 0.1}


def _judged_by(weights):
    """What the best epoch is chosen by; deepmd chooses by one error, not by a weighted sum."""
    return "force" if weights["force_weight"] > 0 else "energy"


def _export(folder, references, target):
    """The averaged weights of the best epoch as safetensors."""
    (best,) = folder.glob(BEST)
    section, tensors = weights_of(best)
    section.pop("info", None)  # which elements were seen; a resumed run does not repeat it
    save(section, {name: value.contiguous().clone() for name, value in tensors.items()}, references, target)


def _steps(checkpoint):
    stored = torch.load(checkpoint, map_location="cpu", weights_only=True)
    return stored["model"]["_extra_state"]["train_infos"]["step"]


def _parameters(checkpoint):
    """Number of the weights that are averaged, which are all."""
    stored = torch.load(checkpoint, map_location="cpu", weights_only=True)
    return sum(values.numel() for values in stored["ema"]["model"].values())
