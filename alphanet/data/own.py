"""Files of a user's own as training data: which files, and how their frames are divided."""

from pathlib import Path, PurePath
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, model_validator

from alphanet.cards import Card
from alphanet.data.cards import LabelKeys, known_names
from alphanet.files import PACKING

DEFAULT_FRACTION = 0.1


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | Path) else value


Fraction = Annotated[float, Field(ge=0, lt=1)]


class OwnData(Card):
    """Files of labeled structures to train on, and how they are divided."""

    train: Annotated[tuple[Path, ...], BeforeValidator(_listed), Field(min_length=1)]
    """Files or folders in any format that is read; frames for validation and test are taken from them"""
    valid: Fraction | Path = DEFAULT_FRACTION
    """Part of the frames that chooses the best weights, or a file with such frames"""
    test: Fraction | Path = DEFAULT_FRACTION
    """Part of the frames that the training never sees, or a file with such frames; 0: none"""
    split: Literal["random", "time"] = "random"
    """`random`, by `split_seed`; `time`: the first frames train, the last ones test, in the order of the files"""
    group_by: str | None = None
    """Key in the frames' `info`; frames that share its value stay together. `trajectory`: those of a file"""
    split_seed: NonNegativeInt = 0
    """Of the division, so that trainings with other seeds have the same test frames"""
    labels: LabelKeys = LabelKeys()
    """Names of the labels in the files"""

    @model_validator(mode="after")
    def _one_rule(self) -> "OwnData":
        if self.split == "time" and self.group_by is not None:
            raise ValueError("frames are divided by time or by group, not by both")
        parts = [part for part in (self.valid, self.test) if isinstance(part, float)]
        if sum(parts) >= 1:
            raise ValueError(f"valid and test take {sum(parts):g} of the frames and leave none to train on")
        if self.valid == 0:
            raise ValueError("valid: validation frames choose the best weights; give a file or a part above 0")
        return self

    @property
    def name(self) -> str:
        """A name for the data: that of the first file, or of its folder."""
        return data_name(self.train[0])


def data_name(path: Path) -> str:
    """A name for the data in a file or folder: `a` of `a.extxyz.xz`."""
    name = PurePath(path.expanduser().resolve().name)
    return PurePath(name.stem if name.suffix in PACKING else name).stem or "data"


def names_file(text: str) -> bool:
    """Whether a data set's name is that of a file instead: the path exists, or looks like one; cards come first."""
    if not text or text in known_names():
        return False
    return Path(text).expanduser().exists() or "/" in text or bool(PurePath(text).suffix)
