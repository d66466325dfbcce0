"""`alphanet.train`: train any model on any data set with one call."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from alphanet.data.own_stores import OwnFrames, prepare_own
from alphanet.data.prepare import prepare
from alphanet.files import sha256_of
from alphanet.potentials.cards import find_baseline
from alphanet.potentials.environments import install_if_missing
from alphanet.potentials.opening import trained_weights
from alphanet.potentials.runs import RUNS
from alphanet.potentials.settings import BaselineSettings
from alphanet.training.baseline_start import source_of
from alphanet.training.bootstrap import resampled
from alphanet.training.config import AlphaNetSettings
from alphanet.training.defaults import ALPHANET, settings_for
from alphanet.training.fine_tuning import replayed, weights_of
from alphanet.training.folder import TrainingResult
from alphanet.training.references import completed_references
from alphanet.training.run import StoredFrames, TrainingData, run_training
from alphanet.training.settings import FineTuning


def train(
    data: str | Path | TrainingData,
    *,
    model: str = ALPHANET,
    scale: str = "mini",
    settings: Mapping[str, JsonValue] | AlphaNetSettings | BaselineSettings | None = None,
    out: Path | str | None = None,
    seed: int | None = None,
    resume: bool = True,
    mirror: str | None = None,
) -> TrainingResult:
    """Train a model. The same call resumes an interrupted training and returns the result of a finished one.

    Args:
        data: a data set's name, a file of labeled structures, or stores of frames.
        model: `alphanet`, or a baseline that trains, by its name or by the path of its card; its environment is made if
            it is missing.
        scale: of the data set and of its default settings: mini, slice or full.
        settings: values over the defaults, nested or not, see `alphanet.training.settings`; or complete settings.
        out: folder of the run; `runs/train/[MODEL-]DATASET-SCALE-seedN` by default.
        seed: of the weights and of the order of frames, in place of that of the settings.
        resume: continue the training in the folder; if False, remove it first.
        mirror: an address that serves `HOST/PATH` of the data's files.

    Returns:
        Path of the best weights, their errors on the validation frames, and the training's time and memory.

    Raises:
        UserError: a name is unknown, a setting is wrong, the data are unsound, the folder holds another training, or
            the training fails.
    """
    named = str(data) if isinstance(data, str | Path) else getattr(data, "name", "data")
    if isinstance(settings, AlphaNetSettings | BaselineSettings):
        chosen = settings if seed is None else settings.model_copy(update={"seed": seed})
    else:
        values = dict(settings or {}) | ({} if seed is None else {"seed": seed})
        chosen = settings_for(model, named, scale, values)
    frames = training_data(chosen, mirror=mirror) if isinstance(data, str | Path) else data
    return train_on(chosen, frames, Path(out) if out else default_folder(chosen), resume=resume)


def training_data(settings: AlphaNetSettings | BaselineSettings, *, mirror: str | None = None) -> TrainingData:
    """Stores of the frames that the settings name: of the user's own files, or of a data set, which is prepared.

    Raises:
        UserError: the data set is unknown, files are missing, or the frames are unsound.
    """
    if settings.data is None:
        return prepare(settings.dataset, settings.scale, mirror=mirror)
    frames = prepare_own(settings.data)
    frames.log()
    return frames


def train_on(
    settings: AlphaNetSettings | BaselineSettings, frames: TrainingData, out: Path, *, resume: bool = True
) -> TrainingResult:
    """Train on prepared frames; a baseline's environment is made if it is missing.

    Raises:
        UserError: see `train`.
    """
    if isinstance(settings, BaselineSettings):
        install_if_missing(find_baseline(settings.baseline))
    if settings.finetune is not None:
        require_weights(settings, settings.finetune)
    chosen, train, sources = with_isolated_atoms(settings, frames), frames.train, dict(frames.sources)
    if settings.bootstrap:
        train = resampled(train, settings.seed)
    if settings.finetune is not None and settings.finetune.replay is not None:
        replay = settings.finetune.replay.expanduser()
        sources[str(replay)] = sha256_of(replay)
        train = replayed(train, settings.finetune)
    return run_training(chosen, StoredFrames(train, frames.valid, sources), out, resume=resume)


def require_weights(settings: AlphaNetSettings | BaselineSettings, start: FineTuning) -> None:
    """Refuse weights that are not there, before the folder is claimed for them.

    Raises:
        UserError: no such file and no such name, or a pickle that is not trusted.
    """
    if isinstance(settings, BaselineSettings):
        named, source = source_of(find_baseline(settings.baseline), start)
        trained_weights(named, source, trust=start.trust)
    else:
        weights_of(start)


def with_isolated_atoms(
    settings: AlphaNetSettings | BaselineSettings, frames: TrainingData
) -> AlphaNetSettings | BaselineSettings:
    """The settings with the energies of isolated atoms as reference energies.

    Given reference energies, and those of trained weights to start from, are left alone.
    """
    given = "reference_energies" in settings.model_fields_set or settings.finetune is not None
    if given or not isinstance(frames, OwnFrames) or not frames.isolated:
        return settings
    energies = completed_references(frames.train, frames.isolated, frames.all_elements)
    return settings.model_copy(update={"reference_energies": energies})


def default_folder(settings: AlphaNetSettings | BaselineSettings, *, committee: bool = False) -> Path:
    """The default folder of a training, or of a committee."""
    model = f"{Path(settings.baseline).name}-" if isinstance(settings, BaselineSettings) else ""
    kind = "-committee" if committee else ""
    return RUNS / f"{model}{settings.dataset}-{settings.scale}-seed{settings.seed}{kind}"
