"""`alphanet.train`: train any model on any data set with one call."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from alphanet.data.prepare import prepare
from alphanet.potentials.cards import load_baseline
from alphanet.potentials.environments import install, is_installed
from alphanet.potentials.runs import RUNS
from alphanet.potentials.settings import BaselineSettings, train_settings
from alphanet.training.config import AlphaNetSettings, alphanet_settings
from alphanet.training.folder import TrainingResult
from alphanet.training.run import TrainingData, run_training
from alphanet.training.settings import merged

ALPHANET = "alphanet"


def train(
    data: str | TrainingData,
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
        data: a data set's name, or stores of frames.
        model: `alphanet`, or a baseline that trains; its environment is made if it is missing.
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
    name = data if isinstance(data, str) else getattr(data, "name", "data")
    if isinstance(settings, AlphaNetSettings | BaselineSettings):
        chosen = settings if seed is None else settings.model_copy(update={"seed": seed})
    else:
        values = dict(settings or {}) | ({} if seed is None else {"seed": seed})
        chosen = settings_for(model, name, scale, values)
    if isinstance(chosen, BaselineSettings) and not is_installed(card := load_baseline(chosen.baseline)):
        install(card)
    prepared = prepare(name, chosen.scale, mirror=mirror) if isinstance(data, str) else data
    return run_training(chosen, prepared, Path(out) if out else default_folder(chosen), resume=resume)


def settings_for(
    model: str, dataset: str, scale: str, values: Mapping[str, JsonValue]
) -> AlphaNetSettings | BaselineSettings:
    """`values` over the defaults: AlphaNet's are the data set's, a baseline's those of its preset `mini` or `dataset`.

    Raises:
        UserError: an unknown model, data set or key, or a bad value.
    """
    if model == ALPHANET:
        return alphanet_settings(dataset, scale, values)
    card = load_baseline(model)
    preset = "mini" if scale == "mini" else dataset
    named = {"dataset": dataset, "scale": scale} | ({"preset": preset} if preset in card.presets else {})
    return train_settings(card, merged(named, dict(values)))


def default_folder(settings: AlphaNetSettings | BaselineSettings) -> Path:
    """The default folder of a training."""
    model = f"{settings.baseline}-" if isinstance(settings, BaselineSettings) else ""
    return RUNS / f"{model}{settings.dataset}-{settings.scale}-seed{settings.seed}"
