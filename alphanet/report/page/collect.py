"""Find and read the runs in folders, and report problems of single runs and differences between runs."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alphanet.benchmark.loading import benchmark_names, load_benchmark, reading_order
from alphanet.errors import UserError
from alphanet.files import read_json_object
from alphanet.provenance import utc_now
from alphanet.report.page.model import SCHEMA, Report, ReportedRun, summarize
from alphanet.report.trainings.together import draw_together, trainings_together
from alphanet.results.facts import code_text, environment_facts, hardware_text
from alphanet.results.records import Record
from alphanet.results.schema import RESULTS, BenchmarkResult, read_result

BEGUN = ("records.jsonl", "points.jsonl", "trials.jsonl", "statistics.json")  # the last one of a training


@dataclass(frozen=True)
class Collected:
    """A report, and the folders of its runs on this disk by id."""

    report: Report
    folders: dict[str, Path]


def collect(places: Sequence[Path], skip: Path | None = None) -> Collected:
    """Read all runs in `places`, which are folders of runs or folders of such folders.

    Args:
        places: folders to search, in the order of the report.
        skip: the folder of the report, which is not searched.

    Raises:
        UserError: a place is not a folder, no place holds a run, or the report's folder holds runs.
    """
    if skip is not None:
        _require_apart(skip, places)
    for place in places:
        if not place.is_dir():
            raise UserError(f"{place} is no folder; name folders that `alphanet repro`, `bench` or `train` wrote")
    known = benchmark_names()
    folders = (folder for place in places for folder in _run_folders(place, skip and skip.resolve(), known))
    unique = list({folder.resolve(): folder for folder in folders}.values())
    if not unique:
        listed = ", ".join(str(place) for place in places)
        raise UserError(f"no runs in {listed}: no folder in it has a {RESULTS} or a run that was begun")
    unique.sort(key=lambda folder: reading_order(folder.name) if folder.name in known else (len(known), ""))
    ids = _ids([folder.name for folder in unique])
    runs = [_read(folder, identity, places) for identity, folder in zip(ids, unique, strict=True)]
    named = tuple(_with_namesakes(run, runs) for run in runs)
    problems = tuple(_together(named))
    places_of = dict(zip(ids, unique, strict=True))
    if skip is not None:
        together = _trainings(named, skip)
        named = (*(run for run, _ in together), *named)
        places_of |= {run.id: folder for run, folder in together}
    report = Report(made=utc_now(), summary=summarize(named, problems), problems=problems, runs=named)
    return Collected(report, places_of)


def _trainings(runs: Sequence[ReportedRun], out: Path) -> list[tuple[ReportedRun, Path]]:
    """A run for each set of test frames that several trainings share, with the folder of its figure in the report."""
    results = [(run.folder, run.result) for run in runs if run.result is not None]
    together = []
    for place, result in enumerate(trainings_together(results), 1):
        identity = f"{result.name}-{place}"
        folder = out / "trainings" / identity
        drawn = draw_together(result, folder)
        run = ReportedRun(
            id=identity,
            name=result.name,
            title=result.title,
            folder=", ".join(str(row[0]) for row in result.grids[0].rows),
            state="finished",
            figures=_figures(drawn, folder, identity),
            result=drawn,
        )
        together.append((run, folder))
    return together


def _require_apart(out: Path, places: Sequence[Path]) -> None:
    """Check that the report does not replace the `results.json` of a run by its own."""
    holds_run = (out / RESULTS).is_file() and not _is_report(out)
    if holds_run or any(out.resolve() == place.resolve() for place in places):
        raise UserError(f"{out} holds runs, which the report would mix with; name another folder for it")


def _run_folders(folder: Path, skip: Path | None, known: Sequence[str]) -> Iterator[Path]:
    """The folders of runs; everything inside the folder of a run belongs to it."""
    if (skip is not None and folder.resolve() == skip) or _is_report(folder):
        return
    begun = (folder.name in known and any(folder.iterdir())) or any((folder / name).is_file() for name in BEGUN)
    if begun or (folder / RESULTS).is_file():
        yield folder
        return
    for inner in sorted(folder.iterdir()):
        if inner.is_dir() and not inner.is_symlink() and not inner.name.startswith("."):
            yield from _run_folders(inner, skip, known)


def _is_report(folder: Path) -> bool:
    try:
        return read_json_object(folder / RESULTS).get("schema") == SCHEMA
    except UserError:
        return False


def _read(folder: Path, identity: str, places: Sequence[Path]) -> ReportedRun:
    """The run in `folder`; a file that cannot be read becomes a problem of the run."""
    shown = _shown(folder, places)
    if not (folder / RESULTS).is_file():
        return _without_result(identity, shown, folder, "unfinished", _begun_text(folder))
    try:
        result = read_result(folder / RESULTS)
    except UserError as error:
        return _without_result(identity, shown, folder, "unreadable", str(error))
    files = _figures(result, folder, identity)
    lost = [f"the drawing of {name} is not in the folder" for name, paths in files.items() if "svg" not in paths]
    return ReportedRun(
        id=identity,
        name=result.name,
        title=result.title,
        form=result.form,
        folder=shown,
        state="finished",
        problems=(*result.problems, *result.failures, *_untraceable(result), *_changed_paper_values(result), *lost),
        figures={name: paths for name, paths in files.items() if "svg" in paths},
        result=result,
    )


def _figures(result: BenchmarkResult, folder: Path, identity: str) -> dict[str, dict[str, str]]:
    """Paths in the report of the files of each figure that are there."""
    return {
        figure.name: {
            ending: f"figures/{identity}-{slug(figure.name)}.{ending}"
            for ending, file in figure.files.items()
            if _is_file_in(folder / file, folder)
        }
        for figure in result.figures
    }


def _is_file_in(path: Path, folder: Path) -> bool:
    """Whether a file that a result names is there, and inside the folder of the run."""
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())


def _without_result(identity: str, shown: str, folder: Path, state: str, problem: str) -> ReportedRun:
    try:
        card = load_benchmark(folder.name)
        told = {"title": card.title, "form": card.form}
    except UserError:
        told = {"title": folder.name}
    return ReportedRun.model_validate(
        {"id": identity, "name": folder.name, "folder": shown, "state": state, "problems": (problem,), **told}
    )


def _begun_text(folder: Path) -> str:
    counts = []
    for log in sorted(folder.rglob("*.jsonl")):
        with log.open("rb") as stream:
            counts.append(f"{sum(1 for line in stream if line.strip())} lines in {log.relative_to(folder)}")
    begun = ", ".join(counts) or "nothing measured yet"
    return f"not finished: {begun}, and no results; the command that began it continues from there"


def _untraceable(result: BenchmarkResult) -> Iterator[str]:
    """Messages about cells whose records are missing or changed, and about records of several versions of the code."""
    changed = {key for key, record in result.records.items() if record.id != key}
    versions = set()
    for cell in result.cells:
        place = f"{cell.row}, {cell.column}, {cell.metric}"
        if cell.measured is not None and (not cell.records or set(cell.records) - set(result.records)):
            yield f"{place}: {cell.measured:g} cannot be traced to a record"
        if changed & set(cell.records):
            yield f"{place}: its record {', '.join(sorted(changed & set(cell.records)))} was changed"
        versions |= {_version(result.records[key]) for key in cell.records if key in result.records}
    if len(versions) > 1:
        yield f"records of several versions of the code: {'; '.join(sorted(versions))}"


def _version(record: Record) -> str:
    return environment_facts(record.environment).get("code", "unknown")


def _changed_paper_values(result: BenchmarkResult) -> list[str]:
    """Messages about cells that were judged by other paper values than those of the present card."""
    try:
        card = load_benchmark(result.name)
    except UserError:
        return []  # made in memory, or of a folder of cards that is not named now
    problems = []
    for cell in result.cells:
        printed = card.printed(cell.row, cell.column, cell.metric)
        today = None if printed is None else str(printed)
        if cell.printed != today:
            values = f"judged by the paper value {cell.printed}, but the card has {today}"
            problems.append(f"{cell.row}, {cell.column}, {cell.metric}: {values}; run it again")
    return problems


def _shown(folder: Path, places: Sequence[Path]) -> str:
    """The folder as the user would name it, starting from the place that the user named."""
    for place in places:
        if folder.is_relative_to(place):
            return str(Path(place.resolve().name) / folder.relative_to(place))
    return folder.name


def slug(text: str) -> str:
    """`text` as part of an id: letters, digits, dots and hyphens."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-") or "run"


