"""`alphanet train --model NAME`: train a baseline in its own environment, on the data that AlphaNet trains on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphanet.errors import UserError

if TYPE_CHECKING:
    from alphanet.potentials.cards import BaselineCard


@dataclass(frozen=True)
class BaselineRun:
    """Which baseline is trained on what, where and how."""

    model: str
    dataset: str | None
    scale: str
    out: Path | None
    device: str
    threads: int
    resume: bool
    mirror: str | None


def train_baseline(run: BaselineRun, words: Sequence[str], flags: Sequence[str], as_json: bool) -> None:
    """Train, and print where the checkpoint is and how good it is on the validation frames.

    Args:
        run: what the options say.
        words: `CONFIG.yaml` and `key=value`, see `alphanet.potentials.settings.TrainSettings`.
        flags: the options that are settings too, as `key=value`.
        as_json: print one JSON object.

    Raises:
        UserError: no data set, a wrong setting, an environment that is missing, a trainer that fails.
    """
    from alphanet.potentials.cards import load_baseline
    from alphanet.potentials.environments import install, is_installed
    from alphanet.potentials.settings import train_settings

    card = load_baseline(run.model)
    if run.dataset is None:
        raise UserError("name what to train on: --dataset NAME")
    settings = _settings(card, run, words, flags)
    train_settings(card, settings)  # a wrong key is told before anything is fetched or installed

    from alphanet.data.prepare import prepare
    from alphanet.data.progress import print_to_stderr
    from alphanet.potentials.runs import RUNS
    from alphanet.potentials.runs import train_baseline as train

    if not is_installed(card):
        install(card, print_to_stderr)
    data = prepare(run.dataset, run.scale, mirror=run.mirror)
    out = run.out or RUNS / f"{card.name}-{data.name}-{data.scale}-seed{settings.get('seed', 0)}"
    result = train(card, data, out, settings, device=run.device, threads=run.threads, report=print_to_stderr)
    if as_json:
        print(json.dumps(result))
        return
    print(
        f"{result['model']}: energy {1000 * result['energy_mae']:.3g} meV/atom, force "
        f"{1000 * result['force_mae']:.3g} meV/Å on the validation frames (best of {result['epochs']} epochs, "
        f"{result['seconds']:.0f} s)"
    )


def _settings(card: "BaselineCard", run: BaselineRun, words: Sequence[str], flags: Sequence[str]) -> dict[str, Any]:
    """The settings over those of the scale's or the data set's preset."""
    from alphanet.cards import read_yaml
    from alphanet.training.config import merged, parse_override

    settings: dict[str, Any] = {"resume": run.resume}
    preset = "mini" if run.scale == "mini" else run.dataset
    if preset in card.presets:
        settings["preset"] = preset
    for word in [*words, *flags]:
        settings = merged(settings, parse_override(word) if "=" in word else _mapping(read_yaml(Path(word)), word))
    return settings


def _mapping(values: Any, file: str) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise UserError(f"{file}: expected a mapping of settings")
    return values
