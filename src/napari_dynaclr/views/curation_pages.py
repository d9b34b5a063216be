"""Pages of the curation view that judge: selected cell, queue, audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from dynaclr.curation import MarkKind
from napari_dynaclr.keys.curation import KIND_OF, Do
from napari_dynaclr.presentation.colors import PlotColours
from napari_dynaclr.views.curation_parts import ActionButton, IntervalBar, button
from napari_dynaclr.views.curation_tables import QueueModel, QueueRow, Table


def page_column(page: QWidget) -> QVBoxLayout:
    """Return the layout of a page."""
    column = QVBoxLayout(page)
    column.setContentsMargins(4, 4, 4, 4)
    column.setSpacing(4)
    return column


class CellPage(QWidget):
    """The selected cell, and which of its parts a verdict is about."""

    requested = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.place = QLabel()
        self.place.setWordWrap(True)
        self.place.setToolTip("The selected cell; click another one in the image or in the lineage")
        self.kinds = {do: ActionButton(do) for do in KIND_OF}
        group = QButtonGroup(self)
        group.setExclusive(True)
        self.about = {do: QLabel() for do in KIND_OF}
        grid = QGridLayout()
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        for row, (do, made) in enumerate(self.kinds.items()):
            made.setCheckable(True)
            made.requested.connect(self.requested)
            group.addButton(made)
            grid.addWidget(made, row, 0)
            self.about[do].setWordWrap(True)
            self.about[do].setToolTip(made.toolTip())
            grid.addWidget(self.about[do], row, 1)
        column = page_column(self)
        column.addWidget(self.place)
        column.addLayout(grid)
        column.addStretch(1)
        self.set_cell("", {})

    def set_cell(self, place: str, about: Mapping[Do, str]) -> None:
        """Say which cell is selected and what is known of it and around it; blank for none."""
        self.place.setText(place or "No cell is selected: click a cell in the image, a track or the lineage.")
        for do, made in self.kinds.items():
            made.setEnabled(bool(place))
            self.about[do].setText(about.get(do, ""))

    def set_kind(self, kind: MarkKind) -> None:
        """Show what a verdict is about."""
        for do, made in self.kinds.items():
            made.setChecked(KIND_OF[do] is kind)


class ReviewPage(QWidget):
    """A queue with its progress."""

    entry_chosen = Signal(int)

    def __init__(self, tooltip: str, widths: Sequence[int]) -> None:
        super().__init__()
        self.model = QueueModel()
        self.table = Table(self.model, widths, tooltip)
        self.table.row_chosen.connect(self.entry_chosen)
        self.progress = QProgressBar()
        self.progress.setMaximumHeight(16)
        self.progress.setToolTip("Number of items in the queue that you have judged")
        self.empty = QLabel()
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.top = page_column(self)
        self.top.addWidget(self.empty, 1)
        self.top.addWidget(self.progress)
        self.top.addWidget(self.table, 1)
        self.set_rows(())

    def set_rows(self, rows: Sequence[QueueRow]) -> None:
        """Replace the entries."""
        self.model.set_rows(rows)
        self.empty.setVisible(not rows)
        self.progress.setVisible(bool(rows))
        self.table.setVisible(bool(rows))
        self.set_verdicts([row[0] for row in rows])

    def set_verdicts(self, verdicts: Sequence[str]) -> None:
        """Show the verdicts, and how many there are."""
        self.model.set_verdicts(verdicts)
        judged = sum(bool(verdict) for verdict in verdicts)
        self.progress.setRange(0, max(len(verdicts), 1))
        self.progress.setValue(judged)
        self.progress.setFormat(f"{judged} / {len(verdicts)} judged")


class QueuePage(ReviewPage):
    """The most suspicious places first."""

    search_requested = Signal(bool)

    def __init__(self) -> None:
        super().__init__(
            "What looks wrong, the worst first; click a line to go there, the arrow keys go along",
            (22, 46, 128, 600),
        )
        self.pixels = QCheckBox("check pixels too")
        self.pixels.setChecked(True)
        self.pixels.setToolTip(
            "Also reads images: finds tables of another FOV, swapped y and x, micrometers for pixels, "
            "frames out of focus. Takes minutes on large data; can be canceled. Without it only jumps, "
            "swapped links and other errors visible in the tables are found."
        )
        self.search = ActionButton(Do.SEARCH)
        self.search.requested.connect(self._on_search)
        row = QHBoxLayout()
        row.addWidget(self.search)
        row.addWidget(self.pixels)
        row.addStretch(1)
        self.top.insertLayout(0, row)
        self.say_empty("")

    def _on_search(self) -> None:
        self.search_requested.emit(self.pixels.isChecked())

    def say_empty(self, text: str) -> None:
        """Say why the queue is empty; blank before a search."""
        self.empty.setText(
            text
            or "No search yet. <b>Find suspicious</b> ranks links, tracks and fields of view "
            "that look wrong; then judge them one by one with the keys 1, 2, 3."
        )


class AuditPage(ReviewPage):
    """A random sample of links, and the error rate that it gives."""

    drawn = Signal(int)
    begun_anew = Signal()

    def __init__(self) -> None:
        super().__init__("Links drawn at random, in random order; judge each of them", (22, 0, 300, 0))
        self.table.setColumnHidden(1, True)
        self.table.setColumnHidden(3, True)
        self.number = QSpinBox()
        self.number.setRange(10, 10_000)
        self.number.setValue(200)
        self.number.setSuffix(" links")
        self.number.setToolTip("How many links to judge: with 200, the interval is about 3 % wide")
        self.draw = button("Draw", "Draw links at random; answers of this audit are kept", self._on_draw)
        self.anew = button(
            "New audit", "Begin another audit; earlier answers stay as marks", self.begun_anew.emit
        )
        self.rate = QLabel()
        self.rate.setWordWrap(True)
        self.rate.setToolTip("Accepted links are right, excluded ones wrong; unsure ones do not count")
        self.interval = IntervalBar()
        row = QHBoxLayout()
        row.addWidget(self.number)
        row.addWidget(self.draw)
        row.addWidget(self.anew)
        row.addStretch(1)
        self.top.insertLayout(0, row)
        self.top.insertWidget(1, self.rate)
        self.top.insertWidget(2, self.interval)
        self.empty.setText(
            "How often are links wrong where nothing looked suspicious? <b>Draw</b> links at random and "
            "judge them: the share of wrong ones with its 95 % interval follows."
        )

    def _on_draw(self) -> None:
        self.drawn.emit(self.number.value())

    def set_rate(self, text: str, low: float, share: float, high: float) -> None:
        """Show the error rate."""
        self.rate.setText(text)
        self.rate.setVisible(bool(text))
        self.interval.setVisible(bool(text))
        self.interval.set_values(low, share, high)

    def set_colours(self, colours: PlotColours) -> None:
        """Follow a theme."""
        self.interval.set_colours(colours)
