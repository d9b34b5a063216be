"""What people who know napari expect of any plugin, dock by dock, in a real viewer."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.utils.theme import get_theme
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QAbstractSpinBox, QCheckBox
from tests.support.viewer import PLUGIN, Window, own_copy

from napari_dynaclr.controllers.pairs import COMPARING
from napari_dynaclr.keys.pair import PAIR_ACTIONS
from napari_dynaclr.presentation.colors import plot_colours
from napari_dynaclr.shell.docks import open_dock
from napari_dynaclr.state.project import TRAINING, Cell, open_project
from napari_dynaclr.state.sample_data import clear_away, is_sample, make_sample
from napari_dynaclr.state.session import PairRequest

DOCKS = ("Project", "Pairs", "Lineage", "Batches", "Curation")


@pytest.fixture
def own_window(make_napari_viewer: Any, qtbot: Any, synthetic_source: Path, tmp_path: Path) -> Window:
    """A window on data that a test may mark."""
    project = open_project(own_copy(synthetic_source, tmp_path / "data"))
    return Window(make_napari_viewer(show=True), qtbot, project)


def listeners(window: Window) -> dict[str, int]:
    """How many slots listen to what all docks share."""
    session, context, jobs = window.session, window.hub.context, window.hub.jobs
    signals = {
        "project": session.project_changed,
        "cell": session.cell_changed,
        "wanted": session.cell_wanted,
        "request": session.request_changed,
        "marks": session.marks_changed,
        "fov": context.fov_changed,
        "frame": context.frame_changed,
    }
    counts = {name: len(signal) for name, signal in signals.items()}
    return counts | {
        "jobs": jobs.receivers(jobs.changed),
        "told": jobs.receivers(jobs.told),
        "themes": len(window.hub._themed),
        "dims": len(window.viewer.dims.events.current_step.callbacks),
    }


def test_docks_that_are_closed_listen_no_more(window: Window, qtbot: Any) -> None:
    before = listeners(window)
    for _ in range(3):
        docks = [window.open(name) for name in DOCKS]
        assert listeners(window) != before
        for dock in docks:
            window.viewer.window.remove_dock_widget(dock.parent())
        window.idle()
        qtbot.waitUntil(lambda: listeners(window) == before)
    window.session.select(Cell(TRAINING, 0))
    window.viewer.theme = "light"
    window.idle()


def test_a_dock_is_there_once(window: Window) -> None:
    assert window.open("Pairs") is window.open("Pairs")


def test_every_dock_follows_the_theme_of_its_viewer(window: Window) -> None:
    views = [window.open(name) for name in ("Pairs", "Lineage", "Batches")]
    backgrounds = []
    for theme in ("light", "dark"):
        window.viewer.theme = theme
        assert len({view._colors.background for view in views}) == 1
        backgrounds.append(views[0]._colors.background)
    assert backgrounds[0] != backgrounds[1]


def test_docks_have_the_theme_that_their_viewer_has_already(make_napari_viewer: Any) -> None:
    viewer = make_napari_viewer(show=True)
    viewer.theme = "light"
    view = viewer.window.add_plugin_dock_widget(PLUGIN, "Lineage")[1].content
    assert view._colors.background == plot_colours(dict(get_theme("light").to_rgb_dict())).background


def test_what_was_chosen_is_remembered(window: Window, qtbot: Any) -> None:
    project, pairs = window.open("Project"), window.open("Pairs")
    project.colour.setCurrentText("hours")
    qtbot.mouseClick(project.follow, Qt.MouseButton.LeftButton, pos=QPoint(8, project.follow.height() // 2))
    pairs.setFocus()
    qtbot.keyClick(pairs, Qt.Key.Key_H)
    for dock in (project, pairs):
        window.viewer.window.remove_dock_widget(dock.parent())
    window.hub.context.follow, window.hub.context.colour_by = True, "condition"
    project, pairs = window.open("Project"), window.open("Pairs")
    assert project.colour.currentText() == window.hub.context.colour_by == "hours"
    assert not project.follow.isChecked()
    assert not window.hub.context.follow
    assert pairs.mode.currentText() == "normalized"


def test_a_pair_drawn_alone_leads_back_to_its_batch(window: Window, qtbot: Any) -> None:
    view = window.open("Pairs")
    window.session.ask(PairRequest(1, 2, 3))
    window.idle()
    assert not view.buttons.by_name["batch"].isEnabled()
    for key in (Qt.Key.Key_Q, Qt.Key.Key_J):
        qtbot.keyClick(view, key)
        window.idle()
    assert window.session.request.anchor is not None
    qtbot.mouseClick(view.buttons.by_name["batch"], Qt.MouseButton.LeftButton)
    window.idle()
    assert window.session.request == PairRequest(1, 2, 3)
    qtbot.keyClick(view, Qt.Key.Key_G)
    qtbot.keyClick(view, Qt.Key.Key_W)
    assert window.session.request == PairRequest(1, 2, 3)


def test_keys_are_listed(window: Window, qtbot: Any) -> None:
    pairs, lineage = window.open("Pairs"), window.open("Lineage")
    qtbot.keyClick(pairs, Qt.Key.Key_H, Qt.KeyboardModifier.ShiftModifier)
    assert not pairs.keys.isHidden()
    assert all(action.shortcut in pairs.keys.text() for action in PAIR_ACTIONS)
    qtbot.mouseClick(pairs.buttons.by_name["help"], Qt.MouseButton.LeftButton)
    assert pairs.keys.isHidden()
    assert not pairs.grid.isHidden()
    assert not lineage.keys.isHidden()
    qtbot.keyClick(lineage, Qt.Key.Key_H)
    assert lineage.keys.isHidden()
    assert lineage.legend.isHidden()


def test_the_command_palette_does_what_buttons_do(window: Window, qtbot: Any) -> None:
    from napari._app_model import get_app_model

    def run(name: str) -> None:
        get_app_model().commands.execute_command(f"{PLUGIN}.{name}").result()
        window.idle()

    run("pair_next")
    assert window.session.request == PairRequest(0, 0, 1)
    cell = window.session.cell
    run("lineage_next")
    assert window.session.cell != cell
    run("lineage_previous")
    assert window.session.cell == cell
    window.open("Curation")
    for name, dock in (("show_pairs", "Pairs"), ("show_curation", "Curation"), ("show_pairs", "Pairs")):
        run(name)
        view = open_dock(window.viewer, dock).content
        assert view.isVisible()
        assert view.window().focusWidget() is view


def test_the_tab_key_reaches_every_option(window: Window, qtbot: Any) -> None:
    view = window.open("Batches")
    view.tabs.setCurrentIndex(3)
    form = view.form
    wanted = [box for box in form.findChildren(QCheckBox) if box.isVisible() and box.isEnabled()]
    wanted += [box for box in form.findChildren(QAbstractSpinBox) if box.isVisible() and box.isEnabled()]
    first = form.fields["batch_size"].widget.native
    first.setFocus()
    seen = {first}
    while form.isAncestorOf(form.window().focusWidget()) and len(seen) < 100:
        seen.add(form.window().focusWidget())
        if not form.focusNextPrevChild(True) or form.window().focusWidget() in seen:
            break
    assert len(wanted) > 10
    assert set(wanted) <= seen


def test_batches_are_walked_by_keys(window: Window, qtbot: Any) -> None:
    view = window.open("Batches")
    for key, batch in ((Qt.Key.Key_J, 1), (Qt.Key.Key_J, 2), (Qt.Key.Key_K, 1)):
        qtbot.keyClick(view, key)
        window.idle()
        assert window.session.request.batch == batch


def test_a_slow_pair_says_that_it_is_being_read(
    window: Window, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from napari_dynaclr.controllers import pairs

    view, gate, read = window.open("Pairs"), threading.Event(), pairs.read_pair
    monkeypatch.setattr(pairs, "read_pair", lambda *what: (gate.wait(30), read(*what))[1])
    window.session.ask(PairRequest(2, 0, 0))
    qtbot.waitUntil(lambda: view.grid._reading)
    gate.set()
    window.idle()
    assert not view.grid._reading


def test_comparing_with_a_run_can_be_cancelled(window: Window, qtbot: Any, tmp_path: Path) -> None:
    from dynaclr.base.files import write_json_atomically

    project, _ = window.open("Project"), window.open("Pairs")
    (tmp_path / "previews").mkdir()
    (tmp_path / "run.json").write_text("{}")
    digest = window.session.project.inspector.digest(0, 0)
    for number in range(200):
        write_json_atomically(tmp_path / "previews" / f"epoch=0-batch={number}.json", digest)
    project.attach_requested.emit(str(tmp_path))
    assert window.hub.jobs.running(COMPARING)
    assert project.cancel.isEnabled()
    qtbot.mouseClick(project.cancel, Qt.MouseButton.LeftButton)
    assert not window.hub.jobs.running(COMPARING)
    assert not project.cancel.isEnabled()
    window.idle()


def test_sample_data_go_unless_somebody_worked_on_them() -> None:
    plain, used = make_sample(), make_sample()
    assert is_sample(plain)
    assert not is_sample(plain.parent / "sub" / "train.yaml")
    (used.parent / "runs").mkdir()
    for training in (plain, used):
        clear_away(training.parent)
    assert not plain.parent.exists()
    assert used.exists()
    (used.parent / "runs").rmdir()
    clear_away(used.parent)
    assert not used.parent.exists()


class Clock:
    """Time that the thread of the window spends in the plugin at a stretch, by action.

    Each is what one event does: an action, one step of the image, one result of work in the background.
    """

    def __init__(self, window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
        self.window, self.spent = window, defaultdict[str, list[float]](list)
        self._worst = 0.0
        context, jobs = window.hub.context, window.hub.jobs
        start = jobs.start

        def timed_start(kind: str, work: Any, done: Any, *rest: Any, **options: Any) -> None:
            start(kind, work, lambda value: self._timed(lambda: done(value)), *rest, **options)

        steps = context._steps
        later = steps._later
        monkeypatch.setattr(steps, "_later", lambda step: later(lambda: self._timed(step)))
        monkeypatch.setattr(jobs, "start", timed_start)

    def _timed(self, action: Callable[[], Any]) -> None:
        start = time.thread_time()
        action()
        self._worst = max(self._worst, time.thread_time() - start)

    def __call__(self, name: str, action: Callable[[], Any]) -> None:
        self._worst = 0.0
        self._timed(action)
        self.window.idle()
        self.spent[name].append(self._worst)


@pytest.mark.slow
def test_no_action_of_any_dock_blocks_the_window(
    own_window: Window, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is done first is not counted: napari builds its own parts then."""
    window = own_window
    views = {name: window.open(name) for name in DOCKS}
    index, session = window.session.project.index(TRAINING), window.session
    pairs, lineage, batches, curation = (views[name] for name in DOCKS[1:])
    rows = np.flatnonzero(index.table.fov_of() == 1)[:2]
    curation.judge.line.clear()

    def key(view: Any, name: str) -> Callable[[], None]:
        return lambda: qtbot.keyClick(view, getattr(Qt.Key, f"Key_{name}"))

    actions: dict[str, Callable[[], Any]] = {
        "field of view 0": lambda: window.hub.context.show_fov(TRAINING, 0),
        "field of view 1": lambda: window.hub.context.show_fov(TRAINING, 1),
        "jump": lambda: session.visit(Cell(TRAINING, int(rows[0]))),
        "jump back": lambda: session.visit(Cell(TRAINING, int(rows[1]))),
        "next pair": key(pairs, "J"),
        "random pair": key(pairs, "N"),
        "pairs of one cell": key(pairs, "Q"),
        "next frame": key(lineage, "J"),
        "mother": key(lineage, "U"),
        "next batch": key(batches, "J"),
        "report": lambda: batches.report.report_requested.emit(20),
        "search": lambda: curation.queue.search.click(),
        "exclude": key(curation, "2"),
        "undo": lambda: curation.requested.emit("undo"),
        "audit": lambda: curation.audit.drawn.emit(20),
        "scrub": lambda: window.viewer.dims.set_current_step(0, 2),
    }
    clock = Clock(window, monkeypatch)
    for _ in range(5):
        for name, action in actions.items():
            clock(name, action)
    medians = {name: 1000 * float(np.median(spent[1:])) for name, spent in clock.spent.items()}
    assert np.median(list(medians.values())) < 50, medians
    assert {name: round(ms) for name, ms in medians.items() if ms > 100} == {}
