"""Empty pages: a view says what to do until there is something to show."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QStackedWidget, QVBoxLayout, QWidget


def with_empty_page(view: QWidget, empty: QLabel, content: QWidget) -> QStackedWidget:
    """Fill a view with two pages: number 0 is what to do, number 1 is its content."""
    empty.setWordWrap(True)
    empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
    empty.setMargin(24)
    pages = QStackedWidget()
    pages.addWidget(empty)
    pages.addWidget(content)
    outer = QVBoxLayout(view)
    outer.setContentsMargins(0, 0, 0, 0)
    outer.addWidget(pages)
    return pages
