"""The curation view by real mouse and keys."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QApplication, QWidget

from dynaclr.curation import Mark
from napari_dynaclr.keys.curation import CURATION_ACTIONS, VERDICT_OF, Do
from napari_dynaclr.keys.key import key_list
from napari_dynaclr.keys.steps import STEP_ACTIONS
from napari_dynaclr.state.curation import Mode
from napari_dynaclr.views.curation import CurationView

LEFT = Qt.MouseButton.LeftButton
TIME = datetime(2026, 1, 31, tzinfo=UTC)
THEME = {"background": "#262930", "text": "#f0f1f2"}


def mark(track: int, author: str = "anna", verdict: str = "exclude", kind: str = "track") -> Mark:
    when = TIME + timedelta(minutes=track)
    return Mark(
        kind, verdict, "june", "A/1/0", author, when, track_id=track, t=track % 30, reason=f"r{track}"
    )


@pytest.fixture
def view(qtbot: Any) -> Iterator[CurationView]:
    made = CurationView()
    qtbot.addWidget(made)
    made.resize(380, 600)
    made.set_theme(THEME)
    made.set_open(True)
    made.set_target("<b>Track 3</b>", "jumps", "Excluding removes 24 observations.")
    made.show()
    qtbot.waitExposed(made)
    return made


def asked(view: CurationView) -> list[str]:
    names: list[str] = []
    view.requested.connect(names.append)
    return names


def click_row(qtbot: Any, table: Any, row: int) -> None:
    place = table.visualRect(table.model().index(row, 1)).center()
    qtbot.mouseClick(table.viewport(), LEFT, pos=place)


def press(qtbot: Any, view: CurationView, keys: str, target: QWidget | None = None) -> None:
    *modifiers, key = keys.split("+")
    held = Qt.KeyboardModifier.NoModifier
    for name in modifiers:
        held |= {"Shift": Qt.KeyboardModifier.ShiftModifier, "Ctrl": Qt.KeyboardModifier.ControlModifier}[
            name
        ]
    code = Qt.Key.Key_Delete if key == "Del" else getattr(Qt.Key, f"Key_{key}")
    qtbot.keyClick(target or view, code, held)


def test_keys_are_unique_and_leave_those_of_the_lineage_alone() -> None:
    keys = [action.shortcut for action in CURATION_ACTIONS]
    assert len(set(keys)) == len(keys)
    taken = {step.shortcut for step in STEP_ACTIONS} | {"G", "Shift+G"}
    assert not taken & set(keys)
    assert {action.name for action in CURATION_ACTIONS} == set(Do)
    text = key_list(CURATION_ACTIONS, {action.name: action.shortcut for action in CURATION_ACTIONS})
    assert all(action.shortcut in text and action.tooltip in text for action in CURATION_ACTIONS)


def test_every_key_asks_for_its_action(qtbot: Any, view: CurationView) -> None:
    names = asked(view)
    view.set_mode(Mode.QUEUE)
    elsewhere = {Do.HELP, Do.DELETE, Do.SEARCH}
    for action in CURATION_ACTIONS:
        if action.name not in elsewhere:
            press(qtbot, view, action.shortcut)
    assert names == [action.name for action in CURATION_ACTIONS if action.name not in elsewhere]
    searched: list[bool] = []
    view.queue.search_requested.connect(searched.append)
    qtbot.mouseClick(view.queue.pixels, LEFT, pos=QPoint(8, view.queue.pixels.height() // 2))
    press(qtbot, view, "Shift+S")
    assert searched == [False]  # pixels are looked at unless that is unticked
    press(qtbot, view, "H")
    assert view.keys.isVisible()
    assert not view.pages.isVisible()
    press(qtbot, view, "H")
    assert view.pages.isVisible()


def test_every_button_asks_for_its_action(qtbot: Any, view: CurationView) -> None:
    names = asked(view)
    view.set_history("Undo: set", "Redo: set")
    view.set_marks([mark(1)], ["anna"], 1)
    view.cell.set_cell("A/1/0, track 3", {})
    view.set_mode(Mode.QUEUE)
    view.set_target("x")
    for do, made in [*view.judge.buttons.items(), *view.header.items()]:
        qtbot.mouseClick(made, LEFT)
        if do is not Do.HELP:
            assert names[-1] == do.value
    qtbot.mouseClick(view.header[Do.HELP], LEFT)
    view.set_mode(Mode.CELL)
    for do, made in view.cell.kinds.items():
        qtbot.mouseClick(made, LEFT)
        assert names[-1] == do.value


def test_a_held_key_marks_once_and_letters_in_a_field_are_text(qtbot: Any, view: CurationView) -> None:
    names = asked(view)
    for kind, repeated in ((QKeyEvent.Type.KeyPress, False), (QKeyEvent.Type.KeyPress, True)):
        event = QKeyEvent(kind, Qt.Key.Key_2, Qt.KeyboardModifier.NoModifier, "2", repeated)
        QApplication.sendEvent(view, event)
    assert names == ["exclude"]
    qtbot.mouseClick(view.judge.line, LEFT)
    qtbot.keyClicks(view.judge.line, "cell 2 is dead")
    assert view.reason == "cell 2 is dead"
    assert names == ["exclude"]
    qtbot.keyClick(view.judge.line, Qt.Key.Key_Return)
    assert not view.judge.line.hasFocus()
    press(qtbot, view, "1")
    assert names == ["exclude", "accept"]
    view.clear_reason()
    assert view.reason == ""


def test_nothing_can_be_judged_without_a_target(qtbot: Any, view: CurationView) -> None:
    names = asked(view)
    view.set_target("")
    for do in VERDICT_OF:
        qtbot.mouseClick(view.judge.buttons[do], LEFT)
        press(qtbot, view, next(action.shortcut for action in CURATION_ACTIONS if action.name is do))
    assert names == []
    assert not view.card.isVisible()
    view.set_open(False)
    press(qtbot, view, "Ctrl+Z")
    assert names == []


def test_buttons_of_verdicts_stay_under_the_mouse(view: CurationView) -> None:
    QApplication.processEvents()
    place = view.judge.mapTo(view, QPoint(0, 0))
    for text in ("Excluded: track 3 (saved)", "Noted as unsure: " + "link of track 35 to frame 10 " * 2, ""):
        view.status.say(text)
        QApplication.processEvents()
        assert view.judge.mapTo(view, QPoint(0, 0)) == place
    view.status.say("Done again.")
    view.status.set_busy("looking for suspicious places", 1, 2)
    QApplication.processEvents()
    assert view.judge.mapTo(view, QPoint(0, 0)) == place


def test_a_queue_is_walked_by_mouse_and_arrows_and_judged_by_digits(qtbot: Any, view: CurationView) -> None:
    view.set_mode(Mode.QUEUE)
    view.queue.set_rows([("", f"{9 - row}.0", f"A/1/0 track {row}", "jumps 9 px") for row in range(5)])
    names, places = asked(view), []
    view.entry_chosen.connect(places.append)
    click_row(qtbot, view.queue.table, 2)
    qtbot.keyClick(view.queue.table, Qt.Key.Key_Down)
    press(qtbot, view, "2", view.queue.table)
    assert places == [2, 3]
    assert names == ["exclude"]
    view.queue.set_verdicts(["", "accept", "exclude", "", ""])
    assert view.queue.progress.text() == "2 / 5 judged"
    assert view.queue.table.currentIndex().row() == 3
    model = view.queue.model
    assert [model.data(model.index(row, 0)) for row in range(3)] == ["", "✓", "✕"]


def test_marks_are_filtered_sorted_chosen_and_deleted(qtbot: Any, view: CurationView) -> None:
    marks = [mark(1), mark(2, "bea", "accept"), mark(3, "anna", "unsure", "frame"), mark(1, "bea", "accept")]
    view.set_marks(marks, ["anna", "bea"], 0)
    view.set_mode(Mode.MARKS)
    page, chosen, deleted = view.marks, [], []
    page.mark_chosen.connect(chosen.append)
    page.delete_requested.connect(deleted.append)
    assert page.model.marks == marks[::-1]
    click_row(qtbot, page.table, 1)
    assert chosen == [marks[2]]
    press(qtbot, view, "Del", page.table)
    assert deleted == [[marks[2]]]
    qtbot.keyClicks(page.text, "bea")
    assert page.model.marks == [marks[3], marks[1]]
    assert page.count.text() == "2 of 4 marks"
    page.text.clear()
    qtbot.mouseClick(page.conflicts, LEFT, pos=QPoint(8, page.conflicts.height() // 2))
    assert page.model.marks == [marks[3], marks[0]]
    page.conflicts.setChecked(False)
    header = page.table.horizontalHeader()
    qtbot.mouseClick(header.viewport(), LEFT, pos=QPoint(header.sectionViewportPosition(1) + 10, 8))
    assert [item.kind.value for item in page.model.marks] in (
        ["frame", "track", "track", "track"],
        ["track", "track", "track", "frame"],
    )
    qtbot.keyClick(page.kind, Qt.Key.Key_Down)
    assert all(item.kind.value == "track" for item in page.model.marks)


def test_everything_has_a_tooltip_and_fits_a_small_screen(view: CurationView) -> None:
    view.status.complain("file x, row line 2: broken", can_retry=True)
    view.status.set_busy("looking: cells", 3, 9)
    view.audit.set_rate("Audit 1: 1 of 5 links wrong", 0.03, 0.2, 0.6)
    for mode in Mode:
        view.set_mode(mode)
        assert view.minimumSizeHint().width() <= 360
        assert view.minimumSizeHint().height() <= 620
    for made in view.findChildren(QWidget):
        name = type(made).__name__
        if name in (
            "ActionButton",
            "QPushButton",
            "QCheckBox",
            "QComboBox",
            "QLineEdit",
            "QSpinBox",
            "Table",
        ):
            inside = isinstance(made.parent(), QWidget) and made.parent().toolTip()
            assert made.toolTip() or inside, (name, made)


def test_both_themes_are_drawn(qtbot: Any, view: CurationView) -> None:
    view.set_mode(Mode.AUDIT)
    view.audit.set_rows([("exclude", "", "A/1/0 track 1 @ 5", "")])
    view.audit.set_rate("Audit 1", 0.03, 0.2, 0.6)
    pictures = []
    for theme in (THEME, {"background": "rgb(235, 231, 230)", "text": "rgb(30, 30, 33)"}):
        view.set_theme(theme)
        pictures.append(view.audit.interval.grab().toImage())
    assert pictures[0] != pictures[1]
    view.audit.set_rate("Audit 1: nothing", 0.0, float("nan"), 1.0)
    assert view.audit.interval.grab().toImage() != pictures[1]


@pytest.mark.slow
def test_a_hundred_thousand_marks_stay_smooth(qtbot: Any, view: CurationView) -> None:
    marks = [mark(track, "anna" if track % 3 else "bea") for track in range(100_000)]
    view.set_mode(Mode.MARKS)
    view.set_marks(marks, ["anna", "bea"], 0)
    seconds: dict[str, float] = {}
    steps = {
        "first texts": lambda: view.marks.text.setText("r9999"),
        "filter": lambda: view.marks.text.setText("june r5"),
        "all": lambda: view.marks.text.setText(""),
        "one mark more": lambda: view.set_marks([*marks, mark(100_000)], ["anna", "bea"], 1),
        "scroll": view.marks.table.scrollToBottom,
    }
    for name, step in steps.items():
        best = 9e9
        for _ in range(1 if name == "first texts" else 2):
            view.marks.text.blockSignals(False)
            start = time.perf_counter()
            step()
            QApplication.processEvents()
            best = min(best, time.perf_counter() - start)
        seconds[name] = best
    assert max(value for name, value in seconds.items() if name != "first texts") < 0.5, seconds
    assert len(view.marks.model.marks) == 100_001
