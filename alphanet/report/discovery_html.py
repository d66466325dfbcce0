"""The figures of predicted crystal stability for a browser: values at the pointer, zoom; no network needed."""

from pathlib import Path

import numpy as np
import pandas as pd

from alphanet.measure.discovery_curves import ParityDensity, Roc
from alphanet.report.discovery_figures import BLUE, ORANGE, RED
from alphanet.report.html import write_html

LINE = {"color": "#404040", "width": 1}
SOLID = {"line": LINE, "opacity": 1}  # the template makes lines that are no curves faint


def parity_html(path: Path, title: str, density: ParityDensity) -> None:
    """As `parity_figure`; the pointer tells how many structures a square holds."""
    import plotly.graph_objects as go

    centres = (density.edges[1:] + density.edges[:-1]) / 2
    counts = density.counts.T.astype(float)
    shown = np.where(counts > 0, np.log10(np.maximum(counts, 1)), np.nan)
    ticks = list(range(int(np.nanmax(shown)) + 1)) if np.isfinite(shown).any() else [0]
    hover = "DFT %{x:.3f}, predicted %{y:.3f} eV/atom<br>%{customdata} structures<extra></extra>"
    bar = {"title": "structures", "tickvals": ticks, "ticktext": [f"{10**tick}" for tick in ticks]}
    figure = go.Figure(
        go.Heatmap(
            x=centres, y=centres, z=shown, customdata=counts, colorscale="Cividis", colorbar=bar, hovertemplate=hover
        )
    )
    low, high = density.edges[[0, -1]]
    figure.add_shape(type="line", x0=low, y0=low, x1=high, y1=high, line={**LINE, "dash": "dash"}, opacity=1)
    figure.add_hline(0, **SOLID)
    figure.add_vline(0, **SOLID)
    figure.update_xaxes(title="DFT energy above hull (eV/atom)", range=[low, high], constrain="domain")
    figure.update_yaxes(
        title="predicted energy above hull (eV/atom)", range=[low, high], scaleanchor="x", constrain="domain"
    )
    write_html(figure, path, title, 720)


def cumulative_html(path: Path, title: str, curve: pd.DataFrame) -> None:
    """As `cumulative_figure`, both curves in one panel."""
    import plotly.graph_objects as go

    figure = go.Figure()
    hover = "%{x} structures, up to %{customdata:.3f} eV/atom<br>%{y:.3f}"
    for name, colour in (("precision", BLUE), ("recall", ORANGE)):
        figure.add_scatter(
            x=curve["structures"],
            y=curve[name],
            customdata=curve["threshold"],
            name=name,
            line={"color": colour},
            hovertemplate=hover,
        )
    called = curve[curve["called_stable"]]
    if len(called):
        figure.add_vline(int(called["structures"].iloc[-1]), **SOLID, annotation_text="called stable up to here")
    figure.update_xaxes(title="structures, the lowest predicted first")
    figure.update_yaxes(title="precision, recall", range=[0, 1.02])
    write_html(figure, path, title, 520)


def rolling_html(path: Path, title: str, rolling: pd.DataFrame) -> None:
    """As `rolling_figure`; the pointer tells the standard error and the structures of a window."""
    import plotly.graph_objects as go

    x, mae, error = (1e3 * rolling[name] for name in ("hull_distance", "mae", "error"))
    beside = np.stack([error, rolling["structures"]], axis=1)
    hover = (
        "%{x:.0f} meV/atom from the hull<br>MAE %{y:.1f} ± %{customdata[0]:.1f} meV/atom<br>%{customdata[1]} structures"
    )
    figure = go.Figure()
    bound = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=x, y=mae - error, **bound)
    figure.add_scatter(x=x, y=mae + error, fill="tonexty", fillcolor="rgba(0, 114, 178, 0.25)", **bound)
    figure.add_scatter(x=x, y=mae, customdata=beside, name="rolling MAE", line={"color": BLUE}, hovertemplate=hover)
    figure.add_scatter(
        x=x, y=np.abs(x), name="distance to hull", line={**LINE, "color": RED, "dash": "dot"}, hoverinfo="skip"
    )
    figure.update_xaxes(title="DFT energy above hull (meV/atom)")
    highest = 1.15 * float((mae + error).max()) if mae.notna().any() else None
    figure.update_yaxes(title="MAE (meV/atom)", range=[0, highest])
    write_html(figure, path, title, 520)


def roc_html(path: Path, title: str, roc: Roc) -> None:
    """As `roc_figure`; the pointer tells the threshold."""
    import plotly.graph_objects as go

    curve = roc.curve
    hover = "up to %{customdata:.3f} eV/atom called stable<br>FPR %{x:.3f}, TPR %{y:.3f}"
    figure = go.Figure()
    figure.add_scatter(
        x=curve["fpr"],
        y=curve["tpr"],
        customdata=curve["threshold"],
        name=f"area {roc.area:.3f}",
        line={"color": BLUE},
        hovertemplate=hover,
    )
    dashed = {**LINE, "dash": "dash"}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", name="at random", line=dashed, hoverinfo="skip")
    at, mark = curve[curve["threshold"] <= 0].iloc[-1:], {"color": RED, "size": 9}
    figure.add_scatter(
        x=at["fpr"], y=at["tpr"], mode="markers", name="threshold 0 eV/atom", marker=mark, hoverinfo="skip"
    )
    figure.update_xaxes(title="false positive rate", range=[-0.01, 1.01], constrain="domain")
    figure.update_yaxes(title="true positive rate", range=[-0.01, 1.01], scaleanchor="x", constrain="domain")
    write_html(figure, path, title, 620)
