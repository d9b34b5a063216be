"""The lineage view with real mouse and key events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.support.viewer import turn_wheel

from dynaclr.dataset.pairs import TauLaw, candidates_of
from dynaclr.index.anchors import Exclusion, anchor_exclusions
from dynaclr.tracks.lineage import build_forest
from dynaclr.tracks.table import CellTable, Relation, RelativeLookup, build_table
from napari_dynaclr.keys.steps import STEP_ACTIONS, neighbours
from napari_dynaclr.presentation.lineage_layout import LineageLayout, family_rows, lay_out
from napari_dynaclr.presentation.positives import Barrier

FRAMES = 20
DARK = {"background": "rgb(35, 36, 43)", "text": "rgb(240, 241, 242)"}
LIGHT = {"background": "rgb(235, 231, 230)", "text": "rgb(30, 30, 33)"}
Spec = list[tuple[int, list[int]]]


def make_table(spec: Spec, frames: int = FRAMES) -> CellTable:
    track = np.repeat(np.arange(len(spec)), [len(times) for _, times in spec])
    t = np.array([moment for _, times in spec for moment in times], dtype=np.int64)
    columns = {"t": t, "y": np.zeros(t.size), "x": np.zeros(t.size)}
    forest = build_forest(np.array([mother for mother, _ in spec]))
    fov = np.zeros(len(spec), dtype=int)
    return build_table(columns, track, np.arange(len(spec)) + 1, fov, forest, np.array([frames]))


def make_layout(table: CellTable) -> LineageLayout:
    """Lay out the family of row 0: frame 13 is excluded, the third track stands at the border."""
    rows = family_rows(table, 0)
    excluded = table.t == 13
    border = table.track_id[table.track] == 3
    lookup = RelativeLookup(table, Relation.DESCENDANT, ~excluded)
    loss = anchor_exclusions(lookup, np.array([[1, 3]]), {Exclusion.EXCLUDED: excluded}, border)
    return lay_out(table, rows, loss[rows], border[rows], (3.0, 0.5))


FAMILY: Spec = [
    (-1, list(range(6))),
    (0, list(range(6, 12))),
    (0, [6, 7, 8, 11, 12]),
    (1, list(range(12, 20))),
    (1, list(range(12, 18))),
    (-1, list(range(4))),
]


@pytest.fixture
def table() -> CellTable:
    return make_table(FAMILY)


@pytest.fixture
def layout(table: CellTable) -> LineageLayout:
    return make_layout(table)


@pytest.fixture
def view(qtbot: Any) -> Iterator[Any]:
    from napari_dynaclr.views.lineage import LineageView

    widget = LineageView()
    qtbot.addWidget(widget)
    widget.resize(350, 700)
    with qtbot.waitExposed(widget):
        widget.show()
    yield widget
    widget.close()


def row_at(layout: LineageLayout, track: int, frame: int) -> int:
    here = (layout.track_id[layout.node_track] == track) & (layout.frame == frame)
    return int(layout.row[np.flatnonzero(here)[0]])


def place_of(view: Any, layout: LineageLayout, row: int) -> Any:
    """Return where a row is on the viewport, by pyqtgraph's own mapping."""
    from qtpy.QtCore import QPointF

    node = layout.node_of(row)
    plot = view.canvas.plot
    scene = plot.getViewBox().mapViewToScene(QPointF(layout.x[node], layout.frame[node]))
    return plot.mapFromScene(scene)


def listen(signal: Any) -> list[Any]:
    heard: list[Any] = []
    signal.connect(heard.append)
    return heard


def show(view: Any, layout: LineageLayout, row: int | None = None) -> None:
    view.set_family(layout)
    if row is not None:
        view.set_selected(row)


def test_a_click_on_a_node_tells_its_row(view: Any, layout: LineageLayout, qtbot: Any) -> None:
    from qtpy.QtCore import QPoint, Qt

    show(view, layout)
    heard = listen(view.row_clicked)
    viewport = view.canvas.plot.viewport()
    wanted = [row_at(layout, *place) for place in ((1, 0), (3, 11), (4, 19), (5, 17))]
    for row in wanted:
        qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=place_of(view, layout, row) + QPoint(3, 2))
    assert heard == wanted
    qtbot.mouseClick(
        viewport, Qt.MouseButton.LeftButton, pos=place_of(view, layout, wanted[0]) + QPoint(30, 0)
    )
    qtbot.mouseClick(viewport, Qt.MouseButton.RightButton, pos=place_of(view, layout, wanted[0]))
    assert heard == wanted


