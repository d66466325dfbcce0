"""Pages of the documentation as programs: their files, and the commands that a reader would type."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r"^```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<content>.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block of code. A `title` names the file that it is the content of."""

    language: str
    content: str
    title: str | None = None


def pages() -> list[Path]:
    """Every written page, the README included."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = FENCE.finditer(page.read_text(encoding="utf-8"))
    return [Block(match["language"], match["content"], match["title"]) for match in found]


def write_files(page: str, folder: Path) -> None:
    """Write the files that `docs/PAGE` shows into `folder`."""
    for block in blocks(DOCS / page):
        if block.title:
            path = folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.content, encoding="utf-8")


def follow(page: str, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Do what `docs/PAGE` says, in `folder`: write its files, then run its `sh` blocks as one script.

    Blocks of `bash` are shown to the reader and not run, because they need a network or much time.

    Args:
        page: path below `docs/`.
        folder: where.
        environment: variables to set, beside this process's.

    Returns:
        Everything that the commands printed to stdout.
    """
    write_files(page, folder)
    commands = [block.content for block in blocks(DOCS / page) if block.language == "sh"]
    script = "set -euo pipefail\n" + "".join(commands)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**os.environ, **_commands(folder), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{page}:\n{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _commands(folder: Path) -> dict[str, str]:
    """A PATH on which `alphanet` and `python` are this checkout and this interpreter, and no network is asked for."""
    programs = folder / ".bin"
    programs.mkdir(exist_ok=True)
    for name, arguments in {"alphanet": "-m alphanet.cli", "python": ""}.items():
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        program.chmod(0o755)
    mirror = folder / ".mirror"
    mirror.mkdir(exist_ok=True)
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "ALPHANET_HOME": str(folder / ".home"),
        "ALPHANET_MIRROR": mirror.as_uri(),
    }
