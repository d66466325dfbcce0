"""What kinds that open potentials by name have in common: keys of the scale, rows, options, and digests of files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alphanet.benchmark.card import ScaleSettings
from alphanet.benchmark.kind import RunOptions
from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.measure.physics.findings import short_name

if TYPE_CHECKING:
    from alphanet.potentials.opening import LoadOptions


class OpeningScale(ScaleSettings):
    """How a scale loads the potentials."""

    untrained: bool = False  # random weights
    preset: str | None = None  # settings of random weights; the model's first if None
    config: Path | None = None  # JSON of an AlphaNet checkpoint that carries none
    trust: bool = False  # accept pickled weights whose checksum is not known


def rows_of_models(models: Sequence[str]) -> dict[str, dict[str, str]]:
    """A row for each model, by its short name; by its whole one if files of one name lie in several folders.

    Raises:
        UserError: a model is named twice.
    """
    for name_of in (short_name, str):
        rows = {name_of(model): {"model": model} for model in models}
        if len(rows) == len(models):
            return rows
    raise UserError("a model is named twice")


def load_options(options: RunOptions, scale: OpeningScale, preset: str | None = None) -> "LoadOptions":
    """The options of a potential; `preset` is that of its row, before the scale's."""
    from alphanet.potentials.opening import LoadOptions

    return LoadOptions(
        device=options.device,
        threads=options.threads if options.threads > 1 else None,
        config=scale.config,
        untrained=scale.untrained,
        seed=options.seed,
        preset=preset or scale.preset,
        trust=scale.trust,
    )


def weights_digest(model: str) -> str | None:
    """The sha256 of the file that `model` or `NAME:FILE` names, or of released weights; None if there is none."""
    from alphanet.model.released import is_released, released_model

    if is_released(model):
        return file_digest(released_model(model).path)
    return file_digest(Path(model if Path(model).is_file() else model.partition(":")[2]))


def file_digest(path: Path | None) -> str | None:
    """The sha256 of a file; None if there is none."""
    return sha256_of(path) if path is not None and path.is_file() else None
