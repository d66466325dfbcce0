"""Options of the panel "Data"."""

from pathlib import Path
from typing import Annotated

from alphanet.cli import completion
from alphanet.cli.options.panels import DATA, option

Dataset = Annotated[
    str | None,
    option(DATA, "Train on this data set, with its defaults.", "--dataset", autocompletion=completion.datasets),
]
LearningData = Annotated[
    list[str],
    option(
        DATA,
        "A data set, or a file of labeled structures of yours; several files by giving it several times.",
        "--data",
        autocompletion=completion.datasets,
    ),
]
TrainFrames = Annotated[
    str | None,
    option(DATA, "Sizes of training sets, separated by commas. If not given: all frames.", "--train-frames"),
]
ValidFrames = Annotated[
    str | None,
    option(DATA, "File of validation frames, or their part of the files. If not given: 0.1.", "--valid"),
]
TestFrames = Annotated[
    str | None,
    option(DATA, "File of test frames, or their part of the files; 0: none. If not given: 0.1.", "--test"),
]
SplitRule = Annotated[
    str | None,
    option(
        DATA,
        "random (by --split-seed) or time (the first frames train, the last ones test). If not given: random.",
        "--split",
    ),
]
GroupBy = Annotated[
    str | None,
    option(
        DATA,
        "Key in the frames' info: frames with the same value stay together. trajectory: the frames of a file.",
        "--group-by",
    ),
]
SplitSeed = Annotated[int | None, option(DATA, "Seed of the division. If not given: 0.", "--split-seed", min=0)]
Mirror = Annotated[
    str | None,
    option(
        DATA,
        "file:// or http(s):// address that serves HOST/PATH. If not given: ALPHANET_MIRROR, or the publishers.",
        "--mirror",
    ),
]
Structures = Annotated[
    str | None,
    option(
        DATA,
        "File of structures in place of the card's or the shipped ones. For speed and memory also a material: zeolite, "
        "quartz, diamond, si, water, cu, perovskite, slab.",
        "--structures",
    ),
]
Sizes = Annotated[
    str | None,
    option(
        DATA, "Atoms: A..B (evenly spaced logarithms) or a,b,c. If not given: 100..10000, in train-speed 72.", "--sizes"
    ),
]
TimingProtocol = Annotated[
    str | None,
    option(
        DATA,
        "Structures, sizes and published times of a card, for your models: public-si (silicon of 8 to 64,000 atoms). "
        "If no model is named: the card's.",
        "--protocol",
    ),
]
Points = Annotated[int, option(DATA, "Number of sizes from A to B.", "--points", min=2)]
Passes = Annotated[
    int, option(DATA, "Passes over all sizes, each in new processes. Intervals need two or three.", "--passes", min=1)
]
Rounds = Annotated[int, option(DATA, "Turns of each model at each size in a pass.", "--rounds", min=1)]
Frames = Annotated[int, option(DATA, "Made-up frames to read, if no file is named.", "--frames", min=1)]
FrameAtoms = Annotated[int, option(DATA, "Atoms in a made-up frame.", "--frame-atoms", min=1)]
LargeStore = Annotated[int, option(DATA, "Frames of the store that is opened.", "--large", min=3)]
SampleAtoms = Annotated[int, option(DATA, "Atoms of a structure in training.", "--sample-atoms", min=1)]
Truth = Annotated[
    Path | None,
    option(DATA, "The published WBM summary, or a table with its columns. If not given: the fetched one.", "--truth"),
]
Predictions = Annotated[
    Path | None,
    option(
        DATA,
        "Predictions in place of the published ones: a table with material_id and e_form… or e_above_hull… (eV/atom; "
        ".csv(.gz), .parquet, .jsonl(.gz), .json of pandas); for repro a folder of published files.",
        "--predictions",
    ),
]
Column = Annotated[str | None, option(DATA, "Column of the predictions, if several fit.", "--column")]
Subset = Annotated[str | None, option(DATA, "full, unique or most-stable. If not given: all.", "--subset")]
Decimals = Annotated[
    int | None,
    option(DATA, "Round labels and predictions first; the leaderboard counts with 3 decimals.", "--decimals", min=0),
]
References = Annotated[
    Path | None, option(DATA, "Elemental reference entries (JSON). If not given: the fetched ones.", "--references")
]
Reference = Annotated[
    str | None,
    option(
        DATA,
        "File with reference energies of a landscape, instead of the shipped one. For `bench properties` the method of "
        "the true numbers: emt, lj (argon), tblite (GFN1-xTB), tblite-3000K (for metals), or any model.",
        "--reference",
    ),
]
Geometry = Annotated[
    Path | None,
    option(DATA, "Published relaxed structures with which the geometries are compared (RMSD, symmetry).", "--geometry"),
]
EnergyKey = Annotated[
    str | None,
    option(
        DATA, "Name of the energy in the file. If not given: energy, or a known spelling (REF_energy).", "--energy-key"
    ),
]
ForcesKey = Annotated[str | None, option(DATA, "Name of the forces in the file, likewise.", "--forces-key")]
StressKey = Annotated[
    str | None, option(DATA, "Name of the stress (eV/Å^3, tension positive) in the file, likewise.", "--stress-key")
]
VirialKey = Annotated[
    str | None,
    option(
        DATA,
        "Name of the virial (eV) in the file, likewise. It becomes the stress -virial/volume, if no stress is named.",
        "--virial-key",
    ),
]
Unlabeled = Annotated[bool, option(DATA, "Accept frames without energy or forces.", "--unlabeled", "--unlabelled")]
FileFormat = Annotated[
    str | None, option(DATA, "extxyz, traj, db, aselmdb or deepmd. If not given: by the suffix.", "--format")
]
