"""Arguments of simulations, and options of the panel "Simulation"."""

from pathlib import Path
from typing import Annotated

from alphanet.cli.options.panels import SIMULATION, argument, option

StartStructure = Annotated[Path, argument("STRUCTURE", "A file with a structure, in any format that is read.")]
RelaxedStructures = Annotated[
    list[Path], argument("STRUCTURE", "Files of structures, in any format that is read; all of their structures relax.")
]
PathStructures = Annotated[
    list[Path],
    argument(
        "STRUCTURE", "Both ends of the path: two files, or one with two structures. Or all images of a first path."
    ),
]
Frame = Annotated[
    int | None,
    option(
        SIMULATION, "Place of the structure in its file: 0 is the first, -1 the last. If not given: all.", "--frame"
    ),
]
Ensemble = Annotated[
    str,
    option(
        SIMULATION,
        "nve (velocity Verlet), nvt (Langevin, BAOAB), or npt (the same, and the cell keeps its shape).",
        "--ensemble",
    ),
]
Temperature = Annotated[
    float,
    option(
        SIMULATION,
        "K: of the thermostat, of velocities if the structure has none, and of phonons' thermal numbers.",
        "--temperature",
        min=0,
    ),
]
Timestep = Annotated[float, option(SIMULATION, "fs.", "--timestep", min=1e-6)]
Pressure = Annotated[float, option(SIMULATION, "GPa, of npt, and on cells that relax.", "--pressure")]
ThermostatTime = Annotated[
    float,
    option(SIMULATION, "fs, in which velocities forget themselves, of nvt and npt.", "--thermostat-time", min=1e-6),
]
BarostatTime = Annotated[float, option(SIMULATION, "fs, of npt.", "--barostat-time", min=1e-6)]
Interval = Annotated[int, option(SIMULATION, "Steps from one frame to the next.", "--interval", min=1)]
MaxSpread = Annotated[
    float | None,
    option(
        SIMULATION,
        "Force deviation of a committee (eV/Å) at which dynamics stop; their frame is kept. If not given: none.",
        "--max-spread",
        min=1e-9,
    ),
]
Optimizer = Annotated[str, option(SIMULATION, "fire, lbfgs or bfgs.", "--optimizer")]
CellToo = Annotated[bool, option(SIMULATION, "Relax the cell, too.", "--cell")]
Images = Annotated[int, option(SIMULATION, "Images between the ends of a path.", "--images", min=1)]
Interpolation = Annotated[str, option(SIMULATION, "First path: idpp or linear.", "--interpolation")]
Spring = Annotated[float, option(SIMULATION, "Between images, eV/Å^2.", "--spring", min=1e-9)]
NoClimb = Annotated[bool, option(SIMULATION, "Let no image climb to the saddle point.", "--no-climb")]
KeepEnds = Annotated[bool, option(SIMULATION, "Leave the ends of the path as they are.", "--keep-ends")]
Supercell = Annotated[
    str | None,
    option(
        SIMULATION,
        "Repeats of the cell, as 2,2,2. If not given: so many that no vector is shorter than 10 Å.",
        "--supercell",
    ),
]
Displacement = Annotated[float, option(SIMULATION, "Å, of atoms in supercells.", "--displacement", min=1e-6)]
QMesh = Annotated[
    str | None, option(SIMULATION, "q points, as 20,20,20. If not given: by the size of the cell.", "--mesh")
]
