"""A project that is made of layers, in a real viewer with real clicks."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractSpinBox, QCheckBox, QComboBox, QLineEdit, QPushButton

from dynaclr.convert import convert_arrays
from dynaclr.dataset import MultiExperimentTripletDataset
from napari_dynaclr.controllers import from_layers
from napari_dynaclr.controllers.from_layers import WRITING
from napari_dynaclr.shell.hub import hub_of
from napari_dynaclr.state.project import TRAINING

LONG = 60_000
T, Y, X = 10, 60, 80
PIXELS = np.random.default_rng(0).integers(100, 60_000, (2, T, Y, X)).astype(np.uint16)
SCALE, SHIFT = (1, 0.5, 0.5), (0, 10.0, -20.0)
UM = ("pixel", "um", "um")


def family() -> tuple[np.ndarray, dict[int, list[int]]]:
    """Track 1 divides after frame 4 into 2 and 3; 5 stays alone; (n, 4): track, t, y, x in pixels."""
    spans = {1: range(5), 2: range(5, T), 3: range(5, T), 5: range(T)}
    rows = [(track, t, 8.0 * track + t, 10.0 * track + t) for track, span in spans.items() for t in span]
    return np.array(rows), {2: [1], 3: [1]}


class Made:
    """A viewer with the panel of the project, its part for layers unfolded."""

    def __init__(self, viewer: Any, qtbot: Any) -> None:
        self.viewer, self.qtbot, self.hub = viewer, qtbot, hub_of(viewer)
        self.panel = viewer.window.add_plugin_dock_widget("napari-dynaclr", "Project")[1].content
        self.form = self.panel.from_layers
        qtbot.mouseClick(self.panel.layers_fold.head, Qt.MouseButton.LeftButton)

    def add(self) -> None:
        """Open two channels, and tracks that have another origin and unit."""
        for name, pixels in zip(("phase", "GFP"), PIXELS, strict=True):
            self.viewer.add_image(pixels, name=name, scale=SCALE, translate=SHIFT, units=UM)
        rows, graph = family()
        rows[:, 2:] -= (4, 6)
        origin = (0, (10 + 4 * 0.5) * 1000, (-20 + 6 * 0.5) * 1000)
        self.viewer.add_tracks(
            rows,
            graph=graph,
            name="my cells",
            scale=(1, 500, 500),
            translate=origin,
            units=("pixel", "nm", "nm"),
        )

    def images(self) -> dict[str, bool]:
        items = [self.form.images.item(row) for row in range(self.form.images.count())]
        return {item.text(): item.checkState() == Qt.CheckState.Checked for item in items}

    def cells(self) -> list[str]:
        return [self.form.cells.itemText(row) for row in range(self.form.cells.count())]

    def fill(self, folder: Path) -> None:
        self.form.numbers["interval"].setValue(15)
        self.qtbot.keyClicks(self.form.folder, str(folder))

    def click(self) -> None:
        self.qtbot.mouseClick(self.form.write, Qt.MouseButton.LeftButton)

    def state(self) -> list[tuple[Any, ...]]:
        """What the user's layers are."""
        own = [layer for layer in self.viewer.layers if "dynaclr" not in layer.metadata]
        return [(layer.name, tuple(layer.scale), tuple(layer.translate), layer.visible) for layer in own]


@pytest.fixture
def made(make_napari_viewer: Any, qtbot: Any) -> Made:
    return Made(make_napari_viewer(show=True), qtbot)


