"""Facts about numbers as short texts, for all readers of results."""

import re
from collections.abc import Mapping
from typing import Any

LONGEST = 100  # characters of a fact; settings of whole networks are in the run's own files


def slug(text: str) -> str:
    """`text` as part of an id: letters, digits, dots and hyphens."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-") or "run"


def number(value: object) -> float | None:
    """`value` if it is a number, else none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def record_facts(record: Mapping[str, Any]) -> dict[str, str]:
    """What a record says of its numbers."""
    facts = {"record": str(record["id"]), "when": str(record["when"])}
    for title, key in (("model", "model"), ("data", "on"), ("how", "how")):
        facts[title] = listed(record[key])
    return facts | place_facts(record["where"])


def place_facts(where: Mapping[str, Any]) -> dict[str, str]:
    """Hardware, versions and code of a `where`, as far as it says them in the form that is expected."""
    said = {name: where.get(name) for name in ("hardware", "software", "code")}
    facts = {}
    if isinstance(hardware := said["hardware"], dict):
        facts["hardware"] = _hardware(hardware)
    if isinstance(software := said["software"], dict):
        facts["software"] = ", ".join(f"{name} {version}" for name, version in software.items())
    if isinstance(code := said["code"], dict):
        facts["code"] = _code(code)
    return facts


def _hardware(hardware: Mapping[str, Any]) -> str:
    """One line: GPUs if any, CPU, cores, memory."""
    cpu = f"{hardware.get('cpu', 'CPU')}, {hardware.get('cores', '?')} cores, {hardware.get('memory_gib', '?')} GiB"
    gpus = hardware.get("gpus")
    return ", ".join([*map(str, gpus if isinstance(gpus, list) else ()), cpu])


def _code(code: Mapping[str, Any]) -> str:
    """Version, commit, and whether files differed from it."""
    commit = f", commit {str(code['commit'])[:12]}" if "commit" in code else ""
    return f"{code.get('version', '?')}{commit}{' with changes' if code.get('dirty') else ''}"


def listed(values: Mapping[str, Any]) -> str:
    """The short values of a mapping: `seed 0, dtype float32`."""
    parts = []
    for key, value in values.items():
        text = f"({listed(value)})" if isinstance(value, dict) else _short(value)
        if value not in (None, "", {}) and not isinstance(value, list) and len(text) <= LONGEST:
            parts.append(f"{key.replace('_', ' ')} {text}")
    return ", ".join(parts)


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
