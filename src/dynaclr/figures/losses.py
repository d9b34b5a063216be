"""Curves of a training over its steps; takes plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from dynaclr.figures.canvas import COLOURS, new_figure

__all__ = ("loss_figure",)

Curve = tuple[npt.NDArray[Any], npt.NDArray[Any]]


def loss_figure(curves: Mapping[str, Curve], title: str = "") -> Figure:
    """Draw curves by name, one panel a kind (the part of the name before "/").

    Parameters
    ----------
    curves
        {name: (steps, values)}, for example "loss/train".
    title
        Above the panels.
    """
    kinds = list(dict.fromkeys(name.split("/")[0] for name in curves)) or ["loss"]
    figure = new_figure(4.5 * len(kinds), 3.2)
    for place, kind in enumerate(kinds, start=1):
        axes = figure.add_subplot(1, len(kinds), place)
        members = [name for name in curves if name.split("/")[0] == kind]
        for colour, name in zip(COLOURS * len(members), members, strict=False):
            steps, values = curves[name]
            finite = np.isfinite(values)
            many = np.count_nonzero(finite) > 60
            axes.plot(
                steps[finite],
                values[finite],
                color=colour,
                label=name,
                lw=0.8 if many else 1.5,
                marker="" if many else ".",
            )
        axes.set_xlabel("step")
        axes.set_ylabel(kind)
        if members:
            axes.legend(fontsize=8, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=10)
    return figure
