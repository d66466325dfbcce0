"""Checkpoints of trainings: tensors, and the settings to build the network from, as safetensors, which run no code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from worker_kit import RefusedError

FORMAT, KEY = "alphanet-baseline-1", "settings"


def write_checkpoint(file: Path, tensors: Mapping[str, Tensor], settings: Mapping[str, object]) -> None:
    """Write `tensors` and plain `settings`, under the final name when complete.

    The library writes several entries of metadata in random order; in one entry, equal models are equal files.
    """
    part = file.with_name(f".{file.name}.part")
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    part.touch()
    mode = part.stat().st_mode  # as the umask says; the library's files are for the owner alone
    save_file(plain, part, metadata={KEY: json.dumps({"format": FORMAT, **settings})})
    part.chmod(mode)
    part.replace(file)


def read_checkpoint(file: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The settings and tensors of `write_checkpoint`.

    Raises:
        RefusedError: unreadable, or another format.
    """
    try:
        with safe_open(file, framework="pt") as stored:
            settings = json.loads((stored.metadata() or {}).get(KEY, "{}"))
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  (it has no iterator)
    except (SafetensorError, OSError, ValueError) as error:
        raise RefusedError(f"{file} cannot be read as safetensors: {error}") from None
    if settings.pop("format", None) != FORMAT:
        raise RefusedError(f"{file} is not a checkpoint that `alphanet train` wrote for this baseline")
    return settings, tensors
