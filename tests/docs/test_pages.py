"""What the documentation says of commands, costs and files is what the code says."""

import os
import re
import shlex
import subprocess
from itertools import groupby

import pytest
import typer
from pages import DOCS, ROOT, blocks, pages

from alphanet import durations
from alphanet.benchmark.listing import BenchmarkInfo, list_benchmarks
from alphanet.cli import app

LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")
LOADED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*(?:src|href)=[\"']?(?:https?:)?//[^>]*>")
SHELL = ("sh", "bash", "console")


def commands_of(page):
    """Every `alphanet …` in the shell blocks of a page, as words; continued lines are joined."""
    for block in blocks(page):
        if block.language not in SHELL:
            continue
        content = block.content.replace("\\\n", " ")
        for line in content.splitlines():
            if block.language == "console" and not line.startswith("$ "):
                continue  # what a command printed
            for part in re.split(r"&&|\||;", line.removeprefix("$ ").split(" #")[0]):
                words = shlex.split(part.strip().removeprefix("srun ").removeprefix("exec "), comments=False)
                if words and words[0].endswith("alphanet"):
                    yield [word for word in words[1:] if word != ">"]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_options_exist(page):
    for words in commands_of(page):
        check_command(words)


def test_the_script_for_a_gpu_calls_what_exists(tmp_path):
    calls = tmp_path / "calls"
    for name in ("alphanet", "python"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {calls}\n')
        (tmp_path / name).chmod(0o755)
    script = [ROOT / "benchmarks" / "gpu.sh", tmp_path / "out", tmp_path / "alphanet"]
    subprocess.run(["bash", *map(str, script)], cwd=ROOT, check=True, env=os.environ | {"ALPHANET_OFFICIAL_SRC": "/x"})
    lines = [shlex.split(line) for line in calls.read_text().splitlines()]
    assert len(lines) == 6
    for program, *words in lines:
        if program == "alphanet":
            check_command(words)
        else:
            assert all((ROOT / word).exists() for word in words if word.endswith(".py"))


def check_command(words):
    """The command of `words` exists, and so does every option in them."""
    command, rest = command_of(words)
    known = {name for param in command.params for name in [*param.opts, *param.secondary_opts]} | {"--help"}
    options = {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
    assert options <= known, f"alphanet {shlex.join(words)}: no {options - known}"
    assert not hasattr(command, "commands") or options, f"alphanet {shlex.join(words)}: no such command"


def command_of(words):
    """The command that words call, and the words after its name; a group may have a command that needs no name."""
    command, rest = typer.main.get_command(app), list(words)
    while rest and hasattr(command, "commands") and rest[0] in command.commands:
        command = command.commands[rest.pop(0)]
    if hasattr(command, "commands") and hasattr(command, "default"):
        command = command.commands[command.default]
    return command, rest


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_links_outside_the_site_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_site_is_built_and_loads_nothing(tmp_path, monkeypatch):
    config = pytest.importorskip("mkdocs.config")
    build = pytest.importorskip("mkdocs.commands.build")
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    monkeypatch.syspath_prepend(str(DOCS / "hooks"))
    build.build(config.load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path), strict=True))
    built = list(tmp_path.rglob("*.html"))
    assert len(built) > len(list(DOCS.rglob("*.md")))
    for page in built:
        assert not LOADED.findall(page.read_text(encoding="utf-8")), page


def test_the_readme_is_short():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 100


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in DOCS.rglob("*.md"):
        assert f": {page.relative_to(DOCS)}\n" in navigation, page


def cost_table(listed: list[BenchmarkInfo]) -> str:
    """Costs as a Markdown table with a line per benchmark and a column per scale."""
    lines = ["| `alphanet repro …` | mini | slice | full |", "|---|---|---|---|"]
    for name in dict.fromkeys(info.name for info in listed):
        costs = {info.scale: cost(info) for info in listed if info.name == name}
        lines.append(f"| `{name}` | {' | '.join(costs.get(scale, '–') for scale in ('mini', 'slice', 'full'))} |")
    return "\n".join(lines)


def cost(info: BenchmarkInfo) -> str:
    if info.minutes is None:
        return "unknown" if info.gpu_days is None else f"{float(f'{info.gpu_days:.2g}'):g} GPU-days"
    if not info.minutes:
        return "–" if info.impossible else "seconds"
    return durations.words(60 * max(1.0, info.minutes))


def test_the_table_of_costs_is_that_of_repro_list():
    page = (DOCS / "guides" / "benchmarks.md").read_text(encoding="utf-8")
    listed = list_benchmarks()
    table = cost_table(listed)
    assert table in page, f"put this into docs/guides/benchmarks.md:\n{table}"
    lines = table.splitlines()
    assert len(lines) == 2 + len(list(groupby(listed, key=lambda info: info.name)))
    (table1,) = [line for line in lines if line.startswith("| `table1`")]
    assert table1.split(" | ")[1:3] == ["16 min", "50 min"] and "GPU-days" in table1


def test_every_variable_is_documented():
    page = (DOCS / "guides" / "environment.md").read_text(encoding="utf-8")
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "alphanet").rglob("*.py"))
    assert set(re.findall(r"\bALPHANET_[A-Z_]+\b", source)) <= set(re.findall(r"`(ALPHANET_[A-Z_]+)`", page))
