"""Records of Zenodo and figshare: their interfaces state every file's name, size and md5."""

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from alphanet.data.cards import Listing, Role, SourceFile
from alphanet.errors import UserError
from alphanet.outside import json_value


def interface_of(listing: Listing) -> str:
    """The address that answers with the record as JSON."""
    site, _, number = listing.record.partition(":")
    return {
        "zenodo": f"https://zenodo.org/api/records/{number}",
        "figshare": f"https://api.figshare.com/v2/articles/{number}",
    }[site]


def files_of(listing: Listing, answer: Path) -> tuple[SourceFile, ...]:
    """The files of a record that the card asks for, according to the interface's answer.

    Raises:
        UserError: the answer is not such a record, or no file of it matches the card.
    """
    parse = _zenodo_file if listing.record.startswith("zenodo") else _figshare_file
    try:
        entries = json_value(answer.read_text(encoding="utf-8"), str(answer))["files"]
        files = dict(parse(entry, listing.record.partition(":")[2]) for entry in entries)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise UserError(f"{answer} is not the answer of {interface_of(listing)}; remove it and retry") from error
    wanted = [
        file.model_copy(update={"role": role, "unpack": listing.unpack})
        for name, file in files.items()
        if (role := _role(name, listing)) is not None
    ]
    missing = set(listing.roles.values()) - {file.role for file in wanted}
    if missing:
        raise UserError(
            f"{listing.record} has the files {', '.join(files)}; none is named like {_patterns(listing, missing)}"
        )
    return tuple(wanted)


def _zenodo_file(entry: dict[str, Any], number: str) -> tuple[str, SourceFile]:
    name = str(entry["key"])
    md5 = str(entry["checksum"]).removeprefix("md5:")
    url = f"https://zenodo.org/records/{number}/files/{name}"
    return name, SourceFile(url=url, md5=md5, size=int(entry["size"]))


def _figshare_file(entry: dict[str, Any], _number: str) -> tuple[str, SourceFile]:
    name = str(entry["name"])
    md5 = str(entry["computed_md5"] or entry["supplied_md5"])
    url = f"https://figshare.com/files/{int(entry['id'])}"
    return name, SourceFile(url=url, name=name, md5=md5, size=int(entry["size"]))


def _role(name: str, listing: Listing) -> Role | None:
    return next((role for pattern, role in listing.roles.items() if fnmatch(name, pattern)), None)


def _patterns(listing: Listing, roles: set[Role]) -> str:
    return ", ".join(pattern for pattern, role in listing.roles.items() if role in roles)
