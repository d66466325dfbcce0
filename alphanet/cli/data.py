"""`alphanet data`: look at data sets, fetch, convert and check them."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphanet.errors import UserError

if TYPE_CHECKING:
    from alphanet.data.cards import LabelKeys

app = typer.Typer(name="data", help="List, fetch, convert and check data sets.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A data set's name, as `alphanet data list` prints it.")]
Target = Annotated[str, typer.Argument(help="A data set's name, or a file of frames.")]
ScaleOption = Annotated[str, typer.Option("--scale", help="mini, slice or full.")]
MirrorOption = Annotated[
    str | None,
    typer.Option("--mirror", help="file://… or http://… that serves HOST/PATH; default ALPHANET_MIRROR."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value to stdout.")]
EnergyKey = Annotated[str, typer.Option("--energy-key", help="Name of the energy in the file.")]
ForcesKey = Annotated[str, typer.Option("--forces-key", help="Name of the forces in the file.")]
StressKey = Annotated[str, typer.Option("--stress-key", help="Name of the stress (eV/Å^3) in the file.")]


def register(root: typer.Typer) -> None:
    """Add the group to the command line."""
    root.add_typer(app)


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """Data sets and the scales they come in."""
    from alphanet.data.cards import list_cards

    cards = list_cards()
    if as_json:
        _print_json([{"name": card.name, "title": card.title, "scales": list(card.scales)} for card in cards])
        return
    rows = [
        (card.name, card.title, ", ".join(name for name, at in card.scales.items() if not at.needs)) for card in cards
    ]
    _print_table(("name", "data set", "scales"), rows)


@app.command()
def info(name: Name, as_json: JsonOption = False) -> None:
    """Sources, license, units, level of theory and splits of a data set."""
    from alphanet.data.cards import load_card
    from alphanet.data.progress import megabytes

    card = load_card(name)
    if as_json:
        _print_json(card.model_dump(mode="json"))
        return
    rows = [
        ("title", card.title),
        *(("cite", citation) for citation in card.citation),
        ("elements", " ".join(card.elements)),
        ("units", ", ".join(card.units.model_dump().values())),
        ("in the paper", card.paper),
        *(("erratum", erratum) for erratum in card.errata),
    ]
    for scale, at in card.scales.items():
        rows += [(scale, at.description), ("  license", at.license), ("  level of theory", at.level_of_theory)]
        rows += [("  file", f"{file.label} ({file.role}, {megabytes(file.size)})") for file in at.files]
        rows += [("  files", f"as {at.listing.record} lists them")] if at.listing else []
        rows += [("  split", _said(at.split.model_dump(exclude_defaults=True)))] if at.split else []
        rows += [("  needs", at.needs)] if at.needs else []
    _print_table(("", card.name), rows)


@app.command()
def fetch(name: Name, scale: ScaleOption = "slice", mirror: MirrorOption = None, as_json: JsonOption = False) -> None:
    """Download and verify the files of a data set; an interrupted download goes on where it stopped."""
    from alphanet.data.cards import load_card
    from alphanet.data.fetching import fetch as fetch_files

    fetched = fetch_files(load_card(name), scale, mirror=mirror)
    if as_json:
        _print_json([{"file": f.source.label, "path": str(f.path), "sha256": f.sha256} for f in fetched])
        return
    _print_table(("file", "sha256"), [(str(file.path), file.sha256) for file in fetched])


@app.command()
def stats(
    target: Target,
    scale: ScaleOption = "mini",
    mirror: MirrorOption = None,
    energy_key: EnergyKey = "energy",
    forces_key: ForcesKey = "forces",
    stress_key: StressKey = "stress",
    as_json: JsonOption = False,
) -> None:
    """Frames, elements, energies, forces, distances, neighbours and repeats."""
    from alphanet.data.formats import read_frames
    from alphanet.data.prepare import prepare
    from alphanet.data.splits import SPLITS
    from alphanet.data.statistics import statistics_of

    if _is_file(target):
        keys = _keys(energy_key, forces_key, stress_key)
        streams = {"frames": read_frames(Path(target), labeled=False, labels=keys)}
    else:
        data = prepare(target, scale, mirror=mirror)
        streams = {split: read_frames(getattr(data, split)) for split in SPLITS}
    found = {name: statistics_of(frames).as_dict() for name, frames in streams.items()}
    if as_json:
        _print_json(found["frames"] if _is_file(target) else found)
        return
    keys_of_all = next(iter(found.values()))
    rows = [(key, *(_said(values[key]) for values in found.values())) for key in keys_of_all]
    _print_table(("", *found), rows)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A file or folder of frames.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write; its suffix tells the format.")],
    format: Annotated[str | None, typer.Option("--format", help="extxyz, traj, db, aselmdb or deepmd.")] = None,
    energy_key: EnergyKey = "energy",
    forces_key: ForcesKey = "forces",
    stress_key: StressKey = "stress",
    unlabelled: Annotated[bool, typer.Option("--unlabelled", help="Accept frames without energy or forces.")] = False,
) -> None:
    """Convert frames between formats, one in memory at a time."""
    from alphanet.data.formats import read_frames, write_frames

    keys = _keys(energy_key, forces_key, stress_key)
    frames = read_frames(source, labeled=not unlabelled, labels=keys)
    count = write_frames(target, frames, format=format)
    typer.echo(f"{count} frames written to {target}", err=True)


@app.command()
def check(
    target: Target, scale: ScaleOption = "mini", mirror: MirrorOption = None, as_json: JsonOption = False
) -> None:
    """Checksums, finite labels, net forces, units, repeats and overlap between the splits; exits 1 if one fails."""
    from alphanet.data.checks import check_dataset, check_file

    findings = list(check_file(Path(target)) if _is_file(target) else check_dataset(target, scale, mirror))
    if as_json:
        _print_json([vars(finding) for finding in findings])
    else:
        rows = [(finding.verdict, finding.subject, finding.detail) for finding in findings]
        _print_table(("", "what", "found"), rows)
    if any(finding.verdict == "failed" for finding in findings):
        raise typer.Exit(1)


def _is_file(target: str) -> bool:
    """Whether a target is a path; a data set's name wins over a file of that name."""
    from alphanet.data.cards import known_names

    if target in known_names():
        return False
    if Path(target).exists() or Path(target).suffix or "/" in target:
        return True
    from alphanet.errors import did_you_mean

    raise UserError(f"{target!r} is neither a data set nor a file{did_you_mean(target, known_names())}")


def _keys(energy: str, forces: str, stress: str) -> "LabelKeys":
    from alphanet.data.cards import LabelKeys

    return LabelKeys(energy=energy, forces=forces, stress=stress)


def _print_json(value: Any) -> None:
    # NaN and infinity are no JSON: numbers that do not exist are null.
    typer.echo(json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value


def _print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on a terminal, tab-separated lines elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*head)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_said(entry)}" for key, entry in value.items())
    if isinstance(value, tuple | list):
        return " : ".join(map(_said, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
