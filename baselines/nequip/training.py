"""Training by nequip's own trainer: its configuration is written, `nequip-train` runs, and its logs are read."""

import csv
import json
from pathlib import Path

import torch
import yaml
from devices import children_peak
from loop import FACTOR, LAST, MODEL, PATIENCE
from trainer_kit import ValidationLog, planned_steps, training_answer
from worker_kit import RefusedError, open_store, run_module

BEST = "checkpoints/best.ckpt"
MONITORED = "val0_epoch/weighted_sum"
EXPORTED, COSTS = "exported.json", "costs.json"  # in the run's folder `trainer`
METRICS = {"mae": "MeanAbsoluteError", "mse": "MeanSquaredError", "huber": "HuberLoss"}
FIELDS = {"energy": "total_energy", "force": "forces", "stress": "stress"}


def train(request):
    """Train as `request` says; return the numbers of epochs and steps, the cost, and the validation errors."""
    out = Path(request["out"])
    folder = out / "trainer"
    _forget_part_of_an_epoch(request)
    (folder / "config.yaml").write_text(yaml.safe_dump(configuration(request), sort_keys=False))
    arguments = ["-cp", folder, "-cn", "config", f"hydra.run.dir={folder}", "hydra.output_subdir=null"]
    log = ValidationLog(out, request["epochs"], lambda: _rows(folder, request))
    run_module(["nequip.scripts.train", *arguments], folder, log.read)
    run_module(["export", out / BEST, out / MODEL, folder / EXPORTED], folder)
    return {
        **training_answer(json.loads((folder / COSTS).read_text()), request, _steps_per_epoch(request), log),
        "peak_memory": children_peak(),
        **json.loads((folder / EXPORTED).read_text()),
    }


def configuration(request):
    """nequip's configuration: data, Lightning trainer, training module, model."""
    out = Path(request["out"])
    device = torch.device(request["device"])
    clip = request["clip_norm"]
    module = "NequIPLightningModule" if request["ema_decay"] is None else "EMALightningModule"
    every = min(request["validate_every"], request["epochs"] or request["validate_every"])
    # Not when a validation ends, as is usual where not every epoch has one: averaged weights are then swapped in, and
    # nequip refuses such a checkpoint.
    saved = {"save_on_train_epoch_end": True, "enable_version_counter": False}
    return {
        "run": ["train"],
        **({"ckpt_path": str(out / LAST)} if (out / LAST).exists() else {}),
        "data": _data(request, request["elements"]),
        "trainer": {
            "_target_": "lightning.Trainer",
            "accelerator": "cpu" if device.type == "cpu" else "gpu",
            "devices": 1 if device.index is None else [device.index],
            "max_epochs": request["epochs"] or -1,
            "max_steps": request["steps"] or -1,
            "gradient_clip_val": clip and clip / _total_weight(request["loss"]),
            "check_val_every_n_epoch": every,
            "enable_progress_bar": False,
            "log_every_n_steps": request["log_every"],
            "logger": {
                "_target_": "lightning.pytorch.loggers.CSVLogger",
                "save_dir": str(out / "trainer" / "logs"),
                "name": "",
            },
            "callbacks": [
                {
                    "_target_": "lightning.pytorch.callbacks.ModelCheckpoint",
                    "dirpath": str((out / BEST).parent),
                    "filename": "best",
                    "monitor": MONITORED,
                    "every_n_epochs": every,
                    **saved,
                },
                {  # Lightning's save_last writes only when a better model was found
                    "_target_": "lightning.pytorch.callbacks.ModelCheckpoint",
                    "dirpath": str((out / LAST).parent),
                    "filename": "last",
                    **saved,
                },
                {
                    "_target_": "loop.cost_log.CostLog",
                    "within_steps": True,
                    "report": str(out / "trainer" / COSTS),
                    "max_time": request["max_time"],
                },
            ],
        },
        "training_module": {
            "_target_": f"nequip.train.{module}",
            **({} if request["ema_decay"] is None else {"ema_decay": request["ema_decay"]}),
            "loss": {"_target_": "nequip.train.MetricsManager", "metrics": _loss(request["loss"])},
            "val_metrics": {
                "_target_": "nequip.train.MetricsManager",
                "metrics": [*_loss(request["loss"]), *_errors(request["loss"])],
            },
            "optimizer": {
                "_target_": _optimizer(request["optimizer"]),
                "lr": request["learning_rate"],
                "weight_decay": request["weight_decay"],
            },
            "lr_scheduler": _schedule(request),
            "model": {
                **_source(request["finetune"]),
                "seed": request["seed"],
                "model_dtype": request["precision"],
                "type_names": request["elements"],
                "avg_num_neighbors": "${training_data_stats:num_neighbors_mean}",
                "per_type_energy_scales": request["energy_scale"],
                "per_type_energy_shifts": request["references"],
                **request["architecture"],
            },
        },
    }


def _optimizer(name):
    known = {"adam": "torch.optim.Adam", "adamw": "torch.optim.AdamW"}
    if name not in known:
        raise RefusedError(f"nequip's trainer is given one optimizer for all weights: adam or adamw, not {name}")
    return known[name]


