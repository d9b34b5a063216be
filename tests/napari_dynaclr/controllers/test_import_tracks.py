"""Tracks of other tools over a layer and over a plate, in a real viewer with real clicks and keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QComboBox, QWidget

from dynaclr.experiment import ExperimentRegistry
from dynaclr.images import PlateWriter
from dynaclr.index import MultiExperimentIndex
from napari_dynaclr.controllers.import_tracks import READING
from napari_dynaclr.shell.docks import open_dock
from napari_dynaclr.shell.hub import hub_of
from napari_dynaclr.state.project import TRAINING

LONG = 120_000
T, Y, X = 9, 200, 300
PREVIEW = "dynaclr import"


def table(folder: Path, first: int = 1, scale: float = 0.25) -> Path:
    """Semicolons, decimal commas, frames from 1, micrometers: track 1 divides into 2 and 3."""
    path = folder / "cells of mine.csv"
    spans = {1: (range(4), ""), 2: (range(4, T), 1), 3: (range(4, T), 1)}
    rows = [
        (k, first + t, mother, scale * (60 * k + t), scale * (40 * k + t))
        for k, (span, mother) in spans.items()
        for t in span
    ]
    lines = [";".join(str(value) for value in row).replace(".", ",") for row in rows]
    path.write_text("\n".join(["Track;Frame;parent_track;Pos X;Pos Y", *lines]))
    return path


class Importing:
    """A viewer with the dock of imports."""

    def __init__(self, viewer: Any, qtbot: Any) -> None:
        self.viewer, self.qtbot, self.hub = viewer, qtbot, hub_of(viewer)
        self.view = viewer.window.add_plugin_dock_widget("napari-dynaclr", "Import")[1].content

    def settled(self) -> None:
        """Wait until what was entered is read."""
        soon = self.view.controller._soon
        self.qtbot.waitUntil(lambda: not soon.isActive() and not self.hub.jobs._jobs, timeout=LONG)

    def type(self, field: QWidget, text: str) -> None:
        field.clear()
        self.qtbot.keyClicks(field, text)
        self.settled()

    def choose(self, box: QComboBox, text: str) -> None:
        """Choose an entry with the keyboard, as a person does."""
        place = box.findText(text)
        assert place >= 0, [box.itemText(row) for row in range(box.count())]
        box.setFocus()
        key = Qt.Key.Key_Down if place > box.currentIndex() else Qt.Key.Key_Up
        for _ in range(abs(place - box.currentIndex())):
            self.qtbot.keyClick(box, key)
        assert box.currentText() == text
        self.settled()

    def faults(self) -> dict[str, str]:
        return {name: label.text() for name, label in self.view.faults.items() if label.text()}

    def previews(self) -> list[Any]:
        return [layer for layer in self.viewer.layers if PREVIEW in layer.metadata]

    def tracks(self) -> Any:
        return next(layer for layer in self.previews() if hasattr(layer, "graph"))

    def over_image(self) -> np.ndarray:
        """Places of the tracks in pixels of the image (t, y, x)."""
        layer, image = self.tracks(), self.viewer.layers[0]
        world = [layer.data_to_world(row[1:]) for row in layer.data]
        return np.array([image.world_to_data(row) for row in world])[:, [0, -2, -1]]

    def write(self) -> Any:
        """Write, and return the index of the project that is opened."""
        assert self.view.write.isEnabled(), self.faults()
        self.qtbot.mouseClick(self.view.write, Qt.MouseButton.LeftButton)
        self.qtbot.waitUntil(lambda: self.hub.session.project is not None, timeout=LONG)
        self.qtbot.waitUntil(lambda: not self.hub.jobs._jobs and not self.hub.context.busy, timeout=LONG)
        return self.hub.session.project.index(TRAINING)


@pytest.fixture
def at(make_napari_viewer: Any, qtbot: Any) -> Importing:
    return Importing(make_napari_viewer(show=True), qtbot)


def add_image(at: Importing, **options: Any) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(100, 60_000, (T, Y, X)).astype(np.uint16)
    placed = {"scale": (1, 0.25, 0.25), "units": ("pixel", "um", "um"), "translate": (0, 7, -3)}
    at.viewer.add_image(pixels, **{"name": "phase", **placed, **options})
    return pixels


def test_a_table_with_questions_becomes_a_project(at: Importing, tmp_path: Path) -> None:
    view = at.view
    assert view.image.currentText() == "a plate (OME-Zarr) ..."
    add_image(at)
    assert view.image.currentText() == "phase"
    assert not view.plate_row.isVisible()
    at.type(view.source, str(table(tmp_path)))
    assert view.report.text().startswith("table: 14 observations, 3 tracks, 1 divisions")
    chosen = {name: box.currentText() for name, box in view.columns.items() if box.currentText()}
    assert chosen == {
        "track_id": "Track",
        "t": "Frame",
        "parent_track_id": "parent_track",
        "x": "Pos X",
        "y": "Pos Y",
    }
    assert set(at.faults()) == {"first_frame", "unit", "target"}
    assert "9, and the image has 9. Choose 1 (frames count from 1)" in at.faults()["first_frame"]
    assert "Choose pixel (they are pixels) or um" in at.faults()["unit"]
    assert not view.write.isEnabled()
    drawn = at.tracks()
    assert drawn.data[:, 1].max() == T  # as it is understood until something else is said
    first = [drawn.data[drawn.data[:, 0] == track][0, 1] for track in (1, 2, 3)]
    assert first == [1, 4, 4]  # daughters are drawn from their mother's last place
    at.choose(view.first_frame, "1")
    assert set(at.faults()) == {"unit", "target"}
    at.choose(view.unit, "µm")
    assert set(at.faults()) == {"target"}
    assert at.tracks() is drawn
    assert np.allclose(at.over_image()[:3], [[0, 40, 60], [1, 41, 61], [2, 42, 62]])

    at.choose(view.columns["y"], "Pos X")
    assert "field x: cannot tell which column" in at.faults()["columns"]
    assert {name: view.columns[name].currentText() for name in ("t", "y", "x")} == {
        "t": "Frame",
        "y": "Pos X",
        "x": "",
    }
    assert not at.tracks().visible
    at.choose(view.columns["x"], "Pos Y")
    assert at.tracks().visible
    assert np.allclose(at.over_image()[0], [0, 60, 40])
    at.choose(view.columns["y"], "Pos Y")
    assert "one column is y, x" in at.faults()["columns"]
    at.choose(view.columns["x"], "Pos X")
    assert np.allclose(at.over_image()[0], [0, 40, 60])

    assert "Set the interval" in at.faults()["target"]
    view.interval.setValue(15)
    assert "Choose the folder" in at.faults()["target"]
    at.type(view.folder, str(tmp_path / "out"))
    assert view.name.text() == "cells_of_mine"
    assert at.faults() == {}
    index = at.write()
    table_ = index.table
    assert sorted(zip(table_.t.tolist(), table_.y.tolist(), table_.x.tolist(), strict=True))[:2] == [
        (0, 40.0, 60.0),
        (1, 41.0, 61.0),
    ]
    assert index.fovs[0].layout.scale[-1] == 0.25
    assert at.previews() == []
    assert (tmp_path / "out" / "experiments.yaml").is_file()
    assert view.source.text() == ""
    at.type(view.source, str(tmp_path / "cells of mine.csv"))
    assert "already: choose another name, or replace it" in at.faults()["target"]
    assert view.replace.isVisible()


def test_calibrations_that_disagree_are_shown_and_corrected(
    at: Importing, tmp_path: Path, shared_data: Path
) -> None:
    """TrackMate saw 2048 px of 0.068 um, the image has 256 px, with or without a unit."""
    source = shared_data / "fucci" / "source"
    stack = tifffile.imread(source / "recording.ome.tif")
    at.viewer.add_image(stack[:, 0], name="magenta")
    at.viewer.add_image(stack[:, 1], name="cyan")
    view = at.view
    at.type(view.source, str(source / "trackmate.xml.gz"))
    assert set(at.faults()) == {"pixel"}
    assert "2048 x 2048 px of 0.06803 um by the source" in at.faults()["pixel"]
    assert "Give Pixel, the size" in at.faults()["pixel"]
    assert not view.table.isVisible()
    assert at.previews() == []
    assert not view.write.isEnabled()
    view.pixel.setValue(0.5442)
    at.settled()
    assert set(at.faults()) == {"target"}
    assert view.report.text().startswith("TrackMate XML: ")
    places = at.over_image()
    assert places[:, 1:].max() < 256
    masks = {
        t: tifffile.imread(path)
        for t, path in enumerate(sorted((shared_data / "fucci" / "01_RES").glob("*.tif")))
    }
    hit = [masks[int(t)][round(y), round(x)] > 0 for t, y, x in places]
    assert np.mean(hit) > 0.9  # the tracks lie on the cells

    for layer in at.viewer.layers[:2]:
        layer.scale, layer.units = (1, 0.544, 0.544), ("pixel", "um", "um")
    view.pixel.setValue(0)
    at.settled()
    assert "of the same extent; the layer's pixels were used" in view.report.text()
    assert np.allclose(at.over_image(), places, atol=0.2)
    view.interval.setValue(15)
    at.type(view.folder, str(tmp_path / "out"))
    index = at.write()
    assert index.registry.experiments[0].source_channel == ["magenta", "cyan"]
    assert index.fovs[0].layout.scale[-1] == pytest.approx(0.544)


def plate(folder: Path) -> Path:
    with PlateWriter(folder / "p.zarr", ["a", "b"], scale=(600, 1, 2, 0.25, 0.25)) as writer:
        for fov in ("A/1/0", "B/2/0"):
            writer.create_fov(fov, (T, 2, 3, Y, X), np.dtype(np.uint16))
            for t in range(T):
                writer.write_frame(fov, t, np.full((2, 3, Y, X), 7 + t, np.uint16))
    return folder / "p.zarr"


def test_a_field_of_a_plate_and_then_another(at: Importing, tmp_path: Path) -> None:
    view, store = at.view, plate(tmp_path)
    assert view.plate_row.isVisible()
    at.type(view.plate, str(store))
    at.settled()
    assert [view.fov.itemText(row) for row in range(view.fov.count())] == ["A/1/0", "B/2/0"]
    assert [layer.name for layer in at.previews()] == ["import: A/1/0 a", "import: A/1/0 b"]
    at.type(view.source, str(table(tmp_path, 0, 1.0)))
    assert [layer.name for layer in at.previews()][-1] == "import: tracks"
    assert at.faults()["target"] == "Choose the folder to write to."
    assert view.interval.value() == 10
    assert np.allclose(at.tracks().data[0], [1, 0, 1, 40, 60])  # in the middle slice
    at.choose(view.fov, "B/2/0")
    at.settled()
    assert [layer.name for layer in at.previews()] == ["import: B/2/0 a", "import: B/2/0 b", "import: tracks"]
    at.type(view.folder, str(tmp_path))
    index = at.write()
    assert [entry.layout.name for entry in index.fovs] == ["A/1/0", "B/2/0"]
    assert index.registry.experiments[0].condition_wells == {"control": ["B/2"]}
    assert index.report.experiments[0].observations == 14

    open_dock(at.viewer, "Import")
    at.choose(view.fov, "A/1/0")
    at.settled()
    at.type(view.source, str(tmp_path / "cells of mine.csv"))
    assert view.name.text() == "cells_of_mine"
    assert not view.replace.isVisible()
    at.qtbot.mouseClick(view.write, Qt.MouseButton.LeftButton)
    at.qtbot.waitUntil(
        lambda: (tmp_path / "cells_of_mine.tracks" / "A" / "1" / "0").exists() and not at.hub.jobs._jobs,
        timeout=LONG,
    )
    registry = ExperimentRegistry.from_yaml(tmp_path / "experiments.yaml")
    assert MultiExperimentIndex(registry, (0, 3), (8, 8), (0.2, 0.4)).table.t.size == 28


def test_errors_stand_beside_their_field(at: Importing, tmp_path: Path) -> None:
    add_image(at)
    view = at.view
    at.type(view.source, str(tmp_path / "none.csv"))
    assert at.faults() == {"source": "No such file or folder."}
    bad = tmp_path / "bad.csv"
    bad.write_text("Cell,Slice,XM,YM\n3,0,1,2\n")
    at.type(view.source, str(bad))
    assert "cannot tell which column is which" in at.faults()["columns"].lower()
    assert view.table.isVisible()
    assert [view.columns["t"].itemText(row) for row in range(5)] == ["", "Cell", "Slice", "XM", "YM"]
    for name, column in (("track_id", "Cell"), ("t", "Slice"), ("x", "XM")):
        at.choose(view.columns[name], column)
    assert view.report.text() == ""
    at.choose(view.columns["y"], "YM")
    assert view.report.text().startswith("table: 1 observations")
    late = tmp_path / "late.csv"
    late.write_text("track_id,t,y,x\n1,0,5,5\n1,1,5,5\n1,40,5,5\n")
    at.type(view.source, str(late))
    assert "frames beyond" in at.faults()["source"]
    assert str(late) not in at.faults()["source"]
    assert len(at.tracks().data) == 3
    assert not view.write.isEnabled()
    view.plate.setText(str(tmp_path / "no.zarr"))
    at.choose(view.image, "a plate (OME-Zarr) ...")
    assert at.faults()["image"]


def test_what_is_shown_goes_with_the_dock(at: Importing, tmp_path: Path, qtbot: Any) -> None:
    add_image(at)
    at.type(at.view.source, str(table(tmp_path, 0, 1.0)))
    assert len(at.previews()) == 1
    panel = open_dock(at.viewer, "Project").content
    qtbot.waitUntil(lambda: panel is not None, timeout=LONG)
    at.viewer.window.remove_dock_widget(at.view.parent())
    qtbot.waitUntil(lambda: at.previews() == [], timeout=LONG)
    assert [layer.name for layer in at.viewer.layers] == ["phase"]
    qtbot.mouseClick(panel.import_tracks, Qt.MouseButton.LeftButton)
    assert open_dock(at.viewer, "Import").content.image.currentText() == "phase"
    add_image(at, name="other")
    assert at.previews() == []


def test_the_window_goes_on_while_a_large_file_is_read(at: Importing, tmp_path: Path) -> None:
    add_image(at)
    path = tmp_path / "large.csv"
    lines = [f"{k},{t},{10 + k % 150},{10 + t}" for k in range(60_000) for t in range(T)]
    path.write_text("\n".join(["track_id,t,y,x", *lines]))
    at.view.source.setText(str(path))
    ticks: list[bool] = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(at.hub.jobs.running(READING)))
    timer.start(5)
    at.settled()
    timer.stop()
    assert "drawn: 1112 of 60000 tracks; all are written" in at.view.report.text()
    assert sum(ticks) > 10  # the window went on while it was read
