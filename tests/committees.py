"""Committees for tests: folders of runs whose members are models with random weights."""

import json
from pathlib import Path

from model_samples import paper_config, random_model

from alphanet.files import sha256_of
from alphanet.model.checkpoint import save_model
from alphanet.potentials.runs import COMMITTEE, RESULT


def write_run(folder: Path, seed: int, **config: object) -> Path:
    """The folder of a run with a model of random weights."""
    folder.mkdir(parents=True)
    model = random_model(paper_config(num_layers=1, **config), seed)
    save_model(model, folder / "model.safetensors")
    elements = sorted(model.config.elements)
    values = {"name": "alphanet", "model": "model.safetensors", "elements": elements}
    (folder / RESULT).write_text(json.dumps(values | {"sha256": sha256_of(folder / "model.safetensors")}))
    return folder


def write_committee(folder: Path, seeds: tuple[int, ...] = (1, 2, 3), **config: object) -> Path:
    """The folder of a committee whose members have these seeds."""
    for place, seed in enumerate(seeds):
        write_run(folder / f"member-{place}", seed, **config)
    (folder / COMMITTEE).write_text(json.dumps({"members": [f"member-{place}" for place in range(len(seeds))]}))
    return folder
