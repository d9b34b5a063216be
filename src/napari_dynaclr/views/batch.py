"""The view of training batches: batch statistics, pairs, report over many, and sampler options.

Shows what it is given and tells what the user wishes; knows no viewer, no data set, no files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from dynaclr.composition import Composition
from napari_dynaclr.presentation.batch_tiles import ChannelColour, PairText
from napari_dynaclr.presentation.colors import DARK, plot_colours
from napari_dynaclr.views.batch_address import BatchAddress
from napari_dynaclr.views.batch_panel import CompositionPanel, axis_bars
from napari_dynaclr.views.batch_report import BatchReport
from napari_dynaclr.views.contact_sheet import ContactSheet, Tile
from napari_dynaclr.views.sampling_form import SamplingForm
from napari_dynaclr.widgets.calm_wheel import calm_wheels
from napari_dynaclr.widgets.empty_page import with_empty_page
from napari_dynaclr.widgets.pressed import KeyFollower, action_for
from napari_dynaclr.widgets.share_bars import ShareBars

__all__ = ("BatchView",)

_EMPTY = (
    "<b>No batches to show</b><br><br>Open a training's YAML, a list of experiments or a run folder in the "
    "project panel. The batches shown here are those that the training will see."
)
_SHEET_TIP = (
    "Each pair of the batch: anchor above, positive below, all channels in one picture (middle slice).\n"
    "Below it the time between them; the strip has the color of the condition.\n"
    "Click one to look at it; arrow keys move, Return chooses."
)
SIGHTS = {
    "raw": ("Raw", "Pixels as stored on disk"),
    "normalized": ("Normalized", "After the normalizations of the training"),
    "seen": (
        "Augmented (network input)",
        "As drawn for this batch address: augmented, cropped, channels dropped",
    ),
}


class BatchView(QWidget):
    """One batch, its pairs, a report on many, and the options of the sampler."""

    place_clicked = Signal(int)
    """Place in the batch of a pair that the user wants to see."""
    sight_changed = Signal(str)
    """How pairs are shown: a key of `SIGHTS`."""
    contrast_requested = Signal()
    """The contrast is to be taken from the pairs that are seen now."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors = plot_colours(DARK)
        self._legend: tuple[tuple[str, ...], tuple[ChannelColour, ...]] = ((), ())
        self.address = BatchAddress()
        self.panel = CompositionPanel(self._colors)
        self.sheet = ContactSheet(self._colors)
        self.sheet.place_clicked.connect(self.place_clicked)
        self.sheet.setToolTip(_SHEET_TIP)
        self.report = BatchReport(self._colors)
        self.form = SamplingForm(self._colors)
        self.effect = {
            name: ShareBars(f"{name} in this batch", "The batch with these options", self._colors)
            for name in ("experiment", "condition", "hours")
        }
        self.tabs = QTabWidget()
        for page, title, tooltip in (
            (self.panel, "Batch", "Statistics of this batch"),
            (self._pairs_page(), "Pairs", "The pairs of this batch"),
            (self.report, "Report", "Statistics of many batches"),
            (self._options_page(), "Options", "Options of the sampler"),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(page, title), tooltip)
        self._arrange()
        calm_wheels(self)
        self._follower = KeyFollower(self, "batch_keys", self.address.set_keys)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _arrange(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addWidget(self.address)
        column.addWidget(self.tabs, 1)
        self.empty = QLabel(_EMPTY)
        self.pages = with_empty_page(self, self.empty, content)
        self.setMinimumWidth(340)
        self.controller: object = None  # keeps what works for the view alive

    def _pairs_page(self) -> QWidget:
        page = QWidget()
        column, row = QVBoxLayout(page), QHBoxLayout()
        column.setContentsMargins(2, 4, 2, 2)
        self.sight = QComboBox()
        for key, (title, tooltip) in SIGHTS.items():
            self.sight.addItem(title, key)
            self.sight.setItemData(self.sight.count() - 1, tooltip, Qt.ItemDataRole.ToolTipRole)
        self.sight.setToolTip("Stage at which the patches are shown")
        self.sight.currentIndexChanged.connect(lambda: self.sight_changed.emit(self.sight.currentData()))
        self.contrast = QPushButton("Contrast")
        self.contrast.setToolTip("Set the contrast from the visible pairs; it then stays fixed")
        self.contrast.clicked.connect(self.contrast_requested)
        row.addWidget(self.sight)
        row.addWidget(self.contrast)
        row.addStretch(1)
        self.legend = QLabel()
        self.legend.setWordWrap(True)
        self.legend.setToolTip("Colors of the strips and of the channels")
        column.addLayout(row)
        column.addWidget(self.sheet, 1)
        column.addWidget(self.legend)
        return page

    def _options_page(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(4, 4, 8, 4)
        column.addWidget(self.form)
        for bars in self.effect.values():
            column.addWidget(bars)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidget(content)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        return area

    def show_nothing(self) -> None:
        """Say what to do."""
        self.pages.setCurrentIndex(0)
        self.report.set_report(None)

    def set_batch(
        self, composition: Composition, pairs: Sequence[PairText], channels: Sequence[ChannelColour]
    ) -> None:
        """Show a batch: its statistics, the texts of its pairs, and the colors of their channels."""
        self.pages.setCurrentIndex(1)
        self.panel.set_composition(composition)
        self.sheet.set_tiles([Tile(pair.caption, pair.about, pair.marked, pair.condition) for pair in pairs])
        self._legend = (composition.condition_labels, tuple(channels))
        self._show_legend()
        for name, bars in self.effect.items():
            bars.set_bars(axis_bars(composition.axes[name]))

    def set_theme(self, theme: Mapping[str, str]) -> None:
        """Follow a theme, at least "background" and "text", each "#rrggbb" or "rgb(r, g, b)"."""
        self._colors = plot_colours(theme)
        for part in (self.panel, self.sheet, self.report, self.form):
            part.set_colours(self._colors)
        for bars in self.effect.values():
            bars.set_colours(self._colors)
        self._show_legend()

    def keyPressEvent(self, event: Any) -> None:
        """Go to the next batch, or to the one before."""
        name = action_for(event, "batch_keys")
        if name is None:
            super().keyPressEvent(event)
        else:
            self.address.steps[name].click()

    def _show_legend(self) -> None:
        """Say what the colors of strips and channels mean."""
        conditions, channels = self._legend
        cycle = self._colors.cycle
        strips = [
            f'<span style="color:{cycle[place % len(cycle)]}">\N{BLACK SQUARE}</span> {escape(name)}'
            for place, name in enumerate(conditions)
        ]
        lights = [
            f'<span style="background-color:black;color:{channel.html}">&nbsp;\N{BLACK CIRCLE}&nbsp;</span> '
            f"{escape(channel.name)}"
            for channel in channels
        ]
        sign = f'<span style="color:{self._colors.of("1")}">\N{DIVISION SIGN}</span> across a division'
        self.legend.setText(" &nbsp; ".join([*strips, *lights, sign]))
