"""A list of layers that are ticked."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QListWidget, QListWidgetItem

_LINES_SHOWN = 4
_KEY = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class Choice:
    """A layer that is offered.

    Attributes
    ----------
    key
        Tells it from others, whatever its name.
    title, tip
        What is shown, and when it is hovered.
    usable
        Whether it can be chosen.
    chosen
        Whether it is.
    """

    key: Hashable
    title: str
    tip: str = ""
    usable: bool = True
    chosen: bool = False


class LayerList(QListWidget):
    """Layers with ticks; Space ticks the one that has the keyboard."""

    ticked = Signal(object, bool)
    """Key of a layer, and whether it is ticked now."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(_LINES_SHOWN * (self.fontMetrics().height() + 4) + 4)
        self.itemChanged.connect(self._tell)

    def _tell(self, item: QListWidgetItem) -> None:
        self.ticked.emit(item.data(_KEY), item.checkState() == Qt.CheckState.Checked)

    def set_choices(self, choices: Sequence[Choice]) -> None:
        """Offer layers; the one that has the keyboard keeps it."""
        items = [self.item(row) for row in range(self.count())]
        current = self.currentItem()
        at = None if current is None else current.data(_KEY)
        self.blockSignals(True)
        if [item.data(_KEY) for item in items if item is not None] != [choice.key for choice in choices]:
            self.clear()
            for _ in choices:
                self.addItem(QListWidgetItem())
        for row, choice in enumerate(choices):
            item = self.item(row)
            assert item is not None
            _show(item, choice)
            if choice.key == at:
                self.setCurrentItem(item)
        self.blockSignals(False)


def _show(item: QListWidgetItem, choice: Choice) -> None:
    item.setText(choice.title)
    item.setData(_KEY, choice.key)
    item.setToolTip(choice.tip)
    usable = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable
    item.setFlags(usable if choice.usable else Qt.ItemFlag.NoItemFlags)
    item.setCheckState(Qt.CheckState.Checked if choice.chosen else Qt.CheckState.Unchecked)
