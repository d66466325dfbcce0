"""What `alphanet bench wbm --model …` takes, and relaxing before the score."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphanet.errors import UserError

if TYPE_CHECKING:
    from alphanet.measure.relaxation.prediction import Made
    from alphanet.potentials.opening import Opening

TREE = """\
{folder}
├── shards/*.jsonl       a record a structure; the same command goes on from them
├── predictions.csv.gz   formation energies and what the relaxations took
├── summary.json         counts, conditions
└── metrics.json         the leaderboard's metrics, where the DFT labels are here"""

Model = Annotated[
    str | None,
    typer.Option(help="Relax with it: a baseline, NAME or NAME:CHECKPOINT; alphanet; a file; or module:callable."),
]
Sample = Annotated[
    int | None, typer.Option(min=1, help="A random, stratified choice of this many structures; all if not given.")
]
Cluster = Annotated[
    str, typer.Option(help="local[:N] (processes here), slurm:FILE (YAML for dask-jobqueue), or tcp://HOST:PORT.")
]
Out = Annotated[Path | None, typer.Option(help="Folder of the results; runs/wbm-MODEL if not given.")]
StructureFile = Annotated[
    Path | None, typer.Option("--structures", help="Initial structures with ids, if not the published ones.")
]
References = Annotated[
    Path | None,
    typer.Option(help="The published MP elemental reference entries, if not those `alphanet data` fetched."),
]
Engine = Annotated[str, typer.Option(help="ase, one structure at a time; or torch-sim, --batch-size at once.")]
Batch = Annotated[int, typer.Option(min=1, help="Structures that --engine torch-sim relaxes together.")]
Precision = Annotated[
    str | None, typer.Option("--dtype", help="float32 or float64, if not what the model's published entry used.")
]
Fmax = Annotated[
    float | None, typer.Option(min=1e-6, help="Force at which a relaxation ends, eV/Å, if not the published entry's.")
]
Steps = Annotated[int | None, typer.Option(min=1, help="Most steps of a relaxation, if not the published entry's.")]
SampleSeed = Annotated[int, typer.Option(help="Seed of --sample.")]
AlphaNetFile = Annotated[Path | None, typer.Option("--alphanet", help="AlphaNet's file for --model alphanet.")]
Geometry = Annotated[
    Path | None,
    typer.Option(help="Published relaxed structures: compare geometries with them (RMSD, symmetry) in geometry.json."),
]
Restart = Annotated[bool, typer.Option("--restart", help="Relax anew what the folder holds.")]


@dataclass(frozen=True)
class Asked:
    """What is relaxed and how; none where the model's card decides."""

    model: str
    how: "Opening"
    engine: str
    batch: int
    fmax: float | None
    max_steps: int | None
    sample: int | None
    seed: int


@dataclass(frozen=True)
class Files:
    """Files of the user's in place of the published ones."""

    structures: Path | None
    references: Path | None
    truth: Path | None
    geometry: Path | None


def refuse(of_scoring: dict[str, Any]) -> None:
    """Raise UserError where an option is given that needs finished predictions."""
    for option, value in of_scoring.items():
        if value is not None:
            raise UserError(
                f"{option} goes with --predictions: relax first, then score the folder's predictions.csv.gz"
            )


def named(model: str, alphanet: Path | None) -> str:
    """The model's name, or the whole path of AlphaNet's file, which workers elsewhere need.

    Raises:
        UserError: a file for another model, or none for AlphaNet.
    """
    if alphanet is not None and model != "alphanet":
        raise UserError(f"--alphanet goes with --model alphanet, not with {model}")
    if model == "alphanet" and alphanet is None:
        raise UserError("--model alphanet: name its file with --alphanet")
    file = alphanet or Path(model)
    return str(file.resolve()) if alphanet or file.is_file() else model


def opening(model: str, dtype: str | None, device: str, threads: int, config: Path | None, trust: bool) -> "Opening":
    """How the potential is opened, with the precision of its card.

    Raises:
        UserError: no such precision or device.
    """
    from alphanet.cli.bench_options import require_device
    from alphanet.measure.relaxation.settings import settings_of
    from alphanet.potentials.opening import Opening

    precision = dtype or settings_of(model).dtype
    require_device(device, precision)
    return Opening(precision, device, threads, config and config.resolve(), trust=trust)


def relax_and_score(
    asked: Asked, *, cluster: str, out: Path | None, files: Files, restart: bool, as_json: bool
) -> None:
    """Relax, write the folder, print what came out."""
    from alphanet.cli.bench_options import require_one_of
    from alphanet.data.progress import print_to_stderr
    from alphanet.measure.relaxation.campaign import Campaign
    from alphanet.measure.relaxation.job import ENGINES, Job
    from alphanet.measure.relaxation.prediction import predict
    from alphanet.measure.relaxation.settings import label, protocol_of

    require_one_of("--engine", asked.engine, ENGINES)
    protocol = protocol_of(asked.model, fmax=asked.fmax, max_steps=asked.max_steps)
    job = Job(asked.model, asked.how, protocol, asked.engine, asked.batch)
    structures, ids = _chosen(asked, files)
    folder = out or Path("runs") / f"wbm-{label(asked.model)}"
    print_to_stderr(TREE.format(folder=folder))
    print_to_stderr(
        f"{len(ids)} structures, {asked.model} in {asked.how.dtype}, fmax {protocol.fmax} eV/Å, at most "
        f"{protocol.max_steps} steps, {asked.engine}, {cluster}"
    )
    campaign = Campaign(job, structures, ids, folder)
    made = predict(campaign, cluster, print_to_stderr, files.references, files.truth, restart=restart)
    if files.geometry is not None:
        from alphanet.measure.relaxation.geometry import compare_geometries

        made.summary["geometry"] = compare_geometries(campaign, files.geometry, print_to_stderr)
    _print(made, as_json)


def _chosen(asked: Asked, files: Files) -> tuple[Any, tuple[str, ...]]:
    from alphanet.measure.relaxation.prediction import numbers_of_sites
    from alphanet.measure.relaxation.sampling import sample
    from alphanet.measure.relaxation.structures import initial_structures

    structures = initial_structures(files.structures)
    if asked.sample is None:
        return structures, structures.ids
    sites = numbers_of_sites(files.truth)
    return structures, tuple(sample(structures.ids, asked.sample, asked.seed, sites))


def _print(made: "Made", as_json: bool) -> None:
    summary = made.summary
    if as_json:
        print(json.dumps({**summary, "metrics": made.metrics()}, ensure_ascii=False))
        return
    from alphanet.cli.bench import print_table

    counts = ("structures", "converged", "unconverged", "failed", "steps", "seconds", "median_seconds")
    rows = [(name.replace("_", " "), f"{summary[name]}") for name in counts]
    rows += [(f"flagged: {flag}", str(count)) for flag, count in summary["flags"].items()]
    rows += [(f"failed: {reason}", str(count)) for reason, count in summary["reasons"].items()]
    rows += [(f"geometry: {name}", str(value)) for name, value in summary.get("geometry", {}).items()]
    print_table(("relaxations", ""), rows)
    for note in made.notes:
        print(note, file=sys.stderr)
    if made.scored is not None:
        from alphanet.cli.bench_wbm import print_scores

        print_scores(made.scores, made.scored)
