"""`alphanet bench`: speed, memory, physics, properties, learning, … of any models, as benchmarks made here."""

import os
from collections.abc import Sequence
from pathlib import Path

import typer

from alphanet.cli import bench_data, bench_learning, bench_properties, bench_wbm
from alphanet.cli import options as o
from alphanet.cli.output import print_json, print_table, print_text
from alphanet.cli.repro import run_card
from alphanet.errors import UserError

FIGURE_3A = ("alphanet", "schnet", "painn", "nequip", "mace", "equiformer-v2")
RANGE, TRAINING_SIZE = "100..10000", "72"
SPEED_MINUTES, TRAINING_MINUTES = 40.0, 10.0
TRAINING_BATCH = 4
LONGEST_CALL = 120.0  # seconds
MODE_VARIABLE = "ALPHANET_MODE"  # see `alphanet.model.evaluator`, which imports torch

app = typer.Typer(
    help="Measure speed, memory, physics, properties and learning of any models, and how well they find crystals.",
    no_args_is_help=True,
    epilog="Examples:\n\nalphanet bench speed alphanet mace --budget 10m\n\nalphanet bench physics model.safetensors",
)


def register(parent: typer.Typer) -> None:
    """Add the group to `parent`."""
    bench_data.register(app)
    bench_learning.register(app)
    bench_properties.register(app)
    bench_wbm.register(app)
    parent.add_typer(app, name="bench")


@app.command(
    epilog="Examples:\n\nalphanet bench speed alphanet mace --sizes 100..1000 --budget 10m\n\n"
    "alphanet bench speed alphanet alphanet-official --device cuda --out runs/on-a-gpu\n\n"
    "alphanet bench speed alphanet --protocol public-si --sizes 8,1000"
)
def speed(
    models: o.MeasuredModels = None,
    named: o.NamedModels = None,
    seed: o.Seed = None,
    restart: o.Restart = False,
    budget: o.Budget = None,
    device: o.Device = "auto",
    dtype: o.Dtype = None,
    threads: o.Threads = None,
    mode: o.Mode = None,
    batch_size: o.BatchSize = None,
    max_memory: o.MaxMemory = None,
    weights: o.Weights = "untrained",
    alphanet: o.AlphaNetFile = None,
    config: o.ModelConfig = None,
    trust: o.Trust = False,
    structures: o.Structures = None,
    protocol: o.TimingProtocol = None,
    sizes: o.Sizes = None,
    points: o.Points = 7,
    passes: o.Passes = 3,
    rounds: o.Rounds = 3,
    out: o.OutFolder = None,
    as_json: o.AsJson = False,
) -> None:
    """Time energy and forces against the number of atoms, for at most 40 minutes. The same command resumes."""
    from alphanet.benchmark.kinds.speed import public_protocol, speed_card

    folder = out or Path("runs/speed")
    public = None if protocol is None else public_protocol(protocol)
    if public is not None and structures is not None:
        raise UserError(f"--structures {structures}: the protocol {protocol} has structures of its own; leave one out")
    chosen = o.model_names(models, named) or (FIGURE_3A if public is None else public.models)
    card = speed_card(
        folder.name,
        models=chosen,
        sizes=public.sizes if public is not None and sizes is None else parse_sizes(sizes or RANGE, points),
        structures=(structures or "zeolite") if public is None else public.structures,
        published=() if public is None else public.published,
        batch=_number(batch_size) or 1,
        passes=passes,
        rounds=rounds,
        minutes=SPEED_MINUTES if budget is None else budget / 60,
        weights=weights,
        dtype=_precision(dtype, chosen),
        alphanet=None if alphanet is None else str(alphanet),
        config=config,
        trust=trust,
    )
    run_card(
        card, folder, as_json,
        restart=restart, seed=seed, device=device, threads=threads, mode=_form(mode), max_memory=max_memory,
    )  # fmt: skip


