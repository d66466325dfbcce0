"""The loop of `alphanet repro all`, and what `--dry-run` says."""

import logging
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alphanet import durations
from alphanet.cli.choices import Choice
from alphanet.cli.options import flag
from alphanet.cli.output import print_json, print_table, print_text
from alphanet.errors import UserError
from alphanet.paths import own_python

if TYPE_CHECKING:
    from pydantic import JsonValue

    from alphanet.benchmark.kind import RunOptions
    from alphanet.benchmark.listing import BenchmarkInfo
    from alphanet.benchmark.needs import DataNeed

logger = logging.getLogger(__name__)

RESULTS = "results.json"  # in the folder of a benchmark
LEAST = 6.0  # seconds of a benchmark for which there is no time left; it says so itself, and keeps what was measured


@dataclass(frozen=True)
class FinishedRun:
    """A benchmark that was run."""

    name: str
    command: str
    exit_code: int
    minutes: float  # it took
    budget: float | None  # minutes it was given; None: as long as its card says
    nothing_here: bool = False  # it measured nothing and nothing went wrong: its result says what it lacks

    @property
    def succeeded(self) -> bool:
        """Whether nothing went wrong."""
        return self.exit_code == 0 or self.nothing_here

    @property
    def state(self) -> str:
        """In words."""
        if self.nothing_here:
            return "nothing to measure here"
        return "done" if self.exit_code == 0 else f"FAILED (exit code {self.exit_code})"

    def as_json(self) -> "dict[str, JsonValue]":
        """All of it as plain values."""
        return {**vars(self), "state": self.state}


def run_all(chosen: Sequence[Choice], *, as_json: bool) -> bool:
    """Run each benchmark in a process of its own, print a summary; returns whether all succeeded."""
    budget = _divided(chosen)
    finished: list[FinishedRun] = []
    for place, choice in enumerate(chosen, 1):
        options = choice.options
        if budget is not None:
            share = budget.share(choice.name, capped=False)  # estimates may exceed what is usual
            minutes = max(LEAST, share or 0.0) / 60
            options = options.model_copy(update={"budget": minutes if share is None or share > 0 else None})
        arguments = ["repro", choice.name, *arguments_of(options)]
        command = shlex.join(["alphanet", *arguments])
        logger.info("\n[%d/%d] %s", place, len(chosen), command)
        begun, started = time.monotonic(), time.time()
        code = run_command(arguments, quiet=as_json)
        seconds = time.monotonic() - begun
        nothing_here = code == 1 and _lacks_everything(choice, started)
        finished.append(FinishedRun(choice.name, command, code, seconds / 60, options.budget, nothing_here))
        took = durations.words(seconds)
        logger.info("[%d/%d] %s: %s after %s", place, len(chosen), choice.name, finished[-1].state, took)
    _print(finished, as_json)
    return all(run.succeeded for run in finished)


def _lacks_everything(choice: Choice, started: float) -> bool:
    """Whether the result that was written since `started` (s) has neither a chosen number nor a failure."""
    from alphanet.benchmark.selection import anything_measured, selected_places
    from alphanet.results.schema import read_result

    path = choice.options.out / choice.name / RESULTS
    try:
        if path.stat().st_mtime < started:
            return False
        result = read_result(path)
    except (OSError, UserError):
        return False
    return not anything_measured(result, selected_places(choice.card, choice.options.only)) and not result.failures


def arguments_of(options: "RunOptions") -> list[str]:
    """The options on the command line that make these `RunOptions`."""
    words = ["--scale", options.scale, "--out", str(options.out)]
    for field, value in options.given().items():
        if field in ("scale", "out"):
            continue
        if value is True:
            words.append(flag(field))
        elif field == "only":
            words += [flag(field), ",".join(options.only)]
        elif field == "max_time":
            words += [flag(field), f"{options.max_time:g}s"]
        else:
            words += [flag(field), f"{value:g}" if isinstance(value, float) else str(value)]
    return words


def run_command(arguments: Sequence[str], *, quiet: bool) -> int:
    """Run `alphanet` with `arguments` in a process of its own; returns its exit code.

    Args:
        arguments: of the command line.
        quiet: what the command prints goes to stderr.
    """
    python, variables = own_python()
    command = [*python, "-m", "alphanet", *arguments]
    return subprocess.run(command, env=variables, stdout=sys.stderr if quiet else None, check=False).returncode


def _divided(chosen: Sequence[Choice]) -> Any:
    """The budget divided by the cards' limits; None if no budget is given."""
    from alphanet.benchmark.budget import Budget

    minutes = next((choice.options.budget for choice in chosen), None)
    if minutes is None:
        return None
    infos = [_info(choice) for choice in chosen]
    return Budget(minutes, {info.name: None if info.minutes is None else 60 * info.minutes for info in infos})


