"""Every option and argument of the command line, each declared once: one name, one unit, one meaning.

None as a default means that nothing was given: the card, the configuration or the command then decides, as the help
says. An option that a call cannot use is refused, see `refuse`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphanet import durations
from alphanet.cli import completion
from alphanet.errors import UserError

if TYPE_CHECKING:
    from alphanet.data.cards import LabelKeys

WHAT, LIMITS, HARDWARE = "What to run", "Limits", "Hardware"
MODEL, DATA, OUTPUT = "Model", "Data", "Output"


def _option(panel: str, text: str, *flags: str, **more: Any) -> Any:
    return typer.Option(*flags, help=text, rich_help_panel=panel, **more)


def _duration(text: str, flag: str) -> Any:
    return _option(LIMITS, text.format(durations.EXAMPLES), flag, parser=durations.seconds, metavar="DURATION")


def _argument(metavar: str, text: str, complete: Callable[[str], list[str]] | None = None) -> Any:
    return typer.Argument(metavar=metavar, help=text, show_default=False, autocompletion=complete)


# Arguments.
BenchmarkNames = Annotated[
    list[str], _argument("NAME", "Benchmarks: table1, fig3a, … (`alphanet repro list`).", completion.benchmarks)
]
MODEL_HELP = "alphanet; a file of AlphaNet; a baseline, NAME or NAME:CHECKPOINT; or module:callable."
ModelName = Annotated[str, _argument("MODEL", MODEL_HELP, completion.models)]
ModelNames = Annotated[list[str] | None, _argument("MODEL", MODEL_HELP, completion.models)]
MEASURED_HELP = "NAME or NAME@PRESET, the reference of the ratios first; the models of Figure 3a if none is given."
MeasuredModels = Annotated[list[str] | None, _argument("MODEL", MEASURED_HELP, completion.models)]
RelaxedModels = Annotated[list[str] | None, _argument("MODEL", f"Models that relax: {MODEL_HELP}", completion.models)]
ModelFile = Annotated[Path, _argument("MODEL", "A model: .safetensors, or a public checkpoint with --config.")]
LABELED_HELP = "A file of labeled structures, a store, or NAME[:SCALE[:SPLIT]], say formate:mini:test."
LabeledData = Annotated[str, _argument("DATA", LABELED_HELP, completion.datasets)]
StructuresFile = Annotated[Path, _argument("IN", "Structures in any format that ASE reads, or a store.")]
ReleasedName = Annotated[str, _argument("NAME", "Released weights (`alphanet models list`).", completion.released)]
DatasetName = Annotated[str, _argument("NAME", "A data set (`alphanet data list`).", completion.datasets)]
DatasetOrFile = Annotated[str, _argument("TARGET", "A data set, or a file of frames.", completion.datasets)]
ConvertFrom = Annotated[Path, _argument("IN", "A file or folder of frames.")]
ConvertTo = Annotated[Path, _argument("OUT", "The file to write. Its suffix tells the format.")]
BaselineName = Annotated[str, _argument("NAME", "A baseline (`alphanet baselines list`).", completion.baselines)]
BaselineNames = Annotated[list[str] | None, _argument("NAME", "Baselines.", completion.baselines)]
TRAIN_HELP = (
    "Files of labeled structures in any format that is read, or a data set; settings in a file; values to put over "
    "them (`alphanet train --keys`)."
)
TrainWords = Annotated[list[str] | None, _argument("FILE|CONFIG.yaml|KEY=VALUE", TRAIN_HELP)]
LabeledFiles = Annotated[list[Path], _argument("FILE", "Files of labeled structures.")]
RunFolders = Annotated[list[Path], _argument("RUNS", "Folders of runs, or folders that hold such folders.")]
FirstResults = Annotated[Path, _argument("A", "A report's folder, a results.json, or a folder of runs.")]
SecondResults = Annotated[Path, _argument("B", "The same, later.")]
FirstRun = Annotated[Path, _argument("FIRST", "Folder of a sweep, with its results.json.")]
SecondRun = Annotated[Path, _argument("SECOND", "Folder of the same sweep, run again.")]
SchemaKind = Annotated[str | None, _argument("KIND", "Kind of the card, say accuracy.")]

# What to run.
Scale = Annotated[
    str | None,
    _option(
        WHAT,
        "mini (shipped miniatures), slice (a part of the real data) or full (the paper's). If not given: mini, in "
        "`data fetch` slice, and in `repro` the only scale if a benchmark has one.",
        "--scale",
        autocompletion=completion.scales,
    ),
]
Only = Annotated[
    str | None,
    _option(
        WHAT,
        "Only these cells: ROW, COLUMN or ROW/COLUMN, separated by commas; * stands for anything. NAME: before a "
        "pattern restricts it to a benchmark. With `repro all`, a pattern without a colon is a NAME.",
        "--only",
    ),
]
Seeds = Annotated[
    int | None,
    _option(WHAT, "Trainings of each model, instead of the card's number. Several give a spread.", "--seeds", min=1),
]
Seed = Annotated[
    int | None,
    _option(
        WHAT,
        "Seed of random weights, directions, samples and the order of frames. If not given: the settings', or 0.",
        "--seed",
        min=0,
    ),
]
DryRun = Annotated[
    bool,
    _option(
        WHAT, "Only say what it would take and what is missing; `train` measures a few steps for that.", "--dry-run"
    ),
]
Restart = Annotated[
    bool, _option(WHAT, "Do again what is finished or begun, instead of going on from it.", "--restart")
]
All = Annotated[bool, _option(WHAT, "Every baseline.", "--all")]
Keys = Annotated[bool, _option(WHAT, "List every key of the settings with its default, and end.", "--keys")]
Relax = Annotated[
    int | None,
    _option(
        WHAT,
        "Structures of WBM that models relax anew: a random, stratified sample. `bench wbm` relaxes all if not given.",
        "--relax",
        min=1,
    ),
]
CrossCheck = Annotated[
    bool,
    _option(
        WHAT, "Score with the package matbench-discovery too, in its own environment, and compare.", "--cross-check"
    ),
]
Protocol = Annotated[
    str,
    _option(
        WHAT,
        "plain; official (adds the numbers that the released evaluator would print); s2ef (adds OC20's errors).",
        "--protocol",
    ),
]

# Limits.
Budget = Annotated[
    float | None,
    _duration("Time for what is not measured yet: {}. Trainings that do not fit are not run.", "--budget"),
]
MaxTime = Annotated[float | None, _duration("A guard: a training that it stops is not finished. {}.", "--max-time")]
LongestCall = Annotated[
    float | None, _duration("Time of one call; a longer one ends the search: {}. If not given: 2m.", "--longest-call")
]
Epochs = Annotated[
    int | None, _option(LIMITS, "Passes over the training frames, instead of the settings' number.", "--epochs", min=1)
]
Steps = Annotated[
    int | None, _option(LIMITS, "Steps of a relaxation at most, if not the published entry's.", "--steps", min=1)
]
Fmax = Annotated[
    float | None,
    _option(LIMITS, "Force (eV/Å) at which a relaxation ends, if not the published entry's.", "--fmax", min=1e-6),
]
MaxError = Annotated[
    float | None,
    _option(
        LIMITS,
        "Predictions further from the DFT energy (eV/atom) count as missing. If not given: 5.",
        "--max-error",
        min=0,
    ),
]
Threshold = Annotated[
    float | None,
    _option(
        LIMITS,
        "Highest energy above the hull (eV/atom) that counts as stable. If not given: 0.",
        "--threshold",
        show_default=False,
    ),
]
Smallest = Annotated[int, _option(LIMITS, "Atoms at which the search begins.", "--smallest", min=1)]
Largest = Annotated[int, _option(LIMITS, "Atoms at which the search ends.", "--largest", min=1)]

# Hardware.
Device = Annotated[str, _option(HARDWARE, "auto (a GPU if there is one), cpu, cuda, cuda:1, …", "--device")]
Dtype = Annotated[
    str | None,
    _option(
        HARDWARE,
        "Precision of the network: float32 or float64. If not given: that of the settings or of the published entry, "
        "or float32.",
        "--dtype",
    ),
]
Threads = Annotated[
    int | None, _option(HARDWARE, "Threads of each model. If not given: the card's number, or 1.", "--threads", min=1)
]
MaxMemory = Annotated[
    float | None,
    _option(
        HARDWARE, "Memory (GB) that a worker may use. If not given: most of the machine's.", "--max-memory", min=0.1
    ),
]
EdgeMemory = Annotated[
    float | None,
    _option(HARDWARE, "Memory (GB) for arrays of edges, in the modes blocked and compiled.", "--edge-memory", min=0),
]
Mode = Annotated[
    str | None,
    _option(
        HARDWARE,
        "How a model is executed: eager; compiled; in predict and eval also blocked (AlphaNet alone: fast without a "
        "compiler); in repro and bench also best (the faster of eager and compiled). If not given: eager.",
        "--mode",
    ),
]
Cluster = Annotated[
    str | None,
    _option(
        HARDWARE,
        "Where relaxations run: local[:N] (processes here), slurm:FILE (YAML for dask-jobqueue) or tcp://HOST:PORT. "
        "If not given: local.",
        "--cluster",
    ),
]
BatchSize = Annotated[
    int | None,
    _option(
        HARDWARE,
        "Structures that are computed together. If not given: 8 in predict and eval, 32 in wbm, 4 in train-speed, "
        "1 in speed.",
        "--batch-size",
        min=1,
    ),
]

# Model.
NamedModels = Annotated[
    list[str] | None,
    _option(
        MODEL,
        "Models, separated by commas, as the arguments; may be given several times.",
        "--models",
        "--model",
        autocompletion=completion.models,
    ),
]
TrainedModel = Annotated[
    str,
    _option(
        MODEL,
        "alphanet, or a baseline that can be trained (`alphanet baselines list`).",
        "--model",
        autocompletion=completion.models,
    ),
]
ModelConfig = Annotated[
    Path | None,
    _option(MODEL, "JSON file with the configuration of a public checkpoint that carries none.", "--config"),
]
StartFrom = Annotated[
    str | None,
    _option(
        MODEL,
        "Start from these weights (fine-tuning): a file that `train` wrote, a public checkpoint of AlphaNet (with "
        "--config), or a name of `alphanet models list`.",
        "--from",
    ),
]
Untrained = Annotated[bool, _option(MODEL, "Random weights, with the settings of --preset.", "--untrained")]
Preset = Annotated[
    str | None,
    _option(MODEL, "Settings of random weights: fig3a, zeolite, mptrj, … If not given: the card's first.", "--preset"),
]
Trust = Annotated[
    bool, _option(MODEL, "Load released weights that are pickled and have no checksum in the card.", "--trust")
]
Weights = Annotated[str, _option(MODEL, "untrained (the first preset of the card) or released.", "--weights")]
AlphaNetFile = Annotated[
    Path | None, _option(MODEL, "File of AlphaNet's weights, with --weights released.", "--alphanet")
]
Reading = Annotated[
    str,
    _option(
        MODEL, "Variant: paper (invariant and smooth) or official-v1 (that of the public checkpoints).", "--reading"
    ),
]
Elements = Annotated[
    str | None, _option(MODEL, "Chemical symbols, separated by commas. If not given: the preset's.", "--elements")
]
Engine = Annotated[
    str | None,
    _option(
        MODEL,
        "ase (one structure at a time) or torch-sim (--batch-size structures at once). If not given: ase.",
        "--engine",
    ),
]

# Data.
Dataset = Annotated[
    str | None,
    _option(DATA, "Train on this data set, with its defaults.", "--dataset", autocompletion=completion.datasets),
]
ValidFrames = Annotated[
    str | None,
    _option(DATA, "File of validation frames, or their part of the files. If not given: 0.1.", "--valid"),
]
TestFrames = Annotated[
    str | None,
    _option(DATA, "File of test frames, or their part of the files; 0: none. If not given: 0.1.", "--test"),
]
SplitRule = Annotated[
    str | None,
    _option(
        DATA,
        "random (by --split-seed) or time (the first frames train, the last ones test). If not given: random.",
        "--split",
    ),
]
GroupBy = Annotated[
    str | None,
    _option(
        DATA,
        "Key in the frames' info: frames with the same value stay together. trajectory: the frames of a file.",
        "--group-by",
    ),
]
SplitSeed = Annotated[int | None, _option(DATA, "Seed of the division. If not given: 0.", "--split-seed", min=0)]
Mirror = Annotated[
    str | None,
    _option(
        DATA,
        "file:// or http(s):// address that serves HOST/PATH. If not given: ALPHANET_MIRROR, or the publishers.",
        "--mirror",
    ),
]
Structures = Annotated[
    str | None,
    _option(
        DATA,
        "File of structures in place of the card's or the shipped ones. For speed and memory also a material: zeolite, "
        "quartz, diamond, water, cu, perovskite, slab.",
        "--structures",
    ),
]
Sizes = Annotated[
    str | None,
    _option(
        DATA, "Atoms: A..B (evenly spaced logarithms) or a,b,c. If not given: 100..10000, in train-speed 72.", "--sizes"
    ),
]
Points = Annotated[int, _option(DATA, "Number of sizes from A to B.", "--points", min=2)]
Passes = Annotated[
    int, _option(DATA, "Passes over all sizes, each in new processes. Intervals need two or three.", "--passes", min=1)
]
Rounds = Annotated[int, _option(DATA, "Turns of each model at each size in a pass.", "--rounds", min=1)]
SampleAtoms = Annotated[int, _option(DATA, "Atoms of a structure in training.", "--sample-atoms", min=1)]
Truth = Annotated[
    Path | None,
    _option(DATA, "The published WBM summary, or a table with its columns. If not given: the fetched one.", "--truth"),
]
Predictions = Annotated[
    Path | None,
    _option(
        DATA,
        "Predictions in place of the published ones: a table with material_id and e_form… or e_above_hull… (eV/atom; "
        ".csv(.gz), .parquet, .jsonl(.gz), .json of pandas); for repro a folder of published files.",
        "--predictions",
    ),
]
Column = Annotated[str | None, _option(DATA, "Column of the predictions, if several fit.", "--column")]
Subset = Annotated[str | None, _option(DATA, "full, unique or most-stable. If not given: all.", "--subset")]
Decimals = Annotated[
    int | None,
    _option(DATA, "Round labels and predictions first; the leaderboard counts with 3 decimals.", "--decimals", min=0),
]
References = Annotated[
    Path | None, _option(DATA, "Elemental reference entries (JSON). If not given: the fetched ones.", "--references")
]
Reference = Annotated[
    Path | None,
    _option(DATA, "File with reference energies of a landscape, instead of the shipped one.", "--reference"),
]
Geometry = Annotated[
    Path | None,
    _option(
        DATA, "Published relaxed structures with which the geometries are compared (RMSD, symmetry).", "--geometry"
    ),
]
EnergyKey = Annotated[
    str | None,
    _option(
        DATA, "Name of the energy in the file. If not given: energy, or a known spelling (REF_energy).", "--energy-key"
    ),
]
ForcesKey = Annotated[str | None, _option(DATA, "Name of the forces in the file, likewise.", "--forces-key")]
StressKey = Annotated[
    str | None, _option(DATA, "Name of the stress (eV/Å^3, tension positive) in the file, likewise.", "--stress-key")
]
VirialKey = Annotated[
    str | None,
    _option(
        DATA,
        "Name of the virial (eV) in the file, likewise. It becomes the stress -virial/volume, if no stress is named.",
        "--virial-key",
    ),
]
Unlabeled = Annotated[bool, _option(DATA, "Accept frames without energy or forces.", "--unlabeled", "--unlabelled")]
FileFormat = Annotated[
    str | None, _option(DATA, "extxyz, traj, db, aselmdb or deepmd. If not given: by the suffix.", "--format")
]

# Output.
OutFolder = Annotated[
    Path | None,
    _option(
        OUTPUT, "Folder of the results. If not given: a folder in runs, which the command names first.", "--out", "-o"
    ),
]
OutFile = Annotated[Path, _option(OUTPUT, "File to write.", "--out", "-o")]
Parity = Annotated[
    Path | None, _option(OUTPUT, "Folder for parity plots of energies and forces (PNG, SVG, PDF).", "--parity")
]
SingleFile = Annotated[
    bool,
    _option(
        OUTPUT,
        "Carry all figures inside the page. By default it loads large ones from figures/ beside it.",
        "--single-file",
    ),
]
OpenPage = Annotated[bool, _option(OUTPUT, "Show the page in a browser.", "--open")]
AsJson = Annotated[bool, _option(OUTPUT, "Print one JSON object to stdout, with a key `schema`.", "--json")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only warnings and errors on stderr.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="More messages on stderr, for finding mistakes.")]


def flag(field: str) -> str:
    """The option of a parameter or of a field of `RunOptions`: `--max-time` of `max_time`."""
    return "--" + field.replace("_", "-")


def given(**values: Any) -> dict[str, Any]:
    """Those of the values that the user gave."""
    return {name: value for name, value in values.items() if value is not None and value is not False}


def label_keys(
    energy_key: str | None = None,
    forces_key: str | None = None,
    stress_key: str | None = None,
    virial_key: str | None = None,
) -> "LabelKeys":
    """Names of labels in files: those given, and ASE's."""
    from alphanet.data.cards import LabelKeys

    return LabelKeys(**given(energy=energy_key, forces=forces_key, stress=stress_key, virial=virial_key))


def refuse(use: str, **values: Any) -> None:
    """Check that none of the options is given.

    Args:
        use: which calls use them.
        values: by parameter, None or False if not given.

    Raises:
        UserError: one is given.
    """
    for name in given(**values):
        raise UserError(f"{flag(name)} has no use here: {use}")


def model_names(*given_names: Sequence[str] | None) -> tuple[str, ...]:
    """Models of the arguments and of --models, each once; a word may hold several, separated by commas."""
    words = (word for names in given_names for word in names or ())
    names = (part.strip() for word in words for part in word.split(","))
    return tuple(dict.fromkeys(filter(None, names)))


def required_models(*given_names: Sequence[str] | None) -> tuple[str, ...]:
    """The same, at least one.

    Raises:
        UserError: none is given.
    """
    if not (names := model_names(*given_names)):
        raise UserError("name at least one model; `alphanet baselines list` has those that need no file")
    return names


def part(text: str | None) -> float | str | None:
    """A part of the frames, if `text` is a number, or the name of a file."""
    if text is None or Path(text).exists():
        return text
    try:
        return float(text)
    except ValueError:
        return text
