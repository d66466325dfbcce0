"""`alphanet schema`: the JSON schemas of results, cards and records."""

import json
from typing import TYPE_CHECKING

import typer

from alphanet.cli import options as o
from alphanet.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel

app = typer.Typer(
    name="schema",
    help="Print JSON schemas of results, cards and records.",
    no_args_is_help=True,
    epilog="Examples:\n\nalphanet schema results\n\nalphanet schema card accuracy",
)


def register(parent: typer.Typer) -> None:
    """Add the group to `parent`."""
    parent.add_typer(app)


@app.command(epilog="Example:\n\nalphanet schema results > results.schema.json")
def results() -> None:
    """Print the schema of `results.json`."""
    from alphanet.results.schema import BenchmarkResult

    _print(BenchmarkResult)


@app.command(epilog="Example:\n\nalphanet schema card speed")
def card(kind: o.SchemaKind = None) -> None:
    """Print the schema of the card of a kind; without a kind, of all cards."""
    from alphanet.benchmark.kinds import KINDS, kind_of

    if kind is not None:
        if kind not in KINDS:
            raise UserError(f"there is no kind {kind!r}{did_you_mean(kind, KINDS)}")
        _print(kind_of(kind).card_type)
        return
    print(json.dumps({"oneOf": [kind_of(name).card_type.model_json_schema() for name in KINDS]}, indent=1))


@app.command(epilog="Example:\n\nalphanet schema record")
def record() -> None:
    """Print the schema of a line of `records.jsonl`, without its key `id`, which is a hash of the rest."""
    from alphanet.results.records import Record

    _print(Record)


def _print(model: "type[BaseModel]") -> None:
    print(json.dumps(model.model_json_schema(by_alias=True), indent=1, ensure_ascii=False))
