"""A frame shows which part of a view has the keys."""

from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_dynaclr.widgets.focus_ring import FocusRing


class Window(QWidget):
    """A view with two buttons, and a field beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.view, self.other = QWidget(), QLineEdit()
        self.first, self.second = QPushButton("first"), QPushButton("second")
        self.view.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        inner, outer = QVBoxLayout(self.view), QVBoxLayout(self)
        for button in (self.first, self.second):
            inner.addWidget(button)
        for part in (self.view, self.other):
            outer.addWidget(part)
        self.ring = FocusRing(self.view)


@pytest.fixture
def window(qtbot: Any) -> Window:
    made = Window()
    qtbot.addWidget(made)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    return made


def test_the_ring_goes_with_the_focus(window: Window, qtbot: Any) -> None:
    for part in (window.first, window.second):
        part.setFocus()
        qtbot.waitUntil(lambda part=part: window.ring.around is part)
        assert window.ring.isVisible()
        assert window.ring.geometry() == part.geometry()
    window.view.setFocus()
    assert window.ring.geometry() == window.view.rect()
    window.other.setFocus()
    assert not window.ring.isVisible()


def test_the_ring_follows_its_part_and_lets_the_mouse_through(window: Window, qtbot: Any) -> None:
    clicks: list[bool] = []
    window.first.clicked.connect(clicks.append)
    window.first.setFocus()
    window.resize(window.width() + 80, window.height())
    qtbot.waitUntil(lambda: window.ring.geometry() == window.first.geometry())
    assert window.childAt(window.first.mapTo(window, QPoint(4, 4))) is window.first
    qtbot.mouseClick(window.first, Qt.MouseButton.LeftButton)
    assert clicks == [False]


def test_the_ring_is_drawn_in_the_color_of_text(window: Window, qtbot: Any) -> None:
    window.setStyleSheet("QWidget { background: #102030; color: #fedcba; }")
    window.first.setFocus()
    qtbot.waitUntil(window.ring.isVisible)
    color = window.view.grab().toImage().pixelColor(window.first.pos() + QPoint(1, 6))
    assert color.name() == "#fedcba"