@app.command(epilog="Example:\n\nalphanet bench train-speed alphanet nequip --sizes 72,144 --batch-size 8 --budget 5m")
def train_speed(
    models: o.MeasuredModels = None,
    named: o.NamedModels = None,
    seed: o.Seed = None,
    restart: o.Restart = False,
    budget: o.Budget = None,
    device: o.Device = "auto",
    dtype: o.Dtype = None,
    threads: o.Threads = None,
    mode: o.Mode = None,
    batch_size: o.BatchSize = None,
    max_memory: o.MaxMemory = None,
    config: o.ModelConfig = None,
    trust: o.Trust = False,
    structures: o.Structures = None,
    sizes: o.Sizes = None,
    points: o.Points = 7,
    passes: o.Passes = 3,
    rounds: o.Rounds = 3,
    out: o.OutFolder = None,
    as_json: o.AsJson = False,
) -> None:
    """Time a step of training: loss of energies and forces, backward, optimizer. It takes at most 10 minutes."""
    from alphanet.benchmark.kinds.speed import speed_card

    folder, chosen = out or Path("runs/train-speed"), o.model_names(models, named) or FIGURE_3A
    card = speed_card(
        folder.name,
        models=chosen,
        sizes=parse_sizes(sizes or TRAINING_SIZE, points),
        structures=structures or "zeolite",
        tasks=("train",),
        batch=_number(batch_size) or TRAINING_BATCH,
        passes=passes,
        rounds=rounds,
        minutes=TRAINING_MINUTES if budget is None else budget / 60,
        dtype=_precision(dtype, chosen),
        config=config,
        trust=trust,
    )
    run_card(
        card, folder, as_json,
        restart=restart, seed=seed, device=device, threads=threads, mode=_form(mode), max_memory=max_memory,
    )  # fmt: skip


@app.command(epilog="Example:\n\nalphanet bench memory alphanet mace --max-memory 8 --longest-call 60s")
def memory(
    models: o.MeasuredModels = None,
    named: o.NamedModels = None,
    seed: o.Seed = None,
    restart: o.Restart = False,
    longest_call: o.LongestCall = None,
    smallest: o.Smallest = 100,
    largest: o.Largest = 1_000_000,
    device: o.Device = "auto",
    dtype: o.Dtype = None,
    threads: o.Threads = None,
    mode: o.Mode = None,
    max_memory: o.MaxMemory = None,
    weights: o.Weights = "untrained",
    alphanet: o.AlphaNetFile = None,
    config: o.ModelConfig = None,
    trust: o.Trust = False,
    structures: o.Structures = None,
    sample_atoms: o.SampleAtoms = 72,
    out: o.OutFolder = None,
    as_json: o.AsJson = False,
) -> None:
    """Find the largest system that fits, memory per atom and memory per sample in training. It resumes."""
    from alphanet.benchmark.kinds.memory import memory_card

    folder, chosen = out or Path("runs/memory"), o.model_names(models, named) or FIGURE_3A
    card = memory_card(
        folder.name,
        models=chosen,
        structures=structures or "zeolite",
        weights=weights,
        dtype=_precision(dtype, chosen),
        alphanet=None if alphanet is None else str(alphanet),
        config=config,
        trust=trust,
        smallest=smallest,
        most=largest,
        longest=longest_call or LONGEST_CALL,
        sample_atoms=sample_atoms,
    )
    run_card(
        card, folder, as_json,
        restart=restart, seed=seed, device=device, threads=threads, mode=_form(mode), max_memory=max_memory,
    )  # fmt: skip


@app.command(
    epilog="Examples:\n\nalphanet bench physics alphanet --untrained\n\n"
    "alphanet bench physics model.safetensors mace-mp-0 --out runs/physics"
)
def physics(
    models: o.ModelNames = None,
    named: o.NamedModels = None,
    seed: o.Seed = None,
    restart: o.Restart = False,
    device: o.Device = "auto",
    threads: o.Threads = None,
    untrained: o.Untrained = False,
    preset: o.Preset = None,
    config: o.ModelConfig = None,
    trust: o.Trust = False,
    structures: o.Structures = None,
    out: o.OutFolder = None,
    as_json: o.AsJson = False,
) -> None:
    """Check whether potentials obey what every energy surface obeys, in float64 if they can.

    A failed check is a finding and no error: the exit code is 1 only if a potential could not be checked. Structures
    are those of --structures (a file with a periodic structure and one that is not), or of a training's own data, or
    quartz and ethanol; the output says which.
    """
    from alphanet.benchmark.kinds.physics import physics_card

    folder = out or Path("runs/physics")
    names = o.required_models(models, named)
    card = physics_card(folder.name, models=names, untrained=untrained, preset=preset, config=config, trust=trust)
    run_card(
        card, folder, as_json,
        restart=restart, seed=seed, device=device, threads=threads, structures=structures,
    )  # fmt: skip


