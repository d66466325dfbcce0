"""Trainings that differ in their seeds alone, and in the frames that they draw: a committee in one folder."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_only

from alphanet.errors import UserError
from alphanet.files import write_text
from alphanet.potentials.runs import COMMITTEE, is_committee, read_committee
from alphanet.potentials.settings import BaselineSettings
from alphanet.training.api import require_weights, train_on, with_isolated_atoms
from alphanet.training.config import AlphaNetSettings
from alphanet.training.folder import RunFolder, TrainingResult
from alphanet.training.run import TrainingData

logger = logging.getLogger(__name__)


def train_committee(
    settings: AlphaNetSettings | BaselineSettings, frames: TrainingData, out: Path, members: int, *, resume: bool = True
) -> list[TrainingResult]:
    """Train `members` models with the seeds `settings.seed`, `settings.seed` + 1, …, one after another.

    Args:
        settings: of each training; with `bootstrap` each draws its frames by its seed.
        frames: stores of the frames.
        out: folder of the committee: `committee.json`, and a folder of an ordinary run for each member. The same call
            goes on where an earlier one stopped; more members than before are added.
        members: how many, two or more.
        resume: if False, remove what the members' folders hold first.

    Returns:
        The members' results.

    Raises:
        UserError: fewer than two members, or fewer than before; the folder holds an ordinary run; or see `train`.
    """
    _refuse_other(out, members)
    if settings.finetune is not None:
        require_weights(settings, settings.finetune)
    chosen = with_isolated_atoms(settings, frames)
    names = [f"member-{place}" for place in range(members)]
    seeded = [chosen.model_copy(update={"seed": chosen.seed + place}) for place in range(members)]
    for name, of_member in zip(names, seeded, strict=True):
        # Of several processes the first alone, or the others would remove what it has begun to write.
        rank_zero_only(RunFolder(out / name).claim)(of_member, resume=resume)
    if not is_committee(out):
        _write(out, names)
    results: list[TrainingResult] = []
    for name, of_member in zip(names, seeded, strict=True):
        logger.info("%s, number %d of %d", out / name, len(results) + 1, members)
        results.append(train_on(of_member, frames, out / name))
    _write(out, names)  # a committee that grows stays the old one until its new members are trained
    return results


def _refuse_other(out: Path, members: int) -> None:
    """Check that the folder may hold a committee of `members`."""
    if members < 2:
        raise UserError(f"a committee needs two members or more, not {members}")
    if (out / "config.yaml").exists():
        raise UserError(f"{out} holds a single training; name another folder for the committee")
    if is_committee(out) and len(before := read_committee(out)) > members:
        raise UserError(
            f"{out} holds a committee of {len(before)} members; ask for as many or more, or name another folder"
        )


def _write(out: Path, names: Sequence[str]) -> None:
    write_text(out / COMMITTEE, json.dumps({"members": list(names)}, indent=1) + "\n")
