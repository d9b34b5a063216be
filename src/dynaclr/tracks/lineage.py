"""Forests of tracks, numbered so that every subtree is a range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


class CycleError(ValueError):
    """Some tracks are their own ancestors (cycle); `members` are the positions of one cycle, in order."""

    def __init__(self, members: list[int]) -> None:
        super().__init__(f"cycle through positions {members}")
        self.members = members


@dataclass(frozen=True, slots=True)
class Forest:
    """Tracks in preorder: a track is followed by all its descendants.

    All arrays are (n_tracks,) and, but for `order`, numbered in preorder.

    Attributes
    ----------
    order
        Position in the input of the track at each preorder number.
    parent
        Preorder number of the parent, -1 for a root.
    root
        Preorder number of the root ancestor.
    last
        One past the last descendant: the subtree of k is the range k..last[k].
    depth
        Number of ancestors.
    """

    order: IntArray
    parent: IntArray
    root: IntArray
    last: IntArray
    depth: IntArray


def build_forest(parent: npt.NDArray[np.integer]) -> Forest:
    """Give tracks preorder numbers; roots and siblings keep the order of the input.

    Parameters
    ----------
    parent
        (n_tracks,) position of each track's parent in the input, -1 where there is none.

    Raises
    ------
    CycleError
        If a track is its own ancestor.
    """
    mother: IntArray = np.asarray(parent, dtype=np.int64)
    levels, child_order, child_start = _levels(mother)
    if sum(level.size for level in levels) != mother.size:
        raise CycleError(_one_cycle(mother, levels))
    depth = np.zeros(mother.size, dtype=np.int64)
    size = np.ones(mother.size, dtype=np.int64)
    for rank, level in enumerate(levels):
        depth[level] = rank
    for level in reversed(levels[1:]):
        np.add.at(size, mother[level], size[level])
    number = _preorder(mother, levels, size, child_order, child_start)
    order = np.empty_like(number)
    order[number] = np.arange(mother.size)
    root = _roots(mother, levels)
    new_parent = np.where(mother[order] >= 0, number[mother[order]], -1)
    return Forest(order, new_parent, number[root[order]], np.arange(mother.size) + size[order], depth[order])


def latest_in_subtree(forest: Forest, latest: npt.NDArray[np.integer]) -> IntArray:
    """Return for each track the largest `latest` among itself and its descendants (n_tracks,)."""
    result = np.asarray(latest, dtype=np.int64).copy()
    by_depth = np.argsort(forest.depth, kind="stable")[::-1]
    bounds = np.flatnonzero(np.diff(forest.depth[by_depth])) + 1
    for level in np.split(by_depth, bounds)[:-1]:
        np.maximum.at(result, forest.parent[level], result[level])
    return result


def _levels(parent: IntArray) -> tuple[list[IntArray], IntArray, IntArray]:
    """Return the tracks of each depth, and children grouped by parent (order, start)."""
    child_order = np.argsort(parent, kind="stable").astype(np.int64)
    child_start = np.searchsorted(parent[child_order], np.arange(parent.size + 1)).astype(np.int64)
    levels = [np.flatnonzero(parent < 0).astype(np.int64)]
    while levels[-1].size:
        level = levels[-1]
        counts = child_start[level + 1] - child_start[level]
        ends = np.cumsum(counts)
        offsets = np.arange(ends[-1]) - np.repeat(ends - counts, counts)
        levels.append(child_order[np.repeat(child_start[level], counts) + offsets])
    return levels[:-1] or levels, child_order, child_start


def _preorder(
    parent: IntArray, levels: list[IntArray], size: IntArray, child_order: IntArray, child_start: IntArray
) -> IntArray:
    """Return the preorder number of each input position."""
    number = np.zeros(parent.size, dtype=np.int64)
    roots = levels[0]
    number[roots] = np.cumsum(size[roots]) - size[roots]
    running = np.cumsum(size[child_order])
    before = running - size[child_order]  # descendants of all children listed earlier
    rank = np.empty_like(child_order)
    rank[child_order] = np.arange(child_order.size)
    for level in levels[1:]:
        mother = parent[level]
        number[level] = number[mother] + 1 + before[rank[level]] - before[child_start[mother]]
    return number


def _roots(parent: IntArray, levels: list[IntArray]) -> IntArray:
    root = np.arange(parent.size)
    for level in levels[1:]:
        root[level] = root[parent[level]]
    return root


def _one_cycle(parent: IntArray, levels: list[IntArray]) -> list[int]:
    """Return the members of one cycle, starting with the smallest."""
    unreached = np.ones(parent.size, dtype=bool)
    for level in levels:
        unreached[level] = False
    seen: dict[int, int] = {}
    here = int(np.flatnonzero(unreached)[0])
    while here not in seen:
        seen[here] = len(seen)
        here = int(parent[here])
    members = [track for track, place in seen.items() if place >= seen[here]]
    smallest = members.index(min(members))
    return members[smallest:] + members[:smallest]
