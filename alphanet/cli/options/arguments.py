"""Arguments: words without a dash."""

from pathlib import Path
from typing import Annotated

from alphanet.cli import completion
from alphanet.cli.options.panels import argument
from alphanet.potentials.forms import MODEL_FORMS

BenchmarkNames = Annotated[
    list[str], argument("NAME", "Benchmarks: table1, fig3a, … (`alphanet repro list`).", completion.benchmarks)
]
ModelName = Annotated[str, argument("MODEL", f"{MODEL_FORMS}.", completion.models)]
ModelNames = Annotated[list[str] | None, argument("MODEL", f"{MODEL_FORMS}.", completion.models)]
MEASURED_HELP = (
    f"{MODEL_FORMS}. The first one is the reference of the ratios; the models of Figure 3a if none is given."
)
MeasuredModels = Annotated[list[str] | None, argument("MODEL", MEASURED_HELP, completion.models)]
RelaxedModels = Annotated[list[str] | None, argument("MODEL", f"Models that relax. {MODEL_FORMS}.", completion.models)]
MODEL_FILE_HELP = "A model: .safetensors, a public checkpoint with --config, or a name of `alphanet models list`."
ModelFile = Annotated[Path, argument("MODEL", MODEL_FILE_HELP, completion.released)]
LABELED_HELP = "A file of labeled structures, a store, or NAME[:SCALE[:SPLIT]], say formate:mini:test."
LabeledData = Annotated[str, argument("DATA", LABELED_HELP, completion.datasets)]
StructuresFile = Annotated[Path, argument("IN", "Structures in any format that ASE reads, or a store.")]
ReleasedName = Annotated[str, argument("NAME", "Released weights (`alphanet models list`).", completion.released)]
DatasetName = Annotated[str, argument("NAME", "A data set (`alphanet data list`).", completion.datasets)]
DatasetOrFile = Annotated[str, argument("TARGET", "A data set, or a file of frames.", completion.datasets)]
ConvertFrom = Annotated[Path, argument("IN", "A file or folder of frames.")]
ConvertTo = Annotated[Path, argument("OUT", "The file to write. Its suffix tells the format.")]
BASELINE_HELP = "A baseline (`alphanet baselines list`), or the path of a card.yaml or of its folder."
BaselineName = Annotated[str, argument("NAME", BASELINE_HELP, completion.baselines)]
Channels = Annotated[
    list[int] | None, argument("CHANNELS", "Numbers of hidden channels. If not given: 32, 48, 64, 128, 176 and 256.")
]
BaselineNames = Annotated[
    list[str] | None,
    argument("NAME", "Baselines, or paths of a card.yaml or of its folder.", completion.baselines),
]
NewName = Annotated[str, argument("NAME", "Of the new baseline: small letters, digits, -, _ and dots.")]
TRAIN_HELP = (
    "Files of labeled structures in any format that is read, or a data set; settings in a file; values to put over "
    "them (`alphanet train --keys`)."
)
TrainWords = Annotated[list[str] | None, argument("FILE|CONFIG.yaml|KEY=VALUE", TRAIN_HELP)]
LabeledFiles = Annotated[list[Path], argument("FILE", "Files of labeled structures.")]
RunFolders = Annotated[list[Path], argument("RUNS", "Folders of runs, or folders that hold such folders.")]
FirstResults = Annotated[Path, argument("A", "A report's folder, a results.json, or a folder of runs.")]
SecondResults = Annotated[Path, argument("B", "The same, later.")]
FirstRun = Annotated[Path, argument("FIRST", "Folder of a sweep, with its results.json.")]
SecondRun = Annotated[Path, argument("SECOND", "Folder of the same sweep, run again.")]
CACHE_HELP = (
    "Parts of ALPHANET_HOME: leftovers, compiled, costs (those if none is given), prepared, own, downloads, models, "
    "weights, environments."
)
CacheNames = Annotated[list[str] | None, argument("CACHE", CACHE_HELP)]
SchemaKind = Annotated[str | None, argument("KIND", "Kind of the card, say accuracy.")]
