"""What every trainer does around its package's own loop: the element energies, and what a folder can resume."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from worker_kit import RefusedError, fit_reference, read_store

# Settings of the clock: a run that is resumed may have other values.
BUDGET = ("max_time", "device", "threads", "resume", "out")


def element_energies(request: dict[str, Any]) -> dict[str, float]:
    """Energy in eV of every element the network is made for: the request's, else fitted to the training frames.

    Raises:
        RefusedError: an element that the given energies lack.
    """
    references = request["reference_energies"] or fit_reference(read_store(request["train"]))
    elements = sorted(request["elements"] or references)
    if not set(elements) <= set(references):
        raise RefusedError(f"reference_energies lacks {', '.join(sorted(set(elements) - set(references)))}")
    return {element: float(references[element]) for element in elements}


def checkpoint_to_resume(request: dict[str, Any], out: Path, last: str, stale: tuple[str, ...]) -> Path | None:
    """The file `last` of `out` where it was made with these settings; otherwise what is `stale` is removed."""
    settings = {key: value for key, value in request.items() if key not in BUDGET}
    asked = out / "settings.json"
    same = asked.is_file() and json.loads(asked.read_text()) == settings
    if request["resume"] and same and (out / last).exists():
        return out / last
    for name in (last, *stale, "logs"):
        if (out / name).is_dir():
            shutil.rmtree(out / name)
        (out / name).unlink(missing_ok=True)
    asked.write_text(json.dumps(settings, indent=1))
    return None
