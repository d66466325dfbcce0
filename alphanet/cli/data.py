"""`alphanet data`: look at data sets, fetch, convert and check them."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from alphanet.cli import options as o
from alphanet.cli.choices import DEFAULT_SCALE
from alphanet.cli.output import print_json, print_table
from alphanet.errors import UserError
from alphanet.files import finite

if TYPE_CHECKING:
    from alphanet.data.cards import LabelKeys

logger = logging.getLogger(__name__)

FETCHED_SCALE = "slice"  # miniatures need not be fetched
OF_DATASETS = "it goes with a data set, not with a file"
OF_FILES = "it goes with a file; the labels of a data set have the names in its card"

app = typer.Typer(
    name="data",
    help="List, fetch, convert and check data sets.",
    no_args_is_help=True,
    epilog="Examples:\n\nalphanet data list\n\nalphanet data fetch formate --scale full",
)


def register(root: typer.Typer) -> None:
    """Add the group to the command line."""
    root.add_typer(app)


@app.command("list", epilog="Example:\n\nalphanet data list --json")
def list_(as_json: o.AsJson = False) -> None:
    """List data sets and the scales that they come in."""
    from alphanet.data.cards import list_cards

    cards = list_cards()
    if as_json:
        listed = [{"name": card.name, "title": card.title, "scales": list(card.scales)} for card in cards]
        print_json("alphanet-datasets", {"datasets": listed})
        return
    rows = [
        (card.name, card.title, ", ".join(name for name, at in card.scales.items() if not at.needs)) for card in cards
    ]
    columns = ("name", "data set", "scales")
    print_table(columns, rows, left=columns)


@app.command(epilog="Example:\n\nalphanet data info formate")
def info(name: o.DatasetName, as_json: o.AsJson = False) -> None:
    """Show sources, license, units, level of theory and splits of a data set."""
    from alphanet.data.cards import load_card
    from alphanet.data.progress import megabytes

    card = load_card(name)
    if as_json:
        print_json("alphanet-dataset", card.model_dump(mode="json"))
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
        rows += [("  split", _text(at.split.model_dump(exclude_defaults=True)))] if at.split else []
        rows += [("  needs", at.needs)] if at.needs else []
    print_table(("", card.name), rows, left=(card.name,))


@app.command(epilog="Example:\n\nalphanet data fetch formate --scale full")
def fetch(name: o.DatasetName, scale: o.Scale = None, mirror: o.Mirror = None, as_json: o.AsJson = False) -> None:
    """Download and verify the files of a data set. An interrupted download goes on where it stopped."""
    from alphanet.data.cards import load_card
    from alphanet.data.fetching import fetch as fetch_files

    files = fetch_files(load_card(name), scale or FETCHED_SCALE, mirror=mirror)
    if as_json:
        values = [{"file": file.source.label, "path": str(file.path), "sha256": file.sha256} for file in files]
        print_json("alphanet-files", {"files": values})
        return
    print_table(("file", "sha256"), [(str(file.path), file.sha256) for file in files], left=("sha256",))


@app.command(
    epilog="Examples:\n\nalphanet data stats formate\n\nalphanet data stats mine.extxyz --energy-key REF_energy"
)
def stats(
    target: o.DatasetOrFile,
    scale: o.Scale = None,
    mirror: o.Mirror = None,
    energy_key: o.EnergyKey = None,
    forces_key: o.ForcesKey = None,
    stress_key: o.StressKey = None,
    virial_key: o.VirialKey = None,
    as_json: o.AsJson = False,
) -> None:
    """Print numbers of frames and atoms, elements, energies, forces, distances, neighbors and repeats."""
    from alphanet.data.formats import read_frames
    from alphanet.data.prepare import prepare
    from alphanet.data.splits import SPLITS
    from alphanet.data.statistics import statistics_of

    keys = _keys_in_file(
        target, scale=scale, mirror=mirror,
        energy_key=energy_key, forces_key=forces_key, stress_key=stress_key, virial_key=virial_key,
    )  # fmt: skip
    if keys is not None:
        streams = {"frames": read_frames(Path(target), labeled=False, labels=keys)}
    else:
        data = prepare(target, scale or DEFAULT_SCALE, mirror=mirror)
        streams = {split: read_frames(getattr(data, split)) for split in SPLITS}
    statistics = {name: statistics_of(frames).as_dict() for name, frames in streams.items()}
    if as_json:
        print_json("alphanet-statistics", finite(statistics if keys is None else statistics["frames"]))
        return
    names = next(iter(statistics.values()))
    rows = [(name, *(_text(values[name]) for values in statistics.values())) for name in names]
    print_table(("", *statistics), rows)


@app.command(
    epilog="Examples:\n\nalphanet data convert mine.extxyz mine.aselmdb\n\n"
    "alphanet data convert mine.db folder --format deepmd"
)
def convert(
    source: o.ConvertFrom,
    target: o.ConvertTo,
    format: o.FileFormat = None,
    energy_key: o.EnergyKey = None,
    forces_key: o.ForcesKey = None,
    stress_key: o.StressKey = None,
    virial_key: o.VirialKey = None,
    unlabeled: o.Unlabeled = False,
    as_json: o.AsJson = False,
) -> None:
    """Convert frames between formats, with one frame in memory at a time."""
    from alphanet.data.formats import read_frames, write_frames

    keys = o.label_keys(energy_key, forces_key, stress_key, virial_key)
    frames = read_frames(source, labeled=not unlabeled, labels=keys)
    count = write_frames(target, frames, format=format)
    logger.info("%d frames written to %s", count, target)
    if as_json:
        print_json("alphanet-conversion", {"file": str(target), "frames": count})


@app.command(
    epilog="Examples:\n\nalphanet data split mine.extxyz --out divided\n\n"
    "alphanet data split run1.traj run2.traj --group-by trajectory --test 0.2 --out divided"
)
def split(
    files: o.LabeledFiles,
    out: o.OutFolder = None,
    valid: o.ValidFrames = None,
    test: o.TestFrames = None,
    split: o.SplitRule = None,
    group_by: o.GroupBy = None,
    split_seed: o.SplitSeed = None,
    energy_key: o.EnergyKey = None,
    forces_key: o.ForcesKey = None,
    stress_key: o.StressKey = None,
    virial_key: o.VirialKey = None,
    as_json: o.AsJson = False,
) -> None:
    """Divide files of labeled structures into train.extxyz, valid.extxyz and test.extxyz, as `alphanet train` does.

    They go to the folder runs/split if --out is not given. Isolated atoms go to train.extxyz.
    """
    from alphanet.cards import validate
    from alphanet.data.own import OwnData
    from alphanet.data.own_stores import prepare_own, write_split

    rules = o.given(valid=o.part(valid), test=o.part(test), split=split, group_by=group_by, split_seed=split_seed)
    keys = o.label_keys(energy_key, forces_key, stress_key, virial_key)
    own = validate({"train": files, "labels": keys, **rules}, OwnData, "division")
    frames = prepare_own(own)
    folder = out or Path("runs/split")
    written = write_split(own, frames, folder)
    frames.log()
    if as_json:
        values = {name: {"file": str(path), "frames": count} for name, (path, count) in written.items()}
        print_json("alphanet-split", {"files": values})
        return
    print_table(("file", "frames"), [(str(path), str(count)) for path, count in written.values()])


@app.command(epilog="Examples:\n\nalphanet data check formate --scale full\n\nalphanet data check mine.extxyz")
def check(
    target: o.DatasetOrFile,
    scale: o.Scale = None,
    mirror: o.Mirror = None,
    energy_key: o.EnergyKey = None,
    forces_key: o.ForcesKey = None,
    stress_key: o.StressKey = None,
    virial_key: o.VirialKey = None,
    as_json: o.AsJson = False,
) -> None:
    """Check files, labels, net forces, units, repeats and the overlap of splits. The exit code is 1 if one fails."""
    from alphanet.data.checks import check_dataset, check_file

    keys = _keys_in_file(
        target, scale=scale, mirror=mirror,
        energy_key=energy_key, forces_key=forces_key, stress_key=stress_key, virial_key=virial_key,
    )  # fmt: skip
    if keys is not None:
        findings = list(check_file(Path(target), keys))
    else:
        findings = list(check_dataset(target, scale or DEFAULT_SCALE, mirror))
    if as_json:
        print_json("alphanet-findings", {"findings": [vars(finding) for finding in findings]})
    else:
        rows = [(finding.verdict, finding.subject, finding.detail) for finding in findings]
        print_table(("verdict", "subject", "detail"), rows, left=("subject", "detail"))
    if any(finding.verdict == "failed" for finding in findings):
        raise typer.Exit(1)


def _keys_in_file(target: str, *, scale: str | None, mirror: str | None, **keys: str | None) -> "LabelKeys | None":
    """Names of labels in the file `target`; None if it is a data set, which has a scale and a mirror instead.

    Raises:
        UserError: it is neither, or an option has no use with it.
    """
    if _is_file(target):
        o.refuse(OF_DATASETS, scale=scale, mirror=mirror)
        return o.label_keys(**keys)
    o.refuse(OF_FILES, **keys)
    return None


def _is_file(target: str) -> bool:
    """Whether a target is a path; a data set's name wins over a file of that name."""
    from alphanet.data.cards import known_names

    if target in known_names():
        return False
    if Path(target).exists() or Path(target).suffix or "/" in target:
        return True
    from alphanet.errors import did_you_mean

    raise UserError(f"{target!r} is neither a data set nor a file{did_you_mean(target, known_names())}")


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(entry)}" for key, entry in value.items())
    if isinstance(value, tuple | list):
        return " : ".join(map(_text, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
