"""Read the power laws that a figure of accuracies left in its results."""

from collections.abc import Mapping
from typing import Any

from alphanet.report.page.model import Grid, Number, Run
from alphanet.report.page.reading import place_facts, slug

COLUMNS = ("row", "metric", "exponent b (standard error; 95 %)", "factor a", "points")


def read_power_laws(run: Run, values: Mapping[str, Any]) -> None:
    """Add the fits in `values` (a table's `results.json`) to `run` as a table: error = a N^-b."""
    found = values.get("power_laws", [])
    if found:
        lines = tuple(_line(run, one) for one in found)
        run.grids.append(Grid(f"{run.id}/power-laws", "Power laws: error = a N^-b, N training frames", COLUMNS, lines))


def _line(run: Run, found: Mapping[str, Any]) -> tuple[str | Number, ...]:
    row, metric, points, law = str(found["row"]), str(found["metric"]), found["points"], found["law"]
    sizes = sorted({int(point["train_frames"]) for point in points})
    told = f"{len(points)}, {sizes[0]} to {sizes[-1]} frames" if sizes else "none measured"
    if law is None:
        return row, metric, "–", "–", told
    key = f"{run.id}/power-laws/{slug(row)}/{metric}"
    facts = {"fitted to records": ", ".join(str(point["record"]) for point in points), "file": "results.json"}
    run.origins[key] = facts | place_facts(run.where)
    exponent, error, interval = law["exponent"], law["exponent_error"], law["interval"]
    text = f"{exponent:.3g}"
    if error is not None and interval is not None:
        text += f" ± {error:.2g} ({interval[0]:.3g} to {interval[1]:.3g})"
    bounds = None if interval is None else (interval[0], interval[1])
    factor = Number(f"{key}/factor", f"{law['prefactor']:.3g} {found['unit']}", law["prefactor"], key)
    return row, metric, Number(f"{key}/exponent", text, exponent, key, interval=bounds), factor, told
