"""`alphanet md`, `relax`, `neb` and `phonons`: simulations with any model."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from alphanet.cli import options as o
from alphanet.cli.models import load_options
from alphanet.cli.output import print_json, print_table
from alphanet.errors import UserError
from alphanet.files import finite

if TYPE_CHECKING:
    from ase import Atoms
    from pydantic import JsonValue

    from alphanet.potentials.opening import LoadOptions
    from alphanet.potentials.protocol import Potential

PANEL = "Simulation"
RUNS = Path("runs")
MD_EXAMPLES = """Examples:

alphanet md model.safetensors quartz.cif --temperature 600 --steps 10000

alphanet md mace-mp-0 water.extxyz --ensemble nvt --timestep 0.5 --out runs/water

alphanet md runs/committee quartz.cif --ensemble npt --pressure 1 --max-spread 0.3"""
RELAX_EXAMPLES = """Examples:

alphanet relax model.safetensors quartz.cif --cell --fmax 0.01

alphanet relax chgnet structures.extxyz --out runs/relaxed --json"""
NEB_EXAMPLES = """Examples:

alphanet neb model.safetensors start.extxyz end.extxyz --images 7

alphanet neb mace-mp-0 path.extxyz --keep-ends --out runs/path"""
PHONONS_EXAMPLES = """Examples:

alphanet phonons model.safetensors runs/relaxed/relaxed.extxyz --supercell 3,3,3

