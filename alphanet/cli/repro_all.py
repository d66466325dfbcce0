"""`alphanet repro all`: every table and figure that has a card, one after another, each in a process of its own."""

import itertools
import json
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphanet.cli import repro_options
from alphanet.cli.options import AsJson
from alphanet.cli.repro_dry_run import print_dry_run
from alphanet.data.progress import print_to_stderr

if TYPE_CHECKING:
    from alphanet.paper.listing import Listed


@dataclass(frozen=True)
class Asked:
    """A table or figure, and the cells of it that are wanted."""

    name: str
    scale: str
    only: tuple[str, ...] = ()  # none: all
    by_name: bool = False  # its name was written out with the cells


@dataclass(frozen=True)
class Ended:
    """What came of a name."""

    name: str
    command: str
    exit_code: int
    minutes: float  # it took
    budget: float | None  # minutes it was given; none: as long as its card says

    @property
    def state(self) -> str:
        """In words."""
        return "done" if self.exit_code == 0 else f"FAILED (exit code {self.exit_code})"


def all_(
    context: typer.Context,
    scale: Annotated[
        str, typer.Option(help="mini, slice or full; what has no such scale is left out, unless it takes no time.")
    ] = "mini",
    budget: Annotated[
        float | None,
        typer.Option(min=0.1, help="Minutes for everything, divided by what the cards allow each; none: all of it."),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            help="Only these: NAME, or NAME:CELLS with CELLS as NAME's own --only has them; commas between. In NAME, "
            "and in CELLS that are rows, * stands for anything: '*:AlphaNet*' leaves out the potentials compared with."
        ),
    ] = None,
    seeds: repro_options.Seeds = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, …; each command's own choice if not given.")] = None,
    mirror: Annotated[
        str | None, typer.Option(envvar="ALPHANET_MIRROR", help="file:// or http(s):// that serves HOST/PATH.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of runs; each name has a folder in it.")] = Path("runs"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Run nothing: say what it takes and what is missing.")] = (
        False
    ),
    as_json: AsJson = False,
) -> None:
    """Every table and figure, one after another. What fails costs only itself; the same command goes on."""
    from alphanet.paper.listing import list_benchmarks

    at_scale = listed_at(scale, list_benchmarks(seeds))
    asked = chosen(only, at_scale, scale)
    listed = [at_scale[one.name] for one in asked]
    if dry_run:
        print_dry_run(scale, listed, as_json=as_json)
        return
    group = context.parent.command if context.parent else None
    commands = {one.name: group.get_command(context.parent, one.name) for one in asked}  # type: ignore[union-attr]
    wanted = {
        "--seeds": None if seeds is None else str(seeds),
        "--device": device,
        "--mirror": mirror if _is_given(context, "mirror") else None,  # the environment is handed on as it is
        "--out": str(out),
    }
    ended = run_all(
        asked, commands, wanted, limits={one.name: one.minutes for one in listed}, budget=budget, quiet=as_json
    )
    _tell(ended, as_json)
    if any(one.exit_code for one in ended):
        raise typer.Exit(1)


def listed_at(scale: str, listed: Sequence["Listed"]) -> dict[str, "Listed"]:
    """What is run at `scale`, by name: what has this scale, and what has but one, which takes neither time nor data."""
    scales = Counter(one.name for one in listed)
    return {
        one.name: one
        for one in listed
        if one.scale == scale or (scales[one.name] == 1 and one.minutes == 0 and not one.data)
    }


def chosen(only: str | None, at_scale: Mapping[str, "Listed"], scale: str) -> list[Asked]:
    """What `--only` asks for, in the order of the paper; without it everything that has the scale.

    A name with `*` takes every name that fits and has the cells.

    Raises:
        UserError: a name that there is not, or not at this scale.
    """
    from alphanet.errors import UserError, did_you_mean
    from alphanet.paper.all_cards import any_card, ordered_names

    if all(one.scale != scale for one in at_scale.values()):
        known = dict.fromkeys(scale for name in ordered_names() for scale in any_card(name).scales)
        raise UserError(f"--scale: no table or figure has the scale {scale!r}{did_you_mean(scale, known)}")
    cells: dict[str, list[list[str]]] = {}
    by_name = set()
    for part in filter(None, (part.strip() for part in (only or "").split(","))):
        pattern, _, cell = part.partition(":")
        if "*" not in pattern and pattern not in at_scale:
            any_card(pattern).scale(scale)  # says what is wrong
            raise UserError(f"--only: no {pattern!r} at scale {scale}{did_you_mean(pattern, at_scale)}")
        for name in filter(lambda name: fnmatchcase(name, pattern), at_scale):
            found = _cells(any_card(name).rows, cell)
            if found is None and "*" not in pattern:
                found = [cell]  # the command of the name knows what it means
            if found is not None:
                cells.setdefault(name, []).append(found)
            if name == pattern:
                by_name.add(name)
    return [
        # Where one entry takes the whole, the cells of others are among it.
        Asked(
            name, one.scale, tuple(itertools.chain(*cells[name])) if only and all(cells[name]) else (), name in by_name
        )
        for name, one in at_scale.items()
        if not only or name in cells
    ]


