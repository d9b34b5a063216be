"""The panel of the project on a small screen: nothing is cut, and the window does not grow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import QRect, Qt
from qtpy.QtGui import QFontMetrics
from qtpy.QtWidgets import QApplication, QFileDialog, QMainWindow

from dynaclr.index.report import ExperimentReport, SetupReport
from napari_dynaclr.views.project import ProjectView
from napari_dynaclr.views.setup_table import SetupTable

WIDE, HIGH = 340, 700
LOST = {"excluded": 0, "last frames": 1204, "gap": 31, "short track": 77, "border": 640, "track end": 8}


def experiment(name: str, lost: dict[str, int]) -> ExperimentReport:
    return ExperimentReport(
        name=name,
        conditions={"infected": 4000},
        fovs_found=120,
        fovs_used=96,
        skipped={"A/1/7": "no cells"},
        observations=123_456,
        divisions=1_234,
        anchors=123_456 - sum(lost.values()),
        lost=lost,
        tau_frames=(1, 4),
        interval_minutes=30.0,
        checks=["held out: validation"],
    )


REPORT = SetupReport(
    experiments=[
        experiment("2024_11_07_A549_SEC61_DENV", LOST),
        experiment("june", dict.fromkeys(LOST, 0)),
    ],
    warnings=[f"experiment {n}: the time between frames is not what the images say" for n in range(30)],
)


@pytest.fixture
def view(qtbot: Any) -> ProjectView:
    made = ProjectView()
    qtbot.addWidget(made)
    made.resize(made.minimumSizeHint().width(), HIGH)
    assert made.width() <= WIDE
    made.show()
    qtbot.waitExposed(made)
    made.set_report(REPORT)
    QApplication.processEvents()
    return made


def texts(table: SetupTable) -> list[list[str]]:
    rows = []
    for row in range(table.rowCount()):
        cells = [table.item(row, column) for column in range(table.columnCount())]
        rows.append([cell.text() for cell in cells if cell is not None])
    return rows


def test_the_report_says_what_was_lost_and_why(view: ProjectView) -> None:
    assert texts(view.table) == [
        ["2024_11_07_A549_SEC61_DENV (held out)"],
        ["96 of 120", "123456", "1234", "121496", "1960"],
        ["lost: last frames 1204, gap 31, short track 77, border 640, track end 8"],
        ["june (held out)"],
        ["96 of 120", "123456", "1234", "123456", "0"],
    ]
    cell = view.table.item(1, 0)
    assert cell is not None
    assert "tau 1 to 4 frames at 30 min" in cell.toolTip()
    assert "A/1/7 skipped: no cells" in cell.toolTip()
    view.set_report(None)
    assert texts(view.table) == []


def test_nothing_of_the_report_is_cut_in_a_narrow_dock(view: ProjectView) -> None:
    table = view.table
    bar, header = table.horizontalScrollBar(), table.horizontalHeader()
    assert bar is not None
    assert header is not None
    assert bar.maximum() == 0
    for column in range(table.columnCount()):
        assert header.sectionSize(column) >= header.sectionSizeHint(column)
        title = table.horizontalHeaderItem(column)
        assert title is not None
        assert title.toolTip()
    for row in range(table.rowCount()):
        for column in range(table.columnCount()):
            cell = table.item(row, column)
            if cell is None:
                continue
            place = table.visualItemRect(cell)
            needed = QFontMetrics(cell.font()).boundingRect(
                QRect(0, 0, place.width() - 6, 1000), Qt.TextFlag.TextWordWrap, cell.text()
            )
            assert needed.width() <= place.width() - 6, cell.text()
            assert needed.height() <= place.height(), cell.text()


def test_a_title_of_a_field_of_view_is_not_cut(view: ProjectView) -> None:
    title = "dengue_june A/1/0, uninfected (held out)"
    view.set_fovs([(title, "training", 0)], ("training", 0))
    QApplication.processEvents()
    assert view.fov.line.width() >= view.fov.fontMetrics().horizontalAdvance(title)


def test_long_errors_scroll_and_keep_the_window(view: ProjectView) -> None:
    high, least = view.height(), view.minimumSizeHint().height()
    text = "\n".join(
        f"file experiments.yaml, line {n}, field channel_names: missing field." for n in range(20)
    )
    view.set_state(text)
    QApplication.processEvents()
    assert view.state.text() == text
    bar = view.state.verticalScrollBar()
    assert bar is not None
    assert bar.isVisible()
    assert bar.maximum() > 0
    assert view.minimumSizeHint().height() - least < 150
    assert view.height() == high
    view.set_state("Opening ...")
    QApplication.processEvents()
    assert view.state.height() < 30
    assert not bar.isVisible()


def test_what_is_typed_is_opened_by_the_button(view: ProjectView, qtbot: Any) -> None:
    asked: list[str] = []
    view.open_requested.connect(asked.append)
    qtbot.mouseClick(view.open_typed, Qt.MouseButton.LeftButton)
    view.set_path("train.yaml")
    qtbot.mouseClick(view.open_typed, Qt.MouseButton.LeftButton)
    assert asked == ["train.yaml"]


@pytest.mark.parametrize("button", ["browse", "attach"])
def test_dialogs_begin_where_the_project_is(
    view: ProjectView, monkeypatch: pytest.MonkeyPatch, qtbot: Any, tmp_path: Path, button: str
) -> None:
    asked = []
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: asked.append(args[2]) or ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *args: asked.append(args[2]) or "")
    view.set_busy(False)
    qtbot.mouseClick(getattr(view, button), Qt.MouseButton.LeftButton)
    view.set_path(str(tmp_path / "train.yaml"))
    qtbot.mouseClick(getattr(view, button), Qt.MouseButton.LeftButton)
    assert asked == ["", str(tmp_path)]


def test_a_form_instead_of_the_report_does_not_make_the_window_higher(qtbot: Any) -> None:
    """Docks keep what a window grew for, also when it was needed for a moment only."""
    window = QMainWindow()
    qtbot.addWidget(window)
    view = ProjectView()
    window.setCentralWidget(view)
    window.resize(WIDE, 640)
    window.show()
    qtbot.waitExposed(window)
    view.set_report(REPORT)
    QApplication.processEvents()
    high = window.height()
    assert high == 640
    for _ in range(2):
        qtbot.mouseClick(view.layers_fold.head, Qt.MouseButton.LeftButton)
        QApplication.processEvents()
        assert window.height() == high
        assert view.from_layers.isVisible() is view.table.isHidden()
