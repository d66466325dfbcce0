"""`alphanet eval`: errors of a model on labeled structures."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from alphanet.cli import options as o
from alphanet.cli.models import load_options
from alphanet.cli.output import print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphanet.measure.evaluation import EvaluationResult

logger = logging.getLogger(__name__)

EXAMPLES = """Examples:

alphanet eval model.safetensors test.extxyz --device cuda

alphanet eval mace-mp-0 formate:mini:test --json

alphanet eval alphanet zeolite:mini --untrained --parity figures"""
ERRORS = (
    ("energy_mae", "energy MAE", "meV/atom"),
    ("energy_rmse", "energy RMSE", "meV/atom"),
    ("energy_mae_shifted", "energy MAE, mean error removed", "meV/atom"),
    ("force_mae", "force MAE", "meV/Å"),
    ("force_rmse", "force RMSE", "meV/Å"),
    ("stress_mae", "stress MAE", "meV/Å^3"),
    ("stress_rmse", "stress RMSE", "meV/Å^3"),
)
SPREADS = (("energy", "meV/atom"), ("force", "meV/Å"), ("stress", "meV/Å^3"))
COMPARED = (
    ("scale", "RMSE over RMS spread"),
    ("calibration", "calibration (1: calibrated; above: overconfident)"),
    ("spearman", "rank correlation of spread and error"),
)
S2EF = (
    ("s2ef_energy_mae", "energy MAE of OC20 (whole structure)", "{:.4g} eV"),
    ("s2ef_force_mae", "force MAE of OC20 (free atoms)", "{:.4g} eV/Å"),
    ("s2ef_force_cosine", "force cosine of OC20", "{:.4g}"),
    ("s2ef_efwt", "within 0.02 eV and 0.03 eV/Å (EFwT)", "{:.2%}"),
    ("s2ef_fixed_atoms", "fixed atoms, which do not count", "{}"),
)


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("eval", epilog=EXAMPLES)(evaluate)


def evaluate(
    model: o.ModelName,
    data: o.LabeledData,
    protocol: o.Protocol = "plain",
    seed: o.Seed = None,
    device: o.Device = "auto",
    dtype: o.Dtype = None,
    threads: o.Threads = None,
    mode: o.Mode = None,
    edge_memory: o.EdgeMemory = None,
    batch_size: o.BatchSize = None,
    untrained: o.Untrained = False,
    preset: o.Preset = None,
    config: o.ModelConfig = None,
    trust: o.Trust = False,
    mirror: o.Mirror = None,
    energy_key: o.EnergyKey = None,
    forces_key: o.ForcesKey = None,
    stress_key: o.StressKey = None,
    virial_key: o.VirialKey = None,
    parity: o.Parity = None,
    as_json: o.AsJson = False,
) -> None:
    """Print energy, force and stress errors of a model on data, against the labels that the data carry.

    For a committee the errors are those of its mean, and its spread is compared with them.
    """
    from alphanet.measure.evaluation import evaluate as run

    options = load_options(
        device=device, dtype=dtype, threads=threads, mode=mode, edge_memory=edge_memory, untrained=untrained,
        preset=preset, seed=seed, config=config, trust=trust,
    )  # fmt: skip
    result = run(
        model,
        data,
        options=options,
        protocol=protocol,  # type: ignore[arg-type]  # it is checked
        batch_size=batch_size or 8,
        mirror=mirror,
        labels=o.label_keys(energy_key, forces_key, stress_key, virial_key),
    )
    if parity:
        _draw(parity, result)
    if as_json:
        print_json("alphanet-evaluation", result.as_json())
    else:
        print_table(("error", "value"), _lines(result.accuracy.metrics()), title=f"{model} on {data}")


def _calibration_lines(calibration: "Mapping[str, Any]") -> list[tuple[str, str]]:
    """Lines about a committee's spread, from `Calibration.metrics`; none without a committee."""
    lines = []
    for name, unit in SPREADS:
        if (measured := calibration.get(name)) is None:
            continue
        title = f"{name} spread (RMS over {calibration['members']} members)"
        lines.append((title, f"{1e3 * measured['spread']:.4g} {unit}"))
        for key, words in COMPARED:
            lines.append((f"{name} {words}", "–" if measured[key] is None else f"{measured[key]:.3g}"))
    return lines


def _draw(folder: Path, result: "EvaluationResult") -> None:
    from alphanet.figures.calibration import calibration_figure
    from alphanet.figures.parity import parity_figure

    title = f"{Path(result.model).name} on {result.data}"
    written = parity_figure(folder / "parity", title, {result.split: result.accuracy.parity})
    if (calibration := result.accuracy.calibration) is not None:
        written += calibration_figure(folder / "calibration", title, calibration)
    logger.info("wrote %s", ", ".join(str(path) for path in written))


def _lines(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [("structures", f"{metrics['n_structures']}"), ("atoms", f"{metrics['n_atoms']}")]
    lines += [
        (f"structures with {label}", f"{metrics[name]}")
        for name, label in (("n_energy", "an energy"), ("n_forces", "forces"), ("n_stress", "a stress"))
        if metrics.get(name, metrics["n_structures"]) != metrics["n_structures"]
    ]
    lines += [
        (title, f"{1e3 * metrics[name]:.4g} {unit}") for name, title, unit in ERRORS if metrics.get(name) is not None
    ]
    for element, value in metrics["force_mae_by_element"].items():
        lines.append((f"force MAE of {element}", f"{1e3 * value:.4g} meV/Å"))
    lines += _calibration_lines(metrics.get("calibration", {}))
    if official := metrics.get("official_evaluator"):
        for name in ("mae", "rmse"):
            value = f"{1e3 * official[f'force_{name}']:.4g} meV/Å"
            lines.append((f"force {name.upper()} as the released evaluator prints it (halved)", value))
        lines.append(("force components it drops (beyond 100 RMSE)", f"{official['dropped_components']}"))
    return lines + [(title, text.format(metrics[name])) for name, title, text in S2EF if name in metrics]
