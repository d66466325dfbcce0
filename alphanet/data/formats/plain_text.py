"""Text as other programs wrote it: byte order marks, and UTF-16 as PowerShell's redirections write it."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alphanet.files import encoding_of


@contextmanager
def without_mark(path: Path) -> Iterator[Path]:
    """The file itself; a copy in plain UTF-8 for readers that take a byte order mark for a part of the text."""
    with path.open("rb") as stream:
        encoding = encoding_of(stream.read(3))
    if encoding == "utf-8":
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="alphanet-") as folder:
        plain = Path(folder) / path.name
        with path.open(encoding=encoding) as source, plain.open("w", encoding="utf-8") as target:
            shutil.copyfileobj(source, target)
        yield plain
