"""An embedding in its first two principal components, coloured; takes plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from dynaclr.figures.canvas import COLOURS, new_figure

__all__ = ("embedding_figure", "principal_components")


def principal_components(features: npt.NDArray[np.floating], count: int = 2) -> npt.NDArray[np.float64]:
    """Return the first principal components (N, count) of standardised features (N, D)."""
    values = np.asarray(features, dtype=np.float64)
    values = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-12)
    left, singular, _ = np.linalg.svd(values, full_matrices=False)
    return np.asarray(left[:, :count] * singular[:count])


def embedding_figure(features: npt.NDArray[np.floating], colours: Mapping[str, npt.NDArray[Any]]) -> Figure:
    """Draw one panel a colouring.

    Parameters
    ----------
    features
        (N, D).
    colours
        {title: (N,)}: text is drawn as categories, numbers as a colour scale.
    """
    points = principal_components(features)
    figure = new_figure(4.6 * len(colours), 4.2)
    for place, (title, values) in enumerate(colours.items(), start=1):
        axes = figure.add_subplot(1, len(colours), place)
        values = np.asarray(values)
        if values.dtype.kind in "fiu":
            drawn = axes.scatter(points[:, 0], points[:, 1], c=values, s=4, cmap="viridis", linewidths=0)
            figure.colorbar(drawn, ax=axes, label=title, shrink=0.8)
        else:
            for number, label in enumerate(sorted(set(values.astype(str).tolist()))):
                member = values.astype(str) == label
                colour = COLOURS[number % len(COLOURS)]
                x, y = points[member, 0], points[member, 1]
                axes.scatter(x, y, s=4, color=colour, label=label, linewidths=0)
            axes.legend(fontsize=8, markerscale=3, frameon=False)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("principal component 1")
        axes.set_ylabel("principal component 2")
        axes.spines[["top", "right"]].set_visible(False)
    return figure