alphanet phonons chgnet si.cif --mesh 20,20,20 --temperature 500"""


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for function, examples in (
        (md, MD_EXAMPLES), (relax, RELAX_EXAMPLES), (neb, NEB_EXAMPLES), (phonons, PHONONS_EXAMPLES)
    ):  # fmt: skip
        app.command(function.__name__, epilog=examples, rich_help_panel=PANEL)(function)


def md(
    model: o.ModelName,
    structure: o.StartStructure,
    ensemble: o.Ensemble = "nve",
    temperature: o.Temperature = 300.0,
    timestep: o.Timestep = 1.0,
    pressure: o.Pressure = 0.0,
    thermostat_time: o.ThermostatTime = 100.0,
    barostat_time: o.BarostatTime = 1000.0,
    interval: o.Interval = 10,
    max_spread: o.MaxSpread = None,
    frame: o.Frame = None,
    steps: o.Steps = None,
    seed: o.Seed = None,
    restart: o.Restart = False,
    device: o.Device = "auto",
    dtype: o.Dtype = None,
    threads: o.Threads = None,
    mode: o.Mode = None,
    edge_memory: o.EdgeMemory = None,
    untrained: o.Untrained = False,
    preset: o.Preset = None,
    config: o.ModelConfig = None,
    trust: o.Trust = False,
    out: o.OutFolder = None,
    as_json: o.AsJson = False,
) -> None:
    """Run molecular dynamics. After Ctrl-C or a kill, the same command goes on as if nothing had happened.

    The folder gets `trajectory.extxyz` (energy, forces, stress, momenta), `log.csv`, `summary.json` and `final.extxyz`.
    Velocities of the structure are kept; if it has none, they are drawn.
    """
    from alphanet.simulation.inputs import structure_in
    from alphanet.simulation.integrators import Dynamics
    from alphanet.simulation.md import run_md

    atoms = structure_in(structure, frame)
    dynamics = Dynamics(
        ensemble=ensemble, temperature=temperature, timestep=timestep, pressure=pressure,
        thermostat_time=thermostat_time, barostat_time=barostat_time, seed=seed or 0, interval=interval,
    )  # fmt: skip
    dynamics.check(atoms)
    options = load_options(
        device=device, dtype=dtype, threads=threads, mode=mode, edge_memory=edge_memory, untrained=untrained,
        preset=preset, seed=seed if untrained else None, config=config, trust=trust,
    )  # fmt: skip
    with _opened(model, [atoms], options) as potential:
        folder = out or RUNS / "md"
        result = run_md(atoms, potential, dynamics, folder, steps=steps or 1000, max_spread=max_spread, restart=restart)
    _show("alphanet-md", f"{model} on {structure}", folder, result.summary, as_json)


def relax(
    model: o.ModelName,
    structures: o.RelaxedStructures,
    cell: o.CellToo = False,
    pressure: o.Pressure = 0.0,
    optimizer: o.Optimizer = "fire",
    frame: o.Frame = None,
    steps: o.Steps = None,
    fmax: o.Fmax = None,
    restart: o.Restart = False,
    device: o.Device = "auto",
    dtype: o.Dtype = None,
    threads: o.Threads = None,
    mode: o.Mode = None,
    edge_memory: o.EdgeMemory = None,
    untrained: o.Untrained = False,
    preset: o.Preset = None,
    seed: o.Seed = None,
    config: o.ModelConfig = None,
    trust: o.Trust = False,
    out: o.OutFolder = None,
    as_json: o.AsJson = False,
) -> None:
    """Relax structures, and their cells with --cell. The same command goes on where it was stopped.

    The folder gets `relaxed.extxyz`, `trajectory.extxyz`, `log.csv` and `summary.json`. A structure that cannot be
    relaxed is named with the reason, and the others are relaxed all the same.
    """
    from alphanet.simulation.inputs import structures_in
    from alphanet.simulation.relaxation import Relaxation, relax_structures

    if pressure and not cell:
        raise UserError("--pressure has no use here: it goes with --cell")
    frames = structures_in(structures, frame)
    settings = Relaxation(cell=cell, pressure=pressure, optimizer=optimizer, **o.given(steps=steps, fmax=fmax))
    options = load_options(
        device=device, dtype=dtype, threads=threads, mode=mode, edge_memory=edge_memory, untrained=untrained,
        preset=preset, seed=seed, config=config, trust=trust,
    )  # fmt: skip
    folder = out or RUNS / "relax"
    with _opened(model, frames, options) as potential:
        found = relax_structures(frames, potential, settings, folder, restart=restart)
    if as_json:
        print_json("alphanet-relax", {"folder": str(folder), "structures": [finite(vars(one)) for one in found]})
    else:
        columns = ("structure", "atoms", "status", "steps", "energy (eV)", "force (eV/Å)", "volume (Å^3)")
        rows = [
            (
                one.formula,
                str(one.atoms),
                one.status,
                str(one.steps),
                *map(_number, (one.energy_eV, one.fmax_eV_per_A, one.volume_A3)),
            )
            for one in found
        ]
        print_table(columns, rows, left=("status",), title=f"{model}, in {folder}")
    failed = [f"structure {place} ({one.formula}): {one.reason}" for place, one in enumerate(found) if one.reason]
    if failed:
        raise UserError(f"{len(failed)} of {len(found)} structures failed: {'; '.join(failed)}")


def neb(
    model: o.ModelName,
    structures: o.PathStructures,
    images: o.Images = 5,
    interpolation: o.Interpolation = "idpp",
    spring: o.Spring = 0.1,
    no_climb: o.NoClimb = False,
    keep_ends: o.KeepEnds = False,
    optimizer: o.Optimizer = "fire",
    steps: o.Steps = None,
    fmax: o.Fmax = None,
    restart: o.Restart = False,
    device: o.Device = "auto",
    dtype: o.Dtype = None,
    threads: o.Threads = None,
    mode: o.Mode = None,
    edge_memory: o.EdgeMemory = None,
    untrained: o.Untrained = False,
    preset: o.Preset = None,
    seed: o.Seed = None,
    config: o.ModelConfig = None,
    trust: o.Trust = False,
    out: o.OutFolder = None,
    as_json: o.AsJson = False,
) -> None:
    """Find the barrier between two structures: a nudged elastic band, whose highest image climbs.

    Both ends are relaxed first. The folder gets `path.extxyz`, `log.csv` and `summary.json`. The same command goes on
    where it was stopped.
    """
    from alphanet.simulation.band import Band, find_path, require_one_order
    from alphanet.simulation.inputs import structures_in

    frames = structures_in(structures)
    require_one_order(frames)
    settings = Band(
        images=images, interpolation=interpolation, spring=spring, climb=not no_climb, relax_ends=not keep_ends,
        optimizer=optimizer, **o.given(steps=steps, fmax=fmax),
    )  # fmt: skip
    options = load_options(
        device=device, dtype=dtype, threads=threads, mode=mode, edge_memory=edge_memory, untrained=untrained,
        preset=preset, seed=seed, config=config, trust=trust,
    )  # fmt: skip
    folder = out or RUNS / "neb"
    with _opened(model, frames, options) as potential:
        summary = find_path(frames, potential, settings, folder, restart=restart)
    _show("alphanet-neb", f"{model}, {len(frames[0])} atoms", folder, summary, as_json)


def phonons(
    model: o.ModelName,
    structure: o.StartStructure,
    supercell: o.Supercell = None,
    displacement: o.Displacement = 0.01,
    mesh: o.QMesh = None,
    temperature: o.Temperature = 300.0,
    frame: o.Frame = None,
    restart: o.Restart = False,
    device: o.Device = "auto",
    dtype: o.Dtype = None,
    threads: o.Threads = None,
    mode: o.Mode = None,
    edge_memory: o.EdgeMemory = None,
    untrained: o.Untrained = False,
    preset: o.Preset = None,
    seed: o.Seed = None,
    config: o.ModelConfig = None,
    trust: o.Trust = False,
    out: o.OutFolder = None,
    as_json: o.AsJson = False,
) -> None:
    """Compute phonons of a relaxed crystal with phonopy: frequencies, density of states, thermal properties.

    The folder gets `phonopy.yaml` with the force constants, `bands.csv`, `dos.csv`, `thermal.csv` and `summary.json`.
    The same command goes on where it was stopped.
    """
    from alphanet.simulation.inputs import require_cell, structure_in
    from alphanet.simulation.vibrations import Phonons, phonons_of, require_phonopy

    require_phonopy()
    atoms = structure_in(structure, frame)
    require_cell(atoms, "a calculation of phonons")
    if temperature == 0:
        raise UserError("--temperature 0: thermal numbers need a temperature above 0 K")
    settings = Phonons(
        supercell=_triple("--supercell", supercell), displacement=displacement, mesh=_triple("--mesh", mesh),
        temperature=temperature,
    )  # fmt: skip
    options = load_options(
        device=device, dtype=dtype, threads=threads, mode=mode, edge_memory=edge_memory, untrained=untrained,
        preset=preset, seed=seed, config=config, trust=trust,
    )  # fmt: skip
    folder = out or RUNS / "phonons"
    with _opened(model, [atoms], options) as potential:
        summary = phonons_of(atoms, potential, settings, folder, restart=restart)
    _show("alphanet-phonons", f"{model} on {structure}", folder, summary, as_json)


@contextlib.contextmanager
def _opened(model: str, frames: "Sequence[Atoms]", options: "LoadOptions") -> "Iterator[Potential]":
    """The potential, closed at the end."""
    from alphanet.potentials.opening import open_potential

    potential = open_potential(model, options, lambda: frames)
    try:
        yield potential
    finally:
        potential.close()


def _show(schema: str, title: str, folder: Path, summary: "Mapping[str, JsonValue]", as_json: bool) -> None:
    """Print a summary: its keys end with the unit."""
    if as_json:
        print_json(schema, {"folder": str(folder), **finite(summary)})
        return
    rows = [(key.replace("_", " "), _number(value)) for key, value in summary.items() if not isinstance(value, list)]
    print_table(("", "value"), rows, title=f"{title}, in {folder}")


def _number(value: Any) -> str:
    if value is None:
        return "-"
    return format(value, ".6g") if isinstance(value, float) else str(value)


def _triple(flag: str, text: str | None) -> tuple[int, int, int] | None:
    """Three whole numbers above 0, as 2,2,2.

    Raises:
        UserError: something else.
    """
    if text is None:
        return None
    parts = text.replace("x", ",").split(",")
    if len(parts) != 3 or not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise UserError(f"{flag} {text}: give three whole numbers above 0, as 2,2,2")
    first, second, third = map(int, parts)
    return first, second, third
