"""How the sampler came to its batches: leaked and focal shares, and where it had to give way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dynaclr.base.numbering import AnchorNumbers
from dynaclr.sampler import Account, FlexibleBatchSampler


@dataclass(frozen=True, slots=True)
class DrawCounts:
    """Shares of all anchors drawn, but for what was requested.

    Attributes
    ----------
    focal_requested, focal_realized
        Anchors within the window of their batch's focal hour; the first is 0 without enrichment, the second
        NaN.
    leaked_requested, leaked_realized
        Anchors of another group than the one their batch is built around.
    replaced
        Anchors drawn with replacement, because there are fewer anchors than places.
    widened
        Anchors that were to be near the focal hour, but are taken from all hours.
    unleaked
        Anchors that were to leak, but are taken from the batch's own group.
    """

    focal_requested: float
    focal_realized: float
    leaked_requested: float
    leaked_realized: float
    replaced: float
    widened: float
    unleaked: float


def count_draws(
    sampler: FlexibleBatchSampler,
    accounts: Sequence[Account],
    anchors: AnchorNumbers,
    hours: npt.NDArray[np.float64],
    batch: npt.NDArray[np.int64],
) -> DrawCounts:
    """Return how batches came about.

    Parameters
    ----------
    sampler
        What drew them.
    accounts
        (n_batches,) what it said of each.
    anchors, hours, batch
        (n,) anchors drawn, hours and batch of each.
    """
    shares, total = sampler.shares, max(anchors.size, 1)
    focal = np.array([account.focal_hours for account in accounts])[batch]
    near = np.abs(hours - focal) <= shares.window_hours + 1e-4  # the sampler rounds hours to 1e-5
    group = np.array([account.group for account in accounts])[batch]
    leaked = sampler.group.codes[anchors] != group
    return DrawCounts(
        focal_requested=shares.focal,
        focal_realized=float(near.mean()) if shares.focal > 0 else float("nan"),
        leaked_requested=shares.leaky if len(sampler.group) > 1 else 0.0,
        leaked_realized=float(leaked.mean()) if sampler.experiment_aware else 0.0,
        replaced=sum(account.replaced for account in accounts) / total,
        widened=sum(account.widened for account in accounts) / total,
        unleaked=sum(account.unleaked for account in accounts) / total,
    )
