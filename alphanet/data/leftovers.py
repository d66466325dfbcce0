"""What a file format cannot hold, gathered while frames are written and told in one line."""

import logging
from pathlib import Path

logger = logging.getLogger(__name__)


class Leftovers:
    """Names of what was left out or changed."""

    def __init__(self) -> None:
        """Nothing was left out yet."""
        self._names: dict[str, None] = {}  # in order, each once

    def add(self, name: str) -> None:
        """Note something that was left out; in brackets behind the name what is written in its place."""
        self._names[name] = None

    def tell(self, path: Path, format_name: str) -> None:
        """Log one warning, if anything was left out."""
        if self._names:
            logger.warning("%s: %s cannot hold %s", path, format_name, ", ".join(self._names))
