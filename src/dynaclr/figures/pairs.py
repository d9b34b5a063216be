"""Anchors and positives side by side; takes pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from dynaclr.figures.canvas import new_figure


def contact_sheet(
    anchor: npt.NDArray[np.floating], positive: npt.NDArray[np.floating], captions: Sequence[str]
) -> Figure:
    """Draw pairs, one column a pair; rows are anchor and positive of every channel.

    Parameters
    ----------
    anchor, positive
        (B, C, Z, Y, X); the middle slice is drawn.
    captions
        One a pair.
    """
    pairs, channels, depth = anchor.shape[:3]
    figure = new_figure(1.2 * pairs, 1.25 * 2 * channels + 0.3)
    for column in range(pairs):
        for channel in range(channels):
            both = (anchor[column, channel, depth // 2], positive[column, channel, depth // 2])
            low, high = np.percentile(np.concatenate(both), [1, 99.5])
            for row, image in enumerate(both):
                place = (2 * channel + row) * pairs + column + 1
                axes = figure.add_subplot(2 * channels, pairs, place)
                axes.imshow(image, cmap="gray", vmin=low, vmax=max(high, low + 1e-6))
                axes.set_xticks([])
                axes.set_yticks([])
                if column == 0:
                    axes.set_ylabel(f"{('anchor', 'positive')[row]} {channel}", fontsize=7)
                if row == 0 and channel == 0:
                    axes.set_title(captions[column], fontsize=7)
    return figure
