"""Steps from one cell of a lineage to the next, and their keyboard shortcuts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from napari_dynaclr.keys.key import KeyAction
from napari_dynaclr.presentation.lineage_layout import LineageLayout


class Step(StrEnum):
    """Where to go from a cell."""

    PREVIOUS = "previous"
    NEXT = "next"
    MOTHER = "mother"
    FIRST_DAUGHTER = "first_daughter"
    SECOND_DAUGHTER = "second_daughter"
    SISTER = "sister"


@dataclass(frozen=True, slots=True)
class StepAction(KeyAction):
    """A step as button and key; `missing` says why it leads nowhere."""

    missing: str = ""

    @property
    def step(self) -> Step:
        """The step, which is its name."""
        return Step(self.name)


STEP_ACTIONS = (
    StepAction(
        Step.PREVIOUS,
        "▲",
        "K",
        "Previous observation of this track",
        repeats=True,
        missing="this is the first observation of the track",
    ),
    StepAction(
        Step.NEXT,
        "▼",
        "J",
        "Next observation of this track",
        repeats=True,
        missing="this is the last observation of the track",
    ),
    StepAction(
        Step.MOTHER,
        "Mother",
        "U",
        "The mother of this track",
        missing="this track is the root: no mother",
    ),
    StepAction(
        Step.FIRST_DAUGHTER,
        "Dau 1",
        "N",
        "First observation of the first (left) daughter",
        missing="this track has no daughter",
    ),
    StepAction(
        Step.SECOND_DAUGHTER,
        "Dau 2",
        "Shift+N",
        "First observation of the second daughter",
        missing="this track has no second daughter",
    ),
    StepAction(
        Step.SISTER,
        "Sister",
        "W",
        "The sister cell at the same time, or at the nearest time it was observed",
        missing="this track has no sister",
    ),
)
"""The only table of steps: buttons, keys, tooltips and the viewer's palette read it."""

LINEAGE_ACTIONS = (
    *STEP_ACTIONS,
    KeyAction("find", "find the cell", "G", "Center the selected cell"),
    KeyAction("fit", "all", "Shift+G", "Show the whole lineage tree"),
    KeyAction("help", "hide this", "H", "Show or hide the legend and keyboard shortcuts"),
)
"""The steps, and what else has a key in the lineage view."""


def step_keys(keys: Mapping[str, str]) -> str:
    """Return all keys, given by name of the action, in one line."""
    steps = [f"{keys[action.name]} {action.step.replace('_', ' ')}" for action in STEP_ACTIONS]
    rest = [f"{keys[action.name]} {action.label}" for action in LINEAGE_ACTIONS[len(STEP_ACTIONS) :]]
    return ", ".join([*steps, *rest])


def neighbours(layout: LineageLayout, row: int) -> dict[Step, int | None]:
    """Return the row that each step leads to; None where there is none.

    Mother is the observation the track comes from (her last one), daughters are met at their first
    observation, the sister (the next one, in a circle, where there are several) at the nearest time.

    Raises
    ------
    KeyError
        If the row is not in the family.
    """
    node = layout.node_of(row)
    track = int(layout.node_track[node])
    first, last = layout.first_node[track], layout.first_node[track + 1] - 1
    mother = int(layout.parent[track])
    daughters = np.flatnonzero(layout.parent == track)
    nodes: dict[Step, int | None] = {
        Step.PREVIOUS: node - 1 if node > first else None,
        Step.NEXT: node + 1 if node < last else None,
        Step.MOTHER: int(layout.origin[track]) if mother >= 0 else None,
        Step.FIRST_DAUGHTER: int(layout.first_node[daughters[0]]) if daughters.size else None,
        Step.SECOND_DAUGHTER: int(layout.first_node[daughters[1]]) if daughters.size > 1 else None,
        Step.SISTER: _sister(layout, track, int(layout.frame[node])) if mother >= 0 else None,
    }
    return {step: None if place is None else int(layout.row[place]) for step, place in nodes.items()}


def _sister(layout: LineageLayout, track: int, frame: int) -> int | None:
    siblings = np.flatnonzero(layout.parent == layout.parent[track])
    if siblings.size < 2:
        return None
    other = siblings[(np.searchsorted(siblings, track) + 1) % siblings.size]
    first, last = layout.first_node[other], layout.first_node[other + 1]
    return int(first + np.argmin(np.abs(layout.frame[first:last] - frame)))


def descent(layout: LineageLayout, row: int) -> npt.NDArray[np.int64]:
    """Return the nodes from the root's first observation to a row, through every mother.

    Raises
    ------
    KeyError
        If the row is not in the family.
    """
    node = layout.node_of(row)
    parts = []
    while node >= 0:
        track = layout.node_track[node]
        parts.append(np.arange(layout.first_node[track], node + 1))
        node = int(layout.origin[track])
    return np.concatenate(parts[::-1]).astype(np.int64)


def strip_rows(layout: LineageLayout, row: int, limit: int = 60) -> npt.NDArray[np.int64]:
    """Return rows for a film strip from the root to a row, at most `limit`, evenly thinned.

    Both ends stay; where there is room, so do the observations before and after every division.
    """
    nodes = descent(layout, row)
    if nodes.size <= limit:
        return np.asarray(layout.row[nodes])
    turns = np.flatnonzero(np.diff(layout.node_track[nodes]) != 0)
    keep = np.unique(np.r_[0, turns, turns + 1, nodes.size - 1])
    if keep.size > limit:
        places = np.unique(np.linspace(0, nodes.size - 1, limit).round().astype(np.int64))
    else:
        rest = np.setdiff1d(np.arange(nodes.size), keep)
        chosen = rest[np.linspace(0, rest.size - 1, limit - keep.size).round().astype(np.int64)]
        places = np.union1d(keep, chosen)
    return np.asarray(layout.row[nodes[places]])
