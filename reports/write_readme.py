"""Write the README's first table from the reports in this folder: `python reports/write_readme.py`, by `make readme`.

The table stands between two comments of the README. It lists the claims of a report, those that were tested first, then
by importance. The report is that of the slices if it is here, and otherwise the reference.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from alphanet.report.page.claims import ShownClaim, shown_claims
from alphanet.report.page.model import Report
from alphanet.results.schema import RESULTS

ROOT = Path(__file__).parents[1]
KEPT = [ROOT / "reports" / name for name in ("slices", "reference")]
BEGIN, END = "<!-- answers: written by `make readme` -->", "<!-- end of answers -->"
MOST = 6  # claims; the report has all


def table(kept: Sequence[Path] = KEPT) -> str:
    """The Markdown of the table of the first report that is there, with the sentence about all claims above it."""
    folder = next(folder for folder in kept if (folder / RESULTS).is_file())
    report = Report.model_validate_json((folder / RESULTS).read_text(encoding="utf-8"))
    shown = sorted(shown_claims(report.runs), key=lambda one: one.claim.outcome == "not tested")
    lines = [report.summary.answer, "", "| the paper says | verdict | effect (95 %) | at |", "|---|---|---|---|"]
    lines += [_row(claim) for claim in shown[:MOST]]
    if len(shown) > MOST:
        lines += [
            "",
            f"The [report](docs/guides/report.md#the-reports-of-the-repository) has {len(shown) - MOST} more.",
        ]
    return "\n".join(lines)


def with_table(readme: str, content: str) -> str:
    """`readme` with `content` between the two comments.

    Raises:
        ValueError: the comments are not there, each once and in this order.
    """
    if readme.count(BEGIN) != 1 or readme.count(END) != 1 or readme.index(BEGIN) > readme.index(END):
        raise ValueError(f"README.md needs a line {BEGIN} and after it a line {END}")
    before, _, rest = readme.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{content}\n\n{END}{rest.partition(END)[2]}"


def _row(shown: ShownClaim) -> str:
    claim = shown.claim
    place = f" ({claim.place})" if claim.place else ""
    interval = f" ({shown.interval})" if shown.interval else ""
    claimed = f"; claimed {shown.claimed}" if shown.effect and shown.claimed else ""
    texts = (f"{claim.text}{place}", claim.outcome, f"{shown.effect}{interval}{claimed}", claim.scale)
    return "| " + " | ".join(" ".join(text.split()).replace("|", r"\|") for text in texts) + " |"


if __name__ == "__main__":
    path = ROOT / "README.md"
    try:
        path.write_text(with_table(path.read_text(encoding="utf-8"), table()), encoding="utf-8")
    except ValueError as error:
        sys.exit(str(error))
    print(f"{path}: {table().splitlines()[0]}")