def test_the_wheel_zooms_and_a_drag_moves_without_a_click(
    view: Any, layout: LineageLayout, qtbot: Any
) -> None:
    from qtpy.QtCore import QPoint, Qt

    show(view, layout, row_at(layout, 2, 8))
    heard = listen(view.row_clicked)
    plot = view.canvas.plot
    before = plot.viewRange()
    start = place_of(view, layout, row_at(layout, 2, 8))
    viewport = plot.viewport()
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 9):
        qtbot.wait(12)  # pyqtgraph drops moves that come faster
        qtbot.mouseMove(viewport, start + QPoint(0, 5 * step))
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=start + QPoint(0, 40))
    after = plot.viewRange()
    assert after[1][0] < before[1][0]
    assert after[1][1] - after[1][0] == pytest.approx(before[1][1] - before[1][0])
    turn_wheel(viewport, start, 240)
    zoomed = plot.viewRange()
    assert zoomed[1][1] - zoomed[1][0] < 0.9 * (after[1][1] - after[1][0])
    assert heard == []


def test_hover_says_what_a_node_is(view: Any, table: CellTable, layout: LineageLayout, qtbot: Any) -> None:
    from qtpy.QtCore import QPoint

    row = row_at(layout, 2, 11)
    show(view, layout, row)
    found = candidates_of(RelativeLookup(table, Relation.DESCENDANT), TauLaw(np.array([[1, 3]])), row)
    barrier = np.full(layout.row.size, Barrier.UNRELATED)
    view.set_positives(found.rows, found.probability, barrier)
    texts = {}
    for place in ((2, 11), (4, 12), (3, 8), (4, 13)):
        where = place_of(view, layout, row_at(layout, *place))
        qtbot.mouseMove(view.canvas.plot.viewport(), where + QPoint(40, 0))
        qtbot.wait(12)
        qtbot.mouseMove(view.canvas.plot.viewport(), where)
        qtbot.waitUntil(lambda place=place: f"frame {place[1]}" in view.canvas.plot.toolTip(), timeout=2000)
        texts[place] = view.canvas.plot.toolTip()
    chance = found.probability[found.rows == row_at(layout, 4, 12)][0]
    assert "divides after this frame" in texts[(2, 11)]
    assert "8.5 h" in texts[(2, 11)]
    assert f"probability {100 * chance:.3g} %" in texts[(4, 12)]
    assert "patch is shifted" in texts[(3, 8)]
    assert "not among the relatives" in texts[(3, 8)]
    assert "in curation" in texts[(4, 13)]


@pytest.mark.parametrize("place", [(1, 0), (2, 11), (2, 8), (3, 11), (4, 19)])
def test_keys_and_buttons_ask_for_the_steps_that_exist(
    view: Any, layout: LineageLayout, qtbot: Any, place: tuple[int, int]
) -> None:
    from qtpy.QtCore import Qt

    row = row_at(layout, *place)
    show(view, layout, row)
    heard = listen(view.step_requested)
    targets = neighbours(layout, row)
    for action in STEP_ACTIONS:
        heard.clear()
        modifier = Qt.KeyboardModifier.NoModifier
        if action.shortcut.startswith("Shift+"):
            modifier = Qt.KeyboardModifier.ShiftModifier
        qtbot.keyClick(view, getattr(Qt.Key, f"Key_{action.shortcut[-1]}"), modifier)
        exists = targets[action.step] is not None
        assert heard == ([action.step.value] if exists else [])
        assert exists or action.missing in view.about.text()
        button = view.steps.buttons[action.step]
        assert button.isEnabled() == exists
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert heard == ([action.step.value] * 2 if exists else [])
        assert action.shortcut in button.toolTip()


