"""How unlikely links and tracks are by measured values and by their length."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from dynaclr.suspicion.links import Links
from dynaclr.suspicion.robust import group_median, robust_scores
from dynaclr.tracks import CellTable

_LIMIT_SPREADS = 6.0
_SHARE_OF_SIZE = (0.5, 1.6)
_FEW_FRAMES = 5


def value_jumps(
    table: CellTable, links: Links, values: npt.NDArray[np.floating], *, ratio: bool
) -> npt.NDArray[np.float64]:
    """Return the evidence that a value jumps along links inside tracks (n_links,).

    It grows with the root of the change: cells that divide, round up or die change much by themselves.

    Parameters
    ----------
    table, links
        Observations and links.
    values
        (n,) value of every observation, NaN where there is none.
    ratio
        Whether changes count as ratios (areas) and not as differences.
    """
    evidence = np.zeros(len(links))
    numbers = np.asarray(values, dtype=np.float64)
    if ratio:
        numbers = np.log(np.where(numbers > 0, numbers, np.nan))
    change = numbers[links.later] - numbers[links.earlier]
    which = np.flatnonzero(np.isfinite(change) & ~links.division)
    if which.size:
        size = float(np.nanmedian(np.abs(numbers)))
        floor = 0.02 if ratio else max(1e-3 * size, 1e-12)
        fov = table.fov_of(links.later[which])
        score, _ = robust_scores(change[which], fov, table.fov_first_frame.size - 1, floor)
        evidence[which] = np.sqrt(np.abs(score) / _LIMIT_SPREADS)
    return evidence


def unequal_divisions(
    table: CellTable, links: Links, area: npt.NDArray[np.floating]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the evidence that daughters together are not as large as their mother, and that share.

    Both are (n_links,), 0 and NaN where a link is none from a mother with two daughters or more. The
    share is the sum of the daughters' areas over the mother's; 0.5 to 1.6 is usual.
    """
    evidence, share = np.zeros(len(links)), np.full(len(links), np.nan)
    which = np.flatnonzero(links.division)
    size = np.asarray(area, dtype=np.float64)
    mother, back = np.unique(table.track[links.earlier[which]], return_inverse=True)
    total = np.bincount(back, weights=size[links.later[which]], minlength=mother.size)
    count = np.bincount(back, minlength=mother.size)
    own = total[back] / np.where(size[links.earlier[which]] > 0, size[links.earlier[which]], np.nan)
    known = np.isfinite(own) & (count[back] >= 2) & (own > 0)
    share[which[known]] = own[known]
    low, high = np.log(_SHARE_OF_SIZE)
    log = np.log(own[known])
    evidence[which[known]] = np.where(log < 0, log / low, log / high)
    return evidence, share


def one_frame_tracks(table: CellTable, use: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the rows of observations that are all of their track, and have no child and no parent."""
    count = np.bincount(table.track[use], minlength=table.n_tracks)
    mothers = np.zeros(table.n_tracks, dtype=bool)
    mothers[table.forest.parent[table.forest.parent >= 0]] = True
    alone = (count == 1) & ~mothers & (table.forest.parent < 0)
    return np.flatnonzero(use & alone[table.track])


def frame_outliers(
    frame: npt.NDArray[np.integer], fov_first_frame: npt.NDArray[np.integer], values: npt.NDArray[np.floating]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return how many spreads the median of each frame lies from its neighbors in time, signed.

    Parameters
    ----------
    frame
        (n,) number of each observation's frame among all frames.
    fov_first_frame
        (n_fovs + 1,) first frame of each FOV.
    values
        (n,) value of each observation.

    Returns
    -------
    (n_frames,) spreads from the FOV's median, 0 where a frame has no observation; and the frames'
    medians, NaN there.
    """
    n_frames = int(fov_first_frame[-1])
    middle = group_median(values, frame, n_frames)
    fov = np.searchsorted(fov_first_frame, np.arange(n_frames), side="right") - 1
    seen = np.flatnonzero(np.isfinite(middle))
    score = np.zeros(n_frames)
    n_fovs = fov_first_frame.size - 1
    enough = np.bincount(fov[seen], minlength=n_fovs)[fov[seen]] >= _FEW_FRAMES
    own = seen[enough]
    center = group_median(middle[own], fov[own], n_fovs)
    off = np.abs(middle[own] - center[fov[own]])
    spread = 1.4826 * group_median(off, fov[own], n_fovs)
    floor = 0.02 * np.abs(center) + 1e-12
    score[own] = (middle[own] - center[fov[own]]) / np.fmax(spread, floor)[fov[own]]
    return score, middle


def drifts(
    frame: npt.NDArray[np.integer], fov_first_frame: npt.NDArray[np.integer], values: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """Return by which share the last quarter of each FOV's frames differs from the first (n_fovs,).

    0 for recordings with too few observed frames.
    """
    _, middle = frame_outliers(frame, fov_first_frame, values)
    result = np.zeros(fov_first_frame.size - 1)
    for fov, (first, last) in enumerate(itertools.pairwise(fov_first_frame)):
        own = middle[first:last]
        own = own[np.isfinite(own)]
        quarter = own.size // 4
        if own.size >= _FEW_FRAMES and quarter:
            start, end = np.median(own[:quarter]), np.median(own[-quarter:])
            result[fov] = (end - start) / start if start > 0 else 0.0
    return result
