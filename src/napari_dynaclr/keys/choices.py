"""Keyboard shortcuts as chosen in napari's preferences, always valid.

Preferences are those of the process, so are the keys: all viewers share them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from psygnal import Signal

from napari_dynaclr.keys.tables import TABLES, valid_keys

_PLUGIN = "napari-dynaclr"


class KeyChoices:
    """Key of every action, by section and name of the action.

    A choice that is not valid is told to the user and taken back in the preferences too, so that they
    always show the keys that act.
    """

    changed = Signal(str)
    """Section whose keys are others now."""

    def __init__(self) -> None:
        self._keys = {section: table.defaults for section, table in TABLES.items()}
        self._sections: dict[str, Any] = {}
        self._later: Callable[[Callable[[], None]], None] = lambda act: act()
        self._due = False

    def of(self, section: str) -> Mapping[str, str]:
        """Return the keys of a section by name of the action."""
        return self._keys[section]

    def follow(self, settings: Any, later: Callable[[Callable[[], None]], None]) -> None:
        """Follow the preferences of the plugin from now on.

        Parameters
        ----------
        settings
            The plugin's settings, one attribute for each section of `TABLES`.
        later
            Runs a function once all changes are made that are under way: a reset or a canceled dialog
            goes through states that nobody chose.
        """
        self._later = later
        for section in TABLES:
            found = getattr(settings, section)
            if found is not self._sections.get(section):
                self._sections[section] = found
                found.events.connect(self._on_changed)
        self._judge_all()

    def reset(self) -> None:
        """Reset all keyboard shortcuts to their defaults."""
        for section, table in TABLES.items():
            found = self._sections.get(section)
            if found is not None:
                found.update(table.defaults)

    def _on_changed(self, event: Any) -> None:
        if not self._due:
            self._due = True
            self._later(self._judge_all)

    def _judge_all(self) -> None:
        self._due = False
        for section in TABLES:
            self._judge(section)

    def _judge(self, section: str) -> None:
        """Take what is chosen in a section as far as it is valid; write back what is not."""
        from napari.utils.notifications import show_warning

        table, found, former = TABLES[section], self._sections[section], self._keys[section]
        wanted = {name: str(getattr(found, name)) for name in former}
        keys, problems = valid_keys(table, wanted, former, _napari_keys() if table.on_layers else {})
        if keys != former:
            self._keys[section] = keys
            self.changed.emit(section)
        if keys != wanted:
            found.update(keys)
        for text in problems:
            show_warning(f"DynaCLR: {text}")


def _napari_keys() -> dict[str, str]:
    """Return what napari's own keys do while a layer of points is selected."""
    from napari import Viewer
    from napari.layers import Points

    found: dict[str, str] = {}
    for kind in (*Viewer.__mro__, *Points.__mro__):
        for key, act in getattr(kind, "class_keymap", {}).items():
            name = getattr(act, "__name__", "") or str(act)
            found[str(key).replace("Delete", "Del")] = name.replace("_", " ")
    return found


CHOICES = KeyChoices()
"""The keys of this process."""


def follow_preferences(later: Callable[[Callable[[], None]], None]) -> None:
    """Follow napari's preferences of the plugin, if napari has registered it."""
    from napari.settings import get_plugin_settings

    known = get_plugin_settings()
    if _PLUGIN in known:
        CHOICES.follow(known[_PLUGIN], later)
