"""What a run has measured so far: a header with the conditions, then a line an entry, on disk at once."""

import json
from pathlib import Path
from typing import Any

from alphanet.errors import UserError
from alphanet.files import write_text

WHEN = "begun"  # of the header; the only key that another run may have otherwise


class Journal:
    """JSON lines. The file is replaced whole, so that it never ends in half a line."""

    def __init__(self, path: Path, header: dict[str, Any], *, restart: bool) -> None:
        """Read what `path` holds, if anything.

        Raises:
            UserError: it was written under other conditions, or cannot be read.
        """
        self._path, self._lines = path, [json.dumps(header)]
        self.header = header
        self.entries: list[Any] = []
        if path.exists() and not restart:
            self._take_up(header)
        else:
            self._write()  # whether it can be written shows before anything is measured

    def add(self, entry: Any) -> None:
        """Keep `entry`."""
        self.entries.append(entry)
        self._lines.append(json.dumps(entry))
        self._write()

    def _write(self) -> None:
        write_text(self._path, "\n".join(self._lines) + "\n")

    def _take_up(self, wanted: dict[str, Any]) -> None:
        try:
            self._lines = self._path.read_text(encoding="utf-8").splitlines()
            there, *self.entries = (json.loads(line) for line in self._lines)
        except (OSError, ValueError) as error:
            raise UserError(f"{self._path} cannot be read ({error}); add --restart to measure anew") from error
        different = [key for key in wanted if key != WHEN and json.loads(json.dumps(wanted[key])) != there.get(key)]
        if different:
            raise UserError(
                f"{self._path} was measured with other {', '.join(different)}; points of both must not share a curve: "
                "choose another --out, or add --restart to measure anew"
            )
        self.header = there
