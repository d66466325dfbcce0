"""The physics audit as a figure: potentials by properties."""

from collections.abc import Sequence
from pathlib import Path

from alphanet.figures.style import save_figure, styled
from alphanet.figures.words import draw_words
from alphanet.measure.physics.audit import CHECKS, Audit
from alphanet.measure.physics.findings import FAILS, NEGLIGIBLE, OK, UNCHECKED, Finding, findings
from alphanet.potentials.forms import short_name

# Light enough for black text, and distinct with any color vision; the words repeat them.
FILLS = {OK: "#BFE3F5", NEGLIGIBLE: "#F6EE9C", FAILS: "#EE8A4A", UNCHECKED: "#EDEDED"}


def physics_figure(path: Path, audits: Sequence[Audit]) -> list[Path]:
    """A grid: a row a potential, a column a property; verdict and worst value in words, and in color.

    Args:
        path: where, without the format's ending.
        audits: at least one.

    Returns:
        The files written: PNG, SVG, PDF.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    with styled():
        figure = Figure(figsize=(0.8 * len(CHECKS) + 2.4, 0.55 * len(audits) + 1.5), layout="constrained")
        axes = figure.subplots()
        fields = [
            [
                (_words(audit, name, one), FILLS[one.state])
                for name, one in findings(audit.checks, untrained=audit.untrained).items()
            ]
            for audit in audits
        ]
        titles = [check.title for check in CHECKS.values()]
        draw_words(axes, fields, [_row_label(audit) for audit in audits], titles, fontsize=7, linewidth=1.5)
        meanings = {
            OK: "within what rounding explains",
            NEGLIGIBLE: "beyond rounding, below what matters in use",
            FAILS: "the rule is broken",
            UNCHECKED: "cannot be made",
        }
        legend = [Patch(facecolor=FILLS[state], label=f"{state}: {text}") for state, text in meanings.items()]
        figure.legend(handles=legend, loc="outside lower center", ncols=4, fontsize=7)
        return save_figure(figure, path)


def _words(audit: Audit, name: str, finding: Finding) -> str:
    if finding.state == UNCHECKED:
        failed = audit.error and not any(check.group == name for check in audit.checks)
        return "failed" if failed else "not\nchecked"
    return "\n".join([finding.state, *finding.text.split(" ")])


def _row_label(audit: Audit) -> str:
    return f"{short_name(audit.model, untrained=audit.untrained)}\n{audit.precision or 'failed'}"
