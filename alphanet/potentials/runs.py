"""Trainings on this disk: their default folder, and the models that a run or a committee of runs left in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, JsonValue

from alphanet.cards import Card, validate
from alphanet.errors import UserError
from alphanet.files import read_json_object, sha256_of

RUNS = Path("runs/train")  # default folder of trainings
RESULT = "result.json"
COMMITTEE = "committee.json"
ALPHANET = "alphanet"


class Committee(Card):
    """The content of `committee.json`."""

    members: Annotated[tuple[Path, ...], Field(min_length=2)]
    """Folders of runs, relative to that of this file"""


class _Written(BaseModel):
    """The keys of `result.json` that lead to the model; those of `alphanet.training.folder` are more."""

    name: str
    model: Path  # relative to the folder
    sha256: str
    elements: tuple[str, ...]
    settings: dict[str, JsonValue] = {}


@dataclass(frozen=True)
class TrainedModel:
    """What a training left."""

    name: str  # alphanet, or a baseline's
    card: str  # what the settings of a baseline call it: its name, or the folder of its card
    path: Path
    sha256: str
    elements: tuple[str, ...]  # chemical symbols in the order of their names


def trained_run(folder: Path, *, owner: str | None = None) -> TrainedModel:
    """The model that a finished training left in its folder.

    Args:
        folder: of the run, with `result.json`.
        owner: the potential that it must be a training of.

    Raises:
        UserError: `result.json` cannot be read or is of another potential; the checkpoint is gone or has changed.
    """
    file = folder / RESULT
    written = validate(read_json_object(file), _Written, str(file))
    if owner not in (None, written.name):
        raise UserError(f"{file} describes a training of {written.name}, not of {owner}")
    model = folder / written.model
    if not model.is_file():
        raise UserError(f"{model} is gone; train again, or name a checkpoint")
    if sha256_of(model) != written.sha256:
        raise UserError(f"{model} is not what the training wrote (see {file}); train again, or name a checkpoint")
    card = str(written.settings.get("baseline", written.name))
    return TrainedModel(written.name, card, model, written.sha256, tuple(sorted(written.elements)))


def is_committee(folder: Path) -> bool:
    """Whether a folder holds a committee."""
    return (folder / COMMITTEE).is_file()


def holds_models(folder: Path) -> bool:
    """Whether a folder is that of a trained run or of a committee."""
    return is_committee(folder) or (folder / RESULT).is_file()


def read_committee(folder: Path) -> tuple[Path, ...]:
    """The folders of a committee's members.

    Raises:
        UserError: `committee.json` cannot be read or names fewer than two members.
    """
    file = folder / COMMITTEE
    members = validate(read_json_object(file), Committee, str(file)).members
    return tuple(folder / member for member in members)


def models_in(folder: Path) -> tuple[TrainedModel, ...]:
    """The model of a run, or those of the members of a committee.

    Raises:
        UserError: the folder holds neither; a member is missing, not trained yet or damaged, or is of another kind or
            knows other elements than the first.
    """
    if not is_committee(folder):
        if not (folder / RESULT).is_file():
            raise UserError(f"{folder} is a folder without a trained model ({RESULT}) and without a committee")
        return (trained_run(folder),)
    members = read_committee(folder)
    for member in members:
        if not (member / RESULT).is_file():
            state = "is not trained yet" if member.is_dir() else "is missing"
            raise UserError(
                f"{folder} is a committee of {len(members)}, of which {member.name} {state}; the command that began "
                "it trains what is missing"
            )
    models = tuple(trained_run(member) for member in members)
    first = models[0]
    for member, model in zip(members, models, strict=True):
        for what, own, expected in (
            ("is", model.name, first.name),
            ("knows", ", ".join(model.elements), ", ".join(first.elements)),
        ):
            if own != expected:
                raise UserError(
                    f"{folder}: {member.name} {what} {own}, and {members[0].name} {what} {expected}; members of a "
                    "committee are alike but for seeds and frames"
                )
    return models


def alphanet_files(model: Any) -> Any:
    """The files in the folder of a run or of a committee of AlphaNet, or in each of a sequence; anything else as it is.

    Raises:
        UserError: see `models_in`; or a folder is of a baseline.
    """
    if isinstance(model, Sequence) and not isinstance(model, str):
        return tuple(alphanet_files(one) for one in model)
    if not isinstance(model, str | Path) or not Path(model).is_dir():
        return model
    models = models_in(Path(model))
    if models[0].name != ALPHANET:
        raise UserError(f"{model} is a training of {models[0].name}, not of AlphaNet; use alphanet.open_potential")
    files = tuple(found.path for found in models)
    return files if is_committee(Path(model)) else files[0]
