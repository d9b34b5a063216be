"""What can be done while curating, as one table for buttons, keys, tooltips and help; imports no Qt."""

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
    HELP = "help"


CURATION_ACTIONS = (
    KeyAction(Do.ACCEPT, "Accept", "1", "It is right: a mark that changes no training", group="Judge"),
    KeyAction(Do.EXCLUDE, "Exclude", "2", "It is wrong: training leaves it out", group="Judge"),
    KeyAction(Do.UNSURE, "Unsure", "3", "Note it for later: a mark that changes no training", group="Judge"),
    KeyAction(Do.SKIP, "Skip", "4", "Go to the next item that is not judged, without a mark", group="Judge"),
    KeyAction(Do.PREVIOUS, "Back", "5", "Go back to the item before", group="Judge"),
    KeyAction(Do.PLACE, "Go there", "Q", "Show the place in the image again", group="Judge"),
    KeyAction(
        Do.LINK, "Link", "Shift+K", "The link that arrives at the selected cell", group="Of the selected cell"
    ),
    KeyAction(
        Do.FRAME, "Frame", "Shift+F", "The selected cell in this frame only", group="Of the selected cell"
    ),
    KeyAction(
        Do.TRACK, "Track", "Shift+T", "The whole track of the selected cell", group="Of the selected cell"
    ),
    KeyAction(
        Do.LINEAGE,
        "Lineage",
        "Shift+I",
        "The root of the selected cell and all its descendants",
        group="Of the selected cell",
    ),
    KeyAction(
        Do.FOV,
        "FOV",
        "Shift+O",
        "All cells of this field of view, at all times",
        group="Of the selected cell",
    ),
    KeyAction(Do.UNDO, "Undo", "Ctrl+Z", "Take back the last change", group="Marks"),
    KeyAction(Do.REDO, "Redo", "Ctrl+Shift+Z", "Do again what was taken back", group="Marks"),
    KeyAction(Do.DELETE, "Delete", "Del", "Delete the marks that are selected in the list", group="Marks"),
    KeyAction(
        Do.APPLY,
        "Apply",
        "Shift+A",
        "Set the data up again, so that the marks count in training",
        group="Marks",
    ),
    KeyAction(
        Do.SEARCH,
        "Find suspicious",
        "Shift+S",
        "Look for links, tracks and FOVs that look wrong",
        group="Marks",
    ),
    KeyAction(Do.HELP, "?", "H", "Show or hide the keys", group="Marks"),
)
"""The only table of actions."""

VERDICT_OF = {Do.ACCEPT: Verdict.ACCEPT, Do.EXCLUDE: Verdict.EXCLUDE, Do.UNSURE: Verdict.UNSURE}
KIND_OF = {
    Do.LINK: MarkKind.LINK,
    Do.FRAME: MarkKind.FRAME,
    Do.TRACK: MarkKind.TRACK,
    Do.LINEAGE: MarkKind.LINEAGE,
    Do.FOV: MarkKind.FOV,
}

_BY_NAME = {action.name: action for action in CURATION_ACTIONS}


def action_of(do: Do) -> KeyAction:
    """Return the entry of an action."""
    return _BY_NAME[do]
