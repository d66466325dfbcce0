"""Text of wide figures: at 1,280 pixels the page makes figures smaller than their width, and their text with them."""

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from alphanet.figures import power_law, speed
from alphanet.results.schema import Curve, Point, PowerLaw

PAGE = 1020  # pixels for a figure at 1,280
LEAST = 9.0  # pixels


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are saved."""
    figures = []
    for module in (power_law, speed):
        monkeypatch.setattr(module, "save_figure", lambda figure, _path: figures.append(figure) or [])
    return figures


def curves(quantities):
    law = PowerLaw(prefactor=1.0, exponent=-0.5, exponent_error=0.1)
    points = tuple(Point(x=size, y=1 / size) for size in (4, 16, 64))
    return [
        Curve(row=row, quantity=name, x_title="frames", y_title=name, unit="meV", points=points, law=law)
        for row in ("a", "b")
        for name in quantities
    ]


def smallest(figure: Figure) -> float:
    """The height of the smallest text on the page, in pixels."""
    figure.draw_without_rendering()
    sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert not any("$" in text.get_text() for text in figure.findobj(Text))  # exponents would be smaller
    return min(sizes) * 96 / 72 * min(1.0, PAGE / (96 * figure.get_figwidth()))


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_panels_wrap_before_their_text_is_too_small(tmp_path, drawn, count):
    power_law.power_law_figure(tmp_path / "a", "title", curves("abcd"[:count]), {})
    speed.speed_figure(tmp_path / "b", "title", curves(("step", "forward", "train", "memory")[:count]))
    assert [sum(bool(axes.lines) for axes in figure.axes) for figure in drawn] == [count, count]
    assert min(map(smallest, drawn)) >= LEAST
