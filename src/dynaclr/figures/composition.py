"""What batches hold next to the pool, as one figure; takes counts."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from dynaclr.figures.canvas import COLORS, new_figure

_MOST_LABELS = 12
_TOO_MANY = "lineage"  # each is a hair's breadth of a batch; the table lists those that occur most


class _Axis(Protocol):
    labels: Any
    counts: npt.NDArray[np.int64]
    pool: npt.NDArray[np.int64]

    @property
    def share(self) -> npt.NDArray[np.float64]: ...

    @property
    def pool_share(self) -> npt.NDArray[np.float64]: ...


class _Composition(Protocol):
    axes: dict[str, Any]
    hour_histogram: Any
    tau_frames: npt.NDArray[np.int64]
    requested_frames: npt.NDArray[np.int64]


def composition_figure(composition: _Composition) -> Figure:
    """Draw a `dynaclr.composition.Composition`: shares, batches, hours and tau."""
    names = [name for name in composition.axes if name != _TOO_MANY]
    figure = new_figure(4.2 * max(len(names), 3), 9.0)
    shares, batches, last = np.asarray(figure.subfigures(3, 1)).tolist()
    for place, name in enumerate(names, start=1):
        _shares(shares.add_subplot(1, len(names), place), name, composition.axes[name])
        _batches(batches.add_subplot(1, len(names), place), composition.axes[name])
    _hours(last.add_subplot(1, 2, 1), composition)
    _tau(last.add_subplot(1, 2, 2), composition)
    return figure


def _shares(axes: Any, name: str, counts: _Axis) -> None:
    labels = [str(label) for label in counts.labels[:_MOST_LABELS]]
    places = np.arange(len(labels))
    axes.barh(places - 0.2, 100 * counts.share[:_MOST_LABELS], 0.38, color=COLORS[0], label="batches")
    if counts.pool.size:
        axes.barh(places + 0.2, 100 * counts.pool_share[:_MOST_LABELS], 0.38, color=COLORS[7], label="pool")
    axes.set_yticks(places, labels, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("share (%)")
    axes.set_title(name, fontsize=10)
    axes.legend(fontsize=7, frameon=False, loc="lower right", bbox_to_anchor=(1, 1))
    axes.spines[["top", "right"]].set_visible(False)


def _batches(axes: Any, counts: _Axis) -> None:
    bottom = np.zeros(counts.counts.shape[0])
    batches = np.arange(counts.counts.shape[0])
    for place, label in enumerate(counts.labels[:_MOST_LABELS]):
        height = counts.counts[:, place]
        hatch = "///" if place >= len(COLORS) else None  # colors start over
        color = COLORS[place % len(COLORS)]
        axes.bar(batches, height, 1.0, bottom=bottom, color=color, hatch=hatch, label=str(label))
        bottom = bottom + height
    more = counts.counts[:, _MOST_LABELS:]
    if more.shape[1]:
        title = f"{more.shape[1]} others"
        axes.bar(batches, more.sum(axis=1), 1.0, bottom=bottom, color="#dddddd", label=title)
    axes.legend(fontsize=6, frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0)
    axes.set_xlabel("batch")
    axes.set_ylabel("anchors")
    axes.margins(x=0)
    axes.spines[["top", "right"]].set_visible(False)


def _hours(axes: Any, composition: _Composition) -> None:
    histogram = composition.hour_histogram
    for code, (label, counts) in enumerate(zip(histogram.conditions, histogram.drawn, strict=True)):
        axes.stairs(counts, histogram.edges, lw=1.6, color=COLORS[code % len(COLORS)], label=label)
    axes.set_xlabel("hours post infection (h)")
    axes.set_ylabel("anchors")
    axes.legend(fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _tau(axes: Any, composition: _Composition) -> None:
    highest = int(max(composition.tau_frames.max(), composition.requested_frames.max()))
    places = np.arange(highest + 1)
    realized = np.bincount(composition.tau_frames, minlength=highest + 1)
    requested = np.bincount(composition.requested_frames, minlength=highest + 1)
    axes.bar(places - 0.2, requested, 0.38, color=COLORS[7], label="requested")
    axes.bar(places + 0.2, realized, 0.38, color=COLORS[0], label="realized")
    axes.set_xlabel("tau (frames)")
    axes.set_ylabel("pairs")
    axes.legend(fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
