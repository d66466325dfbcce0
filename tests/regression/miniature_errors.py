"""Test errors of a small AlphaNet after a short training on each miniature, with several seeds."""

import math
from pathlib import Path
from statistics import fmean, variance

from alphanet import evaluate
from alphanet.training.api import train_on, training_data
from alphanet.training.defaults import settings_for

Errors = dict[str, list[float]]
"""`DATASET METRIC` -> error by seed, eV/atom and eV/Å"""
DATASETS = ("formate", "graphene", "zeolite", "mptrj", "oc20")
METRICS = ("energy_mae", "force_mae")
SEEDS = (0, 1, 2)
TRAINING = {"device": "cpu", "threads": 1, "batch_size": 2, "steps": 100, "epochs": 100, "validate_every": 100}
NETWORK = {"preset": "mini", "num_layers": 1, "hidden_channels": 16, "cutoff": 4.0}
SCORES = 4.0  # standard errors by which one error may grow; its chance is 1 in 30,000 for each of ten


def measured(folder: Path) -> Errors:
    """Errors of all trainings, which run in `folder`."""
    errors: Errors = {}
    for name in DATASETS:
        for seed in SEEDS:
            values = TRAINING | {"seed": seed, "model": NETWORK}
            settings = settings_for("alphanet", name, "mini", values)
            trained = train_on(settings, training_data(settings), folder / f"{name}-{seed}")
            accuracy = evaluate(trained.model, f"{name}:mini:test").accuracy.metrics()
            for metric in METRICS:
                errors.setdefault(f"{name} {metric}", []).append(accuracy[metric])
    return errors


def grown(errors: Errors, last: Errors) -> dict[str, float]:
    """Factors by which errors grew more than seeds explain; `all of them` is their geometric mean.

    The scatter of a logarithm of an error between seeds is pooled over all errors, because three seeds of one estimate
    it poorly.
    """
    logs = [{key: [math.log(value) for value in values] for key, values in each.items()} for each in (errors, last)]
    scatter = math.sqrt(fmean(variance(values) for each in logs for values in each.values()))
    changes = {key: fmean(logs[0][key]) - fmean(logs[1][key]) for key in last}
    one = scatter * math.sqrt(2 / len(SEEDS))
    allowed = dict.fromkeys(changes, SCORES * one) | {"all of them": SCORES * one / math.sqrt(len(changes))}
    changes["all of them"] = fmean(changes.values())
    return {key: math.exp(change) for key, change in changes.items() if change > allowed[key]}
