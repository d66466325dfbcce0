"""The frames of learning curves: a prepared data set, or files of a user's own as if they were one."""

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from pydantic import JsonValue

from alphanet.benchmark.kinds.learning.card import LearningCard
from alphanet.data.cards import DatasetCard, Scale, ScaleCard, SourceFile
from alphanet.data.own import OwnData
from alphanet.data.prepare import PreparedData, prepare
from alphanet.errors import UserError

if TYPE_CHECKING:
    from alphanet.data.own_stores import OwnFrames

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class LearningData:
    """Prepared frames, and the settings of training that belong to them."""

    data: PreparedData
    settings: dict[str, JsonValue]


def learning_data(card: LearningCard, dataset: str, scale: str, mirror: str | None) -> LearningData:
    """The frames of a column.

    Args:
        card: which may name files of a user's own.
        dataset: of the column.
        scale: of the data and the default settings.
        mirror: an address that serves `HOST/PATH`.

    Raises:
        UserError: they cannot be had, or have no test frames or no forces.
    """
    if card.own is None:
        return LearningData(prepare(dataset, scale, mirror=mirror), {})
    frames = _own_frames(card.own)
    return LearningData(_as_prepared(card.own, frames, scale), _settings(card.own, frames))


@functools.lru_cache(maxsize=4)
def _own_frames(own: OwnData) -> "OwnFrames":
    from alphanet.data.own_stores import prepare_own

    frames = prepare_own(own)
    frames.log()
    return frames


def _as_prepared(own: OwnData, frames: "OwnFrames", scale: str) -> PreparedData:
    if frames.test is None:
        raise UserError(
            f"{frames.name} has no test frames, and errors are measured on them; name a file of them, or give more"
        )
    for split in SPLITS:
        count, labeled = frames.counts[split], frames.labeled[split]
        if count and not labeled["forces"]:
            raise UserError(
                f"{', '.join(map(str, own.train))}: none of the {count} {split} frames has forces, which are "
                "learned; if they have another name in the file, say which"
            )
    return PreparedData(
        name=frames.name,
        scale=scale,
        card=_card_of(own, frames),
        train=frames.train,
        valid=frames.valid,
        test=frames.test,
        sources=frames.sources,
        counts={split: frames.counts[split] or frames.counts["train"] for split in SPLITS},
    )


def _card_of(own: OwnData, frames: "OwnFrames") -> DatasetCard:
    at = ScaleCard(
        description=f"files of the user's own, divided at {own.split}, seed {own.split_seed}",
        license="not stated",
        level_of_theory="not stated",
        files=tuple(SourceFile(path=str(path)) for path in dict.fromkeys(own.train)),
    )
    scales: dict[Scale, ScaleCard] = dict.fromkeys(get_args(Scale), at)
    return DatasetCard(
        name=frames.name, title=frames.name, citation=(), elements=frames.all_elements, paper="", scales=scales
    )


def _settings(own: OwnData, frames: "OwnFrames") -> dict[str, JsonValue]:
    """As `alphanet train` trains on files: with the energies of isolated atoms, if there are any."""
    from alphanet.training.references import completed_references

    settings: dict[str, JsonValue] = {"data": own.model_dump(mode="json")}
    if frames.isolated:
        settings["reference_energies"] = dict(completed_references(frames.train, frames.isolated, frames.all_elements))
    return settings
