"""The command line as a whole: options declared once, examples in the help, JSON with a schema, no heavy imports."""

import inspect
import json
import os
import subprocess
import sys
import typing
from collections import defaultdict

import pytest
from typer.main import get_command
from typer.models import ArgumentInfo, OptionInfo
from typer.testing import CliRunner

import alphanet
from alphanet.cli import app, completion, options, output
from alphanet.errors import UserError

HEAVY = ("torch", "pandas", "matplotlib", "pydantic", "numpy", "ase", "lightning", "dask", "yaml")
# a file that must be named, or a folder with a default; one model, or several; of an evaluation, or of timings
TWO_MEANINGS = {"--out", "--model", "--protocol"}
PLAIN = {"results", "card", "record"}  # of `schema`: what they print is JSON itself
WITHOUT_OUTPUT = {"remove"}


def commands():
    """Words and click command of every command that a user can run."""

    def walk(words, command):
        children = getattr(command, "commands", None)
        if children is None:
            yield words, command
            return
        for name, child in children.items():
            yield from walk((*words, name), child)

    return list(walk((), get_command(app)))


def callbacks():
    """Words and Python function of every command."""

    def walk(words, part):
        for info in part.registered_commands:
            yield (*words, info.name or info.callback.__name__.replace("_", "-")), info.callback
        for group in part.registered_groups:
            yield from walk((*words, group.name or group.typer_instance.info.name), group.typer_instance)

    return list(walk((), app))


COMMANDS = commands()
DECLARED = {
    id(part)
    for hint in vars(options).values()
    if typing.get_origin(hint) is typing.Annotated
    for part in typing.get_args(hint)
    if isinstance(part, OptionInfo | ArgumentInfo)
}


def test_there_are_commands():
    assert {words for words, _ in COMMANDS} == {words for words, _ in callbacks()}
    assert ("repro", "run") in {words for words, _ in COMMANDS} and len(COMMANDS) > 25


def test_no_command_declares_an_option_itself():
    for words, callback in callbacks():
        for name, hint in typing.get_type_hints(callback, include_extras=True).items():
            if name == "return":
                continue
            infos = [part for part in typing.get_args(hint) if isinstance(part, OptionInfo | ArgumentInfo)]
            assert len(infos) == 1 and id(infos[0]) in DECLARED, f"{' '.join(words)}: {name}"


def test_an_option_has_one_help_one_type_and_one_default_everywhere():
    uses = defaultdict(set)
    for _, callback in callbacks():
        hints = typing.get_type_hints(callback, include_extras=True)
        for name, parameter in inspect.signature(callback).parameters.items():
            kind, info = typing.get_args(hints[name])[0], typing.get_args(hints[name])[-1]
            if isinstance(info, OptionInfo):
                default = "required" if parameter.default is inspect.Parameter.empty else repr(parameter.default)
                for flag in filter(
                    None, (info.default, *(info.param_decls or ()))
                ):  # typer takes the first for a default
                    uses[flag].add((str(kind), info.help, default))
    different = {flag: found for flag, found in uses.items() if len(found) > 1 and flag not in {*TWO_MEANINGS, "-o"}}
    assert not different
    assert len(uses["--out"]) == 2


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(words) for words, _ in COMMANDS])
def test_every_command_has_help_with_an_example(words, command):
    assert command.help and command.help.split("\n")[0].rstrip().endswith(".")
    assert command.epilog.startswith("Example")
    examples = [line for line in command.epilog.split("\n\n")[1:] if line]
    names = " ".join(word for word in words if word not in ("run", "page"))
    assert examples and all(example.startswith(f"alphanet {names}") for example in examples)
    shown = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    for example in examples:
        assert example in shown.stdout


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(words) for words, _ in COMMANDS])
def test_examples_can_be_parsed(words, command):
    import shlex

    for example in command.epilog.split("\n\n")[1:]:
        arguments = shlex.split(example.partition(" > ")[0])[1:]
        group, root = get_command(app), None
        context = group.make_context("alphanet", arguments, resilient_parsing=False) if "=" not in example else None
        if context is None:
            continue
        while True:
            rest = [*context._protected_args, *context.args]
            if not hasattr(context.command, "commands"):
                break
            _, child, rest = context.command.resolve_command(context, rest)
            context = child.make_context(child.name, rest, parent=context)
        assert root is None and context.command.name == words[-1]


