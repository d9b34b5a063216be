"""Views with keyboard shortcuts, the keys to choose from, and which choices are valid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase, digits

from napari_dynaclr.keys.batch import BATCH_ACTIONS
from napari_dynaclr.keys.curation import CURATION_ACTIONS
from napari_dynaclr.keys.embedding import EMBEDDING_ACTIONS
from napari_dynaclr.keys.key import KeyAction
from napari_dynaclr.keys.pair import PAIR_KEY_ACTIONS
from napari_dynaclr.keys.steps import LINEAGE_ACTIONS, STEP_ACTIONS

__all__ = ("KEYS", "NO_KEY", "TABLES", "KeyTable", "hint", "valid_keys")

NO_KEY = "none"
"""The choice of an action that only its button does."""
KEYS = (
    NO_KEY,
    *ascii_uppercase,
    *(f"Shift+{letter}" for letter in ascii_uppercase),
    *digits,
    *("Left", "Right", "Up", "Down", "Del", "Backspace", "Ctrl+Z", "Ctrl+Y", "Ctrl+Shift+Z"),
)
"""All that can be chosen, as Qt writes keys in portable text."""


@dataclass(frozen=True)
class KeyTable:
    """The actions of one view that have keys.

    Attributes
    ----------
    section
        Name of the preferences that hold the choices.
    view
        The view in words.
    dock
        Name of its dock in the manifest.
    actions
        What can be done.
    on_layers
        Names of actions whose keys act on layers of the image, too.
    """

    section: str
    view: str
    dock: str
    actions: Sequence[KeyAction]
    on_layers: frozenset[str] = field(default=frozenset())

    @property
    def commands(self) -> dict[str, KeyAction]:
        """What the command palette offers, by name: all that the view does not do by itself."""
        prefix = self.section.removesuffix("keys")
        names = self.on_layers or {str(action.name) for action in self.actions if action.act is not None}
        return {prefix + action.name: action for action in self.actions if str(action.name) in names}

    @property
    def defaults(self) -> dict[str, str]:
        """The key of every action where nothing else is chosen."""
        return {str(action.name): action.shortcut for action in self.actions}


TABLES = {
    table.section: table
    for table in (
        KeyTable("pair_keys", "pair view", "Pairs", PAIR_KEY_ACTIONS),
        KeyTable(
            "lineage_keys",
            "lineage view",
            "Lineage",
            LINEAGE_ACTIONS,
            frozenset(str(action.name) for action in STEP_ACTIONS),
        ),
        KeyTable("batch_keys", "batch view", "Batches", BATCH_ACTIONS),
        KeyTable("curation_keys", "curation view", "Curation", CURATION_ACTIONS),
        KeyTable("embedding_keys", "embedding view", "Embedding", EMBEDDING_ACTIONS),
    )
}
"""The tables by section of the preferences."""


def hint(tooltip: str, key: str) -> str:
    """Return a tooltip with the key, if there is one."""
    return tooltip if key == NO_KEY else f"{tooltip} ({key})"


def valid_keys(
    table: KeyTable, wanted: Mapping[str, str], former: Mapping[str, str], taken: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Return the keys that are wanted as far as they are valid, and why the others stay what they were.

    Choices that exchange keys are valid together. Of two new choices of one key, the first one counts.

    Parameters
    ----------
    table
        Whose keys.
    wanted, former
        Key of every action as chosen, and before, which was valid.
    taken
        Keys of layers that are napari's own, and what they do.
    """
    keys = dict(wanted)
    problems: list[str] = []
    while True:
        refused = _first_refused(table, keys, former, taken)
        if refused is None:
            return keys, problems
        name, why = refused
        problems.append(
            f"{table.view}: {why}. {_words(name)} keeps {_shown(former[name])}, not {_shown(keys[name])}."
        )
        keys[name] = former[name]


def _first_refused(
    table: KeyTable, keys: Mapping[str, str], former: Mapping[str, str], taken: Mapping[str, str]
) -> tuple[str, str] | None:
    """Return an action that has to keep its key, and the reason."""
    owners: dict[str, str] = {name_key: name for name, name_key in keys.items() if name_key == former[name]}
    for name, key in keys.items():
        if key in (NO_KEY, former[name]):
            continue
        if key not in KEYS:
            return name, f"{_shown(key)} is not a key that can be chosen"
        if name in table.on_layers and key in taken:
            return name, f"{key} on the cells layer is napari's own ({taken[key]})"
        if key in owners:
            return name, f"{key} is already the key of {_words(owners[key])}"
        owners[key] = name
    return None


def _words(name: str) -> str:
    return f"'{name.replace('_', ' ')}'"


def _shown(key: str) -> str:
    return "no key" if key == NO_KEY else repr(key) if key not in KEYS else key