def test_keys_reach_the_view_after_a_click_into_the_tree(
    view: Any, layout: LineageLayout, qtbot: Any
) -> None:
    from qtpy.QtCore import Qt

    row = row_at(layout, 2, 8)
    show(view, layout, row)
    heard = listen(view.step_requested)
    plot = view.canvas.plot
    qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=place_of(view, layout, row))
    for child in (plot, plot.viewport(), view.steps.fit, view.strip):
        heard.clear()
        qtbot.keyClick(child, Qt.Key.Key_J)
        assert heard == ["next"]
        qtbot.keyClick(child, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
        qtbot.keyClick(child, Qt.Key.Key_L)
        assert heard == ["next"]


def test_g_finds_the_cell_and_shift_g_shows_all(view: Any, layout: LineageLayout, qtbot: Any) -> None:
    from qtpy.QtCore import Qt

    row = row_at(layout, 4, 19)
    show(view, layout, row)
    box = view.canvas.plot.getViewBox()
    whole = box.viewRange()
    box.setRange(xRange=(-0.5, 0.5), yRange=(0, 4), padding=0)
    qtbot.keyClick(view, Qt.Key.Key_G)
    (left, right), (top, bottom) = box.viewRange()
    node = layout.node_of(row)
    assert left < layout.x[node] < right
    assert top < 19 < bottom
    assert bottom - top == pytest.approx(4)
    qtbot.keyClick(view, Qt.Key.Key_G, Qt.KeyboardModifier.ShiftModifier)
    np.testing.assert_allclose(box.viewRange(), whole)


def test_selecting_moves_the_view_only_when_it_must(view: Any, layout: LineageLayout) -> None:
    show(view, layout, row_at(layout, 1, 0))
    box = view.canvas.plot.getViewBox()
    box.setRange(xRange=(-0.5, 2.5), yRange=(0, 10), padding=0)
    before = box.viewRange()
    view.set_selected(row_at(layout, 2, 8))
    view.set_family(make_layout(make_table(FAMILY)))  # the same family, read again
    view.set_selected(row_at(layout, 2, 9))
    assert box.viewRange() == before
    view.set_selected(row_at(layout, 4, 19))
    (left, right), (top, bottom) = box.viewRange()
    assert (left, right) == pytest.approx(before[0])
    assert top < 19 < bottom
    assert bottom - top == pytest.approx(10)


def test_sizes_grow_with_probability_and_glyphs_follow_the_data(
    view: Any, table: CellTable, layout: LineageLayout
) -> None:
    row = row_at(layout, 2, 11)
    show(view, layout, row)
    lookup = RelativeLookup(table, Relation.DESCENDANT, table.t != 13)
    found = candidates_of(lookup, TauLaw(np.array([[1, 3]])), row)
    view.set_positives(found.rows, found.probability)

    def drawn(name: str) -> set[tuple[float, float]]:
        points = view.canvas._points[name]
        return set(zip(*(part.tolist() for part in points.getData()), strict=True))

    def expected(mask: Any) -> set[tuple[float, float]]:
        nodes = np.flatnonzero(mask)
        return set(zip(layout.x[nodes].tolist(), layout.frame[nodes].tolist(), strict=True))

    candidate = np.isin(layout.row, found.rows)
    assert drawn("positive") == expected(candidate)
    sizes = view.canvas._points["positive"].data["size"]
    order = np.argsort(found.probability)
    assert np.all(np.diff(sizes[order]) >= 0)
    assert sizes.max() > 1.2 * sizes.min()
    strong = set().union(*(drawn(name) for name in view.canvas._points if "faded" not in name))
    pale = set().union(*(drawn(name) for name in view.canvas._points if "faded" in name))
    assert pale == expected(~candidate & (layout.row != row))
    assert strong >= expected(candidate | (layout.row == row))
    assert drawn("border") == expected(layout.clamped)
    assert drawn("left_out") == expected(layout.loss == Exclusion.EXCLUDED)
    assert drawn("selected") == expected(layout.row == row)
    assert f"{found.rows.size} possible positives" in view.about.text()
    view.set_selected(row_at(layout, 1, 0))
    assert drawn("positive") == set()


def test_current_time_and_axes(view: Any, layout: LineageLayout, qtbot: Any) -> None:
    show(view, layout)
    view.set_time(7)
    line = view.canvas._time
    assert line.isVisible()
    assert line.value() == 7
    assert line.label.toPlainText() == "frame 7, 6.5 h"
    hours = view.canvas.plot.getAxis("left")
    levels = hours.tickValues(0.0, 19.0, 400)
    frames = [frame for _, values in levels for frame in values]
    assert len(frames) >= 3
    for spacing, values in levels[:1]:
        shown = [float(text) for text in hours.tickStrings(values, 1.0, spacing)]
        assert shown == pytest.approx([3.0 + 0.5 * frame for frame in values])


def test_breadcrumb_leads_back_along_the_mothers(view: Any, layout: LineageLayout, qtbot: Any) -> None:
    show(view, layout, row_at(layout, 4, 19))
    text = view.path.text()
    assert [text.index(f">{track}<") for track in (1, 2, 4)] == sorted(
        text.index(f">{track}<") for track in (1, 2, 4)
    )
    heard = listen(view.row_clicked)
    view.path.linkActivated.emit(text.split('href="')[1].split('"')[0])
    assert heard == [row_at(layout, 1, 5)]


def test_long_ways_are_shortened(view: Any) -> None:
    chain = make_layout(make_table([(k - 1, [k]) for k in range(18)]))
    show(view, chain, row_at(chain, 18, 17))
    assert "…" in view.path.text()
    assert view.path.text().count("<a ") == 4
    assert view.minimumSizeHint().width() <= 350


def test_a_click_into_the_strip_tells_the_row(view: Any, layout: LineageLayout, qtbot: Any) -> None:
    from qtpy.QtCore import Qt

    row = row_at(layout, 2, 11)
    show(view, layout, row)
    rows = np.array([row_at(layout, *place) for place in ((1, 4), (1, 5), (2, 6), (2, 11))])
    images = np.linspace(0, 1, 4 * 32 * 24, dtype=np.float32).reshape(4, 32, 24)
    images[1, :4] = np.nan
    view.set_strip(images, rows, ["5.0 h", "5.5 h", "6.0 h", "8.5 h"])
    heard = listen(view.row_clicked)
    film = view.strip.widget()
    qtbot.waitUntil(view.strip.isVisible, timeout=2000)
    for number in (0, 3):
        qtbot.mouseClick(film, Qt.MouseButton.LeftButton, pos=view.strip.tile_centre(number))
    assert heard == [rows[0], rows[3]]
    gap = view.strip.tile_centre(0)
    gap.setX(gap.x() + 31)
    qtbot.mouseClick(film, Qt.MouseButton.LeftButton, pos=gap)
    assert len(heard) == 2
    assert film.breaks == {2}
    assert film.chosen == 3
    shades = view.strip.grab().toImage()
    assert shades.pixelColor(30, 30) != shades.pixelColor(30 + 62 * 2, 30)


def test_the_strip_scrolls_to_the_cell_and_by_the_wheel(view: Any, qtbot: Any) -> None:
    layout = make_layout(make_table([(-1, list(range(20)))]))
    last = row_at(layout, 1, 19)
    show(view, layout, last)
    view.set_strip(np.zeros((20, 8, 8), dtype=np.float32), layout.row, [str(k) for k in range(20)])
    bar = view.strip.horizontalScrollBar()
    qtbot.waitUntil(lambda: bar.value() == bar.maximum() > 0, timeout=2000)
    view.set_selected(row_at(layout, 1, 0))
    assert bar.value() == 0
    turn_wheel(view.strip.viewport(), view.strip.tile_centre(0), -120)
    assert bar.value() > 0
    other = make_layout(make_table([(-1, list(range(18)))]))
    show(view, other, row_at(other, 1, 17))
    assert not view.strip.isVisible()
    view.set_strip(np.zeros((18, 8, 8), dtype=np.float32), other.row, [str(k) for k in range(18)])
    qtbot.waitUntil(lambda: bar.value() == bar.maximum() > 0, timeout=2000)


def test_what_does_not_fit_is_refused(view: Any, layout: LineageLayout) -> None:
    with pytest.raises(KeyError, match="no lineage"):
        view.set_selected(0)
    view.set_family(layout)
    stranger = int(np.setdiff1d(np.arange(len(layout.row) + 4), layout.row)[0])
    with pytest.raises(KeyError, match=str(stranger)):
        view.set_selected(stranger)
    with pytest.raises(KeyError, match=str(stranger)):
        view.set_positives(np.array([stranger]), np.ones(1))
    with pytest.raises(ValueError, match="do not fit"):
        view.set_strip(np.zeros((2, 4, 4), dtype=np.float32), layout.row[:2], ["one"])


def test_empty_state_says_what_to_do(view: Any, layout: LineageLayout, qtbot: Any) -> None:
    from qtpy.QtCore import Qt
    from qtpy.QtWidgets import QLabel

    heard = listen(view.step_requested)
    text = view.pages.currentWidget()
    assert isinstance(text, QLabel)
    assert "Select a cell" in text.text()
    qtbot.keyClick(view, Qt.Key.Key_J)
    qtbot.keyClick(view, Qt.Key.Key_G)
    view.set_time(3)
    view.set_selected(None)
    view.set_theme(LIGHT)
    show(view, layout, row_at(layout, 1, 0))
    assert view.pages.currentWidget() is not text
    view.set_family(None)
    assert view.pages.currentWidget() is text
    assert heard == []


def test_everything_has_a_tooltip_and_fits_a_narrow_dock(view: Any, layout: LineageLayout) -> None:
    from qtpy.QtWidgets import QPushButton

    show(view, layout, row_at(layout, 2, 11))
    view.set_strip(np.zeros((40, 8, 8), dtype=np.float32), np.repeat(layout.row[:1], 40), ["0.0 h"] * 40)
    parts = [view.path, view.about, view.canvas.plot, view.strip, *view.findChildren(QPushButton)]
    assert all(part.toolTip() for part in parts)
    assert "root at the top" in view.canvas.plot.toolTip()
    assert view.minimumSizeHint().width() <= 350
    assert view.width() == 350


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_themes_reach_every_part(view: Any, layout: LineageLayout, theme: dict[str, str]) -> None:
    from qtpy.QtGui import QColor

    show(view, layout, row_at(layout, 2, 11))
    view.set_theme(theme)
    picture = view.canvas.grab().toImage()
    background = QColor(*(int(part) for part in theme["background"][4:-1].split(",")))
    shades = [
        picture.pixelColor(x, y) for x in range(0, picture.width(), 3) for y in range(0, picture.height(), 3)
    ]
    assert sum(shade == background for shade in shades) > 0.5 * len(shades)
    assert len({shade.name() for shade in shades}) > 5
    assert view.canvas.plot.getAxis("left").textPen().color() == QColor(view._colors.text)


def test_signals_are_not_echoed(view: Any, layout: LineageLayout) -> None:
    clicks, steps = listen(view.row_clicked), listen(view.step_requested)
    show(view, layout, row_at(layout, 2, 11))
    view.set_time(4)
    view.set_positives(layout.row[:2], np.array([0.5, 0.5]))
    assert clicks == steps == []


def test_a_thousand_nodes_are_shown(view: Any) -> None:
    depth = np.floor(np.log2(np.arange(250) + 1)).astype(int)
    spec = [((k - 1) // 2 if k else -1, [4 * depth[k] + m for m in range(4)]) for k in range(250)]
    layout = make_layout(make_table(spec, frames=40))
    assert layout.row.size == 1000
    show(view, layout, int(layout.row[0]))
    view.grab()
    for row in layout.row[[10, 300, 600, 900, 999]].tolist():
        view.set_family(layout)
        view.set_selected(row)
        view.set_positives(layout.row[:20], np.full(20, 0.05))
        view.set_time(5)
        node = int(np.flatnonzero(layout.row == row)[0])
        shown = zip(*(part.tolist() for part in view.canvas._points["selected"].getData()), strict=True)
        assert list(shown) == [(layout.x[node], layout.frame[node])]


def test_dense_trees_hide_single_frames(view: Any) -> None:
    layout = make_layout(make_table([(-1, list(range(2000)))], frames=2000))
    show(view, layout)
    frames = view.canvas._points["frame"]
    assert not frames.isVisible()
    view.canvas.plot.getViewBox().setRange(yRange=(100, 130), padding=0)
    assert frames.isVisible()


def test_view_opens_and_closes_twice(qtbot: Any, layout: LineageLayout) -> None:
    from napari_dynaclr.views.lineage import LineageView

    for _ in range(2):
        widget = LineageView()
        qtbot.addWidget(widget)
        widget.set_family(layout)
        widget.show()
        widget.close()
