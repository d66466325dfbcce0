"""Find the runs in folders, read each, whatever is wrong with it, and say what is wrong with them together."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from alphanet.errors import UserError
from alphanet.files import read_json_object
from alphanet.paper.all_cards import any_card, place_of
from alphanet.paper.benchmark import benchmark_names
from alphanet.report.page.model import SCHEMA, Report, Run
from alphanet.report.page.read_run import read_run
from alphanet.report.page.reading import place_facts, slug
from alphanet.results import utc_now

RESULTS = "results.json"
KINDS = {
    RESULTS: "paper",
    "speed.json": "speed",
    "memory.json": "memory",
    "physics.json": "physics",
    "metrics.json": "stability",
    "rolling_mae.csv": "stability",
}
BEGUN = ("records.jsonl", "points.jsonl", "trials.jsonl")


def collect(places: Sequence[Path], skip: Path | None = None) -> Report:
    """Read all runs in `places`, which are folders of runs or folders of such folders.

    Args:
        places: where to look, in the order of the report.
        skip: the folder that the report goes to, which is not looked into.

    Raises:
        UserError: a place is no folder, none holds a run, or the report would go where runs are.
    """
    if skip is not None:
        _require_apart(skip, places)
    for place in places:
        if not place.is_dir():
            raise UserError(f"{place} is no folder; name folders that `alphanet repro` or `alphanet bench` wrote")
    runs_in_places = (run for place in places for run in _find(place, skip and skip.resolve()))
    found = list({folder.resolve(): (folder, kind) for folder, kind in runs_in_places}.values())
    if not found:
        listed = ", ".join(str(place) for place in places)
        raise UserError(f"no runs in {listed}: none of {', '.join(sorted(KINDS))} is in it or in a folder of it")
    found.sort(key=lambda run: place_of(run[0].name) if run[0].name in benchmark_names() else (len(found), ""))
    ids = _ids([folder.name for folder, _ in found])
    runs = [
        read_run(folder, kind, identity, _shown(folder, places))
        for identity, (folder, kind) in zip(ids, found, strict=True)
    ]
    _name_apart(runs)
    return Report(runs, _together(runs), utc_now())


def _require_apart(out: Path, places: Sequence[Path]) -> None:
    """A report has a `results.json` too, and must not replace that of a run."""
    inside = out.is_dir() and _kind(out) not in (None, "report")
    if inside or any(out.resolve() == place.resolve() for place in places):
        raise UserError(f"{out} holds runs, which the report would mix with; name another folder with -o")


def _find(folder: Path, skip: Path | None) -> Iterator[tuple[Path, str]]:
    """Folders of runs with their kinds; what lies inside a run belongs to it."""
    if skip is not None and folder.resolve() == skip:
        return
    kind = _kind(folder)
    if kind == "report":
        return
    if kind is not None:
        yield folder, kind
        return
    for inner in sorted(folder.iterdir()):
        if inner.is_dir() and not inner.is_symlink() and not inner.name.startswith("."):
            yield from _find(inner, skip)


def _kind(folder: Path) -> str | None:
    for name, kind in KINDS.items():
        if (folder / name).is_file():
            return "report" if kind == "paper" and _is_report(folder / name) else kind
    begun = folder.name in benchmark_names() and any(folder.iterdir())
    return "unfinished" if begun or any((folder / name).is_file() for name in BEGUN) else None


def _is_report(path: Path) -> bool:
    try:
        return read_json_object(path).get("schema") == SCHEMA
    except UserError:
        return False


def _shown(folder: Path, places: Sequence[Path]) -> str:
    """The folder as the user would name it: from the place that was asked for."""
    for place in places:
        if folder.is_relative_to(place):
            return str(Path(place.resolve().name) / folder.relative_to(place))
    return folder.name


def _ids(names: Sequence[str]) -> list[str]:
    """Names as ids, numbered where they repeat."""
    seen: Counter[str] = Counter()
    found = []
    for name in map(slug, names):
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return found


def _name_apart(runs: Sequence[Run]) -> None:
    """Say where a benchmark is there more than once."""
    scales: dict[str, list[Run]] = {}
    for run in runs:
        if run.name in benchmark_names():
            scales.setdefault(run.name, []).append(run)
    for same in scales.values():
        for run in same:
            others = [f"{one.folder} (scale {one.scale or 'unknown'})" for one in same if one is not run]
            if others:
                run.notes.append(f"also in this report: {', '.join(others)}; each counts for itself")


def _together(runs: Sequence[Run]) -> list[str]:
    """What a reader must know before runs are read side by side."""
    found = []
    places = [place_facts(run.where) | {"scale": "" if _has_one_scale(run) else run.scale} for run in runs]
    for title, fact in (("versions of the code", "code"), ("machines", "hardware"), ("scales", "scale")):
        counts = Counter(place[fact] for place in places if place.get(fact))
        if len(counts) > 1:
            found.append(
                f"runs of several {title}: {'; '.join(f'{text} ({n} of {len(runs)})' for text, n in counts.items())}"
            )
    return found


def _has_one_scale(run: Run) -> bool:
    """Whether there is no other at which it could have been run."""
    try:
        return run.name in benchmark_names() and len(any_card(run.name).scales) == 1
    except UserError:
        return False
