"""Audits of several potentials in one folder: each is kept as soon as it is made, and taken up again."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from alphanet.data.formats import read_frames
from alphanet.files import sha256_of, write_text
from alphanet.measure.physics.audit import audit
from alphanet.potentials.opening import LoadOptions
from alphanet.provenance import code_digest, where

FOLDER = "models"
SOURCES = ("measure/physics", "model", "potentials", "graph.py", "neighbors.py")


def audit_all(
    names: Sequence[str],
    how: LoadOptions,
    structures: Path | None,
    out: Path | None,
    report: Callable[[str], None],
    *,
    restart: bool = False,
) -> dict[str, Any]:
    """Audit `names`, and add what `out` holds of other potentials under the same conditions.

    Args:
        names: see `open_potential`.
        how: see `audit`.
        structures: a file with structures in place of the usual ones.
        out: folder that keeps each potential's audit; none: nothing is kept.
        report: called with a line a check.
        restart: audit anew what the folder holds.

    Returns:
        `models` (see `audit`), those asked for first; `where` (hardware, software, code).

    Raises:
        UserError: the structures cannot be read, or the folder cannot be written.
    """
    given = [] if structures is None else list(read_frames(structures, labeled=False))
    common = {
        "sources": code_digest(SOURCES),
        "seed": how.seed,
        "structures": None if structures is None else sha256_of(structures),
    }
    found = []
    for name in names:
        conditions = common | _own_conditions(name, how)
        file = None if out is None else _file(out, name, how)
        kept = None if file is None or restart else _kept(file, conditions)
        if kept is not None:
            report(f"{name}: taken from {file}")
        else:
            kept = audit(name, how, given, report) | {"conditions": conditions}
            if file is not None and "error" not in kept:
                write_text(file, json.dumps(kept, indent=1, allow_nan=False) + "\n")
        found.append(kept)
    if out is not None:
        found += _others(out, found, common, report)
    return {"models": found, "where": where()}


def _own_conditions(name: str, how: LoadOptions) -> dict[str, Any]:
    """What an audit depends on besides what all in the folder have in common."""
    weights = Path(name if Path(name).is_file() else name.partition(":")[2])
    opening = {
        key: str(value) for key, value in asdict(how).items() if key not in ("dtype", "seed", "threads", "trust")
    }
    return opening | {"name": name, "weights": sha256_of(weights) if weights.is_file() else None}


def _others(
    out: Path, found: list[dict[str, Any]], common: dict[str, Any], report: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Audits in the folder that were not asked for; those made otherwise are named and left out."""
    there = {json.dumps(one.get("conditions"), sort_keys=True) for one in found}
    others = []
    for file in sorted((out / FOLDER).glob("*.json")):
        kept = _read(file)
        conditions = kept.get("conditions", {})
        if json.dumps(conditions, sort_keys=True) in there:
            continue
        if common.items() <= conditions.items():
            others.append(kept)
        else:
            report(f"{file}: left out, because it was made with other sources, seed or structures")
    return others


def _kept(file: Path, conditions: dict[str, Any]) -> dict[str, Any] | None:
    kept = _read(file)
    return kept if kept.get("conditions") == conditions else None


def _read(file: Path) -> dict[str, Any]:
    """What a file holds; nothing where it is missing or broken."""
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _file(out: Path, name: str, how: LoadOptions) -> Path:
    weights = f"-untrained-{how.preset or 'first'}" if how.untrained else ""
    return out / FOLDER / f"{re.sub(r'[^A-Za-z0-9._-]+', '_', name).strip('_')}{weights}.json"
