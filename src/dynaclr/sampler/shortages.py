"""Which shares of a batch the anchors cannot give without repeating rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import ConfigError, listing, problem
from dynaclr.sampler.axes import Axis
from dynaclr.sampler.stratified import Shares

_NAMED = 5


def shortages(
    sizes: npt.NDArray[np.integer],
    stratum: Axis,
    group: Axis,
    ratio: npt.NDArray[np.float64],
    group_weights: npt.NDArray[np.float64],
    shares: Shares,
    batch_size: int,
) -> Iterator[tuple[str, str]]:
    """Yield (topic, text) for every share that cannot be given as it is asked for.

    Parameters
    ----------
    sizes
        (n_strata, n_groups) numbers of anchors.
    stratum, group
        Their labels.
    ratio
        (n_strata,) shares of the strata.
    group_weights
        (n_groups,) how often a batch is built around each group.
    shares
        Leaked and focal fractions.
    batch_size
        Rows of a batch.

    Raises
    ------
    ConfigError
        If a group with weight has no anchor of a stratum with weight.
    """
    if shares.leaky > 0 and len(group) == 1:
        yield "leaky", f"leaky = {shares.leaky} has no effect: there is one experiment only"
    main = batch_size * (1 - shares.leaky)
    lack: list[str] = []
    few: list[str] = []
    for code, label in enumerate(group.labels):
        if not group_weights[code]:
            continue
        there = sizes[:, code]
        own = np.where(there > 0, ratio, 0.0)
        if not own.sum() > 0:
            raise ConfigError(
                problem(
                    "no anchors of a condition with non-zero weight",
                    experiment=label,
                    field="condition_ratio",
                    found=dict(zip(stratum.labels, there.tolist(), strict=True)),
                    fix="Give weight to a condition that occurs, or weight 0 to the experiment.",
                )
            )
        lacking = [name for name, r, n in zip(stratum.labels, ratio, there, strict=True) if r and not n]
        if lacking:
            lack.append(f"'{label}' has no anchor of {listing(lacking)}")
        share = main * own / own.sum()
        for place in np.flatnonzero(share > np.maximum(there, 1)):
            of = f"{there[place]} anchors for a share of {share[place]:.0f} of a batch"
            few.append(f"'{label}', '{stratum.labels[place]}': {of}")
    if lack:
        yield "lacks", f"{_some(lack)}: the other conditions fill that share"
    if few:
        yield "small", f"{_some(few)}: anchors repeat"


def never_drawn(field: str, given: Any, labels: Sequence[str], leaky: float) -> str | None:
    """Return a text about labels that given weights leave out and no batch therefore holds; None for none."""
    if not isinstance(given, Mapping) or leaky > 0:
        return None
    left = [f"'{label}'" for label in labels if label not in given]
    return (
        f"{field} leaves out {listing(left, _NAMED)}, never drawn; give weight 0 if intended"
        if left
        else None
    )


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - _NAMED
    return "; ".join([*texts[:_NAMED], *([f"and {more} more"] if more > 0 else [])])
