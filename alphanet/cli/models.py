"""`alphanet init` and `alphanet predict`."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from ase import Atoms

    from alphanet.potentials.protocol import FramePrediction, Potential


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("init")(init)
    app.command("predict")(predict)


def init(
    preset: Annotated[str, typer.Option(help="Settings: table1-formate, table1-graphene, zeolite, oc2m, mptrj, …")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, ending in .safetensors.")],
    reading: Annotated[
        str, typer.Option(help="paper (invariant and smooth) or official-v1 (public checkpoints).")
    ] = "paper",
    elements: Annotated[
        str | None, typer.Option(help="Chemical symbols, separated by commas; the preset's if not given.")
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Write an untrained model with random weights."""
    from alphanet.model.checkpoint import save_model
    from alphanet.model.config import preset as named
    from alphanet.model.create import create_model

    chosen = {"elements": elements.replace(",", " ").split()} if elements else {}
    model = create_model(named(preset, reading=reading, **chosen), seed)
    save_model(model, output, extra={"seed": str(seed), "preset": preset})
    if as_json:
        print(json.dumps({"file": str(output), "parameters": model.n_parameters, "config": model.config.model_dump()}))
    else:
        known = ", ".join(model.config.elements)
        print(f"{output}: {preset}, reading {reading}, {model.n_parameters:,} parameters; elements {known}")


def predict(
    model: Annotated[
        str, typer.Argument(help="A model file; a baseline, NAME or NAME:CHECKPOINT; or module:callable.")
    ],
    structures: Annotated[Path, typer.Argument(metavar="IN", help="Structures in any format ASE reads, or a store.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, e.g. OUT.extxyz.")],
    dtype: Dtype = "float32",
    device: Device = "cpu",
    batch_size: BatchSize = 8,
    config: ModelConfig = None,
    untrained: Untrained = False,
    preset: Preset = None,
    seed: Seed = 0,
    threads: Threads = 1,
    mode: EvaluationMode = "eager",
    max_memory: MaxMemory = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Write structures with predicted energy, forces and, for periodic ones, stress."""
    from alphanet.data.formats import read_frames, write_frames
    from alphanet.potentials.opening import Opening, open_potential

    how = Opening(dtype, device, threads, config, untrained, seed, preset, trust, mode, max_memory)
    potential = open_potential(model, how, lambda: read_frames(structures, labeled=False))
    try:
        frames = read_frames(structures, labeled=False)
        count = write_frames(output, _predicted(potential, frames, batch_size))
        about = potential.provenance()
    finally:
        potential.close()
    if as_json:
        print(json.dumps({"file": str(output), "n_structures": count, **about}))
    else:
        print(f"{output}: {count} structures")


def _predicted(potential: "Potential", frames: "Iterable[Atoms]", batch_size: int) -> "Iterator[Atoms]":
    from alphanet.errors import UserError

    done = 0
    stream = iter(frames)
    while batch := list(islice(stream, batch_size)):
        try:
            answers = potential.predict(batch, batch_size=batch_size)
        except UserError as error:
            raise UserError(f"among structures {done} to {done + len(batch) - 1}: {error}") from error
        yield from (_labelled(atoms, answer) for atoms, answer in zip(batch, answers, strict=True))
        done += len(batch)


def _labelled(atoms: "Atoms", answer: "FramePrediction") -> "Atoms":
    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.stress import full_3x3_to_voigt_6_stress

    labels = {"energy": answer.energy, "forces": answer.forces}
    if answer.stress is not None:
        labels["stress"] = full_3x3_to_voigt_6_stress(answer.stress)
    copy = atoms.copy()
    copy.calc = SinglePointCalculator(copy, **labels)
    return copy
