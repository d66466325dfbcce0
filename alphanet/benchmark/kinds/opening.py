"""What kinds that open potentials by name have in common: keys of the scale, rows, options, and digests of files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alphanet.benchmark.card import ScaleSettings
from alphanet.benchmark.kind import RunOptions
from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.potentials.forms import short_name
from alphanet.potentials.specification import Specification

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


def load_options(options: RunOptions, scale: OpeningScale, model: Specification) -> "LoadOptions":
    """The options of a potential; a preset in its name goes before the scale's.

    AlphaNet takes the one thread of `RunOptions` too, not all that torch would: small systems wait for busy cores.
    """
    from alphanet.potentials.opening import LoadOptions

    decides_itself = model.kind == "python" and options.threads == 1
    return LoadOptions(
        device=options.device,
        threads=None if decides_itself else options.threads,
        config=scale.config,
        untrained=scale.untrained,
        seed=options.seed,
        preset=model.preset or scale.preset,
        trust=scale.trust,
    )


def file_digest(path: Path | None) -> str | None:
    """The sha256 of a file; None if there is none."""
    return sha256_of(path) if path is not None and path.is_file() else None
