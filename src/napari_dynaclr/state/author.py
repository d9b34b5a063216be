"""The annotator's name: a setting of the plugin, or the login name."""

from __future__ import annotations

import getpass
from typing import Any


def author_name() -> str:
    """Return the name in the preferences of the plugin; if it is blank, that of the login."""
    section = _section()
    name = "" if section is None else str(section.author).strip()
    return name or getpass.getuser()


def keep_author_name(name: str) -> None:
    """Write a name into the preferences of the plugin; that of the login is kept as blank."""
    section = _section()
    if section is not None:
        section.author = "" if name == getpass.getuser() else name


def _section() -> Any:
    """Return the preferences of curation; None where napari has not registered the plugin."""
    from napari.settings import get_plugin_settings

    try:
        return get_plugin_settings("napari-dynaclr").curation
    except KeyError:
        return None
