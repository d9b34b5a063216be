"""An action as button and key, for the tables of actions of the views."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ("KeyAction", "act_of", "key_list")


@dataclass(frozen=True, slots=True)
class KeyAction:
    """An action as button and key: `shortcut` is the key that it has unless another one is chosen.

    Keys are written as Qt writes them in portable text. `repeats` says whether the key acts on while it is
    held down; `group` is the heading that it has in a list of keys. `act` does it with the controller of the
    view; None for what the view does by itself. Buttons, keys, preferences, tooltips and the command palette
    follow from the entry: a new action is one more entry, and the manifests written anew
    (`python -m napari_dynaclr.shell.manifest`).
    """

    name: str
    label: str
    shortcut: str
    tooltip: str
    repeats: bool = False
    group: str = ""
    act: Callable[[Any], None] | None = None


def act_of(actions: Iterable[KeyAction], name: str) -> Callable[[Any], None]:
    """Return what does the action of that name.

    Raises
    ------
    KeyError
        If there is none that a controller does.
    """
    found = {str(action.name): action.act for action in actions}[name]
    if found is None:
        raise KeyError(name)
    return found


def key_list(actions: Iterable[KeyAction], keys: Mapping[str, str]) -> str:
    """Return the keys of actions, given by name of the action, as a small HTML table."""
    rows, group = [], ""
    for action in actions:
        if action.group != group:
            group = action.group
            rows.append(f'<tr><td colspan="2"><b>{group}</b></td></tr>')
        rows.append(
            f"<tr><td><code>{keys[action.name]}</code>&nbsp;&nbsp;</td><td>{action.tooltip}</td></tr>"
        )
    note = "Keyboard shortcuts work while this panel has the focus: click in it. Change them in Preferences."
    return f"<table>{''.join(rows)}</table>{note}"
