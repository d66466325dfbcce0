"""`alphanet report`: one page of what runs left behind, and what changed between two."""

import webbrowser
from collections.abc import Mapping
from pathlib import Path

import typer

from alphanet.cli import options as o
from alphanet.cli.groups import DefaultGroup
from alphanet.cli.output import print_json, print_table, print_text

FOLDER = Path("runs/report")
EXAMPLES = """Examples:

alphanet report runs

alphanet report runs other-runs --out page --open"""

app = typer.Typer(
    help="Make one page of what runs left behind: `report RUNS...`. Say what changed: `report compare A B`.",
    no_args_is_help=True,
    cls=DefaultGroup,
    epilog=EXAMPLES,
)


def register(parent: typer.Typer) -> None:
    """Add the group to `parent`."""
    parent.add_typer(app, name="report")


@app.command(epilog=EXAMPLES)
def page(
    runs: o.RunFolders,
    out: o.OutFolder = None,
    single_file: o.SingleFile = False,
    open_it: o.OpenPage = False,
    as_json: o.AsJson = False,
) -> None:
    """Show every table and figure in RUNS beside the paper: HTML, JSON, Markdown, LaTeX, copies of the figures.

    `report` without `page` does the same. The report goes to runs/report if --out is not given.
    """
    from alphanet.report.page.collect import collect
    from alphanet.report.page.write import write_report

    out = out or FOLDER
    collected = collect(runs, skip=out)
    path = write_report(out, collected, single_file=single_file)
    report = collected.report
    if as_json:
        values = {"page": str(path), "summary": report.summary.model_dump(), "problems": report.problems}
        print_json("alphanet-report-summary", values)
    else:
        for run in report.runs:
            outcomes = dict(run.result.outcomes()) if run.result else {}
            print_text(f"{run.title}: {_counted(outcomes) or run.state}{_problems(len(run.problems))}")
        for problem in report.problems:
            print_text(problem)
        summary = report.summary
        print_text(summary.answer)
        for title, counts in (("measured numbers", summary.verdicts), ("settings and counts", summary.settings)):
            if counted := _counted(counts):
                print_text(f"{title}: {counted}")
        print(f"{summary.problems} problem{'' if summary.problems == 1 else 's'}\n{path}")
    if open_it:
        webbrowser.open(path.resolve().as_uri())


@app.command(epilog="Example:\n\nalphanet report compare runs/report new-runs/report")
def compare(first: o.FirstResults, second: o.SecondResults, as_json: o.AsJson = False) -> None:
    """List cells that differ, by how much, and verdicts that changed. The exit code is 1 if one got worse."""
    from alphanet.report.page.compare import compare as compare_reports
    from alphanet.report.page.compare import difference_lines, read_judged

    comparison = compare_reports(read_judged(first), read_judged(second))
    worse = [change for change in comparison.changes if change.worse]
    if as_json:
        print_json("alphanet-comparison", comparison.model_dump(mode="json"))
    else:
        if comparison.changes:
            print_table(("cell", "A", "B", "B - A", "verdict"), difference_lines(comparison.changes))
        print_text(f"{comparison.same} the same, {len(comparison.changes)} differ, {len(worse)} verdicts got worse")
    raise typer.Exit(1 if worse else 0)


def _counted(verdicts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items() if count)


def _problems(count: int) -> str:
    return f"; {count} problem{'s' if count > 1 else ''}" if count else ""
