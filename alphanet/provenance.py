"""Provenance of numbers: hardware without host names, versions, and the state of the code."""

import functools
import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, NotRequired, TypedDict

SOURCES = (".py", ".cpp", ".hpp", ".yaml")
PACKAGES = ("torch", "numpy", "ase", "vesin", "lightning", "pandas", "matplotlib")


class Hardware(TypedDict):
    """The machine, without its name."""

    cpu: str  # model
    cores: int  # that this process may use
    memory_gib: float
    gpus: list[str]  # that torch sees


class Code(TypedDict):
    """Version of this project."""

    version: str
    commit: NotRequired[str]  # in a checkout
    dirty: NotRequired[bool]  # whether files differ from the commit


def utc_now() -> str:
    """The time of a record: UTC, to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def where() -> dict[str, Any]:
    """Hardware, software and code version, as the `environment` of a record."""
    return {"hardware": hardware(), "software": software(), "code": code()}


@functools.cache
def hardware() -> Hardware:
    """CPU model, cores this process may use, memory in GiB, and the GPUs that torch sees."""
    from alphanet.hardware.devices import accelerator_names

    return {"cpu": _cpu_model(), "cores": _cores(), "memory_gib": _memory_gib(), "gpus": accelerator_names()}


@functools.cache
def software() -> dict[str, str]:
    """Versions of the system, of Python and of the packages that numbers depend on."""
    versions = {"system": platform.system(), "python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


@functools.cache
def code() -> Code:
    """Version of this project; in a checkout also the git commit and whether files differ from it."""
    root = Path(__file__).resolve().parent.parent
    described: Code = {"version": _own_version()}
    if (root / ".git").exists():
        commit = _git(root, "rev-parse", "HEAD")
        if commit:
            described["commit"], described["dirty"] = commit, bool(_git(root, "status", "--porcelain"))
    return described


def digest_of(values: object) -> str:
    """Hash of plain values, 16 hex digits: the same for mappings in another order; what JSON lacks counts as text."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:16]


def code_digest(parts: Iterable[str | Path]) -> str:
    """Hash of the Python, C++ and YAML sources of `parts` (files or folders inside the package, or absolute paths).

    Unlike a commit it also sees changes that are not committed, and ignores those made elsewhere.
    """
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for part in parts:
        place = package / part
        files = place.rglob("*") if place.is_dir() else [place]
        for source in sorted(file for file in files if file.suffix in SOURCES):
            digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


def _own_version() -> str:
    try:
        return metadata.version("alphanet-suite")
    except metadata.PackageNotFoundError:
        return "not installed"


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _cpu_model() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory_gib() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
