"""The view of one pair: address, patches as the network gets them, candidates; emits requests only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_dynaclr.keys.key import key_list
from napari_dynaclr.keys.pair import PAIR_KEY_ACTIONS
from napari_dynaclr.keys.tables import hint
from napari_dynaclr.presentation.batch_name import BatchName
from napari_dynaclr.presentation.colors import DARK, PlotColours, plot_colours
from napari_dynaclr.views.candidates import CandidateBars
from napari_dynaclr.views.pair_address import PairAddress
from napari_dynaclr.views.pair_buttons import PairButtons
from napari_dynaclr.widgets.calm_wheel import calm_wheels
from napari_dynaclr.widgets.empty_page import with_empty_page
from napari_dynaclr.widgets.patch_grid import PatchGrid
from napari_dynaclr.widgets.pressed import KeyFollower, action_for

__all__ = ("MODES", "PairView")

_WAIT_MS = 100
_REPEATED = {action.name for action in PAIR_KEY_ACTIONS if action.repeats}
MODES = {
    "augmented (network input)": "As drawn for this batch address: augmented, cropped, channels dropped",
    "normalized": "After the normalizations, before augmentation and crop",
    "raw": "Pixels as stored on disk",
}
_EMPTY = (
    "<b>No pair to show</b><br><br>Open a configuration, an experiments.yaml or the sample data in the "
    "Project panel. Then the pairs that training will use appear here, batch by batch."
)


class PairView(QWidget):
    """Anchor and positive side by side, and where they come from."""

    action_requested = Signal(str)
    """Name of one of `PAIR_ACTIONS`."""
    row_clicked = Signal(int)
    """Row of a cell that the user wants to see."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colors: PlotColours = plot_colours(DARK)
        self._patches: Mapping[str, npt.NDArray[np.floating[Any]]] = {}
        self._titles: tuple[str, str] = ("anchor", "positive")
        self._channels: tuple[str, ...] = ()
        self._rows = (-1, -1)
        self.address, self.buttons = PairAddress(), PairButtons()
        self.mode = QComboBox()
        self.mode.addItems(list(MODES))
        for number, tip in enumerate(MODES.values()):
            self.mode.setItemData(number, tip, Qt.ItemDataRole.ToolTipRole)
        self.stretch = QCheckBox("own contrast")
        self.stretch.setToolTip(
            "Stretch each patch on its own. Off: one contrast per channel, so that differences between "
            "experiments stay visible"
        )
        self.grid = PatchGrid(self._colors)
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.about.setTextFormat(Qt.TextFormat.RichText)
        self.about.setToolTip("How the two are related, and what is special about this pair")
        self.bars = CandidateBars(self._colors)
        self.same = QLabel()
        self.same.setWordWrap(True)
        self.same.setToolTip("Whether the batches drawn here are those that a run recorded")
        self.same.hide()
        self.name = QLabel()
        self.name.setWordWrap(True)
        self.name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.name.setToolTip(
            "The batch address, as a run records it. The hash is the start of the SHA-256 of its pixels, as "
            "in the folder previews of the run."
        )
        self.keys = QLabel()
        self.keys.setWordWrap(True)
        self.keys.hide()
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(_WAIT_MS)
        self._wait.timeout.connect(lambda: self.grid.set_reading(True))
        self._arrange()
        self._connect()
        calm_wheels(self)
        self._follower = KeyFollower(self, "pair_keys", self._set_keys)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _set_keys(self, keys: Mapping[str, str]) -> None:
        """Say the keys in the tooltips and in the list."""
        self.buttons.set_keys(keys)
        step = "Stage at which the patches are shown"
        self.mode.setToolTip(hint(step, keys["mode"]))
        self.keys.setText(key_list(PAIR_KEY_ACTIONS, keys))
        self.keys.setToolTip(hint("Keyboard shortcuts; the same key hides them", keys["help"]))

    def _act(self, name: str) -> None:
        if name == "help":
            self.keys.setVisible(self.keys.isHidden())
            self.grid.setVisible(self.keys.isHidden())
        else:
            self.action_requested.emit(name)

    def _arrange(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(4)
        column.addWidget(self.address)
        column.addWidget(self.buttons)
        options = QHBoxLayout()
        options.addWidget(self.mode, 1)
        options.addWidget(self.stretch)
        column.addLayout(options)
        column.addWidget(self.grid, 1)
        for widget in (self.keys, self.about, self.bars, self.name, self.same):
            column.addWidget(widget)
        self.pages = with_empty_page(self, QLabel(_EMPTY), content)

    def _connect(self) -> None:
        self.buttons.requested.connect(self._act)
        self.mode.currentTextChanged.connect(self._show_patches)
        self.address.slice_wished.connect(self.grid.set_slice)
        self.stretch.toggled.connect(self.grid.set_stretch)
        self.grid.column_clicked.connect(lambda column: self.row_clicked.emit(self._rows[column]))
        self.bars.row_clicked.connect(self.row_clicked)

    def set_empty(self) -> None:
        """Say what to do to see a pair."""
        self.pages.setCurrentIndex(0)

    def set_address(self, epoch: int, batch: int, place: int, alone: bool) -> None:
        """Show which pair this is; `alone` if it is drawn for one anchor, not as a part of a batch."""
        self.address.set_address(epoch, batch, place, not alone)
        self.buttons.set_alone(alone)

    def set_reading(self, reading: bool) -> None:
        """Say that the pair of the address is being read, once that takes longer than a moment."""
        if reading:
            self._wait.start()
        else:
            self._wait.stop()
            self.grid.set_reading(False)

    def set_pair(
        self,
        patches: Mapping[str, npt.NDArray[np.floating[Any]]],
        titles: tuple[str, str],
        channels: tuple[str, ...],
        rows: tuple[int, int],
        about: str,
    ) -> None:
        """Show a pair.

        Parameters
        ----------
        patches
            By mode, (2, C, Z, Y, X): anchor and positive.
        titles
            Of anchor and positive.
        channels
            Names of the C channels.
        rows
            Rows of anchor and positive.
        about
            Rich text on their relation.
        """
        self._patches, self._titles, self._channels, self._rows = patches, titles, channels, rows
        self.address.set_depth(next(iter(patches.values())).shape[2])
        self.about.setText(about)
        self.pages.setCurrentIndex(1)
        self._show_patches()

    def set_message(self, text: str) -> None:
        """Say why there is no pair at this address."""
        self.pages.setCurrentIndex(1)
        self._patches, self._rows = {}, (-1, -1)
        self.grid.set_images(None, (), ())
        self.about.setText(text)
        self.set_candidates(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), None, 0.0)

    def set_candidates(
        self,
        rows: npt.NDArray[np.integer],
        tau_frames: npt.NDArray[np.integer],
        probability: npt.NDArray[np.float64],
        drawn: int | None,
        interval_hours: float,
    ) -> None:
        """Show what could have been the positive, as `CandidateBars.set_candidates` says."""
        self.bars.set_candidates(rows, tau_frames, probability, drawn, interval_hours)

    def set_name(self, name: BatchName | None) -> None:
        """Say which batch of a training the pair is from; None for a pair that is in none."""
        if name is None:
            self.name.setText("drawn alone, not part of a batch")
        else:
            self.name.setText(
                f"seed {name.seed}, epoch {name.epoch}, batch {name.batch}, rank 0 of 1; "
                f"hash {name.digest or '...'}"
            )

    def set_same(self, text: str) -> None:
        """Say whether a run saw the same batches; nothing for an empty text."""
        self.same.setText(text)
        self.same.setVisible(bool(text))

    def set_theme(self, theme: Mapping[str, str]) -> None:
        """Follow a theme, at least "background" and "text"."""
        self._colors = plot_colours(theme)
        self.grid.set_colours(self._colors)
        self.bars.set_colours(self._colors)

    def _show_patches(self) -> None:
        if self._patches:
            self.grid.set_images(self._patches[self.mode.currentText()], self._titles, self._channels)

    def keyPressEvent(self, event: Any) -> None:
        """Ask for the action of a key."""
        name = action_for(event, "pair_keys")
        if name is None:
            super().keyPressEvent(event)
        elif event.isAutoRepeat() and name not in _REPEATED:
            return
        elif name == "mode":
            self.mode.setCurrentIndex((self.mode.currentIndex() + 1) % self.mode.count())
        else:
            self._act(name)
