"""A new baseline to start from: a card and a worker that already run."""

import re
from pathlib import Path
from string import Template

from alphanet.errors import UserError
from alphanet.files import write_text
from alphanet.model.released import released_names
from alphanet.potentials.cards import CARD, WORKER, baseline_names
from alphanet.potentials.specification import READINGS

TEMPLATE = Path(__file__).with_name("template")
PATTERN = r"[a-z0-9][a-z0-9._-]*"


def write_baseline(name: str, parent: Path) -> list[Path]:
    """Write `card.yaml` and `worker.py` of an ASE calculator into the new folder `parent/NAME`.

    Returns:
        The files.

    Raises:
        UserError: a name that no card may have or that another model has, or a folder that is there already.
    """
    if not re.fullmatch(PATTERN, name):
        raise UserError(f"{name!r} is no name of a baseline: small letters, digits, -, _ and dots, say my-model")
    if name in (*READINGS, *released_names(), *baseline_names()):
        raise UserError(f"{name} is the name of another model (`alphanet baselines list`); choose a new one")
    folder = parent / name
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise UserError(f"{folder} is there already and nothing is overwritten; choose another name or --dir") from None
    except OSError as error:
        raise UserError(f"cannot make {folder}: {error.strerror or error}") from error
    files = [folder / CARD, folder / WORKER]
    for file in files:
        text = (TEMPLATE / file.name).read_text(encoding="utf-8")
        write_text(file, Template(text).safe_substitute(name=name))
    return files
