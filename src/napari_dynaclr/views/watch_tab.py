"""The tab that shows runs while they train: progress, curves, how it ended, log; emits requests only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from dynaclr.runs.record.logs import folded
from napari_dynaclr.presentation.colors import PlotColours
from napari_dynaclr.presentation.training_text import GLYPH_OF, ending_text, progress_text
from napari_dynaclr.state.memory import project_folder
from napari_dynaclr.state.run_curves import TimeAxis
from napari_dynaclr.state.watched_runs import WatchedRun
from napari_dynaclr.views.training_curves import PANELS, curves_of, legend_text
from napari_dynaclr.widgets.curve_plot import Curve, CurvePlot
from napari_dynaclr.widgets.empty_page import with_empty_page
from napari_dynaclr.widgets.parts import Fold, button, words

_EMPTY = (
    "<b>No run is watched</b><br><br>Start a training in the tab Start, or tick one in the tab Runs: "
    "it may have been started anywhere, also by another window or on a cluster."
)
_LOG_LINES = 300
_NO_PAIRS = "The pairs that the network is training on now; only while the run trains"
_PLOT_TIP = "Drag moves, the wheel with Ctrl zooms, a double-click shows all"


class WatchTab(QWidget):
    """The run that is looked at, and the curves of all that are watched."""

    run_chosen = Signal(object)
    """Run folder that is to be looked at."""
    stop_requested = Signal()
    explore_requested = Signal(object)
    """Run folder whose cells are to be embedded and looked at."""
    pairs_requested = Signal(object, int, int)
    """Run folder, epoch and batch whose pairs are to be seen."""
    command_requested = Signal()
    picture_requested = Signal(str)
    table_requested = Signal(str)

    def __init__(self, colours: PlotColours) -> None:
        super().__init__()
        self._runs: tuple[WatchedRun, ...] = ()
        self._current: WatchedRun | None = None
        self._colors = colours
        self._log: tuple[str, ...] = ()
        self._drawn: list[tuple[Path, int]] = []
        self.run = QComboBox()
        self.run.setMinimumContentsLength(10)
        self.run.setToolTip("Run shown below; the curves show all watched runs")
        self.state = QLabel()
        self.state.setToolTip("State of the run")
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.bar.setToolTip("Fraction of the steps done")
        self.progress = words("Progress, and time left, from the last 100 steps")
        self.ending = words("How the run ended, and what can be done now")
        self.ending.setTextFormat(Qt.TextFormat.RichText)
        self.stop = button("Stop", "")
        self.explore = button("Predict and explore", "Show the cells of a finished run in its embedding")
        self.pairs = button("Pairs now", _NO_PAIRS)
        self.command = button("Copy command", "Copy the command that repeats this run in a terminal")
        self.png = button("PNG ...", "Save the loss plot as an image")
        self.csv = button("CSV ...", "Save all values of all watched runs as a table")
        self.axis = QComboBox()
        self.axis.addItems([item.value for item in TimeAxis])
        self.axis.setToolTip("Horizontal axis of the curves; minutes exclude pauses")
        self.log_scale = QCheckBox("log")
        self.log_scale.setToolTip("Draw the losses on a logarithmic axis")
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, 99)
        self.smoothing.setValue(90)
        self.smoothing.setToolTip("Smoothing: weight of past values; none at the left end")
        self.panel = QComboBox()
        self.panel.addItems([name for name in PANELS if name != "loss"])
        self.panel.setToolTip("Metrics in the lower plot; a falling effective rank indicates collapse")
        self.losses = CurvePlot(lambda: self._curves("loss"), colours)
        self.others = CurvePlot(lambda: self._curves(self.panel.currentText()), colours)
        self.legend, self.other_legend = words("What the colors mean"), words("What the colors mean")
        self.problems = words("Warnings and errors reported by the run")
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setMinimumHeight(120)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setToolTip("Terminal output; repeated lines are collapsed")
        self._arrange()
        self._connect()
        self._on_axis()
        self.set_stop("Stop", False, "")
        self.set_runs((), None)

    def _arrange(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(2, 4, 2, 2)
        column.setSpacing(4)
        column.addLayout(_row(self.run, self.state, stretch=0))
        for widget in (self.bar, self.progress, self.ending):
            column.addWidget(widget)
        column.addLayout(_row(self.stop, self.pairs, self.explore))
        column.addLayout(_row(self.command, self.png, self.csv))
        column.addLayout(_row(QLabel("Over"), self.axis, self.log_scale, QLabel("Smooth"), self.smoothing))
        for plot, height in ((self.losses, 200), (self.others, 140)):
            plot.setMinimumHeight(height)
            plot.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.losses.plot.setToolTip(f"Losses. {_PLOT_TIP}")
        self.others.plot.setToolTip(_PLOT_TIP)
        column.addWidget(self.losses, 3)
        column.addWidget(self.legend)
        column.addWidget(self.panel)
        column.addWidget(self.others, 2)
        column.addWidget(self.other_legend)
        self.problem_fold = Fold(
            "Warnings and errors", "Show or hide warnings and errors of the run", self.problems, True
        )
        self.log_fold = Fold("Log", "Show or hide the last lines of the log", self.text)
        column.addWidget(self.problem_fold)
        column.addWidget(self.log_fold)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(content)
        self.pages = with_empty_page(self, words("What to do first", _EMPTY), scroll)

    def _connect(self) -> None:
        self.run.activated.connect(lambda number: self.run_chosen.emit(Path(self.run.itemData(number))))
        self.stop.clicked.connect(lambda: self.stop_requested.emit())
        self.explore.clicked.connect(self._on_explore)
        self.pairs.clicked.connect(self._on_pairs)
        self.command.clicked.connect(lambda: self.command_requested.emit())
        self.png.clicked.connect(lambda: self._save("Plot", "losses.png", "PNG (*.png)"))
        self.csv.clicked.connect(lambda: self._save("Table", "metrics.csv", "CSV (*.csv)"))
        self.axis.currentTextChanged.connect(lambda text: self._on_axis())
        self.panel.currentTextChanged.connect(lambda text: self._on_axis())
        self.log_scale.toggled.connect(self.losses.set_log)
        self.smoothing.valueChanged.connect(lambda value: self._touch())
        for plot in (self.losses, self.others):
            plot.double_clicked.connect(plot.show_all)

    def _on_explore(self) -> None:
        if self._current is not None:
            self.explore_requested.emit(self._current.path)

    def _on_pairs(self) -> None:
        run = self._current
        if run is not None and run.batch is not None:
            self.pairs_requested.emit(run.path, *run.batch)

    def _show_explore(self, run: WatchedRun) -> None:
        """Say whether the cells can be embedded now."""
        ended = run.there and run.state is not None and run.state.ended
        self.explore.setEnabled(ended)
        self.explore.setToolTip(
            "Embed all cells with the best checkpoint, else the newest; the dock Embedding shows them"
            if ended
            else "Available once the run has ended: stop it, or wait"
        )

    def _save(self, title: str, name: str, kind: str) -> None:
        chosen, _ = QFileDialog.getSaveFileName(self, title, str(project_folder() / name), kind)
        if chosen:
            (self.picture_requested if name.endswith("png") else self.table_requested).emit(chosen)

    def _curves(self, panel: str) -> list[Curve]:
        return curves_of(self._runs, panel, TimeAxis(self.axis.currentText()), self.smoothing.value() / 100)

    def _on_axis(self) -> None:
        self.losses.set_axes(self.axis.currentText(), "loss")
        self.others.set_axes(self.axis.currentText(), self.panel.currentText())
        self._touch()
        self._show_legends()

    def _touch(self) -> None:
        self.losses.touch()
        self.others.touch()

    def set_runs(self, runs: Sequence[WatchedRun], current: WatchedRun | None) -> None:
        """Show the runs that are watched, and one of them closely."""
        self._runs, self._current = tuple(runs), current
        self.pages.setCurrentIndex(1 if current is not None else 0)
        self.run.clear()
        for run in runs:
            self.run.addItem(run.path.name, str(run.path))
            self.run.setItemData(self.run.count() - 1, str(run.path), Qt.ItemDataRole.ToolTipRole)
        if current is not None:
            self.run.setCurrentIndex(self.run.findData(str(current.path)))
        self.refresh()

    def refresh(self) -> None:
        """Show what is new of the runs."""
        drawn = [(run.path, run.revision) for run in self._runs]
        if drawn != self._drawn:
            self._drawn = drawn
            self._touch()
            self._show_legends()
        run = self._current
        if run is None:
            return
        self.state.setText("" if run.state is None else f"{GLYPH_OF[run.state]} {run.state}")
        step, total = run.status("step") or 0, run.status("total_steps")
        going = run.going and not isinstance(total, int)
        self.bar.setRange(0, 0 if going else max(total or 0, 1))
        self.bar.setValue(step)
        self.progress.setText(progress_text(run))
        text = ending_text(run)
        self.ending.setText(text)
        self.ending.setVisible(bool(text))
        self._show_explore(run)
        self.pairs.setEnabled(run.batch is not None)
        self.pairs.setToolTip(
            "Redraw, in the dock Pairs, the batch that the run reported seconds ago"
            if run.batch is not None
            else _NO_PAIRS
        )
        self._show_log(run)

    def _show_legends(self) -> None:
        for label, panel in ((self.legend, "loss"), (self.other_legend, self.panel.currentText())):
            label.setText(
                legend_text(self._runs, panel, self._colors)
                or "No values yet: they appear with the first steps."
            )

    def _show_log(self, run: WatchedRun) -> None:
        self.problem_fold.setVisible(bool(run.problems))
        self.problem_fold.set_title(f"Warnings and errors ({len(run.problems)})")
        self.problems.setText("\n".join(folded(run.problems)))
        lines = tuple(run.lines)[-_LOG_LINES:]
        if lines == self._log:
            return
        self._log = lines
        bar = self.text.verticalScrollBar()
        assert bar is not None
        at_end = bar.value() >= bar.maximum() - 2
        self.text.setPlainText("\n".join(folded(lines)))
        if at_end:
            bar.setValue(bar.maximum())

    def set_stop(self, text: str, enabled: bool, tooltip: str) -> None:
        """Say what the stop button does now."""
        self.stop.setText(text)
        self.stop.setEnabled(enabled)
        self.stop.setToolTip(tooltip or "Nothing to stop: the run is not running")

    def set_colours(self, colours: PlotColours) -> None:
        """Follow a theme."""
        self._colors = colours
        self.losses.set_colours(colours)
        self.others.set_colours(colours)
        self._show_legends()


def _row(*widgets: QWidget, stretch: int | None = None) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(4)
    for number, widget in enumerate(widgets):
        row.addWidget(widget, 1 if number == stretch else 0)
    if stretch is None and not isinstance(widgets[-1], QSlider):
        row.addStretch(1)
    return row