@app.command(
    epilog="Examples:\n\nalphanet bench expressiveness alphanet schnet --untrained\n\n"
    "alphanet bench expressiveness alphanet --untrained --preset fig3a-moments --out runs/moments"
)
def expressiveness(
    models: o.ModelNames = None,
    named: o.NamedModels = None,
    seed: o.Seed = None,
    restart: o.Restart = False,
    device: o.Device = "auto",
    threads: o.Threads = None,
    untrained: o.Untrained = False,
    preset: o.Preset = None,
    config: o.ModelConfig = None,
    trust: o.Trust = False,
    out: o.OutFolder = None,
    as_json: o.AsJson = False,
) -> None:
    """Test which structures potentials tell apart, on pairs that distances, angles or correlations cannot.

    Random weights are tried as they are and eight times as large. AlphaNet is also trained on each pair. Structures
    that are alike to a potential are a finding and no error.
    """
    from alphanet.benchmark.kinds.expressiveness import expressiveness_card

    folder = out or Path("runs/expressiveness")
    names = o.required_models(models, named)
    card = expressiveness_card(
        folder.name, models=names, untrained=untrained, preset=preset, config=config, trust=trust
    )
    run_card(card, folder, as_json, restart=restart, seed=seed, device=device, threads=threads)


@app.command(epilog="Example:\n\nalphanet bench check")
def check(as_json: o.AsJson = False) -> None:
    """Measure the harness itself on potentials of known cost: 200 ms and 200 MB, and nothing at all."""
    from alphanet.measure.speed.selfcheck import check_harness

    result = check_harness()
    if as_json:
        print_json("alphanet-harness", result.model_dump(mode="json"))
    elif result.time_error is None or result.memory_error is None or result.overhead_us is None:
        print_text(f"failed: {result.reason}")
    else:
        for quantity, error, allowed in (
            ("time", result.time_error, result.time_tolerance),
            ("memory", result.memory_error, result.memory_tolerance),
        ):
            print_text(f"known {quantity}: measured {100 * error:+.2f} % of it off, {100 * allowed:.0f} % allowed")
        print_text(f"the harness adds {result.overhead_us:.1f} microseconds to a call")
    raise typer.Exit(0 if result.passed else 1)


@app.command(epilog="Example:\n\nalphanet bench compare runs/speed runs/speed-again")
def compare(first: o.FirstRun, second: o.SecondRun, as_json: o.AsJson = False) -> None:
    """Say whether two runs of one sweep agree on every ratio within the intervals that they print."""
    from alphanet.measure.speed.agreement import agreement
    from alphanet.measure.speed.summary import SUMMARY, read_summary

    ratios = agreement(read_summary(first / SUMMARY), read_summary(second / SUMMARY))
    if not ratios:
        raise UserError(f"{first} and {second} have no ratio with an interval in common")
    if as_json:
        values = [{**ratio.model_dump(mode="json"), "agree": ratio.agree} for ratio in ratios]
        print_json("alphanet-agreement", {"ratios": values})
    else:
        rows = [
            (
                ratio.first.model,
                str(ratio.first.n_atoms),
                ratio.first.task,
                *(f"{run.ratio:.3g} ({run.low:.3g}–{run.high:.3g})" for run in (ratio.first, ratio.second)),
                "yes" if ratio.agree else "NO",
            )
            for ratio in ratios
        ]
        print_table(("model", "atoms", "task", str(first), str(second), "agree"), rows)
    raise typer.Exit(0 if all(ratio.agree for ratio in ratios) else 1)


def parse_sizes(text: str, points: int) -> tuple[int, ...]:
    """Numbers of atoms, ascending, from `A..B` or `a,b,c`.

    Raises:
        UserError: another form, a reversed range, or numbers below 1.
    """
    try:
        if ".." in text:
            low, high = (int(part) for part in text.split(".."))
            if low > high:
                raise UserError(f"--sizes: {text!r} is reversed; write {high}..{low}")
            factor = (high / low) ** (1 / (points - 1)) if low > 0 else 1.0
            sizes = [round(low * factor**place) for place in range(points)]
        else:
            sizes = [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"--sizes: {text!r} is neither A..B nor a list such as 100,300,1000") from None
    if min(sizes) < 1:
        raise UserError(f"--sizes: {text!r}: a system has at least one atom")
    return tuple(sorted(set(sizes)))


def _form(mode: str | None) -> str:
    """The mode of a timing: the faster form, unless another is named, or the reference is wanted for everything."""
    return mode or ("eager" if os.environ.get(MODE_VARIABLE) == "eager" else "best")


def _precision(asked: str | None, models: Sequence[str]) -> str:
    from alphanet.potentials.specification import common_dtype

    return asked or common_dtype(models)


def _number(batch_size: "int | str | None") -> int | None:
    """The size of a batch that is timed, which is a number.

    Raises:
        UserError: it is `auto`.
    """
    if isinstance(batch_size, str):
        raise UserError(f"--batch-size {batch_size}: what is timed has a number of structures; give one")
    return batch_size
