"""`alphanet report`: one page of what runs left behind, and what changed between two."""

import json
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from alphanet.cli.options import AsJson

DEFAULT = "page"


class PageUnlessNamed(TyperGroup):
    """`report RUNS…` is `report page RUNS…`, unless the first word names another command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command's name where none was given."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    help="One page of what runs left behind: `report RUNS… -o DIR`. What changed: `report compare A B`.",
    no_args_is_help=True,
    cls=PageUnlessNamed,
)


def register(parent: typer.Typer) -> None:
    """Add the group to `parent`."""
    parent.add_typer(app, name="report")


@app.command()
def page(
    runs: Annotated[list[Path], typer.Argument(metavar="RUNS…", help="Folders of runs, or folders with such in them.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the report.")] = Path("runs/report"),
    open_it: Annotated[bool, typer.Option("--open", help="Show the page in a browser.")] = False,
    as_json: AsJson = False,
) -> None:
    """Every table and figure found in RUNS, beside the paper: HTML, JSON, Markdown, LaTeX, copies of the figures."""
    from alphanet.data.progress import print_to_stderr
    from alphanet.report.page.collect import collect
    from alphanet.report.page.write import TREE, write_report

    report = collect(runs, skip=out)
    print_to_stderr(TREE.format(folder=out))
    path = write_report(out, report)
    summary = report.summary()
    if as_json:
        print(json.dumps({"page": str(path), "summary": summary, "problems": report.problems}, ensure_ascii=False))
    else:
        for run in report.runs:
            print(f"{run.title}: {_counted(run.verdicts()) or run.kind}{_problems(len(run.problems))}")
        for problem in report.problems:
            print(problem)
        print(f"{_counted(summary['verdicts'])}{_problems(summary['problems'])}\n{path}")
    if open_it:
        webbrowser.open(path.resolve().as_uri())


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="A report's folder or results.json, or a folder of runs.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="The same, later.")],
    as_json: AsJson = False,
) -> None:
    """Cells that differ, by how much, and verdicts that changed; exit code 1 if one got worse."""
    from alphanet.cli.bench import print_table
    from alphanet.report.page.compare import changes_of, difference_lines, read_judged

    found = changes_of(read_judged(first), read_judged(second))
    worse = [change for change in found["changes"] if change["worse"]]
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        if found["changes"]:
            print_table(("cell", "A", "B", "B - A", "verdict"), difference_lines(found["changes"]))
        print(f"{found['same']} the same, {len(found['changes'])} differ, {len(worse)} verdicts got worse")
    raise typer.Exit(1 if worse else 0)


def _counted(verdicts: Any) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items() if count)


def _problems(count: int) -> str:
    return f"; {count} problem{'s' if count > 1 else ''}" if count else ""