def _cells(rows: Mapping[str, Any], cell: str) -> list[str] | None:
    """The rows that `cell` fits, none of them where it fits all; none at all where it fits no row."""
    fitting = [row for row in rows if fnmatchcase(row.casefold(), cell.casefold())]
    if not cell or len(fitting) == len(rows):
        return []
    return fitting or None


def run_all(
    asked: Sequence[Asked],
    commands: Mapping[str, Any],
    wanted: Mapping[str, str | None],
    *,
    limits: Mapping[str, float | None],
    budget: float | None,
    quiet: bool,
) -> list[Ended]:
    """Run each name's command with those of the `wanted` options that it has.

    Args:
        asked: names, in order.
        commands: the command of each name.
        wanted: values of options; none: not given.
        limits: minutes that each name takes at most, see `Division`.
        budget: minutes for everything; none: no limit.
        quiet: what the commands print goes to stderr.

    Raises:
        UserError: cells are asked for of what is measured as a whole; nothing was run.
    """
    from alphanet.paper.sharing import Division

    for one in asked:
        _require_cells(one, commands[one.name])
    division = None if budget is None else Division(budget, {one.name: limits[one.name] for one in asked})
    ended = []
    for place, one in enumerate(asked, 1):
        share = None if division is None else division.share(one.name)
        limit = {"--budget": None if share is None else f"{share:g}", "--only": ",".join(one.only) or None}
        values = {"--scale": one.scale, **wanted, **limit}
        arguments = ["repro", one.name, *options_of(commands[one.name], values)]
        command = shlex.join(["alphanet", *arguments])
        print_to_stderr(f"\n[{place}/{len(asked)}] {command}")
        begun = time.monotonic()
        code = run_command(arguments, quiet=quiet)
        ended.append(Ended(one.name, command, code, (time.monotonic() - begun) / 60, share))
        print_to_stderr(f"[{place}/{len(asked)}] {one.name}: {ended[-1].state} after {ended[-1].minutes:.1f} min")
    return ended


def _require_cells(one: Asked, command: Any) -> None:
    """Before anything runs: what is measured as a whole has no cells to choose."""
    from alphanet.errors import UserError

    if one.only and one.by_name and "--only" not in _flags(command):
        raise UserError(f"--only {one.name}:{one.only[0]}: {one.name} is measured as a whole; write {one.name}")


def options_of(command: Any, values: Mapping[str, str | None]) -> list[str]:
    """Those of the options that `command` has."""
    known = _flags(command)
    given = [(flag, value) for flag, value in values.items() if value is not None and flag in known]
    return [word for pair in given for word in pair]


def _flags(command: Any) -> set[str]:
    return {flag for parameter in command.params for flag in parameter.opts}


def run_command(arguments: Sequence[str], *, quiet: bool) -> int:
    """Run `alphanet` with `arguments` in a process of its own; returns its exit code."""
    command = [sys.executable, "-m", "alphanet.cli", *arguments]
    return subprocess.run(command, stdout=sys.stderr if quiet else None, check=False).returncode


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _tell(ended: Sequence[Ended], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"names": [asdict(one) | {"state": one.state} for one in ended]}, ensure_ascii=False))
        return
    from alphanet.cli.bench import print_table

    lines = [
        (one.name, one.state, f"{one.minutes:.1f}", "" if one.budget is None else f"{one.budget:g}") for one in ended
    ]
    print()
    print_table(("name", "state", "minutes", "given"), lines)
    failed = [one for one in ended if one.exit_code]
    for one in failed:
        print(f"failed: {one.command}")
