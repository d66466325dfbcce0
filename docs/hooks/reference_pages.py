"""The pages that are made from the code: every command, every card, every result."""

from collections.abc import Callable
from pathlib import Path

from command_reference import command_reference, table, text
from model_reference import ModelGroup, model_reference


def commands_page() -> str:
    """Reference of the command line."""
    import typer

    from alphanet.cli import app

    return command_reference("alphanet", typer.main.get_command(app), COMMANDS_INTRODUCTION)


def cards_page() -> str:
    """Reference of the keys of every card."""
    from alphanet.benchmark.kinds import KINDS, kind_of
    from alphanet.data.cards import DatasetCard
    from alphanet.model.config import AlphaNetConfig, OfficialConfig
    from alphanet.potentials.cards import BaselineCard
    from alphanet.potentials.settings import BaselineSettings
    from alphanet.training.config import AlphaNetSettings

    kinds = [
        ModelGroup(f"Benchmarks of kind {name}", f"A card with `kind: {name}`.", (kind_of(name).card_type,))
        for name in KINDS
    ]
    groups = [
        ModelGroup("Data sets", "`datasets/NAME.yaml`, or a file in `ALPHANET_DATASETS`.", (DatasetCard,)),
        ModelGroup("Baselines", "`baselines/NAME/card.yaml`, or a folder in `ALPHANET_BASELINES`.", (BaselineCard,)),
        *kinds,
        ModelGroup(
            "Training",
            "A file for `alphanet train`, its `KEY=VALUE` arguments, and the key `training` of a data set.",
            (AlphaNetSettings, BaselineSettings),
        ),
        ModelGroup("Networks", "The key `model` of a training configuration.", (AlphaNetConfig, OfficialConfig)),
    ]
    return model_reference("Cards", CARDS_INTRODUCTION, groups)


def results_page() -> str:
    """Reference of `results.json` and `records.jsonl`."""
    from alphanet.results.records import Record
    from alphanet.results.schema import CLAIMS, SETTINGS, VERDICTS, BenchmarkResult

    page = model_reference(
        "Results",
        RESULTS_INTRODUCTION,
        [
            ModelGroup("results.json", "One benchmark at one scale.", (BenchmarkResult,)),
            ModelGroup("records.jsonl", "One record is one line.", (Record,)),
        ],
    )
    meanings = [
        (f"`{verdict}`", text(meaning)) for verdict, meaning in [*VERDICTS.items(), *SETTINGS.items(), *CLAIMS.items()]
    ]
    return "\n\n".join([page, "## Verdicts", table(("outcome", "meaning"), meanings)]) + "\n"


def changes_page() -> str:
    """The changelog."""
    return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


ROOT = Path(__file__).parents[2]

COMMANDS_INTRODUCTION = """\
This page is made from the code. `alphanet COMMAND --help` prints the same text for the version that is installed.

Every command that a script would call has `--json`. It prints one JSON object to stdout and everything else to stderr.
The exit code is 0 on success, 1 after an error in one line (`error: …`), 2 if the command line itself is wrong, and
130 after Ctrl-C.
"""

CARDS_INTRODUCTION = """\
This page is made from the code. A card is a YAML file. A key that is not listed here is an error, and the message names
the nearest key that exists.
"""

RESULTS_INTRODUCTION = """\
This page is made from the code. Every run writes `results.json` into its folder. The report page, `alphanet report
compare` and scripts read it. From Python, `alphanet.results.schema.read_result(path)` returns it as typed values.
"""

PAGES: dict[str, Callable[[], str]] = {
    "reference/commands.md": commands_page,
    "reference/cards.md": cards_page,
    "reference/results.md": results_page,
    "changes.md": changes_page,
}
"""Path below `docs/`, and what makes the page."""
