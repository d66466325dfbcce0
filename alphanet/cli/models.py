"""`alphanet init`, `alphanet predict` and `alphanet export`: models and what they give, as files."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import typer

from alphanet.cli import options as o
from alphanet.cli.output import print_json, print_text
from alphanet.errors import UserError

if TYPE_CHECKING:
    from ase import Atoms

    from alphanet.potentials.opening import LoadOptions
    from alphanet.potentials.protocol import FramePrediction, Potential

INIT_EXAMPLES = """Examples:

alphanet init --preset fig3a --elements Si,O --out model.safetensors

alphanet init --preset mptrj-v1 --reading official-v1 --out model.safetensors"""
PREDICT_EXAMPLES = """Examples:

alphanet predict model.safetensors structures.cif --out predicted.extxyz

alphanet predict mace-mp-0 structures.extxyz --out predicted.extxyz --device cuda"""


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("init", epilog=INIT_EXAMPLES)(init)
    app.command("predict", epilog=PREDICT_EXAMPLES)(predict)
    app.command("export", epilog="Example:\n\nalphanet export model.safetensors --out model.pt2")(export)


def init(
    out: o.OutFile,
    preset: o.Preset = None,
    reading: o.Reading = "paper",
    elements: o.Elements = None,
    seed: o.Seed = None,
    as_json: o.AsJson = False,
) -> None:
    """Write an untrained model with random weights to a file that ends in .safetensors."""
    from alphanet.model.checkpoint import save_model
    from alphanet.model.config import preset as named
    from alphanet.model.create import create_model

    if preset is None:
        raise UserError("name the settings with --preset: fig3a, zeolite, mptrj, …")
    chosen = {"elements": elements.replace(",", " ").split()} if elements else {}
    model = create_model(named(preset, reading=reading, **chosen), seed or 0)
    save_model(model, out, extra={"seed": str(seed or 0), "preset": preset})
    if as_json:
        values = {"file": str(out), "parameters": model.n_parameters, "config": model.config.model_dump(mode="json")}
        print_json("alphanet-model", values)
    else:
        known = ", ".join(model.config.elements)
        print_text(f"{out}: {preset}, reading {reading}, {model.n_parameters:,} parameters; elements {known}")


def predict(
    model: o.ModelName,
    structures: o.StructuresFile,
    out: o.OutFile,
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
    as_json: o.AsJson = False,
) -> None:
    """Write structures with predicted energy, forces and, if they are periodic, stress.

    AlphaNet's energies of atoms (eV) are the array `atomic_energies`. A committee also writes standard deviations over
    its members: `energy_spread` (eV), `stress_spread` (eV/Å^3), the arrays `forces_spread` (eV/Å, of each atom) and
    `atomic_energies_spread`, and `forces_spread_max`, the largest of an atom.
    """
    from alphanet.data.formats import read_frames, write_frames
    from alphanet.potentials.batches import fitted
    from alphanet.potentials.opening import open_potential

    options = load_options(
        device=device, dtype=dtype, threads=threads, mode=mode, edge_memory=edge_memory, untrained=untrained,
        preset=preset, seed=seed, config=config, trust=trust,
    )  # fmt: skip
    potential = open_potential(model, options, lambda: read_frames(structures, labeled=False, labels=None))
    try:
        # What has the names of labels in the file stays beside the prediction.
        frames = read_frames(structures, labeled=False, labels=None)
        count = write_frames(out, _predicted(*fitted(potential, batch_size or 8), frames))
        provenance = potential.provenance()
    finally:
        potential.close()
    if as_json:
        print_json("alphanet-prediction", {"file": str(out), "n_structures": count, **provenance})
    else:
        print_text(f"{out}: {count} structures")


def export(
    model: o.ModelFile,
    out: o.OutFile,
    dtype: o.Dtype = None,
    device: o.Device = "auto",
    config: o.ModelConfig = None,
    lammps: o.LammpsFile = False,
    as_json: o.AsJson = False,
) -> None:
    """Compile a model with AOTInductor to a file that ends in .pt2, if the file predicts what the model predicts.

    The file runs on the same kind of processor or GPU with the same torch. It is native code.
    """
    del lammps  # refused when it is read
    from alphanet.files import sha256_of
    from alphanet.model.checkpoint import load_model
    from alphanet.model.export import export_model
    from alphanet.model.released import model_files

    loaded = load_model(model, config, dtype or "float32", device)
    weights, _ = model_files(model, config)
    difference = export_model(loaded, out, extra={"weights_sha256": sha256_of(weights)})
    size = out.stat().st_size
    if as_json:
        print_json("alphanet-export", {"file": str(out), "bytes": size, "difference": difference})
    else:
        print_text(f"{out}: {size / 1e6:.1f} MB, within {difference:.1e} of the model (relative)")


def load_options(*, device: str, edge_memory: float | None = None, **values: Any) -> "LoadOptions":
    """The options of `open_potential`, those that were given.

    Args:
        device: see `LoadOptions`.
        edge_memory: GB, its `max_memory`.
        values: its other fields, None or False if not given.
    """
    from alphanet.potentials.opening import LoadOptions

    return LoadOptions(device=device, **o.given(max_memory=edge_memory, **values))


def _predicted(potential: "Potential", batch_size: int, frames: "Iterable[Atoms]") -> "Iterator[Atoms]":
    done = 0
    stream = iter(frames)
    while batch := list(islice(stream, batch_size)):
        try:
            answers = potential.predict(batch, batch_size=batch_size)
        except UserError as error:
            raise UserError(f"among structures {done} to {done + len(batch) - 1}: {error}") from error
        yield from (_labeled(atoms, answer) for atoms, answer in zip(batch, answers, strict=True))
        done += len(batch)


def _labeled(atoms: "Atoms", answer: "FramePrediction") -> "Atoms":
    from alphanet.data.labels import ATOMIC_ENERGIES, labels_from, predicted
    from alphanet.spread import with_spread

    labeled = predicted(atoms, labels_from(answer.energy, answer.forces, answer.stress))
    if answer.energies is not None:
        labeled.set_array(ATOMIC_ENERGIES, answer.energies)
    return labeled if answer.spread is None else with_spread(labeled, answer.spread.results())
