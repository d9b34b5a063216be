"""Keeps a view in the colours of napari's theme."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from qtpy.QtCore import Signal

__all__ = ("follow_theme",)


class _Themed(Protocol):
    destroyed: Signal

    def set_theme(self, theme: Mapping[str, str]) -> None: ...


def follow_theme(view: _Themed) -> None:
    """Give a view the colours of the theme now, and whenever it changes, until it is destroyed."""
    from napari.settings import get_settings

    appearance = get_settings().appearance

    def show(_: Any = None) -> None:
        view.set_theme(_colours(appearance.theme))

    appearance.events.theme.connect(show)
    view.destroyed.connect(lambda: appearance.events.theme.disconnect(show))
    show()


def _colours(name: str) -> dict[str, str]:
    """Return the colours of a theme as texts."""
    from napari.utils.theme import get_theme

    theme = get_theme(name)
    return {"background": theme.background.as_rgb(), "text": theme.text.as_rgb()}
