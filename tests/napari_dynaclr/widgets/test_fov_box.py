"""Choosing among any number of fields of view, by mouse and by typing."""

from __future__ import annotations

import time
from typing import Any

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QComboBox, QWidget
from tests.support.viewer import turn_wheel

from dynaclr.base.keys import CONDITION
from napari_dynaclr.views.batch import BatchView
from napari_dynaclr.views.curation import CurationView
from napari_dynaclr.views.pair import PairView
from napari_dynaclr.views.project import ProjectView
from napari_dynaclr.widgets.fov_box import FovBox

MANY = 10_000


@pytest.fixture
def box(qtbot: Any) -> FovBox:
    made = FovBox()
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def entries(count: int) -> list[tuple[str, str, int]]:
    return [(f"plate{n % 7} A/{n % 12 + 1}/{n}, {CONDITION} {n % 2}", "training", n) for n in range(count)]


def typed(qtbot: Any, box: FovBox, text: str) -> None:
    box.line.selectAll()
    qtbot.keyClicks(box.line, text)
    box.finder.popup().hide()
    qtbot.keyClick(box.line, Qt.Key.Key_Return)


def test_ten_thousand_open_and_are_searched_at_once(box: FovBox, qtbot: Any) -> None:
    asked: list[tuple[str, int]] = []
    box.chosen.connect(lambda part, code: asked.append((part, code)))

    def spent(step: Any) -> float:
        start = time.thread_time()
        step()
        QApplication.processEvents()
        return time.thread_time() - start

    times = {
        "fill": spent(lambda: box.set_entries(entries(MANY))),
        "mark": spent(lambda: box.set_shown(("training", 9_000))),
        "open": spent(box.showPopup),
        "close": spent(box.hidePopup),
    }
    box.line.selectAll()
    for letter in "/7654":
        times[f"type {letter}"] = spent(lambda letter=letter: qtbot.keyClicks(box.line, letter))
    assert box.finder.completionCount() == 1
    assert max(times.values()) < 0.15, times
    assert sorted(times.values())[len(times) // 2] < 0.05, times
    box.finder.popup().hide()
    qtbot.keyClick(box.line, Qt.Key.Key_Return)
    assert asked == [("training", 7654)]


def test_return_takes_the_title_or_the_first_that_holds_the_text(box: FovBox, qtbot: Any) -> None:
    asked: list[tuple[str, int]] = []
    box.chosen.connect(lambda part, code: asked.append((part, code)))
    box.set_entries(
        [("first A/1/10", "training", 0), ("A/1/1", "training", 1), ("A/1/1 held", "validation", 0)]
    )
    box.set_shown(("training", 0))
    assert box.currentText() == "first A/1/10"
    typed(qtbot, box, "first")
    assert not asked
    typed(qtbot, box, "a/1/1")
    assert asked == [("training", 1)]
    typed(qtbot, box, "HELD")
    assert asked[1:] == [("validation", 0)]
    typed(qtbot, box, "nowhere")
    assert len(asked) == 2
    box.clearFocus()
    assert box.currentText() == "A/1/1 held"


def test_the_list_and_the_arrows_choose_too(box: FovBox, qtbot: Any) -> None:
    asked: list[int] = []
    box.chosen.connect(lambda part, code: asked.append(code))
    box.set_entries(entries(20))
    box.set_shown(("training", 3))
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert asked == [4]
    box.showPopup()
    view = box.view()
    for key in (*[Qt.Key.Key_Down] * 3, Qt.Key.Key_Return):
        qtbot.keyClick(view, key)
    qtbot.waitUntil(lambda: asked[1:] == [7])
    box.set_shown(None)
    assert box.currentText() == ""


@pytest.mark.parametrize("make", [ProjectView, PairView, CurationView, BatchView])
def test_the_wheel_changes_nothing_that_has_no_focus(make: Any, qtbot: Any) -> None:
    """Scrolling a panel must not change what lies under the mouse."""
    view: QWidget = make()
    qtbot.addWidget(view)
    fields = [*view.findChildren(QAbstractSpinBox), *view.findChildren(QComboBox)]
    assert fields
    for field in fields:
        if isinstance(field, QComboBox):
            field.addItems(["one more", "and another"])
            field.setCurrentIndex(0)
        field.setEnabled(True)
        before = field.currentIndex() if isinstance(field, QComboBox) else field.text()
        turn_wheel(field, QPoint(4, 4), -120)
        assert before == (field.currentIndex() if isinstance(field, QComboBox) else field.text()), (
            field.toolTip()
        )
        assert field.focusPolicy() != Qt.FocusPolicy.WheelFocus


def test_what_is_shown_can_be_chosen_again(box: FovBox, qtbot: Any) -> None:
    """A layer that was deleted is made again when its field of view is chosen again."""
    asked: list[tuple[str, int]] = []
    box.chosen.connect(lambda part, code: asked.append((part, code)))
    box.set_entries(entries(3))
    box.set_shown(("training", 1))
    box.showPopup()
    view = box.view()
    assert view is not None
    qtbot.mouseClick(
        view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(view.model().index(1, 0)).center()
    )
    assert asked == [("training", 1)]
