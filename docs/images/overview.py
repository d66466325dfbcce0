"""Draws `overview.svg`, the picture of the README, from the records of the reference report.

Run from the root of the repository: `.venv/bin/python docs/images/overview.py`.
"""

from pathlib import Path

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import NullFormatter

from alphanet.figures.physics import FILLS
from alphanet.measure.physics.checks import Check
from alphanet.measure.physics.findings import FAILS, NEGLIGIBLE, OK, UNCHECKED, findings
from alphanet.results.records import RecordLog

RECORDS = Path("reports/reference/records")
AUDITED = ("alphanet", "alphanet-official", "nequip", "mace", "schnet", "equiformer-v2", "chgnet", "sevennet-0")
GROUPS = {
    "rotation": "rotation",
    "mirror": "mirror",
    "pbc-wrap": "wrapping",
    "cutoff": "jump at the cutoff",
    "neighbor-cap": "jump at a cap",
    "continuity": "jump on a path",
    "forces": "forces are derivatives",
    "conservative": "conservative",
    "NVE": "energy drift",
    "dimers": "dimers repel",
}
NAMES = {
    "alphanet": "AlphaNet",
    "alphanet-official": "AlphaNet, public code",
    "nequip": "NequIP",
    "mace": "MACE",
    "schnet": "SchNet",
    "equiformer-v2": "EquiformerV2",
    "chgnet": "CHGNet",
    "sevennet-0": "SevenNet-0",
    "painn": "PaiNN",
}
MEANINGS = {OK: "kept", NEGLIGIBLE: "broken, too little to matter", FAILS: "broken", UNCHECKED: "cannot be checked"}
COLORS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def main() -> None:
    """Write the picture beside this file."""
    style = {"svg.fonttype": "none", "font.size": 9}  # text stays text: small files, and a screen reader finds it
    with matplotlib.style.context([Path("reports/alphanet.mplstyle"), style]):
        figure = Figure(figsize=(9.6, 3.7), layout="constrained")
        physics, speed = figure.subplots(1, 2, width_ratios=[1.25, 1])
        draw_physics(physics)
        draw_speed(speed)
        figure.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})


def draw_physics(axes: Axes) -> None:
    """A row per potential, a column per property; orange is a broken rule."""
    results = {
        str(record.model["name"]): findings(
            [Check(**check) for check in record.metrics["checks"]], untrained=bool(record.model["untrained"])
        )
        for path in sorted(RECORDS.glob("physics*/records.jsonl"))
        for record in RecordLog(path).records
    }
    for row, model in enumerate(AUDITED):
        for column, group in enumerate(GROUPS):
            color = FILLS[results[model][group].state]
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=color, edgecolor="white"))
    axes.set(xlim=(-0.5, len(GROUPS) - 0.5), ylim=(len(AUDITED) - 0.5, -0.5), title="Which rules of physics are kept?")
    axes.set_xticks(range(len(GROUPS)), list(GROUPS.values()), rotation=40, ha="right")
    axes.set_yticks(range(len(AUDITED)), [NAMES[model] for model in AUDITED])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    handles = [Patch(facecolor=FILLS[state], label=meaning) for state, meaning in MEANINGS.items()]
    axes.figure.legend(handles=handles, loc="outside lower left", ncols=4)


def draw_speed(axes: Axes) -> None:
    """Time of a step against the number of atoms, Figure 3a's settings."""
    curves = {
        record.model["name"]: record.protocol["points"] for record in RecordLog(RECORDS / "fig3a/records.jsonl").records
    }
    for place, (model, points) in enumerate(curves.items()):
        timed = [point for point in points if "step" in point["times_ms"]]
        name = NAMES.get(model.partition("@")[0], model)
        sizes = [point["n_atoms"] for point in timed]
        times = [point["times_ms"]["step"]["median"] for point in timed]
        axes.plot(sizes, times, marker="os^vDP*"[place], color=COLORS[place], label=name)
    axes.set(xscale="log", yscale="log", xlabel="atoms in a structure", ylabel="time of a batch of 10 (ms)")
    axes.set(title="How fast are energies and forces?", ylim=(8, None))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(sizes, [str(size) for size in sizes], minor=False)
    axes.legend(fontsize=7, ncols=3, loc="lower center")


if __name__ == "__main__":
    main()
