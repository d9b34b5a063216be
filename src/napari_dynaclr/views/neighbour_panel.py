"""The nearest neighbors of a cell as pictures, and how they are looked for; emits requests only."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from napari_dynaclr.presentation.colors import PlotColours
from napari_dynaclr.views.contact_sheet import ContactSheet, Tile
from napari_dynaclr.widgets.parts import words

_MOST = 200


class NeighbourPanel(QWidget):
    """A contact sheet whose first picture is the cell itself."""

    count_chosen = Signal(int)
    others_toggled = Signal(bool)
    place_clicked = Signal(int)
    """Place in the sheet: 0 is the cell itself."""

    def __init__(self, colours: PlotColours) -> None:
        super().__init__()
        self.count = QSpinBox()
        self.count.setRange(1, _MOST)
        self.count.setKeyboardTracking(False)
        self.count.setToolTip("How many neighbors are shown")
        self.others = QCheckBox("other lineages only")
        self.others.setToolTip(
            "Leave out cells of its own lineage: a cell always resembles itself a frame later"
        )
        self.about = words("What the neighbors have in common with the cell")
        self.sheet = ContactSheet(colours, paired=False)
        self.sheet.setToolTip(
            "The cell first, then its neighbors with their cosine similarity; patches are normalized as "
            "for the network. The strip is the condition. Click one, or use arrows and Return, to go there"
        )
        self.sheet.set_message("Select a cell: click a point above, or a cell in the image.")
        row = QHBoxLayout()
        for widget in (QLabel("Show"), self.count, self.others):
            row.addWidget(widget)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 4, 2, 2)
        column.setSpacing(3)
        column.addLayout(row)
        column.addWidget(self.about)
        column.addWidget(self.sheet, 1)
        self.count.valueChanged.connect(self.count_chosen)
        self.others.toggled.connect(self.others_toggled)
        self.sheet.place_clicked.connect(self.place_clicked)

    def set_options(self, count: int, others: bool) -> None:
        """Show what is chosen."""
        for widget in (self.count, self.others):
            widget.blockSignals(True)
        self.count.setValue(count)
        self.others.setChecked(others)
        for widget in (self.count, self.others):
            widget.blockSignals(False)

    def set_neighbours(self, tiles: Sequence[Tile], about: str) -> None:
        """Show other neighbors, still without pictures."""
        self.about.setText(about)
        self.sheet.set_tiles(tiles)

    def set_nothing(self, why: str) -> None:
        """Show no neighbors, and say why."""
        self.set_neighbours((), "")
        self.sheet.set_message(why)
