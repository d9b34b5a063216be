"""What is shown of a project in the layers of a viewer; no window is needed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import yaml
from napari.components import ViewerModel

from dynaclr.testing import write_coded_experiments
from napari_dynaclr.controllers.context import ImageContext
from napari_dynaclr.presentation.layers import frame_rows, image_layers
from napari_dynaclr.state.project import (
    TRAINING,
    VALIDATION,
    Cell,
    Project,
    open_project,
    reopened,
    resampled,
)
from napari_dynaclr.state.session import Session


class Shown:
    """A viewer without a window, and what the plugin shows in it at once."""

    def __init__(self, project: Project) -> None:
        self.viewer, self.session = ViewerModel(), Session()
        self.context = ImageContext(self.viewer, self.session)
        self.session.project = project
        self.context.show_fov(TRAINING, 1)

    def layer(self, role: str) -> Any:
        return next(x for x in self.viewer.layers if x.metadata.get("dynaclr") == role)

    def state(self) -> dict[str, Any]:
        """Everything that a user may have set by hand."""
        camera, image = self.viewer.scene.camera, self.layer("image 0")
        return {
            "layers": [(id(layer), layer.name, layer.visible) for layer in self.viewer.layers],
            "point": self.viewer.dims.point,
            "camera": (camera.center, camera.zoom),
            "contrast": tuple(image.contrast_limits),
            "colormap": image.colormap.name,
            "selection": {layer.name for layer in self.viewer.layers.selection},
            "fov": self.context.shown,
        }


@pytest.fixture
def at(sample_project: Project) -> Shown:
    return Shown(sample_project)


def look_elsewhere(at: Shown) -> None:
    """Do by hand what must survive: a layer of one's own, another place, other contrast, a hidden layer."""
    at.viewer.add_labels(np.zeros((3, 4, 4), dtype=int), name="mine")
    at.viewer.scene.camera.center, at.viewer.scene.camera.zoom = (0.0, 7.0, 9.0), 3.5
    at.viewer.dims.set_current_step(at.viewer.dims.ndim - 4, 3)
    image = at.layer("image 0")
    image.contrast_limits, image.colormap = (5.0, 77.0), "magma"
    at.layer("tracks").visible = False


def test_other_options_leave_the_view_as_it_is(at: Shown) -> None:
    index = at.session.project.index(TRAINING)
    at.session.select(Cell(TRAINING, int(frame_rows(index, 1, 2)[0])))
    look_elsewhere(at)
    before = at.state()
    sampling = replace(at.session.project.pipeline.config.sampling, batch_size=7)
    at.session.project = resampled(at.session.project, sampling)
    assert at.state() == before


def test_data_that_are_set_up_again_stay_where_they_are(at: Shown, sample_project: Project) -> None:
    index = sample_project.index(TRAINING)
    at.session.select(Cell(TRAINING, int(frame_rows(index, 1, 2)[0])))
    look_elsewhere(at)
    before, tracks = at.state(), at.layer("tracks").data.copy()
    at.session.project = reopened(sample_project)
    assert at.session.project.index(TRAINING) is not index
    assert at.state() == before
    assert np.array_equal(at.layer("tracks").data, tracks)


def test_another_project_takes_the_layers_over(at: Shown, sample_project: Project, coded_source: Any) -> None:
    mine = at.viewer.add_labels(np.zeros((4, 4), dtype=int), name="mine")
    known = set(at.viewer.layers)
    at.session.project = other = open_project(coded_source)
    assert at.context.shown is None
    assert [layer for layer in at.viewer.layers if layer.visible] == [mine]
    at.context.show_fov(TRAINING, 0)
    assert np.array_equal(at.layer("cells").features["row"], frame_rows(other.index(TRAINING), 0))
    assert known <= set(at.viewer.layers)
    names = [layer.name for layer in at.viewer.layers if layer.visible and layer is not mine]
    assert all(other.index(TRAINING).registry.names[0] in name for name in names)


def test_a_layer_that_was_deleted_is_made_again_when_its_field_is_chosen(at: Shown) -> None:
    rows = at.layer("cells").features["row"].to_numpy()
    for role in ("image 0", "tracks", "cells"):
        at.viewer.layers.remove(at.layer(role))
        at.viewer.dims.set_current_step(0, 1)
    at.viewer.dims.set_current_step(0, 4)
    at.context.show_fov(TRAINING, 1)
    assert {"image 0", "image 1", "tracks", "cells"} <= {x.metadata["dynaclr"] for x in at.viewer.layers}
    at.viewer.dims.set_current_step(0, 0)
    assert len(at.layer("cells").data) and len(rows)


def test_cells_and_boxes_are_seen_in_every_slice(at: Shown) -> None:
    index = at.session.project.index(TRAINING)
    depth = index.fovs[1].layout.shape[2]
    assert depth > 1
    rows = frame_rows(index, 1, at.context.frame)
    at.context.show_pair(TRAINING, int(rows[0]), int(rows[1]))
    for z in range(depth):
        at.viewer.dims.set_current_step(1, z)
        assert set(at.layer("cells").data[:, 1]) == {float(z)}
        assert set(at.layer("pair").data[:, 0, 1]) == {float(z)}
        world = at.layer("cells").data_to_world(at.layer("cells").data[0])
        assert np.isclose(world[1], at.viewer.dims.point[1])


