"""`alphanet repro table4`: stability of crystals, computed again from published predictions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphanet.cli import bench_options
from alphanet.cli.options import AsJson
from alphanet.data.progress import print_to_stderr

if TYPE_CHECKING:
    from alphanet.paper.discovery import Options
    from alphanet.paper.discovery_cards import DiscoveryTable

TREE = """\
{folder}
├── results.json    cells, notes, provenance
├── table.csv, table.md, table.tex
├── records.jsonl    one line a row, only ever added to
└── relaxed/         with --sample: a folder of relaxations a row"""
COMPARED = ("row", "structures", "MAE (meV/atom)", "largest", "within 1", "within 10", "")


def table4(
    scale: Annotated[
        str, typer.Option(help="full, which fetches what is published; or mini, which takes what is on this machine.")
    ] = "full",
    truth: Annotated[
        Path | None, typer.Option(help="The published WBM summary, or a table with its columns; fetched if not given.")
    ] = None,
    predictions_dir: Annotated[
        Path | None,
        typer.Option(help="Folder with the published files of predictions, by their names; fetched if not given."),
    ] = None,
    models: Annotated[
        str | None, typer.Option("--models", "--only", help="Only these rows of the paper, separated by commas.")
    ] = None,
    mirror: Annotated[
        str | None, typer.Option(envvar="ALPHANET_MIRROR", help="file:// or http(s):// that serves HOST/PATH.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(min=0.1, help="Minutes after which no further row is begun; each takes seconds.")
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            min=1, help="Relax so many structures anew with every potential here; compare with the published."
        ),
    ] = None,
    cluster: Annotated[str, typer.Option(help="With --sample: local:N, slurm:FILE or tcp://HOST:PORT.")] = "local:1",
    structures: Annotated[
        Path | None, typer.Option(help="With --sample: structures by id, in place of the published.")
    ] = None,
    references: Annotated[
        Path | None, typer.Option(help="With --sample: elemental reference entries, in place of the published.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of runs; results are in its folder table4.")] = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """F1, DAF and errors of ten potentials on WBM, computed from their published predictions (Table 4)."""
    from alphanet.paper.benchmark import read_benchmark
    from alphanet.paper.discovery import Options, measure_table
    from alphanet.paper.discovery_cards import DiscoveryTable
    from alphanet.provenance import by_command
    from alphanet.report.sheet import make_sheet
    from alphanet.report.tables import print_sheet, write_tables

    card = read_benchmark("table4", DiscoveryTable)
    rows = bench_options.parse_names(models) if models else ()
    options = Options(out / "table4", truth, predictions_dir, rows, mirror, minutes=budget, scale=scale)
    print_to_stderr(TREE.format(folder=options.folder))
    outcome = measure_table(card, options, print_to_stderr)
    again = _relaxed_again(card, options, sample, (cluster, structures, references))
    sheet = make_sheet(card, scale, outcome.cells)
    beside = {"failures": outcome.failures, "relaxed_again": again, "provenance": by_command()}
    write_tables(options.folder, sheet, outcome.cells, beside)
    if as_json:
        print((options.folder / "results.json").read_text(encoding="utf-8"), end="")
    else:
        print_sheet(sheet)
        _print_again(again)
    for failure in outcome.failures:
        print_to_stderr(f"failed: {failure}")
    if outcome.failures:
        raise typer.Exit(1)


def _relaxed_again(
    card: "DiscoveryTable", options: "Options", count: int | None, where: tuple[str, Path | None, Path | None]
) -> dict[str, dict[str, Any]]:
    """Nothing where no sample is asked for."""
    if count is None:
        return {}
    from alphanet.paper.relaxed_again import Sample, relax_again

    cluster, structures, references = where
    wanted = Sample(count, cluster, structures=structures, references=references)
    return relax_again(card, options, wanted, print_to_stderr)


def _print_again(found: dict[str, dict[str, Any]]) -> None:
    if found:
        from alphanet.cli.bench import print_table
        from alphanet.paper.relaxed_again import comparison_lines

        print_table(COMPARED, comparison_lines(found))
