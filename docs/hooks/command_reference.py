"""The command line as Markdown: every command with its usage, arguments, options and examples."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

NO_PANEL = "Options"


def command_reference(name: str, command: Any, introduction: str) -> str:
    """The page of a command and all commands below it.

    Args:
        name: what a user types, `alphanet`.
        command: typer's command or group.
        introduction: Markdown below the title.
    """
    pages = [section for words, one in _walk(name, command) for section in _section(words, one)]
    return "\n\n".join(["# Commands", introduction.strip(), *pages]) + "\n"


def _walk(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Every command that is not hidden, with the words that call it."""
    yield words, command
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from _walk(f"{words} {name}", inner)


def _section(words: str, command: Any) -> list[str]:
    depth = min(len(words.split()), 3)
    parts = [f"{'#' * (depth + 1)} {words}"]
    if help_text := help_markdown(command.help or ""):
        parts.append(help_text)
    if hasattr(command, "commands"):
        rows = [
            (f"[`{name}`](#{anchor(f'{words} {name}')})", text(first_line(inner.help or "")))
            for name, inner in command.commands.items()
            if not inner.hidden
        ]
        parts.append(table(("command", "purpose"), rows))
    else:
        parts.append(f"```text\n{usage(words, command)}\n```")
    shown = [param for param in command.params if not getattr(param, "hidden", False)]
    arguments = [param for param in shown if param.param_type_name == "argument"]
    if arguments:
        parts.append(table(("argument", "meaning"), [(f"`{_argument(p)}`", text(p.help or "")) for p in arguments]))
    for panel, options in _panels([param for param in shown if param.param_type_name == "option"]).items():
        rows = [(_names(option), _default(option), _meaning(option)) for option in options]
        parts.append(table((panel.lower(), "default", "meaning"), rows))
    if epilog := getattr(command, "epilog", None):
        parts.append(help_markdown(epilog))
    return parts


def help_markdown(help_text: str) -> str:
    """A command's help as Markdown: paragraphs stay, lines that call `alphanet` become blocks of code."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(help_text.replace("\b", "")))
    blocks = []
    for paragraph in paragraphs:
        lines = paragraph.strip("\n").splitlines()
        lines = [part for line in lines for part in re.split(r"(?<=:) (?=alphanet )", line)]  # "Examples: alphanet …"
        prose = [line for line in lines if not _is_call(line)]
        calls = [line.strip().removeprefix("$ ") for line in lines if _is_call(line)]
        if prose:
            blocks.append("\n".join(text(line.strip()) for line in prose))
        if calls:
            blocks.append("\n".join(["```sh", *calls, "```"]))
    page = "\n\n".join(block for block in blocks if block)
    return page.replace("\n```\n\n```sh\n", "\n")  # calls that follow each other are one block


def _is_call(line: str) -> bool:
    return line.strip().removeprefix("$ ").startswith("alphanet ")


def usage(words: str, command: Any) -> str:
    """The first line of the command's help."""
    options = any(param.param_type_name == "option" for param in command.params)
    arguments = [_argument(param) for param in command.params if param.param_type_name == "argument"]
    return " ".join([words, *(["[OPTIONS]"] if options else []), *arguments])


def _argument(param: Any) -> str:
    name = param.metavar or param.name.upper()
    name = name if param.required or param.metavar else f"[{name}]"
    return f"{name}…" if param.nargs == -1 and not param.metavar else name


def _panels(options: list[Any]) -> dict[str, list[Any]]:
    panels: dict[str, list[Any]] = {}
    for option in options:
        panel = getattr(option, "rich_help_panel", None)
        panels.setdefault(panel if isinstance(panel, str) else NO_PANEL, []).append(option)
    return panels


def _names(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    return names if option.is_flag else f"{names} {text(_type(option))}"


def _type(option: Any) -> str:
    if option.metavar:
        return option.metavar
    described = getattr(option, "type_descriptor", None)
    annotation = str(getattr(described, "annotation", getattr(option, "type", "")))
    for word, shown in (("int", "INTEGER"), ("float", "NUMBER"), ("Path", "PATH")):
        if re.search(rf"\b{word}\b", annotation):
            return shown
    return "TEXT"


def _default(option: Any) -> str:
    if option.required:
        return "required"
    value = option.default
    if value is None or value == "" or callable(value) or (option.is_flag and not value):
        return ""
    if option.is_flag:
        return f"`{option.opts[0]}`"
    if isinstance(value, tuple | list):
        return ", ".join(f"`{one}`" for one in value)
    return f"`{value}`"


def _meaning(option: Any) -> str:
    meaning = text(option.help or "")
    variables = option.envvar if isinstance(option.envvar, list | tuple) else [option.envvar]
    named = [f"`{variable}`" for variable in variables if variable]
    return f"{meaning} Also read from {', '.join(named)}." if named else meaning


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("\n", " ") for cell in line) + " |" for line in lines)


def text(plain: str) -> str:
    """Text as Markdown that shows it as it is: characters with a meaning are escaped outside backticks."""
    parts = plain.split("`")
    outside = [re.sub(r"([*<\[\]_])", r"\\\1", part) if place % 2 == 0 else part for place, part in enumerate(parts)]
    return "`".join(outside).replace("|", r"\|")


def first_line(help_text: str) -> str:
    """The first sentence of a help text."""
    paragraph = re.split(r"\n\s*\n", inspect.cleandoc(help_text))[0].replace("\n", " ")
    return re.split(r"(?<=[.;])\s", paragraph)[0].rstrip(";")


def anchor(heading: str) -> str:
    """The anchor that Python-Markdown gives a heading."""
    return re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())
