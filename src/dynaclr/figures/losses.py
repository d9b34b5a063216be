"""Curves of a training over its steps; takes plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from dynaclr.figures.canvas import COLORS, new_figure

_MOST_COLUMNS = 4

Curve = tuple[npt.NDArray[Any], npt.NDArray[Any]]


def loss_figure(curves: Mapping[str, Curve], title: str = "") -> Figure:
    """Draw curves by name, one panel a kind, and one a measure of health: they have no common scale.

    Parameters
    ----------
    curves
        {name: (steps, values)}, for example "loss/train" or "health/alignment_val".
    title
        Above the panels.
    """
    panels: dict[str, list[str]] = {}
    for name in curves:
        panels.setdefault(_panel(name), []).append(name)
    columns = min(len(panels), _MOST_COLUMNS) or 1
    rows = -(-len(panels) // columns) or 1
    figure = new_figure(4.5 * columns, 3.2 * rows)
    for place, (panel, members) in enumerate((panels or {"loss": []}).items(), start=1):
        axes = figure.add_subplot(rows, columns, place)
        for number, name in enumerate(members):
            _line(axes, name, curves[name], COLORS[number % len(COLORS)])
        axes.set_xlabel("step")
        axes.set_ylabel(panel)
        if members:
            axes.legend(fontsize=8, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=10)
    return figure


def _panel(name: str) -> str:
    """Return the title of the panel that a curve stands in."""
    kind, _, rest = name.partition("/")
    if kind != "health":
        return kind
    return rest.removesuffix("_train").removesuffix("_val").replace("_", " ")


def _line(axes: Any, name: str, curve: Curve, color: str) -> None:
    steps, values = curve
    finite = np.isfinite(values)
    many = np.count_nonzero(finite) > 60
    width, marker = (0.8, "") if many else (1.5, ".")
    axes.plot(steps[finite], values[finite], color=color, label=name, lw=width, marker=marker)
