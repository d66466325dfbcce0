"""Journals of long measurements: a header with the conditions, then one line per entry, each flushed at once."""

import logging
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from alphanet.errors import UserError
from alphanet.files import write_text
from alphanet.outside import json_value, require_regular

logger = logging.getLogger(__name__)

HeaderT = TypeVar("HeaderT", bound=BaseModel)
EntryT = TypeVar("EntryT", bound=BaseModel)


class Journal(Generic[HeaderT, EntryT]):
    """The entries of one file of JSON lines, oldest first, all made under the conditions of its header."""

    def __init__(
        self,
        path: Path,
        header: HeaderT,
        entry_type: type[EntryT],
        *,
        restart: bool = False,
        free: Collection[str] = ("begun",),
    ) -> None:
        """Read the entries of `path`, if there are any; a last line that a kill cut off is dropped.

        Args:
            path: the file.
            header: the conditions of this run.
            entry_type: of the entries.
            restart: start a new file, even if there is one.
            free: fields of the header that may differ between runs; those of the first run are kept.

        Raises:
            UserError: the file was written under other conditions, is damaged, or cannot be read or written.
        """
        self.path = path
        self.header = header
        self.entries: list[EntryT] = []
        if path.exists() and not restart:
            self._resume(entry_type, free)
        else:
            write_text(path, header.model_dump_json() + "\n")  # an unwritable folder shows before the first measurement

    def add(self, entry: EntryT) -> None:
        """Append `entry` and flush it to the disk.

        Raises:
            UserError: the file cannot be written.
        """
        self.extend([entry])

    def extend(self, entries: Sequence[EntryT]) -> None:
        """Keep `entries`, flushed to the disk together.

        Raises:
            UserError: the file cannot be written.
        """
        content = "".join(entry.model_dump_json() + "\n" for entry in entries).encode()
        try:
            with os.fdopen(os.open(self.path, os.O_WRONLY | os.O_APPEND), "wb", buffering=0) as stream:
                if stream.write(content) != len(content):
                    raise UserError(f"cannot write {self.path}: the disk is full")
                os.fsync(stream.fileno())
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror or error}") from error
        self.entries += entries

    def _resume(self, entry_type: type[EntryT], free: Collection[str]) -> None:
        require_regular(self.path)
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise self._damaged(str(error)) from error
        whole, _, rest = text.rpartition("\n")
        if rest:
            logger.warning("%s: the last line was cut off; it is measured again", self.path)
            write_text(self.path, f"{whole}\n" if whole else "")
        first, *lines = whole.split("\n")
        self._require_same(self._object(first), free)
        number = 1
        try:
            self.header = type(self.header).model_validate_json(first)
            for line in lines:
                number += 1
                self.entries.append(entry_type.model_validate_json(line))
        except ValidationError as error:
            key = ".".join(map(str, error.errors()[0]["loc"]))
            raise self._damaged(f"line {number}, {key}: {error.errors()[0]['msg']}") from error

    def _object(self, line: str) -> dict[str, JsonValue]:
        try:
            values = json_value(line, str(self.path))
        except ValueError as error:
            raise self._damaged(str(error)) from error
        if not isinstance(values, dict):
            raise self._damaged("its first line is no JSON object")
        return values

    def _require_same(self, earlier: dict[str, JsonValue], free: Collection[str]) -> None:
        wanted = self.header.model_dump(mode="json")
        different = [key for key in wanted if key not in free and wanted[key] != earlier.get(key)]
        if different:
            raise UserError(
                f"{self.path} was measured with other {', '.join(different)} "
                f"({_difference(earlier, wanted, different[0])}), and results of both must not be mixed: "
                "choose another folder, or restart to measure again"
            )

    def _damaged(self, what: str) -> UserError:
        return UserError(f"{self.path} cannot be read ({what}); choose another folder, or restart to measure again")


def _difference(before: Mapping[str, JsonValue], now: Mapping[str, JsonValue], key: str) -> str:
    """The first value below `key` that differs, by its path."""
    one, other = before.get(key), now.get(key)
    if isinstance(one, dict) and isinstance(other, dict):
        inner = min(name for name in {*one, *other} if one.get(name) != other.get(name))
        return f"{key}: {_difference(one, other, inner)}"
    return f"{key} {one} then, {other} now"