def test_boxes_follow_the_layers(made: Made) -> None:
    form, viewer = made.form, made.viewer
    assert (made.images(), made.cells()) == ({}, [])
    assert "Open an image" in form.fault.text()
    assert not form.write.isEnabled()
    made.add()
    assert made.images() == {"phase": True, "GFP": True}
    assert made.cells() == ["my cells (tracks)"]
    assert form.texts["name"].text() == "my_cells"
    assert form.numbers["pixel"].value() == 0.5
    viewer.add_labels(np.zeros((T, Y, X), dtype=int), name="masks", scale=SCALE)
    viewer.add_image(np.zeros((T, Y, X, 3), dtype=np.uint8), rgb=True, name="colours")
    viewer.add_image(np.zeros((Y, X)), name="flat")
    viewer.add_points(np.zeros((2, 3)), name="points")
    assert made.images() == {"phase": True, "GFP": True, "colours": False, "flat": False}
    assert "RGB" in form.images.item(2).toolTip()
    assert not form.images.item(2).flags() & Qt.ItemFlag.ItemIsEnabled
    assert made.cells() == ["my cells (tracks)", "masks (labels)"]

    form.cells.setCurrentIndex(1)
    form.cells.activated.emit(1)
    assert "Divisions are unknown" in form.note.text()
    viewer.layers["masks"].name = "nuclei"
    viewer.layers["phase"].name = "Phase3D"
    viewer.layers.move(0, 2)
    assert form.cells.currentText() == "nuclei (labels)"
    assert form.texts["name"].text() == "nuclei"
    assert made.images() == {"GFP": True, "Phase3D": True, "colours": False, "flat": False}
    form.images.setCurrentRow(0)
    made.qtbot.keyClick(form.images, Qt.Key.Key_Space)
    viewer.layers.remove("nuclei")
    assert form.cells.currentText() == "my cells (tracks)"
    assert made.images() == {"GFP": False, "Phase3D": True, "colours": False, "flat": False}
    tick = form.images.visualItemRect(form.images.item(0)).center()
    tick.setX(10)
    made.qtbot.mouseClick(form.images.viewport(), Qt.MouseButton.LeftButton, pos=tick)
    assert made.images()["GFP"]
    made.qtbot.mouseClick(form.images.viewport(), Qt.MouseButton.LeftButton, pos=tick)
    assert not made.images()["GFP"]
    form.numbers["pixel"].setValue(0.7)
    viewer.layers.remove("flat")
    assert form.numbers["pixel"].value() == pytest.approx(0.7)
    viewer.layers["Phase3D"].scale = (1, 0.25, 0.25)
    assert form.numbers["pixel"].value() == 0.25
    viewer.layers["my cells"].units = ("pixel", "pixel", "pixel")
    assert "cells in pixel: coordinates are compared without conversion" in form.note.text()


def test_an_interval_of_one_image_is_not_taken_for_another(made: Made) -> None:
    interval = made.form.numbers["interval"]
    made.viewer.add_image(PIXELS[0], name="timed", scale=(300, 1, 1), units=("s", "um", "um"))
    assert interval.value() == 5
    made.viewer.add_image(PIXELS[1], name="bare")
    made.form.images.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert interval.value() == 0
    interval.setValue(7)
    made.viewer.layers.remove("timed")
    assert interval.value() == 7


def test_what_is_missing_stands_beside_the_button(made: Made, tmp_path: Path) -> None:
    form = made.form
    made.add()
    for missing, enter in (
        ("Set the interval", lambda: form.numbers["interval"].setValue(15)),
        ("Choose the folder", lambda: form.folder.setText("here")),
        ("full path", lambda: form.folder.setText(str(tmp_path / "new"))),
    ):
        assert missing in form.fault.text()
        assert not form.write.isEnabled()
        enter()
    assert form.fault.isHidden()
    assert form.write.isEnabled()
    form.texts["name"].setText("two words")
    assert "name cannot be used" in form.fault.text()
    form.texts["name"].setText("movie")
    form.texts["condition"].setText("")
    assert "condition has no name" in form.fault.text()
    form.texts["condition"].setText("mock")
    made.viewer.layers["GFP"].translate = (0, 0, 0)
    assert "'GFP' is not aligned with 'phase'" not in form.fault.text()
    assert made.images() == {"phase": True, "GFP": False}
    form.images.item(1).setCheckState(Qt.CheckState.Checked)
    assert "'GFP' is not aligned with 'phase'" in form.fault.text()
    assert not form.write.isEnabled()
    made.viewer.layers["my cells"].rotate = 30
    made.viewer.layers["GFP"].translate = SHIFT
    assert "'my cells' cannot be the cells: layer 'my cells' is rotated" in form.fault.text()


