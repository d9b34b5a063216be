"""What can be done while curating, as one table for buttons, keys, tooltips and help; imports no Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from dynaclr.curation import MarkKind, Verdict

__all__ = ("CURATION_ACTIONS", "KIND_OF", "VERDICT_OF", "CurationAction", "Do", "action_of", "help_text")


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


@dataclass(frozen=True, slots=True)
class CurationAction:
    """One action: `key` as Qt writes it in portable text, `label` on the button."""

    do: Do
    label: str
    key: str
    tooltip: str
    group: str

    @property
    def name(self) -> str:
        """The name of what it does."""
        return self.do.value

    @property
    def shortcut(self) -> str:
        """The key."""
        return self.key


CURATION_ACTIONS = (
    CurationAction(Do.ACCEPT, "Accept", "1", "It is right: a mark that changes no training", "Judge"),
    CurationAction(Do.EXCLUDE, "Exclude", "2", "It is wrong: training leaves it out", "Judge"),
    CurationAction(Do.UNSURE, "Unsure", "3", "Note it for later: a mark that changes no training", "Judge"),
    CurationAction(Do.SKIP, "Skip", "4", "Go to the next item that is not judged, without a mark", "Judge"),
    CurationAction(Do.PREVIOUS, "Back", "5", "Go back to the item before", "Judge"),
    CurationAction(Do.PLACE, "Go there", "Q", "Show the place in the image again", "Judge"),
    CurationAction(
        Do.LINK, "Link", "Shift+K", "The link that arrives at the selected cell", "Of the selected cell"
    ),
    CurationAction(
        Do.FRAME, "Frame", "Shift+F", "The selected cell in this frame only", "Of the selected cell"
    ),
    CurationAction(
        Do.TRACK, "Track", "Shift+T", "The whole track of the selected cell", "Of the selected cell"
    ),
    CurationAction(
        Do.LINEAGE,
        "Lineage",
        "Shift+I",
        "The root of the selected cell and all its descendants",
        "Of the selected cell",
    ),
    CurationAction(
        Do.FOV, "FOV", "Shift+O", "All cells of this field of view, at all times", "Of the selected cell"
    ),
    CurationAction(Do.UNDO, "Undo", "Ctrl+Z", "Take back the last change", "Marks"),
    CurationAction(Do.REDO, "Redo", "Ctrl+Shift+Z", "Do again what was taken back", "Marks"),
    CurationAction(Do.DELETE, "Delete", "Del", "Delete the marks that are selected in the list", "Marks"),
    CurationAction(
        Do.APPLY, "Apply", "Shift+A", "Set the data up again, so that the marks count in training", "Marks"
    ),
    CurationAction(
        Do.SEARCH, "Find suspicious", "Shift+S", "Look for links, tracks and FOVs that look wrong", "Marks"
    ),
    CurationAction(Do.HELP, "?", "H", "Show or hide the keys", "Marks"),
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

_BY_NAME = {action.do: action for action in CURATION_ACTIONS}


def action_of(do: Do) -> CurationAction:
    """Return the entry of an action."""
    return _BY_NAME[do]


def help_text(keys: Mapping[str, str]) -> str:
    """Return all keys, given by name of the action, as a small HTML table."""
    rows, group = [], ""
    for action in CURATION_ACTIONS:
        if action.group != group:
            group = action.group
            rows.append(f'<tr><td colspan="2"><b>{group}</b></td></tr>')
        rows.append(
            f"<tr><td><code>{keys[action.name]}</code>&nbsp;&nbsp;</td><td>{action.tooltip}</td></tr>"
        )
    note = "Keys act while this panel has the focus: click into it. Others can be chosen in the preferences."
    return f"<table>{''.join(rows)}</table>{note}"
