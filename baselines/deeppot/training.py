"""Training by deepmd's own trainer: data and input are written, `dp train` is run, its logs are read."""

import json
from functools import partial
from pathlib import Path

import torch
from deepmd_settings import counts_from_data, cutoff_of, in_precision, model_section
from deepmd_store import write_store
from devices import children_peak
from dp_train import AVERAGED_LOG, BEST, COSTS, INITIAL, LAST
from loop import MODEL
from network import PREFIX, own, save, weights_of
from trainer_kit import ValidationLog, planned_steps, training_answer
from worker_kit import RefusedError, run_module

DATA = "data.json"
COLUMNS = {"energy": "E_MAE(meV/atom)", "force": "F_MAE(meV/Å)"}


def train(request):
    """Train as `request` says; return the numbers of epochs and steps, the cost, and the validation errors."""
    if request["ema_decay"] is None:
        raise RefusedError("deepmd is trained here with averaged weights; give ema_decay")
    out, references = Path(request["out"]), request["references"]
    folder = out / "trainer"
    resumed = (folder / LAST).exists() and not _is_part_of_an_epoch(request, folder)
    architecture, start = in_precision(request["architecture"], request["precision"]), request["finetune"]
    model = model_section(architecture, list(references), request["precision"], request["seed"])
    if not resumed:
        for file in (*folder.glob(BEST), folder / AVERAGED_LOG):  # of a start that cannot go on
            file.unlink(missing_ok=True)
        _write_data(request, references, cutoff_of(model), folder)
    data = json.loads((folder / DATA).read_text())
    done = _steps(folder / LAST) // data["batches"] if resumed else 0
    (folder / "input.json").write_text(json.dumps(configuration(request, model, data, done), indent=1))
    job = {key: request[key] for key in ("device", "threads", "seed", "max_time")}
    job |= {"resumed": resumed, "counts": counts_from_data(model), "finetune": start}
    if start is not None:
        _write_initial(start["weights"], model, folder / INITIAL)
    (folder / "job.json").write_text(json.dumps(job, indent=1))
    log = ValidationLog(out, request["epochs"], partial(rows, folder, data["batches"], _judged_by(request["loss"])))
    run_module(["dp_train", folder / "job.json"], folder, log.read)
    _export(folder, references, out / MODEL)
    return {
        **training_answer(json.loads((folder / COSTS).read_text()), request, data["batches"], log),
        "parameters": _parameters(folder / LAST),
        "peak_memory": children_peak(),
    }


def rows(folder, batches, metric):
    """Validations of the averaged weights in deepmd's log; the loss is the error that deepmd chooses the best by."""
    file = folder / AVERAGED_LOG
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    names = lines[0].lstrip("# ").split() if lines else []
    values = [dict(zip(names, line.split(), strict=True)) for line in lines if line.startswith(" ")]
    return [
        {
            "step": int(row["step"]),
            "epoch": int(row["step"]) // batches,
            "valid_loss": float(row[COLUMNS[metric]]) / 1000,
            "valid_energy_mae": float(row[COLUMNS["energy"]]) / 1000,
            "valid_force_mae": float(row[COLUMNS["force"]]) / 1000,
        }
        for row in values
    ]


def configuration(request, model, data, epochs_done):
    """deepmd's input: model, loss, learning rate, training, validation. An epoch is as long as its data."""
    batches = data["batches"]
    steps = planned_steps(request, batches)
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
            "gradient_max_norm": request["clip_norm"] or 0.0,
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
    """The frames in deepmd's format, and the facts about them for the input."""
    stress = request["loss"]["stress_weight"] > 0
    train, _ = (
        write_store(request[name], folder / f"{name}.lmdb", references, cutoff, stress=stress)
        for name in ("train", "valid")
    )
    density = train.atoms / train.volume if train.atoms else 0.0
    about = {"batches": train.batches(request["batch_size"]), "density": density}
    (folder / DATA).write_text(json.dumps(about))


def _write_initial(weights, model, file):
    """The weights that the training starts from as a checkpoint of deepmd's trainer."""
    _, tensors, _ = own(weights)
    named = {f"{PREFIX}{name}": values for name, values in tensors.items()}
    torch.save(named | {"_extra_state": {"model_params": model, "train_infos": {"step": 0}}}, file)


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
        "huber": {"loss_func": "mse", "use_huber": True, "huber_delta": weights["huber_delta"]},
    }
    steady = {f"{end}_pref_{term}": value for term, value in factors.items() for end in ("start", "limit")}
    return {"type": "ener", **kinds[weights["kind"]], **steady}


def _learning_rate(request):
    rates = {"start_lr": request["learning_rate"], "stop_lr": request["learning_rate_floor"]}
    return {"type": "cosine", **rates, "warmup_ratio": request["warmup"]}


def _judged_by(weights):
    """The error by which deepmd chooses the best epoch; it uses one error instead of a weighted sum."""
    return "force" if weights["force_weight"] > 0 else "energy"


def _export(folder, references, target):
    """The averaged weights of the best epoch as safetensors."""
    (best,) = folder.glob(BEST)
    section, tensors = weights_of(best)
    section.pop("info", None)  # which elements were seen; a resumed run does not repeat it
    save(section, {name: value.contiguous().clone() for name, value in tensors.items()}, references, target)


def _is_part_of_an_epoch(request, folder):
    """Whether a start left this checkpoint whose time was up in its first epoch; it had to leave a model."""
    batches = json.loads((folder / DATA).read_text())["batches"]
    return _steps(folder / LAST) < min(batches, planned_steps(request, batches))


def _steps(checkpoint):
    stored = torch.load(checkpoint, map_location="cpu", weights_only=True)
    return stored["model"]["_extra_state"]["train_infos"]["step"]


def _parameters(checkpoint):
    """Number of the weights that are averaged, which are all."""
    stored = torch.load(checkpoint, map_location="cpu", weights_only=True)
    return sum(values.numel() for values in stored["ema"]["model"].values())
