"""A periodic table for a browser: what is known of an element stands at the pointer."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib import colormaps
from matplotlib.colors import to_hex

from alphanet.report.html import write_html
from alphanet.report.periodic_table import COLOURS, EMPTY, PLACES, ROWS, colour_range, ink_on, number_text

SIDE = 44  # pixels of a square


def periodic_table_html(
    path: Path, title: str, values: Mapping[str, float], label: str, said: Mapping[str, str]
) -> None:
    """As `periodic_table_figure`.

    Args:
        path: ends in .html.
        title: above it.
        values: by symbol, in the unit that `label` names; elements without one are grey.
        label: of the colours.
        said: what stands at the pointer, by symbol.
    """
    import plotly.graph_objects as go

    low, high = colour_range(values)
    scale = [to_hex(colormaps[COLOURS](step / 10)) for step in range(11)]
    shades = {symbol: to_hex(colormaps[COLOURS]((value - low) / (high - low))) for symbol, value in values.items()}
    symbols = list(PLACES)
    figure = go.Figure(
        go.Scatter(
            x=[PLACES[symbol][1] for symbol in symbols],
            y=[PLACES[symbol][0] for symbol in symbols],
            mode="markers+text",
            marker={"symbol": "square", "size": SIDE, "color": [shades.get(symbol, EMPTY) for symbol in symbols]},
            text=[
                f"<b>{symbol}</b><br>{number_text(values[symbol])}" if symbol in values else symbol
                for symbol in symbols
            ],
            textfont={"size": 12, "color": [ink_on(shades.get(symbol)) for symbol in symbols]},
            hovertext=[said.get(symbol, f"{symbol}: in no structure") for symbol in symbols],
            hoverinfo="text",
            showlegend=False,
        )
    )
    # The colours of the squares are given one by one, so their scale is that of a point nobody sees.
    bar = {"title": {"text": label, "side": "right"}, "thickness": 14}
    marker = {
        "opacity": 0,
        "color": [low],
        "cmin": low,
        "cmax": high,
        "colorscale": scale,
        "colorbar": bar,
        "showscale": True,
    }
    figure.add_scatter(x=[1], y=[1], mode="markers", marker=marker, showlegend=False, hoverinfo="skip")
    figure.update_xaxes(visible=False, range=[0.4, 18.6])
    figure.update_yaxes(visible=False, range=[ROWS + 0.6, 0.4])
    figure.update_layout(width=18 * (SIDE + 4) + 190)
    write_html(figure, path, title, height=int(10 * (SIDE + 4) + 120))
