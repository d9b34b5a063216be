"""How unlikely links are by the places of cells alone.

Evidence is relative to the limit of what is usual: 1 lies at the limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from dynaclr.suspicion.links import Links
from dynaclr.suspicion.robust import group_median, robust_scores
from dynaclr.tracks import CellTable

_LIMIT_SPREADS = 6.0
_FLOOR_PX = 0.5
_CANDIDATES = 4
_AT_ONCE = 50_000  # links that are looked up between two ticks
_FEW_DIVISIONS = 8


def step_px(table: CellTable, links: Links) -> npt.NDArray[np.float64]:
    """Return the distance that each link covers (n,), pixels."""
    dy = table.y[links.later] - table.y[links.earlier]
    return np.asarray(np.hypot(dy, table.x[links.later] - table.x[links.earlier]))


def _separated(
    table: CellTable, rows: npt.NDArray[np.integer], group: npt.NDArray[np.integer], gap: float
) -> npt.NDArray[np.float64]:
    """Return points (group * gap, y, x), so that points of different groups are never near."""
    return np.column_stack([group * gap, table.y[rows], table.x[rows]])


def _gap(table: CellTable) -> float:
    """Return a distance larger than any inside an image."""
    return 4.0 * (1 + float(np.abs(table.y).max(initial=0)) + float(np.abs(table.x).max(initial=0)))


def neighbor_px(table: CellTable) -> npt.NDArray[np.float64]:
    """Return the distance to the nearest other cell of the same frame (n,), infinite for a lone one."""
    if len(table) < 2:
        return np.full(len(table), np.inf)
    gap = _gap(table)
    points = _separated(table, np.arange(len(table)), table.frame_of(), gap)
    distance = cKDTree(points).query(points, k=2)[0][:, 1]
    return np.asarray(np.where(distance < gap / 2, distance, np.inf))


def jumps(
    table: CellTable, links: Links, neighbor: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the evidence that links inside tracks jump, and their FOV's usual step in pixels (n,).

    A jump is a step that is unusual in its FOV (robust; a gap counts by the root of its length) and
    reaches at least half as far as the nearest neighbor, so that another cell could be meant. Links
    to daughters get 0.

    Parameters
    ----------
    table, links
        Observations and links.
    neighbor
        `neighbor_px` of the table.
    """
    distance = step_px(table, links)
    frames = np.maximum(table.t[links.later] - table.t[links.earlier], 1)
    pace = distance / np.sqrt(frames)
    fov = table.fov_of(links.later)
    n_fovs = table.fov_first_frame.size - 1
    evidence, usual = np.zeros(len(links)), np.full(len(links), np.nan)
    step = ~links.division
    floor = _FLOOR_PX
    score, middle = robust_scores(pace[step], fov[step], n_fovs, floor)
    near = np.minimum(neighbor[links.earlier], neighbor[links.later])[step]
    reach = np.where(np.isfinite(near), 2 * distance[step] / np.maximum(near, _FLOOR_PX), np.inf)
    evidence[step] = np.clip(np.minimum(score / _LIMIT_SPREADS, reach), 0, None)
    usual[step] = middle
    pooled = group_median(pace[step], fov[step], n_fovs)
    usual[~step] = pooled[fov[~step]]
    return evidence, usual


@dataclass(frozen=True, slots=True)
class Swaps:
    """Pairs of links whose exchange would shorten both ways, all (m,).

    Attributes
    ----------
    first, second
        Numbers of the links.
    saved_px
        How much shorter both ways together would be.
    evidence
        Saved distance against the usual step of the FOV.
    """

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    saved_px: npt.NDArray[np.float64]
    evidence: npt.NDArray[np.float64]