def _ids(names: Sequence[str]) -> list[str]:
    """Names as ids, numbered if they repeat."""
    seen: Counter[str] = Counter()
    ids = []
    for name in map(slug, names):
        seen[name] += 1
        ids.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return ids


def _with_namesakes(run: ReportedRun, runs: Sequence[ReportedRun]) -> ReportedRun:
    """The run, with a note if the report has other runs of the same benchmark."""
    others = [
        f"{other.folder} (scale {other.result.scale if other.result else 'unknown'})"
        for other in runs
        if other is not run and other.name == run.name and run.name in benchmark_names()
    ]
    if not others:
        return run
    note = f"also in this report: {', '.join(others)}; each counts for itself"
    return run.model_copy(update={"notes": (*run.notes, note)})


def _together(runs: Sequence[ReportedRun]) -> Iterator[str]:
    """Messages about differences between runs that a reader must know before comparing them."""
    results = [run.result for run in runs if run.result]
    facts = {
        "versions of the code": [code_text(result.provenance.code) for result in results],
        "machines": [hardware_text(result.provenance.hardware) for result in results],
        "scales": [result.scale for result in results if len(result.scales) > 1],
    }
    for title, texts in facts.items():
        counts = Counter(texts)
        if len(counts) > 1:
            listed = "; ".join(f"{text} ({count} of {len(runs)})" for text, count in counts.items())
            yield f"runs of several {title}: {listed}"
