"""Read sweeps of speed and searches for the largest system, as `alphanet bench` left them."""

from collections.abc import Mapping
from typing import Any

from alphanet.measure.speed.statistics import used_memory
from alphanet.report.page.model import Grid, Number, Run
from alphanet.report.page.reading import listed, place_facts
from alphanet.report.sheet import value_text
from alphanet.report.speed import interval_text, where_text

Item = str | Number


def read_speed(run: Run, summary: Mapping[str, Any], part: str = "") -> None:
    """Add the points of a `speed.json` to `run`; `part` names it where a run has several."""
    run.where = run.where or _where(summary["provenance"])
    run.when = run.when or str(summary["provenance"]["begun"])
    prefix = f"{run.id}/{part}/" if part else f"{run.id}/"
    tasks = summary["tasks"]
    ratios = {(one["model"], one["n_atoms"]): one for one in summary["ratios"] if one["task"] == tasks[0]}
    rows = []
    for place, point in enumerate(summary["points"]):
        key = f"{prefix}points/{place}"
        run.origins[key] = _point_facts(point, summary["provenance"], part)
        measured = point["status"] == "ok"
        times = [_time(f"{key}/{task}_ms", key, point[f"{task}_ms"]) if measured else "–" for task in tasks]
        memory: Item = "–"
        if measured:
            used = used_memory(point)
            memory = Number(f"{key}/used_mb", f"{used:.0f}", used, key)
        ratio = _ratio(f"{key}/ratio", key, ratios.get((point["model"], point["n_atoms"])))
        state = "ok" if measured else f"{point['status']}: {point['reason']}"
        size = Number(f"{key}/n_atoms", str(point["n_atoms"]), point["n_atoms"], key)
        rows.append((_name(point), size, *times, memory, ratio, state))
    named = [f"{task} (ms, quartiles)" for task in tasks]
    ratio_title = f"{tasks[0]} over {summary['reference']}'s (99 % interval)"
    columns = ("model", "atoms", *named, "memory (MB)", ratio_title, "state")
    title = f"{part or 'Times and memory'}: {where_text(dict(summary))}"
    run.grids.append(Grid(f"{prefix}points", title, columns, tuple(rows), folded=len(rows) > 12))
    if summary["scaling"]:
        run.grids.append(_scaling(prefix, run, summary))
    if summary["quiet"]["noisy"]:
        run.notes.append(
            f"{part or 'sweep'}: the machine was busy: a yardstick of fixed work drifted by "
            f"{100 * summary['quiet']['drift']:.0f} %, {100 * summary['quiet']['allowed']:.0f} % are allowed"
        )


def read_memory(run: Run, found: Mapping[str, Any]) -> None:
    """Add what a `memory.json` says of each model to `run`."""
    run.where, run.when = _where(found["provenance"]), str(found["provenance"]["begun"])
    rows = []
    for place, one in enumerate(found["models"]):
        key = f"{run.id}/models/{place}"
        trials = [trial for trial in found["trials"] if trial["model"] == one["model"]]
        run.origins[key] = {"model": str(one["model"]), "trials": str(len(trials)), "file": "memory.json"}
        run.origins[key] |= {"how": listed(found["provenance"]["search"])} | place_facts(run.where)
        limit = one["limited_by"]
        rows.append(
            (
                str(one["model"]),
                *(_plain(key, one, name) for name in ("largest", "kb_per_atom", "seconds", "training_mb_per_sample")),
                "the search's end" if limit is None else f"{limit['status']} at {limit['n_atoms']} atoms",
                one["training_reason"] or "",
            )
        )
    columns = ("model", "largest system (atoms)", "kB/atom", "s", "training MB/sample", "limited by", "training")
    run.grids.append(Grid(f"{run.id}/models", "Largest systems and what they need", columns, tuple(rows)))


def _where(provenance: Mapping[str, Any]) -> dict[str, Any]:
    return {key: provenance[key] for key in ("hardware", "software") if key in provenance}


def _point_facts(point: Mapping[str, Any], provenance: Mapping[str, Any], part: str) -> dict[str, str]:
    shown = ("n_edges", "batch", "dtype", "device", "mode", "threads", "parameters", "passes", "compile_s")
    facts = {
        "model": str(point["model"]),
        "file": f"{part}/speed.json" if part else "speed.json",
        "begun": provenance["begun"],
        "point": listed({key: point[key] for key in shown if key in point}),
    }
    calls = [f"{len(times['raw'])} of {key[:-3]}" for key, times in point.items() if _has_raw(times)]
    return facts | ({"calls": ", ".join(calls)} if calls else {}) | place_facts(_where(provenance))


def _has_raw(value: object) -> bool:
    return isinstance(value, dict) and "raw" in value


def _name(point: Mapping[str, Any]) -> str:
    mode = point.get("mode", "eager")
    return str(point["model"]) if mode == "eager" else f"{point['model']} ({mode})"


def _time(identity: str, key: str, times: Mapping[str, Any] | None) -> Item:
    if times is None:
        return "–"
    median, low, high = times["median"], times["q25"], times["q75"]
    text, bounds = value_text(median, None), f"{value_text(low, None)}–{value_text(high, None)}"
    return Number(identity, f"{text} ({bounds})", median, key, interval=(low, high))


def _ratio(identity: str, key: str, ratio: Mapping[str, Any] | None) -> Item:
    if ratio is None:
        return ""
    bounds = None if ratio["low"] is None else (ratio["low"], ratio["high"])
    return Number(identity, interval_text(ratio), ratio["ratio"], key, interval=bounds)


def _scaling(prefix: str, run: Run, summary: Mapping[str, Any]) -> Grid:
    rows = []
    for place, one in enumerate(summary["scaling"]):
        key = f"{prefix}scaling/{place}"
        run.origins[key] = {
            "model": str(one["model"]),
            "fit": f"{one['n_sizes']} sizes, logarithms",
            "file": "speed.json",
        }
        text = f"{one['exponent']:.2f} ± {one['error']:.2f}"
        rows.append((str(one["model"]), one["quantity"].replace("_", " "), Number(key, text, one["exponent"], key)))
    return Grid(
        f"{prefix}scaling",
        "Growth with the number of atoms: exponents of fitted power laws",
        ("model", "quantity", "exponent"),
        tuple(rows),
        folded=True,
    )


def _plain(key: str, one: Mapping[str, Any], name: str) -> Item:
    value = one[name]
    if value is None:
        return "–"
    return Number(f"{key}/{name}", str(value) if name == "largest" else value_text(value, None), value, key)