def _info(choice: Choice) -> "BenchmarkInfo":
    """What the selected cells take."""
    from alphanet.benchmark.listing import benchmark_info

    return benchmark_info(choice.card, choice.options)


def _print(finished: Sequence[FinishedRun], as_json: bool) -> None:
    if as_json:
        print_json("alphanet-runs", {"benchmarks": [run.as_json() for run in finished]})
        return
    rows = [
        (run.name, run.state, f"{run.minutes:.1f}", "" if run.budget is None else f"{run.budget:.3g}")
        for run in finished
    ]
    print()
    print_table(("name", "state", "minutes", "given"), rows)
    for run in finished:
        if not run.succeeded:
            print(f"failed: {run.command}")


def print_dry_run(chosen: Sequence[Choice], *, as_json: bool) -> None:
    """Print a paragraph for each benchmark, and the totals; or one JSON object."""
    infos = [_info(choice) for choice in chosen]
    totals = _totals(infos)
    if as_json:
        values = {"benchmarks": [info.model_dump(mode="json") for info in infos], "totals": vars(totals)}
        print_json("alphanet-dry-run", values)
        return
    for info in infos:
        print_text(f"{info.name} · scale {info.scale} · {info.title}")
        for line in _lines(info):
            print_text(f"  {line}")
    print(f"all {len(infos)} together")
    for line in _total_lines(totals):
        print_text(f"  {line}")


def _lines(info: "BenchmarkInfo") -> Iterator[str]:
    yield f"cost: {info.cost}"
    if info.estimate:
        yield f"  estimate: {info.estimate}"
    for need in info.data:
        yield f"data: {_data_text(need)}"
    if info.environments:
        made = [name for name in info.environments if name not in info.missing_environments]
        yield f"environments: {', '.join(made) or 'none'} made"
    if info.missing_environments:
        yield f"  to be made on demand: {', '.join(info.missing_environments)}"
    for cells in info.impossible:
        yield f"cannot be filled at this scale: {cells}"
    if not info.comparable:
        yield f"not comparable with the paper: {info.reason}"


def _data_text(need: "DataNeed") -> str:
    files = "" if need.files is None else f", {need.files} file{'s' if need.files > 1 else ''}"
    size = ", size not stated" if need.size is None else f", {need.size / 1e6:.3g} MB"
    if need.files is None and need.size is None:
        size = ""
    how = need.get or need.address
    state = "here" if need.here else f"MISSING{f': {how}' if how else ''}"
    return f"{need.name}{files}{size}: {state}"


@dataclass(frozen=True)
class Totals:
    """Sums over benchmarks; benchmarks and needs are named."""

    minutes: float  # of those with a limit
    gpu_days: float  # estimated for those without
    without_estimate: list[str]
    without_limit: list[str]
    missing_data: list[str]
    bytes_of_known_sizes: int
    unknown_sizes: list[str]
    missing_environments: list[str]


def _totals(infos: Sequence["BenchmarkInfo"]) -> Totals:
    """Sums over benchmarks; data sets and environments that several need count once."""
    data = {need.name: need for info in infos for need in info.data}
    environments = {name for info in infos for name in info.missing_environments}
    return Totals(
        minutes=sum(info.minutes or 0.0 for info in infos),
        gpu_days=sum(info.gpu_days or 0.0 for info in infos),
        without_estimate=[info.name for info in infos if info.minutes is None and info.gpu_days is None],
        without_limit=[info.name for info in infos if info.minutes is None],
        missing_data=[name for name, need in data.items() if not need.here],
        bytes_of_known_sizes=sum(need.size or 0 for need in data.values()),
        unknown_sizes=[name for name, need in data.items() if need.size is None],
        missing_environments=sorted(environments),
    )


def _total_lines(totals: Totals) -> Iterator[str]:
    yield f"time: {durations.words(60 * totals.minutes)} at most for what has a limit"
    if totals.without_limit:
        yield f"  without a limit: {', '.join(totals.without_limit)}: about {totals.gpu_days:.3g} GPU-days"
    if totals.without_estimate:
        yield f"  of unknown length: {', '.join(totals.without_estimate)}"
    yield f"data: {totals.bytes_of_known_sizes / 1e6:.0f} MB of known size"
    if totals.unknown_sizes:
        yield f"  of unknown size: {', '.join(totals.unknown_sizes)}"
    yield f"missing data: {', '.join(totals.missing_data) or 'none'}"
    yield f"missing environments: {', '.join(totals.missing_environments) or 'none'}"
