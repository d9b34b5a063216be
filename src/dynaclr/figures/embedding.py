"""An embedding in its first two principal components, colored; takes plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dynaclr.base.random import BatchKey, Purpose, shuffled, uniforms
from dynaclr.embedding import principal_components
from dynaclr.figures.canvas import COLORS, new_figure


def embedding_figure(features: npt.NDArray[np.floating], colors: Mapping[str, npt.NDArray[Any]]) -> Figure:
    """Draw one panel a coloring.

    Parameters
    ----------
    features
        (N, D).
    colors
        {title: (N,)}: text is drawn as categories, numbers as a color scale.
    """
    points = principal_components(features)
    figure = new_figure(4.6 * len(colors), 4.2)
    for place, (title, values) in enumerate(colors.items(), start=1):
        axes = figure.add_subplot(1, len(colors), place)
        values = np.asarray(values)
        if values.dtype.kind in "fiu":
            drawn = axes.scatter(points[:, 0], points[:, 1], c=values, s=4, cmap="viridis", linewidths=0)
            figure.colorbar(drawn, ax=axes, label=title, shrink=0.8)
        else:
            _categories(axes, points, values.astype(str))
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("principal component 1")
        axes.set_ylabel("principal component 2")
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _categories(axes: Any, points: npt.NDArray[np.float64], labels: npt.NDArray[np.str_]) -> None:
    """Draw points (N, 2) by label in an order of their own: the last label would hide the others."""
    names, codes = np.unique(labels, return_inverse=True)
    palette = np.array(to_rgba_array([COLORS[code % len(COLORS)] for code in range(len(names))]))
    order = shuffled(len(labels), uniforms(BatchKey(0, 0, 0), Purpose.AUDIT, len(labels))[:, 0])
    axes.scatter(points[order, 0], points[order, 1], s=4, c=palette[codes[order]], linewidths=0)
    handles = [
        Line2D([], [], ls="", marker="o", ms=5, color=COLORS[code % len(COLORS)], label=name)
        for code, name in enumerate(names.tolist())
    ]
    axes.legend(handles=handles, fontsize=8, frameon=False)
