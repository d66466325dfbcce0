"""The test of expressiveness as a figure: pairs of structures by potentials."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from alphanet.figures.style import save_figure, styled

# Light enough for black text, and distinct with any color vision; the words repeat them.
SEEN, EXPECTED, UNSEEN, UNTESTED = "#BFE3F5", "#DDEFD5", "#EE8A4A", "#EDEDED"
FILLS = {"told apart": SEEN, "alike, as it must be": EXPECTED, "alike": UNSEEN, "WRONG: told apart": UNSEEN}


def expressiveness_figure(
    path: Path, potentials: Sequence[str], pairs: Mapping[str, str], states: Mapping[tuple[str, str], str]
) -> list[Path]:
    """A grid: a row a pair, a column a potential; the verdict in words, and in color.

    Args:
        path: where, without the format's ending.
        potentials: names, at least one.
        pairs: titles by name.
        states: in words, by potential and pair.

    Returns:
        The files written: PNG, SVG, PDF.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    with styled():
        figure = Figure(figsize=(1.1 * len(potentials) + 3.0, 0.3 * len(pairs) + 0.8), layout="constrained")
        axes = figure.subplots()
        for column, potential in enumerate(potentials):
            for row, name in enumerate(pairs):
                state = states.get((potential, name), "not tested")
                fill = FILLS.get(state, UNTESTED)
                axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=fill, edgecolor="white"))
                axes.text(column, row, state.replace(", as", ",\nas"), ha="center", va="center", fontsize=6)
        axes.set(xlim=(-0.5, len(potentials) - 0.5), ylim=(len(pairs) - 0.5, -0.5))
        axes.set_xticks(range(len(potentials)), [name.replace(", ", ",\n") for name in potentials])
        axes.set_yticks(range(len(pairs)), list(pairs.values()))
        axes.xaxis.tick_top()
        axes.tick_params(length=0, labelsize=7)
        axes.spines[:].set_visible(False)
        return save_figure(figure, path)
