"""Released weights of baselines: their paths, their presence on this machine, and verified downloads."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from alphanet.data.archives import unpack, unpacked
from alphanet.data.first_download import download_recorded, recorded
from alphanet.data.progress import megabytes
from alphanet.errors import UserError, did_you_mean
from alphanet.files import sha256_of
from alphanet.paths import home
from alphanet.potentials.card_parts import Checkpoint
from alphanet.potentials.cards import BaselineCard


@dataclass(frozen=True)
class Weights:
    """Trained weights that a worker can load."""

    path: Path | None  # a file, or the folder of an unpacked archive; None if the package contains them
    name: str  # of the checkpoint
    sha256: str | None  # of what was downloaded


def released(card: BaselineCard, name: str) -> Checkpoint:
    """The checkpoint `name` of the card.

    Raises:
        UserError: the card has no such checkpoint.
    """
    if name not in card.checkpoints:
        raise UserError(f"{card.name} has no checkpoint {name!r}{did_you_mean(name, card.checkpoints)}")
    return card.checkpoints[name]


def is_present(card: BaselineCard, name: str) -> bool:
    """Whether a checkpoint can be loaded without a network; checkpoints in a package count as present."""
    checkpoint = released(card, name)
    return checkpoint.source == "package" or _loaded_from(_target(card, checkpoint), checkpoint).exists()


def present(card: BaselineCard, name: str, *, trust: bool = False) -> Weights:
    """A checkpoint of the card that is on this disk.

    Args:
        card: the baseline.
        name: of the checkpoint.
        trust: accept pickled weights whose checksum is not in the card.

    Raises:
        UserError: it has to be downloaded (the message names file, address and size), it changed since its download,
            or it is a pickle that is not trusted.
    """
    checkpoint = released(card, name)
    if checkpoint.source == "package":
        return Weights(None, name, None)
    download_ = _target(card, checkpoint)
    path = _loaded_from(download_, checkpoint)
    if not path.exists():
        what = card.known_as if name == card.released else f"{card.known_as}:{name}"
        raise UserError(
            f"the weights of {card.name} are not here: {missing(checkpoint)}; get them with: "
            f"alphanet baselines fetch {what}"
        )
    digest = sha256_of(download_)
    if digest != recorded(download_):
        raise UserError(f"{download_} is not what was downloaded; remove it and fetch it again")
    if checkpoint.pickled and not checkpoint.sha256 and not trust:
        raise UserError(
            f"{download_} carries code that loading it runs, and the card has no sha256 of it; if you trust "
            f"{checkpoint.source}, allow it (trust)"
        )
    return Weights(path, name, digest)


def fetch(card: BaselineCard, name: str, *, mirror: str | None = None) -> Weights:
    """Download a checkpoint unless it is here. If the card has no checksum, that of the first download is recorded.

    Raises:
        UserError: the address cannot be reached, or the file differs from the card or from an earlier download.
    """
    checkpoint = released(card, name)
    if checkpoint.source == "package":
        return Weights(None, name, None)
    target = _target(card, checkpoint)
    try:
        digest = download_recorded(
            checkpoint.source,
            target,
            sha256=checkpoint.sha256,
            md5=checkpoint.md5,
            size=checkpoint.bytes,
            mirror=mirror,
        )
    except UserError as error:
        raise UserError(f"{card.name} lacks {missing(checkpoint)}: {error}") from error
    if checkpoint.member:
        unpack(target, unpacked(target))
    path = _loaded_from(target, checkpoint)
    if not path.exists():
        raise UserError(f"{target} holds no {checkpoint.member}; the card of {card.name} is out of date")
    return Weights(path, name, digest)


def missing(checkpoint: Checkpoint) -> str:
    """File, size and address, in words; an unpublished size is that of the parameters in float32."""
    size = megabytes(checkpoint.bytes)
    if checkpoint.bytes is None and checkpoint.parameters is not None:
        size = f"size not published, about {megabytes(4 * checkpoint.parameters)} by its parameters"
    return f"{checkpoint.file_name} ({size}) from {checkpoint.source}"


def described(card: BaselineCard) -> dict[str, JsonValue]:
    """The checkpoint that the bare name means: its source, whether it can be loaded, its size in bytes."""
    if card.released is None:
        return {"source": None, "present": False, "bytes": None}
    checkpoint = card.checkpoints[card.released]
    present = is_present(card, card.released)
    size = checkpoint.bytes
    if present and checkpoint.source != "package":
        size = _target(card, checkpoint).stat().st_size
    return {"source": checkpoint.source, "present": present, "bytes": size}


def _target(card: BaselineCard, checkpoint: Checkpoint) -> Path:
    return home() / "weights" / card.name / checkpoint.file_name


def _loaded_from(target: Path, checkpoint: Checkpoint) -> Path:
    return unpacked(target) / checkpoint.member if checkpoint.member else target
