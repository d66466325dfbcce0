"""`alphanet repro fig1`: parity plots of one training, and its landscape of sliding layers."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphanet.cli import repro_options as options
from alphanet.cli.options import AsJson

if TYPE_CHECKING:
    from alphanet.paper.landscape import Outcome
    from alphanet.paper.landscape_cards import LandscapeFigure

TREE = """\
{folder}
├── results.json    claim, numbers, provenance
├── parity_MODEL.png, .svg, .pdf, .csv     energies and forces of train, valid and test
├── sliding_MODEL.png, .svg, .pdf, .csv    energy over the sliding vector: reference, potential, difference
├── binding_MODEL.png, .svg, .pdf, .csv    energy against the distance between the layers
├── records.jsonl   one line a measurement, only ever added to
└── runs/           trainings that {table} has not finished; the same command resumes them"""


def fig1(
    scale: options.Scale = "mini",
    models: Annotated[
        str | None, typer.Option(help="Only these: alphanet,nequip; the paper's alone if not given.")
    ] = None,
    budget: options.Budget = None,
    reference: Annotated[
        Path | None, typer.Option(help="File of bilayers with energies, in place of the shipped one.")
    ] = None,
    device: options.Device = "auto",
    mirror: options.Mirror = None,
    out: options.Out = Path("runs"),
    restart: options.Restart = False,
    as_json: AsJson = False,
) -> None:
    """Parity and sliding surface of AlphaNet on bilayer graphene (Figure 1), with table1's training or its own."""
    from alphanet.data.progress import print_to_stderr
    from alphanet.paper.benchmark import read_benchmark
    from alphanet.paper.landscape import Options, measure_figure
    from alphanet.paper.landscape_cards import LandscapeFigure

    card = read_benchmark("fig1", LandscapeFigure)
    folder = out / card.name
    asked = Options(
        scale=scale,
        runs=out,
        device=options.device(device),
        models=options.names(models),
        minutes=budget,
        reference=reference,
        mirror=mirror,
        restart=restart,
    )
    print_to_stderr(TREE.format(folder=folder, table=card.trained.table))
    outcome = measure_figure(card, asked, print_to_stderr)
    _draw(folder, card, scale, outcome)
    results = _results(card, scale, outcome)
    _write(folder, results)
    if as_json:
        print(json.dumps(results, ensure_ascii=False))
    else:
        _show(card, results)
    for failure in outcome.failures:
        print_to_stderr(f"failed: {failure}")
    if outcome.failures:
        raise typer.Exit(1)


def _draw(folder: Path, card: "LandscapeFigure", scale: str, outcome: "Outcome") -> None:
    from alphanet.report.figures import parity_figure, write_parity_csv
    from alphanet.report.landscape import binding_figure, sliding_figure, write_landscape_csv

    for row, samples in outcome.samples.items():
        model = card.rows[row].model
        parity_figure(folder / f"parity_{model}", f"{row} on defected bilayer graphene, scale {scale}", samples)
        write_parity_csv(folder / f"parity_{model}.csv", samples)
    for row, landscape in outcome.landscapes.items():
        model, title = card.rows[row].model, f"{row} on bilayer graphene, scale {scale}"
        sliding_figure(folder / f"sliding_{model}", title, row, landscape, float(card.claim.below))
        binding_figure(folder / f"binding_{model}", title, row, landscape)
        write_landscape_csv(folder, model, landscape)


def _results(card: "LandscapeFigure", scale: str, outcome: "Outcome") -> dict[str, Any]:
    from alphanet.paper.claims import sliding_claim
    from alphanet.provenance import by_command

    protocol = card.scale(scale)
    claimed = card.claim.row
    reason = protocol.reason or outcome.deviations.get(claimed, "")
    why = outcome.missing.get(claimed, "left out by --models" if claimed not in outcome.landscapes else reason)
    return {
        "title": card.title,
        "scale": scale,
        "protocol": protocol.protocol,
        "source": card.source,
        "comparable": not reason,
        "reason": reason,
        "claims": [sliding_claim(card, outcome.landscapes.get(claimed), why)],
        "landscapes": [
            {"row": row, "model": card.rows[row].model, "record": outcome.records[row].id, **landscape.metrics()}
            for row, landscape in outcome.landscapes.items()
        ],
        "missing": outcome.missing,
        "failures": outcome.failures,
        "notes": list(card.notes),
        "provenance": by_command(),
    }


def _write(folder: Path, results: dict[str, Any]) -> None:
    from alphanet.files import write_text

    write_text(folder / "results.json", json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _show(card: "LandscapeFigure", results: dict[str, Any]) -> None:
    from alphanet.cli.bench import print_table
    from alphanet.paper.claims import claim_lines
    from alphanet.report.landscape import quantity_lines

    print(f"{card.title} · scale {results['scale']}\n{results['protocol']}")
    if results["landscapes"]:
        header = ("quantity", "reference", *(one["row"] for one in results["landscapes"]))
        print_table(header, quantity_lines(results["landscapes"]))
    lines = claim_lines(results["claims"][0])
    lines += [f"{row}: not run: {why}" for row, why in results["missing"].items()]
    print("\n".join([*lines, *card.notes]))
