"""Pages of the documentation as programs: their files, and the commands that a reader would type."""

import contextlib
import io
import os
import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from typer.testing import CliRunner

from alphanet.benchmark.kinds import KINDS
from alphanet.cli import app
from alphanet.measure.physics.audit import CHECKS

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


def follow(page: str, folder: Path) -> str:
    """Do what `docs/PAGE` says, in `folder`: write its files, then call what its `sh` blocks call.

    Blocks of `bash` are shown to the reader and not run, because they need a network or much time.

    The calls are made in this process, because every new one imports torch. What they leave behind in it is undone.

    Returns:
        Everything that the calls printed to stdout.
    """
    write_files(page, folder)
    printed = []
    with _reader_in(folder):
        for block in blocks(DOCS / page):
            if block.language == "sh":
                printed += [call(line) for line in block.content.replace("\\\n", " ").splitlines()]
    return "".join(printed)


def call(line: str) -> str:
    """What a line of a shell prints to stdout: `export N=…`, `python FILE` or `alphanet …`, perhaps with `> FILE`."""
    line, _, target = line.partition(" > ")
    words = [os.path.expandvars(word) for word in shlex.split(line, comments=True)]
    match words:
        case []:
            return ""
        case ["export", assignment]:
            name, _, value = assignment.partition("=")
            os.environ[name] = value
            return ""
        case ["python", script]:
            with contextlib.redirect_stdout(io.StringIO()) as stdout:
                runpy.run_path(script, run_name="__main__")
            output = stdout.getvalue()
        case ["alphanet", *arguments]:
            done = CliRunner().invoke(app, arguments, catch_exceptions=False)
            assert done.exit_code == 0, f"{line}\n{done.output}"
            output = done.stdout
        case _:
            raise AssertionError(f"cannot call {line!r}")
    if target:
        Path(target.strip()).write_text(output, encoding="utf-8")
        return ""
    return output


@contextlib.contextmanager
def _reader_in(folder: Path) -> Iterator[None]:
    """A reader whose shell is in `folder`, without a network. Variables, modules, kinds and checks are restored."""
    mirror = folder / ".mirror"
    mirror.mkdir(exist_ok=True)
    variables = {"PWD": str(folder), "ALPHANET_HOME": str(folder / ".home"), "ALPHANET_MIRROR": mirror.as_uri()}
    modules = set(sys.modules)
    with (
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, variables),
        mock.patch.dict(KINDS),
        mock.patch.dict(CHECKS),
        mock.patch.object(sys, "path", [str(folder), *sys.path]),
    ):
        yield
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]
