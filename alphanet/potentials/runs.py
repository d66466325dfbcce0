"""Trainings on this disk: their default folder, and the checkpoint that a `result.json` describes."""

import json
from pathlib import Path

from alphanet.errors import UserError
from alphanet.files import sha256_of

RUNS = Path("runs/train")  # default folder of trainings
RESULT = "result.json"


def trained_model(result: Path, name: str) -> Path:
    """The checkpoint of the potential `name` that a `result.json` describes.

    Raises:
        UserError: the file cannot be read or describes another potential; the checkpoint is gone or has changed.
    """
    owner, model = trained_run(result)
    if owner not in ("", name):
        raise UserError(f"{result} describes a training of {owner}, not of {name}")
    return model


def trained_run(result: Path) -> tuple[str, Path]:
    """The name of the potential that a `result.json` describes, and its checkpoint.

    Raises:
        UserError: the file cannot be read; the checkpoint is gone or has changed.
    """
    try:
        values = json.loads(result.read_text(encoding="utf-8"))
        model, digest, name = result.parent / values["model"], values["sha256"], str(values.get("name", ""))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{result} does not describe a training run: {error}") from error
    if not model.is_file():
        raise UserError(f"{model} is gone; train again, or name a checkpoint")
    if sha256_of(model) != digest:
        raise UserError(f"{model} is not what the training wrote (see {result}); train again, or name a checkpoint")
    return name, model