def test_the_selected_cell_can_be_gone_to_again(at: Shown) -> None:
    index = at.session.project.index(TRAINING)
    cell = Cell(TRAINING, int(frame_rows(index, 1, 2)[0]))
    at.session.visit(cell)
    gone_to = at.viewer.dims.point, at.viewer.scene.camera.center
    look_elsewhere(at)
    at.session.visit(cell)
    assert (at.viewer.dims.point[-4:], at.viewer.scene.camera.center) == gone_to
    at.context.show_fov(TRAINING, 0)
    at.session.visit(cell)
    assert at.context.shown == (TRAINING, 1)


def test_a_ring_is_around_the_selected_cell(at: Shown) -> None:
    index = at.session.project.index(TRAINING)
    rows = frame_rows(index, 1)
    for row in (int(rows[0]), int(rows[-1])):
        at.session.visit(Cell(TRAINING, row))
        ring = at.layer("selected")
        assert ring.visible
        assert ring.data[:, [0, 2, 3]].tolist() == [
            [index.table.t[row], index.table.y[row], index.table.x[row]]
        ]
        assert ring.size.max() > at.layer("cells").size.max()
    at.session.select(None)
    assert not at.layer("selected").visible


def test_a_click_tells_which_cell_it_hit(at: Shown) -> None:
    picked: list[Cell] = []
    at.context.picker.picked.connect(picked.append)
    index = at.session.project.index(TRAINING)
    row = int(frame_rows(index, 1, 3)[0])
    at.viewer.dims.set_current_step(0, 3)
    at.context.picker.pick([3, 0, index.table.y[row], index.table.x[row]])
    assert picked == [Cell(TRAINING, row)]
    at.session.visit(Cell(TRAINING, int(frame_rows(index, 1)[-1])))
    assert len(picked) == 1


def test_sliders_end_where_a_recording_ends_that_is_shorter_than_the_one_before(at: Shown) -> None:
    _, options, kind = image_layers(at.session.project.index(TRAINING), 1)[0]
    for role in at.context.layers.roles():
        at.context.layers.hide(role)
    at.context.layers.put("image 0", (np.zeros((2, 2, 8, 8)), options, kind))
    layer = at.layer("image 0")
    assert layer.visible
    assert layer.extent.data[1].tolist() == [1, 1, 7, 7]
    assert np.allclose(layer.extent.world[1], layer.extent.data[1] * layer.scale)


def test_a_channel_that_comes_later_lies_below_the_cells(at: Shown) -> None:
    at.viewer.layers.remove(at.layer("image 1"))
    mine = at.viewer.add_labels(np.zeros((3, 4, 4), dtype=int), name="mine")
    at.context.show_fov(TRAINING, 2)
    roles = [layer.metadata.get("dynaclr") for layer in at.viewer.layers]
    assert roles[:2] == ["image 0", "image 1"]
    assert at.viewer.layers[-1] is mine


def test_boxes_are_seen_at_any_zoom_unless_the_user_has_chosen_their_width(at: Shown) -> None:
    """Lines of less than a pixel of the screen are not drawn where they fall between two."""
    rows = frame_rows(at.session.project.index(TRAINING), 1)
    at.context.show_pair(TRAINING, int(rows[0]), int(rows[1]))
    layer, camera = at.layer("pair"), at.viewer.scene.camera
    camera.zoom = 50 / float(layer.scale[-1])
    near = layer.edge_width
    for zoom in (0.05, 0.3, 1.0):
        camera.zoom = zoom / float(layer.scale[-1])
        assert layer.edge_width * zoom > 1.5
    camera.zoom = 50 / float(layer.scale[-1])
    assert layer.edge_width == near
    layer.edge_width = 3.25
    camera.zoom = 0.05
    at.context.show_pair(TRAINING, int(rows[1]), None)
    assert layer.edge_width == 3.25


def test_family_and_pair_come_back_with_their_field_of_view(at: Shown) -> None:
    index = at.session.project.index(TRAINING)
    rows = frame_rows(index, 1, 2)
    at.session.select(Cell(TRAINING, int(rows[0])))
    at.context.show_pair(TRAINING, int(rows[0]), int(rows[1]))
    at.context.show_fov(VALIDATION, 0)
    assert not at.layer("family").visible
    assert not at.layer("pair").visible
    at.context.show_fov(TRAINING, 1)
    assert at.layer("family").visible
    assert at.layer("pair").visible


def test_axes_are_found_beside_layers_of_other_sizes(at: Shown) -> None:
    at.viewer.add_image(np.zeros((2, 3, 4, 5, 6, 7)), name="six axes")
    assert at.viewer.dims.ndim == 6
    at.viewer.dims.set_current_step(2, 3)
    assert at.context.frame == 3
    seen = at.layer("cells")
    for row in frame_rows(at.session.project.index(TRAINING), 1, 3).tolist():
        place = np.flatnonzero(seen.features["row"] == row)[0]
        where = (0.0, 0.0, *seen.data_to_world(seen.data[place]))
        assert seen.get_value(where, dims_displayed=list(at.viewer.dims.displayed), world=True) == place


