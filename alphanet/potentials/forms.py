"""The ways to name a model, which are the same wherever a command or a card asks for one."""

import re
from pathlib import PurePath

FORMS: tuple[tuple[str, str], ...] = (
    ("alphanet", "AlphaNet with random weights; alphanet-v1: in the reading of the public code"),
    ("FILE", "weights of AlphaNet: .safetensors, .pt2 of `alphanet export`, or a public checkpoint with --config"),
    ("FOLDER", "of a training of AlphaNet or a baseline: its best weights; of a committee: its mean"),
    ("RELEASED", "released weights of AlphaNet (`alphanet models list`)"),
    ("NAME[:CHECKPOINT]", "a baseline (`alphanet baselines list`); CHECKPOINT: a name in its card, a file or a folder"),
    ("NAME#2", "a baseline that runs a checkout of yours, from the second one"),
    ("CARD[:CHECKPOINT]", "the path of a baseline's card.yaml or of its folder"),
    ("module:callable", "what it returns: an ASE calculator or a torch_sim model"),
)
"""Form and meaning. `alphanet.potentials.specification.specified` reads them in this order, names before paths"""
PRESET = "@PRESET behind a name or card: random weights with these settings"
MODEL_FORMS = "; ".join([*(f"{form}: {meaning}" for form, meaning in FORMS), PRESET])
"""All in one text, for the help of commands"""

_CARD = re.compile(r"/card\.yaml(?=$|:|@)")
_SUFFIX = re.compile(r"\.(safetensors|pt2|pt|pth|ckpt|model)$")


def short_name(model: str, *, untrained: bool = False) -> str:
    """The model's name without the folders of its files; says if its weights are random."""
    head, colon, tail = _CARD.sub("", model).partition(":")
    name = f"{PurePath(head).name}{colon}{PurePath(tail).name}"
    return f"{name} (random)" if untrained else name


def file_label(model: str) -> str:
    """The short name as it can stand in names of files and of columns."""
    return row_label(short_name(model))


def row_label(row: str) -> str:
    """A row's name as it can stand in names of files, with the folders of a path."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", _SUFFIX.sub("", row)).strip("-")
