"""Read a figure of the paper as `alphanet repro` left it: claims, rows beside published values, landscapes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alphanet.errors import UserError
from alphanet.paper.all_cards import any_card
from alphanet.paper.speed_cards import FigureRow, SpeedFigure
from alphanet.report.landscape import QUANTITIES
from alphanet.report.page.model import CLAIMS, Claim, Grid, Number, Run
from alphanet.report.page.paper_table import origin_of
from alphanet.report.page.reading import number, place_facts
from alphanet.results import read_records


def read_figure(run: Run, values: Mapping[str, Any], folder: Path) -> None:
    """Add the claims, rows and landscapes of `values` (a figure's `results.json` in `folder`) to `run`."""
    for place, found in enumerate(values.get("claims", [])):
        said = str(found["verdict"])
        verdict = said.partition(" (")[0]
        if verdict not in CLAIMS:
            raise ValueError(f"the verdict {said!r} of a claim is none that is known")
        run.claims.append(Claim(f"{run.id}/claim-{place}", found["claim"], verdict, said, tuple(found["details"])))
    if values.get("rows"):
        run.grids.append(_rows(run, values["rows"]))
    if values.get("landscapes"):
        run.grids.append(_landscapes(run, values["landscapes"], folder))
        run.when = max((str(record["when"]) for record in run.records.values()), default="")
    run.problems += [f"{row}: not run: {why}" for row, why in values.get("missing", {}).items()]
    if values["reason"]:
        run.notes.append(f"not comparable: {values['reason']}")


def _rows(run: Run, rows: list[Mapping[str, Any]]) -> Grid:
    """Published F1 and parameters, from the card, beside measured energies per second."""
    known = _known_rows(run)
    lines = []
    for row in rows:
        name = str(row["row"])
        if name not in known:
            run.problems.append(f"{name}: the card has no such row; a run of another version?")
        published = known.get(name)
        key = f"{run.id}/{name}"
        run.origins[key] = {"model": str(row["model"]), "file": "speed.json"} | place_facts(run.where)
        lines.append(
            (
                name,
                _printed(key, "f1", None if published is None else published.f1),
                _printed(key, "parameters", None if published is None else published.parameters),
                _rate(key, row),
                "ok" if row["status"] == "ok" else f"{row['status']}: {row['reason']}",
            )
        )
    columns = ("potential", "F1 (paper)", "parameters (paper)", "energies/s (quartiles)", "state")
    return Grid(f"{run.id}/rows", "Measured speed beside published accuracy", columns, tuple(lines))


def _landscapes(run: Run, found: Sequence[Mapping[str, Any]], folder: Path) -> Grid:
    """The numbers of each potential's sliding surface and binding curve, as its record has them."""
    log = read_records(folder / "records.jsonl")
    run.problems += log.problems
    records = {record.id: record for record in log.records}
    potentials = []
    for one in found:
        behind = [records[one["record"]]] if one["record"] in records else []
        if not behind:
            run.problems.append(f"{one['row']}: the record behind it is missing from records.jsonl")
        potentials.append((str(one["row"]), behind[0].what if behind else one, origin_of(run, behind)))
    lines = []
    for title, (reference, predicted, factor) in QUANTITIES.items():
        _, what, origin = potentials[0]
        shown = [_quantity(f"{run.id}/reference", what, reference, factor, origin) if reference else "–"]
        shown += [_quantity(f"{run.id}/{row}", what, predicted, factor, origin) for row, what, origin in potentials]
        lines.append((title, *shown))
    columns = ("quantity", "reference", *(row for row, _, _ in potentials))
    return Grid(f"{run.id}/landscapes", "Sliding surface and binding curve", columns, tuple(lines))


def _quantity(key: str, what: Mapping[str, Any], name: str, factor: float, origin: str) -> str | Number:
    value = number(what.get(name))
    return "–" if value is None else Number(f"{key}/{name}", f"{factor * value:.3g}", factor * value, origin)


def _known_rows(run: Run) -> Mapping[str, FigureRow]:
    try:
        card = any_card(run.name)
    except UserError as error:
        run.problems.append(f"no published values: {error}")
        return {}
    return card.rows if isinstance(card, SpeedFigure) else {}


def _printed(key: str, field: str, value: Any) -> str | Number:
    if value is None:
        return "–"
    text = f"{value / 1e6:.3g} M" if field == "parameters" else str(value)
    return Number(f"{key}/{field}", text, float(value), "", paper=True)


def _rate(key: str, row: Mapping[str, Any]) -> str | Number:
    if row["status"] != "ok":
        return "–"
    rate, low, high = row["energies_per_s"], row["low"], row["high"]
    text = f"{rate:.3g} ({low:.3g}–{high:.3g})"
    return Number(f"{key}/energies_per_s", text, rate, key, interval=(low, high))
