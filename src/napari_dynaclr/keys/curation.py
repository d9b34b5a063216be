"""Actions of curation: one table for buttons, keyboard shortcuts, tooltips and help."""

from __future__ import annotations

from enum import StrEnum

from dynaclr.curation import MarkKind, Verdict
from napari_dynaclr.keys.key import KeyAction

__all__ = ("CURATION_ACTIONS", "KIND_OF", "VERDICT_OF", "Do", "action_of")


class Do(StrEnum):
    """Names of the actions."""

    ACCEPT = "accept"
    EXCLUDE = "exclude"
    UNSURE = "unsure"
    SKIP = "skip"
    PREVIOUS = "previous"
    PLACE = "place"
    LINK = "link"
    FRAME = "frame"
    TRACK = "track"
    LINEAGE = "lineage"
    FOV = "fov"
    UNDO = "undo"
    REDO = "redo"
    DELETE = "delete"
    SEARCH = "search"
    APPLY = "apply"
    EXPORT = "export"
    HELP = "help"


VERDICT_OF = {Do.ACCEPT: Verdict.ACCEPT, Do.EXCLUDE: Verdict.EXCLUDE, Do.UNSURE: Verdict.UNSURE}
KIND_OF = {
    Do.LINK: MarkKind.LINK,
    Do.FRAME: MarkKind.FRAME,
    Do.TRACK: MarkKind.TRACK,
    Do.LINEAGE: MarkKind.LINEAGE,
    Do.FOV: MarkKind.FOV,
}
_JUDGE, _OF_CELL, _MARKS = "Judge", "Of the selected cell", "Marks"


def _verdict(do: Do, label: str, key: str, tooltip: str) -> KeyAction:
    return KeyAction(do, label, key, tooltip, group=_JUDGE, act=lambda at: at.judge(VERDICT_OF[do]))


def _kind(do: Do, label: str, key: str, tooltip: str) -> KeyAction:
    return KeyAction(do, label, key, tooltip, group=_OF_CELL, act=lambda at: at.target.set_kind(KIND_OF[do]))


CURATION_ACTIONS = (
    _verdict(Do.ACCEPT, "Accept", "1", "Correct (does not affect training)"),
    _verdict(Do.EXCLUDE, "Exclude", "2", "Incorrect: exclude from training"),
    _verdict(Do.UNSURE, "Unsure", "3", "Note it for later (does not affect training)"),
    KeyAction(
        Do.SKIP,
        "Skip",
        "4",
        "Go to the next unjudged item, without a mark",
        group=_JUDGE,
        act=lambda at: at.skip(),
    ),
    KeyAction(
        Do.PREVIOUS, "Back", "5", "Go back to the previous item", group=_JUDGE, act=lambda at: at.step_back()
    ),
    KeyAction(
        Do.PLACE,
        "Go there",
        "Q",
        "Show this item in the image again",
        group=_JUDGE,
        act=lambda at: at.target.jump(),
    ),
    _kind(Do.LINK, "Link", "Shift+K", "The link into the selected cell"),
    _kind(Do.FRAME, "Frame", "Shift+F", "The selected cell in this frame only"),
    _kind(Do.TRACK, "Track", "Shift+T", "The whole track of the selected cell"),
    _kind(Do.LINEAGE, "Lineage", "Shift+I", "The lineage of the selected cell: its root and all descendants"),
    _kind(Do.FOV, "FOV", "Shift+O", "All cells of this field of view, at all times"),
    KeyAction(
        Do.UNDO,
        "Undo",
        "Ctrl+Z",
        "Undo the last change",
        group=_MARKS,
        act=lambda at: at.travel(Do.UNDO),
    ),
    KeyAction(
        Do.REDO,
        "Redo",
        "Ctrl+Shift+Z",
        "Redo the last undone change",
        group=_MARKS,
        act=lambda at: at.travel(Do.REDO),
    ),
    KeyAction(Do.DELETE, "Delete", "Del", "Delete the marks selected in the list", group=_MARKS),
    KeyAction(
        Do.APPLY,
        "Apply",
        "Shift+A",
        "Set up the data again so that the marks take effect in training",
        group=_MARKS,
        act=lambda at: at.work.apply(),
    ),
    KeyAction(
        Do.EXPORT,
        "Export ...",
        "Shift+E",
        "Write the tracks after curation, with the marks, as CSV, GEFF or CTC",
        group=_MARKS,
        act=lambda at: at.view.export_requested.emit(),
    ),
    KeyAction(
        Do.SEARCH,
        "Find suspicious",
        "Shift+S",
        "Find links, tracks and FOVs that look wrong",
        group=_MARKS,
    ),
    KeyAction(Do.HELP, "?", "H", "Show or hide the keyboard shortcuts", group=_MARKS),
)
"""The only table of actions."""

_BY_NAME = {action.name: action for action in CURATION_ACTIONS}


def action_of(do: Do) -> KeyAction:
    """Return the entry of an action."""
    return _BY_NAME[do]
