"""Write the table of `docs/recipe.md` from the records: `python reports/recipe/table.py`."""

import json
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import yaml
from scipy.stats import t

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "recipe.md"
START, END = "<!-- factors: written by `python reports/recipe/table.py` -->", "<!-- end of factors -->"
METRICS = ("force_mae", "energy_mae")

Errors = dict[tuple[str, int], dict[str, float]]  # (set, seed) -> validation errors


def main() -> None:
    """Replace what stands between the marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{START}\n\n{table()}\n\n{END}{after}", encoding="utf-8")


def table() -> str:
    """A line for each set of validation errors of `base`, and one for the effect of each factor."""
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
