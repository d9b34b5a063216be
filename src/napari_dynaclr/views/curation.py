"""The curation view: judge a cell, a queue or a random sample, and list all marks.

Shows what it is given and tells what the user wishes; knows no viewer, no data set, no files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QTabWidget, QVBoxLayout, QWidget

from dynaclr.curation import Mark, MarkKind
from napari_dynaclr.keys.choices import CHOICES
from napari_dynaclr.keys.curation import CURATION_ACTIONS, VERDICT_OF, Do
from napari_dynaclr.keys.key import key_list
from napari_dynaclr.keys.tables import hint
from napari_dynaclr.presentation.colors import plot_colours
from napari_dynaclr.state.curation import Mode
from napari_dynaclr.views.curation_marks import MarksPage
from napari_dynaclr.views.curation_pages import AuditPage, CellPage, QueuePage, ReviewPage
from napari_dynaclr.views.curation_parts import ActionButton, JudgeBar, StatusBar, TargetCard
from napari_dynaclr.widgets.calm_wheel import calm_wheels
from napari_dynaclr.widgets.empty_page import with_empty_page
from napari_dynaclr.widgets.pressed import KeyFollower, action_for

__all__ = ("CurationView",)

_EMPTY = (
    "<b>Nothing to curate yet</b><br><br>Open a project. Then select a cell and mark its track, link or "
    "frame, or find the most suspicious places and judge them one by one. Marks are saved in a file "
    "next to the list of experiments; the data themselves are never changed."
)
_TITLES = {Mode.CELL: "Cell", Mode.QUEUE: "Queue", Mode.AUDIT: "Audit", Mode.MARKS: "Marks"}
_TIPS = {
    Mode.CELL: "Judge the selected cell",
    Mode.QUEUE: "Judge what looks wrong, the worst first",
    Mode.AUDIT: "Judge links drawn at random: how often are they wrong?",
    Mode.MARKS: "All marks: find, delete, merge",
}
_SECTION = "curation_keys"
_WATCH_MS = 2000
_REPEATED = (Do.UNDO, Do.REDO, Do.SKIP, Do.PREVIOUS)


class CurationView(QWidget):
    """Four pages, the card of what is judged, buttons and keys of all actions, and what goes on."""

    requested = Signal(str)
    """Name of an action (`Do`) by button or key."""
    mode_requested = Signal(object)
    """The `Mode` of the page that was chosen."""
    entry_chosen = Signal(int)
    """An entry of the queue that is seen."""
    export_requested = Signal()
    """Tracks and marks are to be written for other tools."""
    watched = Signal()
    """Sent now and then while the view is seen, so that changes made elsewhere are shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cell, self.queue, self.audit, self.marks = CellPage(), QueuePage(), AuditPage(), MarksPage()
        self.card, self.judge, self.status = TargetCard(), JudgeBar(), StatusBar()
        self.header = {do: ActionButton(do) for do in (Do.UNDO, Do.REDO, Do.APPLY, Do.HELP)}
        self.total = QLabel()
        self.total.setToolTip("Marks in the file, and how many are not applied to the data yet")
        self.list = QLabel()
        self.list.setWordWrap(True)
        self.list.setMargin(6)
        self.keys = QScrollArea()
        self.keys.setWidget(self.list)
        self.keys.setWidgetResizable(True)
        self.keys.hide()
        self.pages = QTabWidget()
        self._of_mode: dict[Mode, QWidget] = {
            Mode.CELL: self.cell,
            Mode.QUEUE: self.queue,
            Mode.AUDIT: self.audit,
            Mode.MARKS: self.marks,
        }
        for mode, page in self._of_mode.items():
            self.pages.addTab(page, _TITLES[mode])
            self.pages.setTabToolTip(self.pages.count() - 1, _TIPS[mode])
        self.controller: object = None  # keeps what works for the view alive
        self._timer = QTimer(self)
        self._timer.setInterval(_WATCH_MS)
        self._arrange()
        self._connect()
        calm_wheels(self)
        self._timer.start()
        self._history = ("", "")
        self._follower = KeyFollower(self, _SECTION, self._set_keys)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _set_keys(self, keys: Mapping[str, str]) -> None:
        """Say the keys on the buttons, in the tooltips and in the list."""
        for made in self.findChildren(ActionButton):
            made.set_key(keys[made.do.value])
        self.list.setText(key_list(CURATION_ACTIONS, keys))
        self.list.setToolTip(hint("Keyboard shortcuts; the same key hides them", keys[Do.HELP.value]))
        self.set_history(*self._history)

    def _arrange(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(2, 2, 2, 2)
        column.setSpacing(4)
        row = QHBoxLayout()
        row.setSpacing(3)
        row.addWidget(self.header[Do.UNDO])
        row.addWidget(self.header[Do.REDO])
        row.addWidget(self.total, 1)
        row.addWidget(self.header[Do.APPLY])
        row.addWidget(self.header[Do.HELP])
        self.total.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addLayout(row)
        for widget in (self.keys, self.pages, self.card, self.judge, self.status):
            column.addWidget(widget, 1 if widget in (self.keys, self.pages) else 0)
        self.stack = with_empty_page(self, QLabel(_EMPTY), content)

    def _connect(self) -> None:
        for do, made in self.header.items():
            made.requested.connect(self._on_help if do is Do.HELP else self.requested)
        self.cell.requested.connect(self.requested)
        self.marks.export.requested.connect(self.requested)
        self.judge.requested.connect(self.requested)
        for page in (self.queue, self.audit):
            page.entry_chosen.connect(self.entry_chosen)
        self.pages.currentChanged.connect(self._on_page)
        self._timer.timeout.connect(self._on_timer)
        self.judge.line.returnPressed.connect(self.setFocus)

    def _on_page(self, place: int) -> None:
        if place >= 0:
            self.mode_requested.emit(list(Mode)[place])

    def _on_timer(self) -> None:
        if self.isVisible():
            self.watched.emit()

    def _on_help(self) -> None:
        shown = self.keys.isHidden()
        self.keys.setVisible(shown)
        self.pages.setVisible(not shown)

    def set_open(self, is_open: bool) -> None:
        """Show the pages, or what to do first."""
        self.stack.setCurrentIndex(1 if is_open else 0)

    def set_mode(self, mode: Mode) -> None:
        """Show the page of a mode."""
        self.pages.setCurrentIndex(list(Mode).index(mode))

    def page_of(self, mode: Mode) -> ReviewPage:
        """Return the page of a queue.

        Raises
        ------
        KeyError
            If the mode has none.
        """
        return {Mode.QUEUE: self.queue, Mode.AUDIT: self.audit}[mode]

    def set_kind(self, kind: MarkKind) -> None:
        """Show what of the selected cell a verdict is about."""
        self.cell.set_kind(kind)

    def set_target(
        self, title: str, why: str = "", effect: str = "", opinions: str = "", *, can_judge: bool = True
    ) -> None:
        """Show what a verdict is about; blank hides the card."""
        self.card.setVisible(bool(title))
        self.card.set_texts(title, why, effect, opinions)
        travels = self.pages.currentWidget() in (self.queue, self.audit)
        self.judge.set_enabled(bool(title) and can_judge, travels)

    def set_marks(self, marks: Sequence[Mark], authors: Sequence[str], pending: int) -> None:
        """Show the marks, and how many things are not applied to the data yet."""
        self.marks.set_marks(marks, authors)
        count = f"{len(marks)} mark{'' if len(marks) == 1 else 's'}"
        self.total.setText(f"{count}, {pending} to apply" if pending else count)
        self.header[Do.APPLY].setEnabled(pending > 0)

    def set_history(self, undo: str, redo: str) -> None:
        """Say what undo and redo would do; blank disables them."""
        self._history = undo, redo
        for do, text in ((Do.UNDO, undo), (Do.REDO, redo)):
            made = self.header[do]
            made.setEnabled(bool(text))
            made.setToolTip(hint(text or f"Nothing to {do.value}", CHOICES.of(_SECTION)[do.value]))

    @property
    def reason(self) -> str:
        """The reason as it is written."""
        return self.judge.line.text().strip()

    def clear_reason(self) -> None:
        """Make the reason blank for the next mark."""
        self.judge.line.clear()

    def set_theme(self, theme: Mapping[str, str]) -> None:
        """Follow a theme, at least "background" and "text", each "#rrggbb" or "rgb(r, g, b)"."""
        colors = plot_colours(theme)
        for model in (self.queue.model, self.audit.model, self.marks.model):
            model.set_colours(colors)
        self.judge.set_colours(colors)
        self.audit.set_colours(colors)

    def keyPressEvent(self, event: Any) -> None:
        """Do what the table of actions says; a verdict's key counts once however long it is held."""
        name = action_for(event, _SECTION)
        do = None if name is None else Do(name)
        if do is None or self.stack.currentIndex() == 0:
            super().keyPressEvent(event)
        elif event.isAutoRepeat() and do not in _REPEATED:
            return
        elif do is Do.HELP:
            self._on_help()
        elif do is Do.DELETE:
            self.marks.delete_requested.emit(self.marks.selected())
        elif do is Do.SEARCH:
            self.queue.search.click()
        elif do not in VERDICT_OF or self.judge.buttons[do].isEnabled():
            self.requested.emit(do.value)