def test_a_hidden_layer_of_cells_takes_fewer_cells(at: Shown, sample_project: Project) -> None:
    index = sample_project.index(TRAINING)
    fewer = min(range(len(index.fovs)), key=lambda fov: frame_rows(index, fov).size)
    more = max(range(len(index.fovs)), key=lambda fov: frame_rows(index, fov).size)
    at.context.show_fov(TRAINING, more)
    cells = at.layer("cells")
    last = int(cells.data[-1, 0])
    at.viewer.dims.set_point(0, float(last))
    cells.visible = False
    at.context.show_fov(TRAINING, fewer)
    assert len(cells.data) == frame_rows(index, fewer).size < frame_rows(index, more).size
    assert (np.asarray(cells._view_indices) < len(cells.data)).all()
    assert not cells.visible


def test_an_image_of_another_size_is_shown_whole(at: Shown, coded_source: Any) -> None:
    camera = at.viewer.scene.camera
    camera.center, camera.zoom = (0.0, 7.0, 9.0), 3.5
    at.context.show_fov(TRAINING, 0)
    assert (camera.center, camera.zoom) == ((0.0, 7.0, 9.0), 3.5)
    at.session.project = open_project(coded_source)
    at.context.show_fov(TRAINING, 0)
    image = at.layer("image 0")
    middle = (np.array(image.data.shape[-2:]) - 1) / 2 * image.scale[-2:]
    assert camera.center[-2:] == pytest.approx(tuple(middle))


def open_coded(folder: Any, *, channels: int, **shape: int) -> Project:
    """Return a recording of one experiment with some channels, slices and frames."""
    path = write_coded_experiments(folder, n_experiments=1, **shape)
    content = yaml.safe_load(path.read_text())
    entry = content["experiments"][0]
    entry["source_channel"] = entry["source_channel"][:channels]
    path.write_text(yaml.safe_dump(content))
    return open_project(path)


def test_sliders_end_with_the_recording_whatever_was_shown_before(at: Shown, tmp_path: Any) -> None:
    """Layers that the next recording has no use for are hidden: napari counts what they hold."""
    rows = frame_rows(at.session.project.index(TRAINING), 1, 2)
    at.session.select(Cell(TRAINING, int(rows[0])))
    at.context.show_pair(TRAINING, int(rows[0]), int(rows[1]))
    at.layer("family").visible = False  # by hand
    at.session.project = open_coded(tmp_path, channels=1, depth=1, frames=6)
    at.context.show_fov(TRAINING, 0)
    image = at.layer("image 0")
    assert image.data.shape[:2] == (6, 1)
    assert not at.layer("image 1").visible
    assert not at.layer("pair").visible
    ends = [axis.stop for axis in at.viewer.dims.range]
    assert ends == pytest.approx(image.extent.world[1].tolist())
    assert len(at.layer("pair").data) == 0


def test_a_recording_is_seen_in_a_slice_that_it_has(tmp_path: Any) -> None:
    deep = open_coded(tmp_path / "deep", channels=2, depth=3, frames=6)
    flat = open_coded(tmp_path / "flat", channels=2, depth=1, frames=6)
    at = Shown(deep)
    for project, middle in ((flat, 0.0), (deep, 1.0)):
        at.viewer.dims.set_current_step(1, 2)
        at.session.project = project
        at.session.select(Cell(TRAINING, 0))
        image = at.layer("image 0")
        assert image.data.shape[1] == project.index(TRAINING).fovs[0].layout.shape[2]
        assert at.viewer.dims.range[1].stop == image.extent.world[1][1]
        assert at.viewer.dims.point[1] == pytest.approx(middle * image.scale[1])
        assert set(at.layer("cells").data[:, 1]) == {middle}


def test_a_field_of_view_that_is_gone_is_told(at: Shown, tmp_path: Any) -> None:
    told: list[str] = []
    at.session.let_go.connect(told.append)
    at.session.project = reopened(at.session.project)
    assert told == []
    entry = at.session.project.index(TRAINING).fovs[1]
    at.session.project = open_coded(tmp_path, channels=1, depth=1)
    assert len(told) == 1
    assert entry.layout.name in told[0]


def test_what_shows_the_field_before_goes_although_its_step_was_forgotten(sample_project: Project) -> None:
    """Who walks on before the window has rested forgets the steps that wait."""
    waiting: list[Any] = []
    viewer, session = ViewerModel(), Session()
    context = ImageContext(viewer, session, waiting.append)

    def rest() -> None:
        while waiting:
            waiting.pop(0)()

    session.project = sample_project
    context.show_fov(TRAINING, 1)
    session.select(Cell(TRAINING, int(frame_rows(sample_project.index(TRAINING), 1, 2)[0])))
    rest()
    family = context.layers.find("family")
    assert family.visible
    context.show_fov(TRAINING, 0)
    context.show_fov(TRAINING, 0)
    rest()
    assert not family.visible
