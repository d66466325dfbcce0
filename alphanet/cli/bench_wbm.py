"""`alphanet bench wbm`: how well a potential finds stable crystals (Matbench Discovery)."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphanet.cli import bench_wbm_relaxing as relaxing
from alphanet.cli.options import AsJson, Device, ModelConfig, Threads, Trust

if TYPE_CHECKING:
    from alphanet.measure.wbm import Wbm

RATES = ("f1", "daf", "precision", "recall", "accuracy", "tpr", "fpr", "tnr", "fnr")
COUNTS = ("tp", "fp", "tn", "fn")
ERRORS = ("mae", "rmse", "r2")
UNITS = {"mae": " (eV/atom)", "rmse": " (eV/atom)"}
CAPITALS = ("f1", "daf", "tpr", "fpr", "tnr", "fnr", "tp", "fp", "tn", "fn", "mae", "rmse", "r2")
LEFT_OUT = {
    "unlabelled": "structures left out: the truth lacks a DFT label",
    "unknown": "predictions left out: their structures are not in the truth",
    "discarded": "predictions further off than --max-error, counted as missing",
}

Predictions = Annotated[
    Path | None,
    typer.Option(
        help="Table with material_id and e_form… or e_above_hull…, eV/atom: .csv(.gz), .parquet, .jsonl(.gz)."
    ),
]
Truth = Annotated[
    Path | None, typer.Option(help="The published WBM summary, if not the one that `alphanet data` fetched.")
]
Column = Annotated[str | None, typer.Option(help="Column of the predictions, where several would do.")]
SubsetName = Annotated[str | None, typer.Option("--subset", help="full, unique or most-stable; all if not given.")]
MaxError = Annotated[
    float, typer.Option(min=0, help="Predictions further from the DFT energy (eV/atom) count as missing.")
]
Decimals = Annotated[
    int | None,
    typer.Option(
        min=0, help="Round labels and predictions first; the leaderboard counts with 3. Not rounded if not given."
    ),
]


Figures = Annotated[
    Path | None,
    typer.Option(
        help="Folder for figures (PNG, SVG, PDF, HTML) and their numbers; of unique prototypes if all are asked for."
    ),
]


def wbm(
    predictions: Predictions = None,
    model: relaxing.Model = None,
    sample: relaxing.Sample = None,
    cluster: relaxing.Cluster = "local",
    out: relaxing.Out = None,
    structures: relaxing.StructureFile = None,
    references: relaxing.References = None,
    engine: relaxing.Engine = "ase",
    batch_size: relaxing.Batch = 32,
    dtype: relaxing.Precision = None,
    fmax: relaxing.Fmax = None,
    steps: relaxing.Steps = None,
    device: Device = "cpu",
    threads: Threads = 1,
    seed: relaxing.SampleSeed = 0,
    trust: Trust = False,
    alphanet: relaxing.AlphaNetFile = None,
    config: ModelConfig = None,
    geometry: relaxing.Geometry = None,
    restart: relaxing.Restart = False,
    truth: Truth = None,
    column: Column = None,
    subset: SubsetName = None,
    max_error: MaxError = 5.0,
    decimals: Decimals = None,
    figures: Figures = None,
    as_json: AsJson = False,
) -> None:
    """Score WBM predictions as Matbench Discovery's leaderboard does: F1, DAF, errors, with 95 % intervals.

    With --model, the structures are relaxed first; the same command goes on where it was stopped.
    """
    if (model is None) == (predictions is None):
        raise typer.BadParameter("give either predictions to score or a model that makes them", param_hint="--model")
    if model is not None:
        relaxing.refuse({"--column": column, "--subset": subset, "--decimals": decimals, "--figures": figures})
        model = relaxing.named(model, alphanet)
        how = relaxing.opening(model, dtype, device, threads, config, trust)
        wanted = relaxing.Asked(
            model=model,
            how=how,
            engine=engine,
            batch=batch_size,
            fmax=fmax,
            max_steps=steps,
            sample=sample,
            seed=seed,
        )
        relaxing.relax_and_score(
            wanted,
            cluster=cluster,
            out=out,
            files=relaxing.Files(structures, references, truth, geometry),
            restart=restart,
            as_json=as_json,
        )
        return
    assert predictions is not None
    from alphanet.cli.bench_options import require_one_of
    from alphanet.measure.wbm import SUBSETS, read_wbm

    if subset is not None:
        require_one_of("--subset", subset, SUBSETS)
    found = read_wbm(predictions, truth, column, max_error=max_error, decimals=decimals)
    asked = [name for name in SUBSETS if name in ((subset,) if subset else found.available())]
    scores = [found.score(name) for name in asked]
    if figures is not None:
        _draw(figures, found, scores)
    if as_json:
        print(json.dumps(_as_json(scores, found), ensure_ascii=False))
    else:
        print_scores(scores, found)


def _as_json(scores: list[dict[str, Any]], found: "Wbm") -> dict[str, Any]:
    """The first subset, and what was read; where all were asked for, the others by name in `subsets`."""
    first, *others = scores
    named = {"subsets": {score["subset"]: score for score in others}} if others else {}
    return {**first, **found.described(), **named}


def print_scores(scores: list[dict[str, Any]], found: "Wbm") -> None:
    """Tables of the metrics on stdout, and what they leave out."""
    from alphanet.cli.bench import print_table
    from alphanet.measure.wbm import NOT_CALLED_UNIQUE, STRUCTURES, SUBSETS

    print(f"{found.predictions.name}, {found.joined.column}; 95 % intervals in brackets")
    rows = [("structures", *(str(score["n"]) for score in scores))]
    rows += [("missing predictions", *(str(score["missing"]) for score in scores))]
    for name in (*RATES, *ERRORS, *COUNTS):
        title = name.upper() if name in CAPITALS else name
        rows.append((title + UNITS.get(name, ""), *(_value(score, name) for score in scores)))
    print_table(("", *(score["subset"] for score in scores)), rows)
    described = found.described()
    for key, said in LEFT_OUT.items():
        if described[key]:
            print(f"{described[key]} {said}")
    labelled = len(found.joined.true)
    if labelled + found.joined.unlabelled != STRUCTURES:
        print(f"the truth has labels of {labelled} of {STRUCTURES} structures: not the leaderboard's numbers")
    if len(found.available()) < len(SUBSETS):
        print(f"no unique prototypes, no most stable ones: {NOT_CALLED_UNIQUE}")


def _draw(folder: Path, found: "Wbm", scores: list[dict[str, Any]]) -> None:
    """Figures of the unique prototypes, as on the leaderboard, or of the one subset that there is."""
    from alphanet.data.progress import print_to_stderr
    from alphanet.report.discovery_page import TREE, write_page

    score = next((score for score in scores if score["subset"] == "unique"), scores[0])
    said = {"full": "structures", "unique": "unique prototypes", "most-stable": "most stable"}[score["subset"]]
    title = f"{found.predictions.name.partition('.csv')[0]} · {score['n']} {said}"
    print_to_stderr(TREE.format(folder=folder))
    write_page(folder, title, found.select(score["subset"]), score, print_to_stderr)


def _value(score: dict[str, Any], name: str) -> str:
    value = score[name]
    if value is None:
        return "undefined (0/0)"
    if name in COUNTS:
        return str(value)
    interval = score["intervals"][name]
    return f"{value:.4f}" if interval is None else f"{value:.4f} ({interval[0]:.4f}–{interval[1]:.4f})"
