"""The view of one lineage: a tree over time with hover texts and a film strip.

Shows what it is given and tells what the user wishes; knows no viewer, no data set, no files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_dynaclr.keys.steps import STEP_ACTIONS, StepAction, descent, neighbours, step_keys
from napari_dynaclr.presentation.colors import plot_colours
from napari_dynaclr.presentation.lineage_layout import LineageLayout
from napari_dynaclr.views.lineage_parts import LineageLegend, StepBar
from napari_dynaclr.views.lineage_style import (
    GLYPHS,
    STROKES,
    descent_line,
    lines_of,
    nodes_by_glyph,
    positive_sizes,
)
from napari_dynaclr.views.lineage_text import breadcrumb, hover_text, selection_text
from napari_dynaclr.widgets.empty_page import with_empty_page
from napari_dynaclr.widgets.film_strip import FilmStrip
from napari_dynaclr.widgets.pressed import KeyFollower, action_for
from napari_dynaclr.widgets.tree_canvas import TreeCanvas

_EMPTY = (
    "<b>No lineage to show</b><br><br>Select a cell to see where it comes from, its daughters, and the cells "
    "that can be its positives: click a track in the image, or a pair in the gallery."
)
_TREE_TIP = (
    "Lineage tree of the selected cell: root at the top, time runs down, daughters side by side.\n"
    "Click a node to go there; drag moves, the wheel zooms, {find} finds the selected cell, {fit} shows all."
)
_MAX_LABELS = 40
_REPEATED = {action.name for action in STEP_ACTIONS if action.repeats}


class LineageView(QWidget):
    """One lineage: tree, selected cell, current time, positives, breadcrumb and film strip."""

    row_clicked = Signal(int)
    """A row that the user wants to see."""
    step_requested = Signal(str)
    """Name of a `Step` that the user wants to make."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout: LineageLayout | None = None
        self._selected: int | None = None
        self._chances: dict[int, float] = {}
        self._barrier: npt.NDArray[np.integer] | None = None
        self._untouched = False
        palette = self.palette()
        self._colors = plot_colours(
            {"background": palette.window().color().name(), "text": palette.windowText().color().name()}
        )
        self.canvas = TreeCanvas(GLYPHS, STROKES, self._colors)
        self.steps = StepBar(STEP_ACTIONS)
        self.path = QLabel()
        self.path.setWordWrap(True)
        self.path.setToolTip(
            "From the root to the selected cell; click a track to go to its last observation"
        )
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.about.setMinimumHeight(2 * self.about.fontMetrics().lineSpacing() + 2)
        self.about.setToolTip("The selected cell, and whether it can be an anchor")
        self.legend = LineageLegend(self._colors)
        self.keys = QLabel()
        self.keys.setWordWrap(True)
        self.keys.setToolTip(
            "Keyboard shortcuts work while this panel has the focus: click in it. Change them in Preferences"
        )
        self.strip = FilmStrip(self._colors)
        self.strip.hide()
        self._arrange()
        self._connect()
        self._follower = KeyFollower(self, "lineage_keys", self._set_keys)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _set_keys(self, keys: Mapping[str, str]) -> None:
        """Say the keys in the tooltips and in the list."""
        self._tree_tip = _TREE_TIP.format(**keys)
        self.canvas.plot.setToolTip(self._tree_tip)
        self.steps.set_keys(keys)
        self.keys.setText(step_keys(keys))

    def _arrange(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(2, 2, 2, 2)
        column.setSpacing(3)
        for widget in (self.path, self.steps, self.canvas, self.about, self.strip, self.legend, self.keys):
            column.addWidget(widget, 1 if widget is self.canvas else 0)
        self.pages = with_empty_page(self, QLabel(_EMPTY), content)

    def _connect(self) -> None:
        self.canvas.clicked.connect(self._on_node)
        self.canvas.hovered.connect(self._on_hover)
        self.steps.requested.connect(self._on_step)
        self.steps.fit_requested.connect(self.canvas.fit)
        self.steps.legend_toggled.connect(self.legend.setVisible)
        self.steps.legend_toggled.connect(self.keys.setVisible)
        self.strip.row_clicked.connect(self.row_clicked)
        self.path.linkActivated.connect(lambda link: self.row_clicked.emit(int(link)))

    def set_family(self, layout: LineageLayout | None) -> None:
        """Show a lineage; None shows what to do. The view stays where it was if the lineage is the same."""
        old, self._layout = self._layout, layout
        self._selected, self._chances, self._barrier = None, {}, None
        same = old is not None and layout is not None and np.array_equal(old.row, layout.row)
        self.pages.setCurrentIndex(0 if layout is None else 1)
        if not same:
            self.strip.hide()
        if layout is None:
            return
        self.canvas.set_nodes(layout.x, layout.frame, (layout.start_hours, layout.interval_hours))
        for name, line in lines_of(layout).items():
            self.canvas.set_line(name, *line)
        if layout.track_id.size <= _MAX_LABELS:
            first = layout.first_node[:-1].tolist()
            self.canvas.set_labels(first, [str(number) for number in layout.track_id.tolist()])
        if not same:
            self._untouched = True
            self.canvas.fit()
        self._show_nodes()
        self._show_selection()

    def set_selected(self, row: int | None) -> None:
        """Mark an observation of the lineage and drop the positives of the previous one.

        Raises
        ------
        KeyError
            If the row is not in the family that is shown.
        """
        if row is not None:
            self._family().node_of(row)
        if row != self._selected:
            self._chances, self._barrier = {}, None
        self._selected = row
        if self._untouched and row is not None:
            self._untouched = False
            self.canvas.focus(self._family().node_of(row), _MAX_LABELS)
        self._show_nodes()
        self._show_selection()

    def set_time(self, frame: int) -> None:
        """Draw the line of the viewer's current frame."""
        if self._layout is not None:
            hours = self._layout.start_hours + frame * self._layout.interval_hours
            self.canvas.set_time(float(frame), f"frame {frame}, {hours:.4g} h")

    def set_positives(
        self,
        rows: npt.NDArray[np.integer],
        probabilities: npt.NDArray[np.float64],
        barrier: npt.NDArray[np.integer] | None = None,
    ) -> None:
        """Show what can be the positive of the selected cell.

        Parameters
        ----------
        rows, probabilities
            (M,) rows of the family and their probabilities.
        barrier
            (N,) `napari_dynaclr.presentation.positives.Barrier` codes of the nodes, for the hover texts.

        Raises
        ------
        KeyError
            If a row is not in the family that is shown.
        """
        family = self._family()
        self._chances = dict(
            zip([family.node_of(row) for row in rows.tolist()], probabilities.tolist(), strict=True)
        )
        self._barrier = barrier
        self._show_nodes()
        self._show_selection()

    def set_strip(
        self, images: npt.NDArray[np.floating[Any]], rows: npt.NDArray[np.integer], labels: Sequence[str]
    ) -> None:
        """Show patches (N, Y, X) of rows from the root to the selected cell, with short labels.

        Raises
        ------
        KeyError
            If a row is not in the family that is shown.
        ValueError
            If the numbers of images, rows and labels differ.
        """
        family = self._family()
        track = [int(family.node_track[family.node_of(row)]) for row in rows.tolist()]
        breaks = [k for k in range(1, len(track)) if track[k] != track[k - 1]]
        self.strip.set_strip(images, rows, labels, breaks)
        self.strip.set_selected(self._selected)
        self.strip.setVisible(len(rows) > 0)

    def set_theme(self, theme: Mapping[str, str]) -> None:
        """Follow a theme, at least "background" and "text", each "#rrggbb" or "rgb(r, g, b)"."""
        self._colors = plot_colours(theme)
        self.canvas.set_colours(self._colors)
        self.legend.set_colours(self._colors)
        self.strip.set_colours(self._colors)
        self._show_selection()

    def _family(self) -> LineageLayout:
        if self._layout is None:
            raise KeyError("no lineage is shown")
        return self._layout

    def _show_nodes(self) -> None:
        """Give every node its glyph."""
        layout = self._layout
        if layout is None:
            return
        nodes = np.fromiter(self._chances, dtype=np.int64)
        pale = np.full(layout.row.size, bool(nodes.size) or self._barrier is not None)
        pale[nodes] = False
        if self._selected is not None:
            pale[layout.node_of(self._selected)] = False
        for name, members in nodes_by_glyph(layout, pale).items():
            self.canvas.set_points(name, members)
        chances = np.fromiter(self._chances.values(), dtype=np.float64)
        self.canvas.set_points("positive", nodes, positive_sizes(chances))

    def _show_selection(self) -> None:
        """Mark the selected cell in tree, breadcrumb, buttons and strip."""
        layout, row = self._layout, self._selected
        if layout is None:
            return
        self.strip.set_selected(row)
        self.path.setText(breadcrumb(layout, row, self._colors))
        self.about.setText(selection_text(layout, row, self._chances))
        self.steps.set_targets({} if row is None else neighbours(layout, row))
        if row is None:
            self.canvas.set_points("selected", np.empty(0, dtype=np.int64))
            self.canvas.set_line("descent", np.empty(0), np.empty(0))
            return
        node = layout.node_of(row)
        self.canvas.set_points("selected", np.array([node]))
        self.canvas.set_line("descent", *descent_line(layout, descent(layout, row)))
        self.canvas.reveal(node)

    def _on_node(self, node: int) -> None:
        self.row_clicked.emit(int(self._family().row[node]))

    def _on_hover(self, node: int) -> None:
        text = "" if node < 0 else hover_text(self._family(), node, self._chances, self._barrier)
        self.canvas.plot.setToolTip(text or self._tree_tip)
        self.canvas.show_tip(text)

    def _on_step(self, action: StepAction) -> None:
        """Ask for a step, or say why there is none."""
        if self._layout is None or self._selected is None:
            return
        if neighbours(self._layout, self._selected)[action.step] is None:
            self.about.setText(f"Nowhere to go: {action.missing}.")
        else:
            self.step_requested.emit(action.step.value)

    def keyPressEvent(self, event: Any) -> None:
        """Make the step of a key, or show the selected cell, the whole family or the keys."""
        name = action_for(event, "lineage_keys")
        if name is None:
            super().keyPressEvent(event)
        elif event.isAutoRepeat() and name not in _REPEATED:
            return
        elif name == "help":
            self.steps.key.toggle()
        elif name in ("find", "fit"):
            if self._layout is not None:
                self._find(everything=name == "fit")
        else:
            self._on_step(next(action for action in STEP_ACTIONS if action.name == name))

    def say(self, text: str) -> None:
        """Say something about the selected cell, until another one is selected."""
        self.about.setText(text)

    def _find(self, everything: bool) -> None:
        if everything:
            self.canvas.fit()
        elif self._selected is not None:
            self.canvas.reveal(self._family().node_of(self._selected), centre=True)