def test_every_command_that_prints_has_json():
    for words, command in COMMANDS:
        flags = {flag for parameter in command.params for flag in parameter.opts}
        if words[-1] not in PLAIN | WITHOUT_OUTPUT:
            assert "--json" in flags, words


@pytest.mark.parametrize(
    "words",
    [
        ["data", "list"],
        ["data", "info", "formate"],
        ["data", "stats", "formate"],
        ["data", "check", "formate"],
        ["baselines", "list"],
        ["baselines", "info", "nequip"],
        ["repro", "list"],
        ["repro", "table1", "--dry-run"],
        ["repro", "all", "--dry-run"],
        ["init", "--preset", "fig3a", "--elements", "Si", "--out", "m.safetensors"],
    ],
    ids=" ".join,
)
def test_json_is_one_object_with_a_schema(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert shown["schema"].startswith("alphanet-") and len(shown) > 1


def test_schemas_are_json():
    for words in (["results"], ["record"], ["card", "accuracy"]):
        shown = json.loads(CliRunner().invoke(app, ["schema", *words], catch_exceptions=False).stdout)
        assert shown["properties"]
    with pytest.raises(UserError, match="did you mean 'speed'"):
        CliRunner().invoke(app, ["schema", "card", "sped"], catch_exceptions=False)


def test_nan_is_refused(capsys):
    with pytest.raises(UserError, match="cannot be printed as JSON"):
        output.print_json("alphanet-x", {"value": float("nan")})
    assert not capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], ["repro", "run", "--help"], ["--version"]], ids=" ".join)
def test_nothing_heavy_is_imported_for_an_answer(arguments):
    code = (
        "import sys; from alphanet.cli import app\n"
        f"try: app({arguments!r})\nexcept SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() in (
        "[]",
        "['pydantic']" if len(arguments) > 1 else "[]",
    )  # typer converts values with it


def test_the_version_names_commit_and_torch():
    shown = CliRunner().invoke(app, ["--version"]).stdout
    assert shown.startswith("alphanet ") and "torch 2." in shown


def test_python_m_alphanet_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "alphanet", "repro", "tabel1"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "error: there is no benchmark 'tabel1'; did you mean 'table1'?\n"


def test_completion_of_names():
    assert "table1" in completion.benchmarks("tab") and not completion.benchmarks("xyz")
    assert completion.models("alphanet")[0] == "alphanet" and "nequip" in completion.models("neq")
    assert completion.datasets("form") == ["formate"] and completion.scales("s") == ["slice"]
    assert "nequip" in completion.baselines("")


def test_completion_never_raises(monkeypatch):
    def broken(kind):
        raise OSError("the disk is gone")

    monkeypatch.setattr(completion, "resources", broken)
    assert completion.benchmarks("") == completion.datasets("") == completion.baselines("") == []


LINES = {
    "alphanet repro tab": "table1",
    "alphanet repro table1 tab": "table2",
    "alphanet repro l": "list",
    "alphanet repro table1 --scale m": "mini",
    "alphanet eval neq": "nequip",
    "alphanet train --dataset f": "formate",
}


def test_completion_in_a_shell():
    """All lines in one process, although a shell starts one for each."""
    code = (
        "import os; from alphanet.cli import main\n"
        f"for line in {list(LINES)!r}:\n"
        "    os.environ |= dict(COMP_WORDS=line, COMP_CWORD=str(len(line.split()) - 1))\n"
        "    try: main()\n"
        "    except SystemExit: print('\\0', end='')\n"
    )
    variables = os.environ | {"_ALPHANET_COMPLETE": "complete_bash"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=variables)
    answers = done.stdout.split("\0")
    assert all(word in answer.split() for word, answer in zip(LINES.values(), answers[:-1], strict=True)), answers


def test_public_names_are_there():
    for name in alphanet.__all__:
        assert getattr(alphanet, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'alfanet'"):
        _ = alphanet.alfanet


def test_a_path_that_cannot_be_read_is_no_matter_of_usage():
    """Whoever reads it says so in one line with code 1; the parser would print a frame with code 2."""
    for hint in vars(options).values():
        if typing.get_origin(hint) is typing.Annotated and "Path" in str(typing.get_args(hint)[0]):
            assert not any(getattr(part, "readable", False) for part in typing.get_args(hint)), hint