def _source(start):
    """What makes the model: nequip's builder, or ours with trained weights."""
    if start is None:
        return {"_target_": "nequip.model.NequIPGNNModel"}
    return {"_target_": "weights.started", "weights": start["weights"], "frozen": start["freeze"]}


def _data(request, elements):
    loader = {"_target_": "torch.utils.data.DataLoader", "batch_size": request["batch_size"]}
    cutoff = request["architecture"]["r_max"]
    transforms = [
        {"_target_": "nequip.data.transforms.ChemicalSpeciesToAtomTypeMapper", "model_type_names": elements},
        {"_target_": "nequip.data.transforms.NeighborListTransform", "r_max": cutoff},
    ]
    frames = {
        "_target_": "nequip_store.StoreDataset",
        "stress": request["loss"]["stress_weight"] > 0,
        "transforms": transforms,
    }
    return {
        "_target_": "nequip_store.StoreDataModule",
        "seed": request["seed"],
        "train_dataset": {**frames, "file_path": request["train"], "limit": request["limit_train"]},
        "val_dataset": {**frames, "file_path": request["valid"]},
        "train_dataloader": {**loader, "shuffle": True},
        "val_dataloader": loader,
        "stats_manager": {
            "_target_": "nequip.data.CommonDataStatisticsManager",
            "type_names": elements,
            "dataloader_kwargs": {"batch_size": 10},
        },
    }


def _loss(weights):
    """The terms of the loss; nequip divides their coefficients by the sum."""
    return [
        {
            "name": f"{name}_loss",
            "field": _per_atom() if name == "energy" and weights["energy_loss"] == "per_atom" else field,
            "coeff": weights[f"{name}_weight"],
            "metric": {
                "_target_": f"nequip.train.{METRICS[weights['kind']]}",
                **({"delta": weights["huber_delta"]} if weights["kind"] == "huber" else {}),
            },
            "ignore_nan": name == "stress",
        }
        for name, field in FIELDS.items()
        if weights[f"{name}_weight"] > 0
    ]


def _errors(weights):
    """The reported mean absolute errors, which are not part of the loss."""
    metric = {"_target_": "nequip.train.MeanAbsoluteError"}
    fields = {"energy_mae": _per_atom(), "force_mae": "forces"}
    if weights["stress_weight"] > 0:
        fields["stress_mae"] = "stress"
    return [
        {"name": name, "field": field, "metric": metric, "ignore_nan": name == "stress_mae"}
        for name, field in fields.items()
    ]


def _per_atom():
    return {"_target_": "nequip.data.PerAtomModifier", "field": "total_energy"}


def _total_weight(weights):
    return sum(weights[f"{name}_weight"] for name in FIELDS)


def _rows(folder, request):
    """Validations in Lightning's logs of all starts, with the loss as the other models have it."""
    names = ("energy_mae", "force_mae", "stress_mae")
    files = sorted(folder.glob("logs/version_*/metrics.csv"), key=lambda file: file.stat().st_mtime)
    found = [row for file in files for row in csv.DictReader(file.open())]
    return [
        {"step": int(row["step"]) + 1, "epoch": int(row["epoch"]) + 1}
        | {"valid_loss": float(row[MONITORED]) * _total_weight(request["loss"])}
        | {f"valid_{name}": row[f"val0_epoch/{name}"] for name in names if row.get(f"val0_epoch/{name}")}
        for row in found
        if row.get(MONITORED)
    ]


def _schedule(request):
    if request["schedule"] == "plateau":
        plateau = {"factor": FACTOR, "patience": PATIENCE, "min_lr": request["learning_rate_floor"]}
        scheduler = {"_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau", **plateau}
        return {"scheduler": scheduler, "monitor": MONITORED, "interval": "epoch", "frequency": 1}
    names = ("learning_rate", "learning_rate_floor", "warmup", "schedule_interval", "steps")
    factor = {
        "_target_": "loop.schedule.learning_rate_factor",
        "_partial_": True,
        "steps_per_epoch": _steps_per_epoch(request),
        "epochs": request["epochs"] or request["steps"],
        "settings": {name: request[name] for name in names},
    }
    scheduler = {"_target_": "torch.optim.lr_scheduler.LambdaLR", "lr_lambda": factor}
    return {"scheduler": scheduler, "interval": "step", "frequency": 1}


def _steps_per_epoch(request):
    frames = min(len(open_store(request["train"])), request["limit_train"] or float("inf"))
    return -(-frames // request["batch_size"])


def _forget_part_of_an_epoch(request):
    """Remove what a start left whose time was up in its first epoch; it had to leave a model, and cannot go on."""
    out = Path(request["out"])
    costs, epoch = out / "trainer" / COSTS, _steps_per_epoch(request)
    steps = json.loads(costs.read_text())["steps"] if costs.exists() else epoch
    if steps < min(epoch, planned_steps(request, epoch)):
        for file in out / LAST, out / BEST:
            file.unlink(missing_ok=True)