def swaps(
    table: CellTable,
    links: Links,
    usual_px: npt.NDArray[np.float64],
    tick: Callable[[], None] = lambda: None,
) -> Swaps:
    """Return the pairs of links that look swapped: same FOV, same frames, each shorter if exchanged.

    Parameters
    ----------
    table, links
        Observations and links.
    usual_px
        (n,) usual step of each link's FOV, as `jumps` returns it.
    tick
        Called now and then; may raise to give up.
    """
    none = np.empty(0, dtype=np.int64)
    if len(links) < 2:
        return Swaps(none, none, np.empty(0), np.empty(0))
    first_frame, last_frame = table.frame_of(links.earlier), table.frame_of(links.later)
    _, group = np.unique(
        first_frame * np.int64(table.fov_first_frame[-1] + 1) + last_frame, return_inverse=True
    )
    gap = _gap(table)
    tree = cKDTree(_separated(table, links.later, group, gap))
    wanted = min(_CANDIDATES, len(links))
    starts = _separated(table, links.earlier, group, gap)
    reach, near = [], []
    for first in range(0, len(links), _AT_ONCE):
        tick()
        found = tree.query(starts[first : first + _AT_ONCE], k=wanted, distance_upper_bound=gap / 2)
        reach.append(np.ravel(found[0]))
        near.append(np.ravel(found[1]))
    one = np.repeat(np.arange(len(links)), wanted)
    two, there = np.concatenate(near), np.isfinite(np.concatenate(reach))
    one, two = one[there], two[there]
    one, two = one[one != two], two[one != two]
    pair = np.unique(np.minimum(one, two) * np.int64(len(links)) + np.maximum(one, two))
    one, two = pair // len(links), pair % len(links)
    return _judged(table, links, one, two, usual_px)


def _judged(
    table: CellTable,
    links: Links,
    one: npt.NDArray[np.int64],
    two: npt.NDArray[np.int64],
    usual_px: npt.NDArray[np.float64],
) -> Swaps:
    """Keep the pairs that would both be shorter if exchanged."""

    def distance(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        start, end = links.earlier[a], links.later[b]
        return np.asarray(np.hypot(table.y[end] - table.y[start], table.x[end] - table.x[start]))

    sisters = links.earlier[one] == links.earlier[two]
    own = distance(one, one), distance(two, two)
    exchanged = distance(one, two), distance(two, one)
    usual = np.nan_to_num(np.fmax(usual_px[one], usual_px[two]), nan=0.0)
    shorter = np.minimum(own[0] - exchanged[0], own[1] - exchanged[1])
    saved = own[0] + own[1] - exchanged[0] - exchanged[1]
    evidence = saved / (2 * np.maximum(usual, _FLOOR_PX))
    keep = ~sisters & (shorter > 0) & (evidence > 1)
    return Swaps(one[keep], two[keep], saved[keep], evidence[keep])


def far_daughters(
    table: CellTable,
    links: Links,
    home: npt.NDArray[np.integer],
    usual_px: npt.NDArray[np.float64],
    neighbor: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the evidence that daughters lie too far from their mothers (n,), 0 for other links.

    The limit is 6 spreads above the median of the divisions of the same home (experiment). Where a
    home has few divisions, it is 6 usual steps and three quarters of the way to the next cell,
    whichever is more.
    """
    evidence = np.zeros(len(links))
    which = np.flatnonzero(links.division)
    if not which.size:
        return evidence
    some = links.take(which)
    distance = step_px(table, some)
    n_homes = int(home.max(initial=0)) + 1
    few = np.bincount(home[which], minlength=n_homes)[home[which]] < _FEW_DIVISIONS
    middle = group_median(distance, home[which], n_homes)[home[which]]
    spread = group_median(np.abs(distance - middle), home[which], n_homes)[home[which]]
    limit = middle + _LIMIT_SPREADS * np.maximum(1.4826 * spread, _FLOOR_PX)
    near = np.where(np.isfinite(neighbor[some.earlier]), neighbor[some.earlier], 0.0)
    simple = np.maximum(6 * np.nan_to_num(usual_px[which], nan=_FLOOR_PX), 0.75 * near)
    evidence[which] = distance / np.maximum(np.where(few, simple, limit), _FLOOR_PX)
    return evidence
