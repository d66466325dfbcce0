"""Write the tables of `docs/recipe.md` from the records: `python reports/recipe/table.py`."""

import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy.stats import t

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "recipe.md"
START, END = "<!-- {}: written by `python reports/recipe/table.py` -->", "<!-- end of {} -->"
METRICS = ("force_mae", "energy_mae")

Errors = dict[tuple[str, int], dict[str, float]]  # (set, seed) -> validation errors


def main() -> None:
    """Replace what stands between the marks."""
    page = PAGE.read_text(encoding="utf-8")
    for name, table in (("factors", factors()), ("rates", rates()), ("thousand", thousand())):
        start, end = START.format(name), END.format(name)
        before, _, rest = page.partition(start)
        page = f"{before}{start}\n\n{table}\n\n{end}{rest.partition(end)[2]}"
    PAGE.write_text(page, encoding="utf-8")


def factors() -> str:
    """A line for the effect of each factor."""
    errors: dict[str, Errors] = defaultdict(dict)
    for line in (HERE / "records.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        errors[record["factor"]][record["set"], record["seed"]] = record["validation"]
    titles = yaml.safe_load((HERE / "factors.yaml").read_text(encoding="utf-8"))["factors"]
    lines = ["| factor | force MAE | energy MAE | trainings |", "|---|---|---|---|"]
    for factor, title in ((name, described["title"]) for name, described in titles.items()):
        if factor in errors:
            effects = [effect(errors[factor], errors["base"], metric) for metric in METRICS]
            pairs = sorted(errors[factor].keys() & errors["base"].keys())
            sets = ", ".join(
                f"{sum(at == name for at, _ in pairs)} {name}" for name in dict.fromkeys(p[0] for p in pairs)
            )
            lines.append(f"| {title} | {' | '.join(effects)} | {sets} |")
    return "\n".join(lines)


def rates() -> str:
    """A line for each training of the range test of the peers' learning rates."""
    lines = ["| potential | learning rate | force MAE (meV/Å) | energy MAE (meV/atom) | CPU s |"]
    lines += ["|---|---|---|---|---|"]
    for record in _trainings("rates"):
        training = record["protocol"]["training"]
        rate, errors = training["settings"]["learning_rate"], _errors(training["validation"])
        lines.append(f"| {record['model']['name']} | {rate:g} | {errors} | {training['cpu_seconds']:.0f} |")
    return "\n".join(lines)


def thousand() -> str:
    """A line for each training of about 1,000 s, with errors of test frames, the lowest force error first."""
    lines = ["| potential | batch | steps | force MAE (meV/Å) | energy MAE (meV/atom) | CPU s |"]
    lines += ["|---|---|---|---|---|---|"]
    for record in sorted(_trainings("thousand"), key=lambda record: record["metrics"]["force_mae"]):
        training = record["protocol"]["training"]
        what = f"{record['model']['name']} | {training['settings']['batch_size']} | {training['steps']}"
        lines.append(f"| {what} | {_errors(record['metrics'])} | {training['cpu_seconds']:.0f} |")
    return "\n".join(lines)


def _trainings(folder: str) -> list[dict[str, Any]]:
    lines = (HERE / folder / "records.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _errors(values: dict[str, float]) -> str:
    return " | ".join(f"{1e3 * values[metric]:.3g}" for metric in METRICS)


def effect(errors: Errors, base: Errors, metric: str) -> str:
    """Geometric mean of the errors over those of `base` for the same set and seed, with its 95 % interval."""
    logs = [math.log(errors[key][metric] / base[key][metric]) for key in errors.keys() & base.keys()]
    if len(logs) < 2:
        return "–"
    half = float(t.ppf(0.975, len(logs) - 1)) * float(np.std(logs, ddof=1)) / math.sqrt(len(logs))
    middle = float(np.mean(logs))
    low, ratio, high = (math.exp(value) for value in (middle - half, middle, middle + half))
    return f"{ratio:.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    main()
