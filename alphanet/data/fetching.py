"""`fetch`: every file of a data set at one scale, on this disk and verified."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alphanet.data.addresses import addresses_of, mirror_from, safe_relative
from alphanet.data.archives import unpack, unpacked
from alphanet.data.cards import DatasetCard, ScaleCard, SourceFile
from alphanet.data.listings import files_of, interface_of
from alphanet.errors import UserError
from alphanet.files import locked, read_json_object, sha256_of, write_text
from alphanet.paths import home, resources


@dataclass(frozen=True)
class Fetched:
    """A source file on this disk."""

    source: SourceFile
    path: Path
    sha256: str

    @property
    def readable(self) -> Path:
        """The file with the frames, or the folder that its archive was unpacked to."""
        return unpacked(self.path) if self.source.unpack else self.path


def fetch(card: DatasetCard, scale: str, *, mirror: str | None = None) -> list[Fetched]:
    """All files of `card` at `scale`: the missing ones are downloaded, all are verified, archives are unpacked.

    Args:
        card: the data set.
        scale: `mini` (shipped, nothing is downloaded), `slice` or `full`.
        mirror: an address that serves `HOST/PATH`; by default `ALPHANET_MIRROR`, or the publishers' servers.

    Raises:
        UserError: the scale has nothing to fetch, or a download failed.
    """
    place = mirror_from(mirror)
    at = card.at(scale)
    if at.needs and not at.files and not at.listing:
        raise UserError(f"{card.name} has no data at scale {scale}: {at.needs}")
    files = sources_of(at, lambda url, target: _download(SourceFile(url=url), target, place))
    return [_fetched(file, place) for file in files]


def fetch_file(file: SourceFile, *, mirror: str | None = None) -> Fetched:
    """One source file on this disk; arguments and errors are those of `fetch`."""
    return _fetched(file, mirror_from(mirror))


def sources_of(at: ScaleCard, ask: Callable[[str, Path], object] | None = None) -> tuple[SourceFile, ...]:
    """The files of a scale; the files of a listing are those that the publisher's interface names.

    `ask(url, target)` fetches a listing that is not on this disk yet; without it such files are left out.
    """
    if at.listing is None:
        return at.files
    answer = home() / "data" / "listings" / f"{at.listing.record.replace(':', '-')}.json"
    if not answer.is_file():
        if ask is None:
            return at.files
        ask(interface_of(at.listing), answer)
    return at.files + files_of(at.listing, answer)


def local_path(file: SourceFile) -> Path:
    """Path of a source file: beside its card, or in the cache as `HOST/PATH`; so the cache can serve as a mirror."""
    if file.beside_card is not None:
        return file.beside_card
    folder = home() / "data" / "downloads" / safe_relative(str(file.url))
    return folder / file.name if file.name else folder


def known_checksum(file: SourceFile) -> str | None:
    """The sha256 in the card, or the one that was recorded when the file was first fetched."""
    return file.sha256 or _recorded().get(file.label)


def _fetched(file: SourceFile, mirror: str | None) -> Fetched:
    if file.path is not None:
        return shipped(file)
    target = local_path(file)
    digest = _download(file, target, mirror)
    if file.unpack:
        unpack(target, unpacked(target))
    return Fetched(file, target, digest)


def _download(file: SourceFile, target: Path, mirror: str | None) -> str:
    from alphanet.data.download import Expected, download  # listing benchmarks needs no client for HTTP

    expected = Expected(known_checksum(file), file.md5, file.size)
    digest = download(addresses_of(str(file.url), mirror), target, expected)
    if expected.sha256 is None:
        _record(file, digest)
    return digest


def shipped(file: SourceFile) -> Fetched:
    """A file beside its card, such as those that come with the project.

    Raises:
        UserError: it is missing or not the one that the card describes.
    """
    path = local_path(file)
    remedy = (
        "reinstall alphanet-suite" if path.is_relative_to(resources("datasets")) else "correct the card or the file"
    )
    if not path.is_file():
        raise UserError(f"{path}, which the data set's card names, is missing; {remedy}")
    digest = sha256_of(path)
    if file.sha256 and digest != file.sha256:
        raise UserError(f"{path} has the wrong checksum (sha256 {digest}, the card says {file.sha256}); {remedy}")
    return Fetched(file, path, digest)


def _ledger() -> Path:
    """Checksums of files whose publishers state none, as first seen."""
    return home() / "data" / "checksums.json"


def _recorded() -> dict[str, str]:
    ledger = _ledger()
    return read_json_object(ledger) if ledger.is_file() else {}


def _record(file: SourceFile, digest: str) -> None:
    ledger = _ledger()
    with locked(Path(f"{ledger}.lock"), "waiting for another process that records a checksum"):
        write_text(ledger, json.dumps({**_recorded(), file.label: digest}, indent=2, sort_keys=True) + "\n")