def test_layers_become_a_project_that_is_open(made: Made, tmp_path: Path) -> None:
    from napari.utils.notifications import notification_manager

    made.add()
    before = made.state()
    made.fill(tmp_path / "new" / "folder")
    assert made.form.write.isEnabled(), made.form.fault.text()
    made.click()
    assert made.form.cancel.isVisible()
    made.qtbot.waitUntil(lambda: made.hub.session.project is not None, timeout=LONG)
    made.qtbot.waitUntil(lambda: not made.hub.jobs._jobs and not made.hub.context.busy, timeout=LONG)
    project = made.hub.session.project
    assert project.path == tmp_path / "new" / "folder" / "experiments.yaml"
    rows, _ = family()
    index = project.index(TRAINING)
    table = index.tracks
    found = {(row.track_id, row.t): (row.y, row.x) for row in table.itertuples()}
    assert len(found) == len(table) == len(rows)
    for track, t, y, x in rows:
        assert np.allclose(found[int(track), int(t)], (y, x))
    assert index.report.experiments[0].divisions == 1
    assert table[table.track_id < 5].lineage_id.nunique() == 1
    config = index.registry.experiments[0]
    assert (config.name, config.source_channel) == ("my_cells", ["phase", "GFP"])
    assert (config.interval_minutes, config.condition_wells) == (15.0, {"control": ["A/1"]})
    assert index.fovs[0].layout.scale[-1] == 0.5
    dataset = MultiExperimentTripletDataset(index)
    batch = dataset.__getitems__([0, 1, 2])
    _, _, height, width = batch["anchor"].shape[1:]
    for place in range(3):
        t, y, x = (int(batch["anchor_meta"][name][place]) for name in ("t", "patch_y", "patch_x"))
        wanted = PIXELS[:, t, y : y + height, x : x + width]
        assert np.array_equal(batch["anchor"][place, :, 0].numpy(), wanted)

    told = [item.message for item in notification_manager.records if "Written" in item.message]
    assert (
        "Hide the original layers" in told[-1]
    )  # they have no slices, so that napari takes their time for slices
    assert made.state() == before
    assert made.panel.table.item(1, 1).text() == str(len(rows))
    assert made.panel.table.isVisible() and not made.form.isVisible()
    assert made.images() == {"phase": True, "GFP": True}  # none of the plugin's own layers
    assert made.cells() == ["my cells (tracks)"]
    assert made.form.replace.isVisibleTo(made.form)
    assert "choose another name, or replace it" in made.form.fault.text()
    made.form.replace.setChecked(True)
    assert made.form.write.isEnabled()


def test_labels_become_a_project_without_divisions(made: Made, tmp_path: Path) -> None:
    made.viewer.add_image(PIXELS[0], name="phase")
    labels = np.zeros((T, Y, X), dtype=np.int32)
    for t in range(T):
        labels[t, 20 + t : 25 + t, 30:33] = 4
    made.viewer.add_labels(labels, name="masks")
    made.fill(tmp_path)
    made.click()
    made.qtbot.waitUntil(lambda: made.hub.session.project is not None, timeout=LONG)
    made.qtbot.waitUntil(lambda: not made.hub.jobs._jobs and not made.hub.context.busy, timeout=LONG)
    table = made.hub.session.project.index(TRAINING).tracks
    assert [(row.track_id, row.t, row.y, row.x) for row in table.itertuples()] == [
        (4, t, 22.0 + t, 31.0) for t in range(T)
    ]


