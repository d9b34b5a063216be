"""Buttons of what can be done in the pair view, in rows."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_dynaclr.keys.key import KeyAction
from napari_dynaclr.keys.pair import PAIR_ACTIONS
from napari_dynaclr.keys.tables import hint

__all__ = ("PairButtons",)


class PairButtons(QWidget):
    """One button for each of `PAIR_ACTIONS`."""

    requested = Signal(str)
    """Name of the action."""

    def __init__(self) -> None:
        super().__init__()
        self.by_name = {action.name: self._button(action) for action in PAIR_ACTIONS}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        half = len(PAIR_ACTIONS) // 2
        for actions in (PAIR_ACTIONS[:half], PAIR_ACTIONS[half:]):
            row = QHBoxLayout()
            row.setSpacing(3)
            for action in actions:
                row.addWidget(self.by_name[action.name])
            column.addLayout(row)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def _button(self, action: KeyAction) -> QPushButton:
        button = QPushButton(action.label)
        button.setMinimumWidth(button.fontMetrics().horizontalAdvance(action.label) + 14)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAutoRepeat(action.repeats)
        button.clicked.connect(lambda: self.requested.emit(action.name))
        return button

    def set_keys(self, keys: Mapping[str, str]) -> None:
        """Say the keys, given by name of the action, in the tooltips."""
        for action in PAIR_ACTIONS:
            self.by_name[action.name].setToolTip(hint(action.tooltip, keys[action.name]))

    def set_ways(self, back: bool, forward: bool) -> None:
        """Enable the ways back and forward."""
        self.by_name["back"].setEnabled(back)
        self.by_name["forward"].setEnabled(forward)

    def set_alone(self, alone: bool) -> None:
        """Enable the way back into the batch for a pair that is drawn alone."""
        self.by_name["batch"].setEnabled(alone)
