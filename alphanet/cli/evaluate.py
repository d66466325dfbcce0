"""`alphanet eval`: errors of a model on labelled structures."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphanet.cli.options import (
    AsJson,
    BatchSize,
    Device,
    Dtype,
    EvaluationMode,
    MaxMemory,
    ModelConfig,
    Preset,
    Seed,
    Threads,
    Trust,
    Untrained,
)
from alphanet.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ase import Atoms

    from alphanet.measure.accuracy import Accuracy

SPLITS = ("train", "valid", "test")
PROTOCOLS = ("plain", "official", "s2ef")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("eval")(evaluate_model)


def evaluate_model(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL DATA",
            help="MODEL: a file; a baseline, NAME or NAME:CHECKPOINT; or module:callable. DATA: a file of labelled "
            "structures, a store, or NAME[:SCALE[:SPLIT]] (formate:mini:test).",
        ),
    ],
    model: Annotated[str | None, typer.Option(help="MODEL, instead of the first argument.")] = None,
    untrained: Untrained = False,
    preset: Preset = None,
    seed: Seed = 0,
    threads: Threads = 1,
    mode: EvaluationMode = "eager",
    max_memory: MaxMemory = None,
    trust: Trust = False,
    dtype: Dtype = "float32",
    device: Device = "cpu",
    batch_size: BatchSize = 8,
    protocol: Annotated[
        str,
        typer.Option(help="plain; official: add what the released evaluator would print; s2ef: add OC20's errors."),
    ] = "plain",
    parity: Annotated[
        Path | None, typer.Option(help="Folder for parity plots of energies and forces (PNG, SVG, PDF).")
    ] = None,
    config: ModelConfig = None,
    mirror: Annotated[
        str | None, typer.Option(envvar="ALPHANET_MIRROR", help="file:// or http(s):// that serves HOST/PATH.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Energy, force and stress errors of MODEL on DATA, against the labels that DATA carries."""
    from alphanet.measure.accuracy import evaluate
    from alphanet.potentials.opening import Opening, open_potential

    model, data = _model_and_data(words, model)
    if protocol not in PROTOCOLS:
        raise UserError(f"--protocol: unknown {protocol!r}{did_you_mean(protocol, PROTOCOLS)}")
    frames, split = _open(data, mirror)
    how = Opening(dtype, device, threads, config, untrained, seed, preset, trust, mode, max_memory)
    potential = open_potential(model, how, frames)
    try:
        official, s2ef = protocol == "official", protocol == "s2ef"
        accuracy = evaluate(potential, frames(), batch_size=batch_size, official=official, s2ef=s2ef)
        about = potential.provenance()
    finally:
        potential.close()
    if parity:
        _draw(parity, model, data, split, accuracy)
    if as_json:
        print(json.dumps({**accuracy.metrics(), "data": data, "model": about}, ensure_ascii=False))
    else:
        _print(f"{model} on {data}", accuracy.metrics())


def _model_and_data(words: list[str], model: str | None) -> tuple[str, str]:
    words = ([model] if model else []) + words
    if len(words) != 2:
        raise typer.BadParameter("give a model and the data: alphanet eval MODEL DATA", param_hint="MODEL DATA")
    return words[0], words[1]


def _open(data: str, mirror: str | None) -> "tuple[Callable[[], Iterable[Atoms]], str]":
    """What reads the frames, and the split they are drawn as."""
    from alphanet.data.formats import read_frames
    from alphanet.data.store import FrameStore

    path = Path(data)
    if path.exists():
        return (lambda: FrameStore(path) if path.suffix == ".aselmdb" else read_frames(path)), "test"
    name, scale, split = [*data.split(":"), "", ""][:3]
    if "/" in name or Path(name).suffix or data.count(":") > 2:
        raise UserError(f"cannot read {data}: no such file")
    split = split or "test"
    if split not in SPLITS:
        raise UserError(f"{data}: unknown split {split!r}{did_you_mean(split, SPLITS)}")
    from alphanet.data.prepare import prepare

    prepared = prepare(name, scale or "mini", mirror=mirror)
    return (lambda: FrameStore(getattr(prepared, split))), split


def _draw(folder: Path, model: str, data: str, split: str, accuracy: "Accuracy") -> None:
    from alphanet.data.progress import print_to_stderr
    from alphanet.report.figures import parity_figure

    written = parity_figure(folder / "parity", f"{Path(model).name} on {data}", {split: accuracy.parity})
    print_to_stderr(f"wrote {', '.join(str(path) for path in written)}")


def _print(title: str, metrics: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in _lines(metrics):
        table.add_row(name, value)
    Console(highlight=False).print(table)


def _lines(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [("structures", f"{metrics['n_structures']}"), ("atoms", f"{metrics['n_atoms']}")]
    for name, title, unit in (
        ("energy_mae", "energy MAE", "meV/atom"),
        ("energy_rmse", "energy RMSE", "meV/atom"),
        ("energy_mae_shifted", "energy MAE, mean error removed", "meV/atom"),
        ("force_mae", "force MAE", "meV/Å"),
        ("force_rmse", "force RMSE", "meV/Å"),
        ("stress_mae", "stress MAE", "meV/Å^3"),
        ("stress_rmse", "stress RMSE", "meV/Å^3"),
    ):
        if name in metrics:
            lines.append((title, f"{1e3 * metrics[name]:.4g} {unit}"))
    for element, value in metrics["force_mae_by_element"].items():
        lines.append((f"force MAE of {element}", f"{1e3 * value:.4g} meV/Å"))
    if official := metrics.get("official_evaluator"):
        for name in ("mae", "rmse"):
            value = f"{1e3 * official[f'force_{name}']:.4g} meV/Å"
            lines.append((f"force {name.upper()} as the released evaluator prints it (halved)", value))
        lines.append(("force components it drops (beyond 100 RMSE)", f"{official['dropped_components']}"))
    return lines + _s2ef_lines(metrics)


def _s2ef_lines(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """What OC20's leaderboard says of; nothing where it was not asked for, no forces where no atom is free."""
    formats = {
        "s2ef_energy_mae": ("energy MAE of OC20 (whole structure)", "{:.4g} eV"),
        "s2ef_force_mae": ("force MAE of OC20 (free atoms)", "{:.4g} eV/Å"),
        "s2ef_force_cosine": ("force cosine of OC20", "{:.4g}"),
        "s2ef_efwt": ("within 0.02 eV and 0.03 eV/Å (EFwT)", "{:.2%}"),
        "s2ef_fixed_atoms": ("fixed atoms, which do not count", "{}"),
    }
    return [(title, text.format(metrics[name])) for name, (title, text) in formats.items() if name in metrics]
