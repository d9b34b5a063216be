"""A list of fields of view that can be searched by typing."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QStringListModel, Qt, Signal
from qtpy.QtWidgets import QComboBox, QCompleter, QListView, QWidget
from superqt import QSearchableComboBox

__all__ = ("FovBox",)

_LEAST_LETTERS = 16


class FovBox(QSearchableComboBox):
    """Chooses one of any number of fields of view, from the list or by a part of its title."""

    chosen = Signal(str, int)
    """Part and FOV code that the user wants to see."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: list[tuple[str, int]] = []
        self._rows: dict[tuple[str, int], int] = {}
        self._shown: tuple[str, int] | None = None
        self._titles = QStringListModel(self)
        self.setModel(self._titles)
        # without these, every title is measured whenever the box is laid out or opened
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(_LEAST_LETTERS)
        self.setView(_quick_list())
        self.finder: QCompleter = self.completer_object
        self.finder.setModel(self._titles)
        self.finder.setPopup(_quick_list())
        line = self.lineEdit()
        assert line is not None
        self.line = line
        self.setToolTip("Field of view shown in the image; type part of its name and press Return")
        self.activated.connect(self._on_row)
        self.line.returnPressed.connect(self._on_return)
        self.line.editingFinished.connect(self._show_title)

    def set_entries(self, entries: Sequence[tuple[str, str, int]]) -> None:
        """Offer fields of view: title, part and code of each."""
        self._entries = [(part, code) for _, part, code in entries]
        self._rows = {entry: row for row, entry in enumerate(self._entries)}
        blocked = self.blockSignals(True)
        self._titles.setStringList([title for title, _, _ in entries])
        self.blockSignals(blocked)
        self._show_title()

    def set_shown(self, shown: tuple[str, int] | None) -> None:
        """Mark the field of view that is shown; tells nobody."""
        self._shown = shown
        self._show_title()

    def _show_title(self) -> None:
        """Write the title of what is shown, whatever was typed."""
        row = -1 if self._shown is None else self._rows.get(self._shown, -1)
        blocked = self.blockSignals(True)
        self.setCurrentIndex(row)
        self.setEditText("" if row < 0 else self.itemText(row))
        self.line.setCursorPosition(0)
        self.blockSignals(blocked)

    def _on_row(self, row: int) -> None:
        entry = self._entries[row] if 0 <= row < len(self._entries) else None
        if entry is None or (entry == self._shown and self.line.text() != self.itemText(row)):
            return  # Qt activates what is shown already when something else was typed, too
        self._shown = entry
        self.chosen.emit(*entry)

    def _on_return(self) -> None:
        """Choose the title that was typed, else the first that holds it."""
        text = self.line.text().strip()
        row = self.findText(text, Qt.MatchFlag.MatchFixedString)
        if row < 0 and text:
            row = self.findText(text, Qt.MatchFlag.MatchContains)
        if 0 <= row < len(self._entries) and self._entries[row] != self._shown:
            self._on_row(row)
        self._show_title()


def _quick_list() -> QListView:
    """Return a list that measures one of its rows only."""
    view = QListView()
    view.setUniformItemSizes(True)
    return view
