"""Which metrics are drawn together, and how: curves of watched runs for a plot, and their legend."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from napari_dynaclr.presentation.colors import PlotColours
from napari_dynaclr.state.run_curves import TimeAxis, smoothed
from napari_dynaclr.state.watched_runs import WatchedRun
from napari_dynaclr.widgets.curve_plot import Curve

PANELS: dict[str, tuple[str, ...]] = {
    "loss": ("loss/train", "loss/val"),
    "learning rate": ("lr",),
    "samples per second": ("samples_per_second",),
    "waiting for data": ("waiting_share",),
    "alignment": ("health/alignment_train", "health/alignment_val"),
    "uniformity": ("health/uniformity_train", "health/uniformity_val"),
    "effective rank": ("health/effective_rank_train", "health/effective_rank_val"),
}
"""Metrics that share a plot, by its title."""
_SMOOTHED = frozenset({"loss/train", "samples_per_second", "waiting_share"})
_FEW = 200
_COLORS = 7


def curves_of(runs: Sequence[WatchedRun], panel: str, axis: TimeAxis, smoothing: float) -> list[Curve]:
    """Return the curves of a panel.

    Of one run, training and validation have a color each; of several, each run has one.

    Parameters
    ----------
    runs
        The runs that are watched.
    panel
        A title of `PANELS`.
    axis
        What they are drawn over.
    smoothing
        As `smoothed` says; 0 draws the points alone.
    """
    curves = []
    for number, run in enumerate(runs):
        for place, name in enumerate(PANELS[panel]):
            series = run.curves.series(name)
            if series is None:
                continue
            x, lowest = series.over(axis), series.lowest
            smooth = smoothing > 0 and name in _SMOOTHED
            starred = name == "loss/val" and lowest is not None
            curves.append(
                Curve(
                    name=f"{run.path}\n{name}",
                    x=x,
                    y=series.value,
                    smooth=smoothed(series.value, smoothing) if smooth else None,
                    role=str((place if len(runs) == 1 else number) % _COLORS),
                    markers=name.endswith("val") and len(x) <= _FEW,
                    best=(float(x[lowest]), float(series.value[lowest]))
                    if starred and lowest is not None
                    else None,
                )
            )
    return curves


def legend_text(runs: Sequence[WatchedRun], panel: str, colours: PlotColours) -> str:
    """Return what the colors of a panel mean and the newest values, as rich text."""
    lines = []
    for number, run in enumerate(runs):
        parts = []
        for place, name in enumerate(PANELS[panel]):
            series = run.curves.series(name)
            if series is None:
                continue
            color = colours.of(str((place if len(runs) == 1 else number) % _COLORS))
            sign = "●" if name.endswith("val") else "━"
            title = "validation" if name.endswith("val") else "training"
            now = _value(float(series.value[-1]))
            text = f'<span style="color:{color}">{sign}</span>&nbsp;{title}&nbsp;{now}'
            if name == "loss/val" and series.lowest is not None:
                low = series.lowest
                text += f" (★ best {_value(float(series.value[low]))} at step {series.step[low]})"
            parts.append(text if len(PANELS[panel]) > 1 else text.replace(f"{title}&nbsp;", ""))
        if parts:
            head = f"<i>{html.escape(run.path.name)}</i>: " if len(runs) > 1 else ""
            lines.append(head + " &nbsp; ".join(parts))
    return "<br>".join(lines)


def _value(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "not finite"
