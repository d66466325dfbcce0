"""Train with one factor of the recipe changed: `python reports/recipe/study.py SETS SEEDS FACTORS`.

SETS, SEEDS and FACTORS are lists with commas; `base` is the training without a change. Errors on validation frames go
to `records.jsonl` beside this file. Trainings that have a record are left out, and several processes may run at once.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from alphanet.provenance import code_digest, software
from alphanet.training.api import train
from alphanet.training.settings import merged

HERE = Path(__file__).parent
RECORDS = HERE / "records.jsonl"
RUNS = Path("runs/recipe")
CODE = ("training", "model", "potentials/kit/loop")  # that the results depend on, with the data's


def main(sets: list[str], seeds: list[int], factors: list[str]) -> None:
    """Train what has no record yet."""
    RUNS.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        for factor in factors:
            for name in sets:
                key = {"set": name, "factor": factor, "seed": seed}
                try:
                    with FileLock(RUNS / f"{name}-{factor}-{seed}.lock", timeout=0):
                        if not _has_record(key):
                            _train(key)
                except Timeout:
                    continue  # another process has it


def _train(key: dict[str, Any]) -> None:
    study = yaml.safe_load((HERE / "factors.yaml").read_text(encoding="utf-8"))
    chosen = {} if key["factor"] == "base" else study["factors"][key["factor"]]
    data = study["sets"][key["set"]]
    steps = round(data["steps"] / chosen.get("cost", 1))
    settings = merged(merged(study["base"], chosen.get("settings", {})), {"steps": steps})
    out = RUNS / "-".join(map(str, key.values()))
    result = train(data["dataset"], scale=data["scale"], settings=settings, out=out, seed=key["seed"])
    record = key | {"steps": result.steps, "cpu_seconds": result.cpu_seconds, "validation": result.validation}
    with RECORDS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record | {"code": code_digest(CODE), "software": software()}) + "\n")
    shutil.rmtree(out)


def _has_record(key: dict[str, Any]) -> bool:
    lines = RECORDS.read_text(encoding="utf-8").splitlines() if RECORDS.exists() else []
    return any(key.items() <= json.loads(line).items() for line in lines)


if __name__ == "__main__":
    main(sys.argv[1].split(","), [int(seed) for seed in sys.argv[2].split(",")], sys.argv[3].split(","))
