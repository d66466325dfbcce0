"""The unfinished file of a download, and what is known about it."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

BLOCK = 1 << 20  # bytes


class PartFile:
    """The unfinished file beside its target, with the checksums of what it holds.

    The server's validator (ETag or date) is kept next to it, so that halves of two versions are never joined.
    """

    def __init__(self, target: Path, may_resume: bool):
        """Take up what an earlier run left, where it can be checked later or the server can vouch for it."""
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self._validator = target.with_name(target.name + ".part.validator")
        self.size = 0
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.sha256 = hashlib.sha256()
        if self.path.exists() and (may_resume or self.validator):
            self._count_existing()
        else:
            self.restart()
        self.resumed = self.size > 0

    @property
    def validator(self) -> str:
        """What the server said identifies the version of the file, or nothing."""
        return self._validator.read_text(encoding="utf-8") if self._validator.exists() else ""

    def remember(self, validator: str) -> None:
        """Keep the server's validator beside the file."""
        self._validator.write_text(validator, encoding="utf-8")

    def restart(self) -> None:
        """Forget everything."""
        self.remove()
        self.size = 0
        self.resumed = False
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.sha256 = hashlib.sha256()

    def append(self, blocks: Iterator[bytes], update: Callable[[int], None]) -> None:
        """Add what arrives, block by block."""
        with self.path.open("ab") as stream:
            for block in blocks:
                stream.write(block)
                self._add(block)
                update(self.size)

    def finish(self) -> str:
        """Flush, take the final name, and return the sha256."""
        with self.path.open("rb") as stream:
            os.fsync(stream.fileno())
        self.path.replace(self.target)
        self._validator.unlink(missing_ok=True)
        return self.sha256.hexdigest()

    def remove(self) -> None:
        """Delete the unfinished file."""
        self.path.unlink(missing_ok=True)
        self._validator.unlink(missing_ok=True)

    def _count_existing(self) -> None:
        with self.path.open("rb") as stream:
            while block := stream.read(BLOCK):
                self._add(block)

    def _add(self, block: bytes) -> None:
        self.md5.update(block)
        self.sha256.update(block)
        self.size += len(block)
