"""The test of expressiveness as a figure: pairs of structures by potentials."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from alphanet.figures.style import save_figure, styled
from alphanet.figures.words import draw_words

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

    with styled():
        figure = Figure(figsize=(1.1 * len(potentials) + 3.0, 0.3 * len(pairs) + 0.8), layout="constrained")
        axes = figure.subplots()
        rows = [[states.get((potential, name), "not tested") for potential in potentials] for name in pairs]
        fields = [[(state.replace(", as", ",\nas"), FILLS.get(state, UNTESTED)) for state in row] for row in rows]
        titles = [name.replace(", ", ",\n") for name in potentials]
        draw_words(axes, fields, list(pairs.values()), titles, fontsize=6)
        return save_figure(figure, path)
