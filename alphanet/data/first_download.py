"""Downloads whose checksums nobody published: that of the first one is kept in `FILE.json` and must stay the same."""

import json
from pathlib import Path

from alphanet.data.addresses import addresses_of, mirror_from
from alphanet.files import write_text


def recorded(target: Path) -> str | None:
    """The sha256 of the file when it was downloaded; None if it never was."""
    try:
        return str(json.loads(_record(target).read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError):
        return None


def download_recorded(
    source: str, target: Path, sha256: str | None, md5: str | None, size: int | None, *, mirror: str | None = None
) -> str:
    """Fetch `source` into `target` unless it is there, and record its origin; return its sha256.

    Args:
        source: the publisher's address.
        target: the file.
        sha256: that is published; without one that of the first download counts.
        md5: that is published.
        size: bytes.
        mirror: see `alphanet.data.addresses.mirror_from`.

    Raises:
        UserError: see `alphanet.data.download.download`.
    """
    from alphanet.data.download import Expected, download  # brings httpx, which listing does not need

    expected = Expected(sha256 or recorded(target), md5, size)
    digest = download(addresses_of(source, mirror_from(mirror)), target, expected)
    record = {"source": source, "sha256": digest, "bytes": target.stat().st_size}
    write_text(_record(target), json.dumps(record, indent=1) + "\n")
    return digest


def _record(target: Path) -> Path:
    return target.with_name(f"{target.name}.json")