@pytest.mark.parametrize("closing", [False, True])
def test_cancelling_leaves_nothing(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closing: bool
) -> None:
    begun, go_on, ended = Event(), Event(), Event()

    def held(*args: Any, progress: Any, **options: Any) -> Any:
        def tell(done: int, total: int) -> None:
            begun.set()
            go_on.wait(60)
            progress(done, total)

        try:
            return convert_arrays(*args, progress=tell, **options)
        finally:
            ended.set()

    monkeypatch.setattr(from_layers, "convert_arrays", held)
    made.add()
    made.fill(tmp_path / "new")
    made.click()
    made.qtbot.waitUntil(begun.is_set, timeout=LONG)
    assert (tmp_path / "new").exists()
    assert not made.form.write.isEnabled()
    if closing:
        made.viewer.window.remove_dock_widget(made.panel.parent())
    else:
        made.qtbot.mouseClick(made.form.cancel, Qt.MouseButton.LeftButton)
        assert made.form.write.isEnabled()
    made.qtbot.waitUntil(lambda: not made.hub.jobs.running(WRITING), timeout=LONG)
    go_on.set()
    made.qtbot.waitUntil(ended.is_set, timeout=LONG)
    made.qtbot.waitUntil(lambda: not made.hub.jobs._workers, timeout=LONG)
    assert not (tmp_path / "new").exists()
    assert made.hub.session.project is None


def test_what_goes_wrong_is_told_and_can_be_repaired(made: Made, tmp_path: Path) -> None:
    from napari.utils.notifications import notification_manager

    made.add()
    made.viewer.layers["my cells"].translate = (0, 0, 0)
    made.fill(tmp_path / "new")
    made.click()
    made.qtbot.waitUntil(lambda: "lie outside the image" in made.form.fault.text(), timeout=LONG)
    assert any("outside the image" in item.message for item in notification_manager.records)
    assert not (tmp_path / "new").exists()
    assert made.form.write.isEnabled()


def test_what_was_entered_is_remembered(made: Made, tmp_path: Path, make_napari_viewer: Any) -> None:
    made.add()
    made.fill(tmp_path / "kept")
    made.form.texts["condition"].setText("dengue")
    made.click()
    made.qtbot.waitUntil(lambda: made.hub.session.project is not None, timeout=LONG)
    made.qtbot.waitUntil(lambda: not made.hub.jobs._jobs and not made.hub.context.busy, timeout=LONG)
    other = Made(make_napari_viewer(show=True), made.qtbot).form
    assert (other.folder.text(), other.texts["condition"].text()) == (str(tmp_path / "kept"), "dengue")
    assert other.numbers["interval"].value() == 0


def test_closed_panels_listen_no_more(made: Made) -> None:
    made.add()
    layers = made.viewer.layers

    def count() -> list[int]:
        events = [layers.events.inserted, layers.events.renamed]
        events += [getattr(layer.events, name) for layer in layers for name in ("scale", "data")]
        return [len(event.callbacks) for event in events]

    with_panel = count()
    made.viewer.window.remove_dock_widget(made.panel.parent())
    made.qtbot.waitUntil(lambda: all(a < b for a, b in zip(count(), with_panel, strict=True)), timeout=LONG)
    layers[0].name = "renamed"
    layers.clear()


def test_everything_has_a_tooltip_and_the_tab_key_reaches_it(made: Made) -> None:
    made.add()
    kinds = (QAbstractSpinBox, QCheckBox, QComboBox, QLineEdit, QPushButton)
    inner = [box.lineEdit() for box in made.form.findChildren(QAbstractSpinBox)]
    parts = [part for kind in kinds for part in made.form.findChildren(kind) if part not in inner]
    assert len(parts) > 8
    assert all(part.toolTip() for part in [*parts, made.form.images])
    wanted = {part for part in [*parts, made.form.images] if part.isVisible() and part.isEnabled()}
    made.form.images.setFocus()
    seen = {made.form.images}
    while made.form.focusNextPrevChild(True) and made.form.window().focusWidget() not in seen:
        seen.add(made.form.window().focusWidget())
    assert wanted <= seen
    assert made.panel.minimumSizeHint().width() <= 350
