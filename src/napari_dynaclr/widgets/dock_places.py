"""Places of docks in a window; docks are tabbed where there is no room."""

from collections.abc import Iterator
from typing import Any

from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

_PLACES = ("DynaCLR", "napari-dynaclr")
"""What napari adds to the name of a dock: in its menu, and when a program asks for one."""


def title_of(name: str) -> str:
    """Return the title that napari's menu gives a dock, by which it knows it again."""
    return f"{name} ({_PLACES[0]})"


def name_tab(widget: QWidget, name: str) -> None:
    """Give the tab of a dock its name alone: there is no room for more beside others."""
    dock = _dock_around(widget)
    if dock is not None:
        dock.setWindowTitle(name)


def bring_up(window: Any, name: str) -> Any | None:
    """Show a dock of a napari window in front of others and return its widget; None if it is not open."""
    for place in _PLACES:
        widget = window.dock_widgets.get(f"{name} ({place})")
        if widget is not None:
            around = _dock_around(widget)
            if around is not None:
                around.show()
                around.raise_()
            return widget
    return None


def make_room(
    widget: QWidget, kind: type[QWidget], newest: QWidget | None = None, opening: bool = False
) -> bool:
    """Put a dock behind another one of its side if the window would be higher than the screen.

    Parameters
    ----------
    widget
        What the dock holds.
    kind
        Class of what the docks hold that it may be put to.
    newest
        What was opened last: it is in front, unless a person works in another one.
    opening
        Whether the newest one is just being opened: it is in front whatever has the focus still.

    Returns
    -------
    bool
        Whether it was put there: the docks have tabs now.
    """
    dock = _dock_around(widget)
    window = None if dock is None else dock.parentWidget()
    if dock is None or not isinstance(window, QMainWindow) or dock.isFloating() or dock.isHidden():
        return False
    if window.tabifiedDockWidgets(dock):
        return True  # others come to it: two that move at once would part
    if window.minimumSizeHint().height() <= _room(window):
        return False
    beside = [item for item in _beside(window, dock, kind) if item not in window.tabifiedDockWidgets(dock)]
    if not beside:
        return False
    window.tabifyDockWidget(beside[-1], dock)
    front = None if newest is None else _dock_around(newest)
    used = None if opening else _used(window, [dock, *beside])
    (used or front or dock).raise_()
    return True


def shrink(window: QWidget) -> None:
    """Make a window that had to grow no higher than the screen, once docks stand behind tabs."""
    room = _room(window)
    if window.height() > room:
        window.resize(window.width(), room)


def _room(window: QWidget) -> int:
    """Return how high a window may be, without its frame."""
    screen = window.screen()
    assert screen is not None
    return screen.availableGeometry().height() - window.frameGeometry().height() + window.height()


def _beside(window: QMainWindow, dock: QDockWidget, kind: type[QWidget]) -> Iterator[QDockWidget]:
    area = window.dockWidgetArea(dock)
    for other in window.findChildren(QDockWidget):
        there = other is not dock and not other.isHidden() and not other.isFloating()
        if there and window.dockWidgetArea(other) == area and other.findChild(kind) is not None:
            yield other


def _used(window: QMainWindow, docks: list[QDockWidget]) -> QDockWidget | None:
    """Return the dock that has the focus."""
    focus = window.focusWidget()
    return next((dock for dock in docks if focus is not None and dock.isAncestorOf(focus)), None)


def _dock_around(widget: QWidget) -> QDockWidget | None:
    place: QWidget | None = widget
    while place is not None and not isinstance(place, QDockWidget):
        place = place.parentWidget()
    return place
