"""Buttons and legend of the lineage view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget
from superqt import QFlowLayout

from napari_dynaclr.keys.steps import Step, StepAction
from napari_dynaclr.keys.tables import hint
from napari_dynaclr.presentation.colors import PlotColours
from napari_dynaclr.views.lineage_style import GLYPHS, LEGEND, STROKES
from napari_dynaclr.widgets.glyphs import glyph_pixmap, stroke_pixmap


class StepBar(QWidget):
    """One button a step, then the whole family and the legend."""

    requested = Signal(object)
    """The `StepAction` of the button that was pressed."""
    fit_requested = Signal()
    legend_toggled = Signal(bool)

    def __init__(self, actions: Sequence[StepAction]) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self.buttons = {action.step: self._button(action) for action in actions}
        self._actions = tuple(actions)
        self.fit = _tool("All")
        self.fit.clicked.connect(lambda: self.fit_requested.emit())
        self.key = _tool("?")
        self.key.setCheckable(True)
        self.key.setChecked(True)
        self.key.toggled.connect(self.legend_toggled)
        for button in self.buttons.values():
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.fit)
        row.addWidget(self.key)

    def _button(self, action: StepAction) -> QPushButton:
        button = _tool(action.label)
        button.setAutoRepeat(action.repeats)
        button.clicked.connect(lambda: self.requested.emit(action))
        return button

    def set_keys(self, keys: Mapping[str, str]) -> None:
        """Say the keys, given by name of the action, in the tooltips."""
        for action in self._actions:
            self.buttons[action.step].setToolTip(hint(action.tooltip, keys[action.name]))
        whole = hint("Show the whole lineage tree", keys["fit"])
        self.fit.setToolTip(f"{whole}; {keys['find']} finds the selected cell")
        self.key.setToolTip(hint("Show or hide the legend and keyboard shortcuts", keys["help"]))

    def set_targets(self, targets: Mapping[Step, int | None]) -> None:
        """Enable the steps that lead somewhere."""
        for step, button in self.buttons.items():
            button.setEnabled(targets.get(step) is not None)


def _tool(text: str) -> QPushButton:
    button = QPushButton(text)
    button.setMinimumWidth(button.fontMetrics().horizontalAdvance(text) + 14)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


class LineageLegend(QWidget):
    """What the shapes mean."""

    def __init__(self, colours: PlotColours) -> None:
        super().__init__()
        flow = QFlowLayout(self)
        flow.setContentsMargins(2, 0, 2, 0)
        flow.setHorizontalSpacing(8)
        flow.setVerticalSpacing(1)
        self._pictures: dict[str, QLabel] = {}
        for name, word, tooltip in LEGEND:
            entry, picture = QWidget(), QLabel()
            entry.setToolTip(tooltip)
            row = QHBoxLayout(entry)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(3)
            row.addWidget(picture)
            row.addWidget(QLabel(word))
            flow.addWidget(entry)
            self._pictures[name] = picture
        self.set_colours(colours)

    def set_colours(self, colours: PlotColours) -> None:
        """Draw the shapes in the colors of a theme."""
        for name, picture in self._pictures.items():
            drawn = (
                glyph_pixmap(GLYPHS[name], colours)
                if name in GLYPHS
                else stroke_pixmap(STROKES[name], colours)
            )
            picture.setPixmap(drawn)
