"""Training by nequip's own trainer: its configuration is written, `nequip-train` is run, its logs are read."""

import math
import time
from pathlib import Path

import torch
import yaml
from epoch_log import EpochLog
from training_run import checkpoint_to_resume, element_energies
from worker_kit import open_store, peak_memory, run_module

LAST, BEST, RESULT = "last.ckpt", "best.ckpt", "best.safetensors"
METRICS = {"mae": "MeanAbsoluteError", "mse": "MeanSquaredError", "huber": "HuberLoss"}


def train(request, report):
    """Train as `request` says; the best checkpoint, what it costs and how good it is on the validation frames."""
    out = Path(request["out"])
    checkpoint = checkpoint_to_resume(request, out, LAST, (BEST, RESULT))
    references = element_energies(request)
    elements = sorted(references)
    config = configuration(request, elements, references, checkpoint)
    (out / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    arguments = ["-cp", out, "-cn", "config", f"hydra.run.dir={out}", "hydra.output_subdir=null"]
    log = EpochLog(out, request["epochs"], report, "val0_epoch/")
    started = time.monotonic()
    run_module(["nequip.scripts.train", *arguments], out, report, log.read)
    seconds = time.monotonic() - started
    run_module(["export", out / BEST, out / RESULT], out, report, log.read)
    last = torch.load(out / LAST, map_location="cpu", weights_only=False)
    weights = [value for key, value in last["state_dict"].items() if key.startswith("ema.ema_weight")]
    return {
        "model": str(out / RESULT),
        "seconds": seconds,
        "epochs": last["epoch"] + 1,
        "steps": last["global_step"],
        "elements": elements,
        "reference_energies": references,
        "parameters": sum(values.numel() for values in weights),
        "peak_memory": peak_memory()["children"],
        **log.best(),
    }


def configuration(request, elements, references, checkpoint):
    """nequip's configuration: data, Lightning trainer, training module, model."""
    weights = request["loss"]
    monitored = "val0_epoch/weighted_sum"
    out = request["out"]
    device = torch.device(request["device"])
    return {
        "run": ["train"],
        **({"ckpt_path": str(checkpoint)} if checkpoint else {}),
        "data": _data(request, elements),
        "trainer": {
            "_target_": "lightning.Trainer",
            "accelerator": "cpu" if device.type == "cpu" else "gpu",
            "devices": 1 if device.index is None else [device.index],
            "max_epochs": request["epochs"] or -1,
            "max_steps": request["steps"] or -1,
            "max_time": request["max_time"] and _days_to_seconds(request["max_time"]),
            "enable_progress_bar": False,
            "log_every_n_steps": 50,
            "logger": {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": f"{out}/logs", "name": ""},
            "callbacks": [
                {
                    "_target_": "lightning.pytorch.callbacks.ModelCheckpoint",
                    "dirpath": out,
                    "filename": "best",
                    "monitor": monitored,
                    "enable_version_counter": False,
                },
                {  # Lightning's save_last writes only when a better model was found
                    "_target_": "lightning.pytorch.callbacks.ModelCheckpoint",
                    "dirpath": out,
                    "filename": "last",
                    "enable_version_counter": False,
                },
            ],
        },
        "training_module": {
            "_target_": "nequip.train.EMALightningModule",
            "ema_decay": request["ema_decay"],
            "loss": _terms(METRICS[weights["kind"]], weights),
            "val_metrics": _terms("MeanAbsoluteError", weights),
            "optimizer": {"_target_": "torch.optim.Adam", "lr": request["learning_rate"]},
            "lr_scheduler": _schedule(request, monitored),
            "model": {
                "_target_": "nequip.model.NequIPGNNModel",
                "seed": request["seed"],
                "model_dtype": request["precision"],
                "type_names": elements,
                "avg_num_neighbors": "${training_data_stats:num_neighbors_mean}",
                "per_type_energy_scales": "${training_data_stats:forces_rms}",
                "per_type_energy_shifts": references,
                **request["architecture"],
            },
        },
    }


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
        "train_dataset": {**frames, "file_path": request["train"]},
        "val_dataset": {**frames, "file_path": request["valid"]},
        "train_dataloader": {**loader, "shuffle": True},
        "val_dataloader": loader,
        "stats_manager": {
            "_target_": "nequip.data.CommonDataStatisticsManager",
            "type_names": elements,
            "dataloader_kwargs": {"batch_size": 10},
        },
    }


def _terms(metric, weights):
    per_atom = {"_target_": "nequip.data.PerAtomModifier", "field": "total_energy"}
    fields = {"energy": per_atom, "force": "forces", "stress": "stress"}
    return {
        "_target_": "nequip.train.MetricsManager",
        "metrics": [
            {
                "name": name,
                "field": field,
                "coeff": weights[f"{name}_weight"],
                "metric": {"_target_": f"nequip.train.{metric}"},
                "ignore_nan": name == "stress",
            }
            for name, field in fields.items()
            if weights[f"{name}_weight"] > 0
        ],
    }


def _schedule(request, monitored):
    if request["schedule"] == "plateau":
        scheduler = {"_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau", "factor": 0.6, "patience": 5}
        return {"scheduler": scheduler, "monitor": monitored, "interval": "epoch", "frequency": 1}
    batches = -(-len(open_store(request["train"])) // request["batch_size"])
    steps = min(request["steps"] or math.inf, (request["epochs"] or math.inf) * batches)
    scheduler = {
        "_target_": "torch.optim.lr_scheduler.OneCycleLR",
        "max_lr": request["learning_rate"],
        "total_steps": steps,
        "pct_start": 0.1,
    }
    return {"scheduler": scheduler, "interval": "step", "frequency": 1}


def _days_to_seconds(seconds):
    """Lightning's DD:HH:MM:SS; a mapping would reach it as the configuration library's own type, which it refuses."""
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days:02d}:{hours:02d}:{minutes:02d}:{whole:02d}"
