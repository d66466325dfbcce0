"""Read one folder of results as a run. Whatever is wrong with it becomes a line of the report."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from alphanet.errors import UserError
from alphanet.files import read_json_object
from alphanet.paper.all_cards import any_card
from alphanet.paper.benchmark import benchmark_names
from alphanet.report.figures import FORMATS
from alphanet.report.page.audits import read_physics, read_stability
from alphanet.report.page.model import Figure, Run
from alphanet.report.page.paper_figure import read_figure
from alphanet.report.page.paper_table import read_table
from alphanet.report.page.power_laws import read_power_laws
from alphanet.report.page.reading import slug
from alphanet.report.page.sweeps import read_memory, read_speed

TITLES = {
    "speed": "Speed: time and memory against the number of atoms",
    "memory": "Memory: the largest systems",
    "physics": "Physics: what potentials keep and what they break",
    "stability": "Crystal stability on WBM",
}
FIGURES = {
    "speed": "Time and memory against the number of atoms, quartiles as bands",
    "fig3a": "Time and memory against the number of atoms, quartiles as bands",
    "fig3b": "Measured energies per second against published F1; areas are numbers of parameters",
    "memory": "Memory of energy and forces against the number of atoms",
    "physics": "The audit at a glance: potentials by properties",
    "parity": "Predicted against DFT energy above hull",
    "cumulative": "Precision and recall against the number of structures looked at",
    "rolling_mae": "Mean absolute error against the distance to the hull",
    "roc": "True against false positive rate",
    "elements": "Mean absolute error by element",
}
OF_A_POTENTIAL = {
    "parity": "Predicted against reference energies and forces",
    "sliding": "Sliding surface of bilayer graphene: reference, predicted, difference",
    "binding": "Energy against the distance between the layers of AB graphene, reference and predicted",
}
"""Figures whose names go on, after an underscore, with what they are of."""


def read_run(folder: Path, kind: str, identity: str, shown: str) -> Run:
    """The run in `folder`.

    Args:
        folder: of the run.
        kind: as `collect` finds it: paper, speed, memory, physics, stability, unfinished.
        identity: unique in the report.
        shown: the folder as the report calls it.
    """
    run = Run(identity, kind, folder.name, TITLES.get(kind, folder.name), shown)
    readers: dict[str, Callable[[], None]] = {
        "paper": lambda: _read_paper(run, folder),
        "speed": lambda: read_speed(run, read_json_object(folder / "speed.json")),
        "memory": lambda: read_memory(run, read_json_object(folder / "memory.json")),
        "physics": lambda: read_physics(run, read_json_object(folder / "physics.json")),
        "stability": lambda: _read_stability(run, folder),
        "unfinished": lambda: _read_unfinished(run, folder),
    }
    _or_problem(run, readers[kind])
    run.figures += _figures(run, folder)
    return run


def _or_problem(run: Run, read: Callable[[], None]) -> None:
    """Results may be of any version, or edited: whatever their form, the rest of the report stands."""
    try:
        read()
    except UserError as error:
        run.problems.append(str(error))
    except KeyError as error:
        run.problems.append(f"the results lack {error}; of another version? What was read of them is shown")
    except (TypeError, ValueError, AttributeError, IndexError, AssertionError) as error:
        run.problems.append(f"the results have another form than expected ({error}); what was read of them is shown")


def _read_paper(run: Run, folder: Path) -> None:
    run.kind = "unreadable"
    _describe_by_card(run)
    values = read_json_object(folder / "results.json")
    run.kind = "table" if "cells" in values else "figure"
    if run.kind == "table" and values["cells"]:
        run.name = str(values["cells"][0].get("table", run.name))
    run.title, run.scale = str(values["title"]), str(values["scale"])
    run.protocol, run.source = str(values["protocol"]), str(values["source"])
    provenance = values.get("provenance", {})
    run.command = str(provenance.get("command", ""))
    run.where = {key: provenance[key] for key in ("hardware", "software", "code") if key in provenance}
    run.conditions = str(values.get("measured", ""))
    if run.kind == "table":
        read_table(run, values, folder)
        read_power_laws(run, values)
        run.notes += [str(assumption) for assumption in values.get("assumptions", [])]
        run.when = max((str(record["when"]) for record in run.records.values()), default="")
    else:
        run.notes += [str(note) for note in values.get("notes", [])]
        read_figure(run, values, folder)
    for part in _parts(folder):
        if (folder / part / "speed.json").is_file():
            _or_problem(run, partial(_read_part, run, folder, part))


def _parts(folder: Path) -> list[str]:
    """The run itself, and the sweeps inside a table of speed or cost."""
    return ["", *sorted(place.parent.name for place in folder.glob("*/speed.json"))]


def _read_part(run: Run, folder: Path, part: str) -> None:
    read_speed(run, read_json_object(folder / part / "speed.json"), part)


def _describe_by_card(run: Run) -> None:
    """What is known of a benchmark before its results are read."""
    if run.name in benchmark_names():
        card = any_card(run.name)
        run.title, run.source = card.title, card.source


def _read_stability(run: Run, folder: Path) -> None:
    if (folder / "metrics.json").is_file():
        read_stability(run, read_json_object(folder / "metrics.json"))
    else:
        run.notes.append("figures only; the scores are what the command printed")


def _read_unfinished(run: Run, folder: Path) -> None:
    _describe_by_card(run)
    counts = []
    for log in sorted(folder.rglob("*.jsonl")):
        with log.open("rb") as stream:
            counts.append(f"{sum(1 for line in stream if line.strip())} lines in {log.relative_to(folder)}")
    found = ", ".join(counts) or "nothing measured yet"
    run.problems.append(f"not finished: {found}, and no results; the command that began it goes on from there")


def _figures(run: Run, folder: Path) -> list[Figure]:
    """Everything drawn in `folder` and, for a table of speed or cost, in its parts."""
    found = []
    for part in _parts(folder):
        for drawn in sorted((folder / part).glob("*.svg")):
            name = slug("-".join(word for word in (run.id, part, drawn.stem) if word))
            sources = {ending: drawn.with_suffix(f".{ending}") for ending in (*FORMATS, "csv")}
            sources = {ending: path for ending, path in sources.items() if path.is_file()}
            files = {ending: f"figures/{name}.{ending}" for ending in sources}
            found.append(Figure(name, _caption(run, drawn.stem, part), files, sources))
    return found


def _caption(run: Run, stem: str, part: str) -> str:
    caption = FIGURES.get(stem, run.title if stem == run.name else "")
    kind, _, of = stem.partition("_")
    if kind in OF_A_POTENTIAL and not caption:
        caption = f"{OF_A_POTENTIAL[kind]}: {of.replace('_', ', ')}"
    return f"{part}: {caption or stem}" if part else caption or stem
