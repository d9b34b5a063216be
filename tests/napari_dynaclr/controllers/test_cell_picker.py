"""Cells selected by clicks and keys in the image; no window is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from napari.components import ViewerModel

from napari_dynaclr.controllers.cell_picker import CellPicker
from napari_dynaclr.controllers.own_layers import OwnLayers
from napari_dynaclr.keys.steps import Step, neighbours
from napari_dynaclr.presentation import layers as shapes
from napari_dynaclr.presentation.layers import frame_rows
from napari_dynaclr.presentation.lineage_layout import family_layout
from napari_dynaclr.state.project import TRAINING, Cell, Project
from napari_dynaclr.state.session import Session

FOV, FRAME = 1, 2


@dataclass
class Event:
    """What napari tells of the mouse."""

    type: str
    pos: tuple[float, float]
    position: tuple[float, ...]


class Shown:
    """The cells of a frame in a viewer without a window."""

    def __init__(self, project: Project) -> None:
        self.viewer, self.session = ViewerModel(), Session()
        self.session.project, self.index = project, project.index(TRAINING)
        self.layers = OwnLayers(self.viewer, lambda layer: self.picker.listen(layer))
        self.seen: tuple[str, int, int] | None = (TRAINING, FOV, FRAME)
        self.picker = CellPicker(self.session, self.layers, lambda: self.seen)
        self.layers.put("cells", shapes.cell_layer(self.index, FOV, shapes.COLOUR_BY[0], 0.0))
        self.viewer.scene.camera.zoom = 100.0  # no click is near two cells
        self.rows = frame_rows(self.index, FOV, FRAME)

    @property
    def cells(self) -> Any:
        return self.layers.find("cells")

    def press(self, where: tuple[float, ...], *moves: tuple[float, float]) -> None:
        """Press at a place in the world, move on the screen and release."""
        event = Event("mouse_press", (0.0, 0.0), where)
        (callback,) = self.cells.mouse_drag_callbacks
        steps = callback(self.cells, event)
        next(steps)
        for event.pos in moves:
            event.type = "mouse_move"
            next(steps)
        event.type = "mouse_release"
        assert next(steps, None) is None


@pytest.fixture
def at(sample_project: Project) -> Shown:
    return Shown(sample_project)


def test_the_nearest_cell_of_the_frame_is_picked(at: Shown) -> None:
    table, picking = at.index.table, []
    at.session.cell_changed.connect(lambda cell: picking.append(at.picker.picking))
    for row in at.rows.tolist():
        at.picker.pick((FRAME, 0.0, table.y[row] + 0.1, table.x[row] - 0.1))
        assert at.session.cell == Cell(TRAINING, row)
    assert picking == [True] * len(at.rows)
    assert not at.picker.picking
    before = at.session.cell
    at.picker.pick((FRAME, 0.0, -500.0, -500.0))
    assert at.session.cell == before
    at.seen = None
    at.picker.pick((FRAME, 0.0, table.y[at.rows[0]], table.x[at.rows[0]]))
    assert at.session.cell == before


def test_a_click_picks_and_a_drag_does_not(at: Shown) -> None:
    row = int(at.rows[0])
    place = (FRAME, 0.0, at.index.table.y[row], at.index.table.x[row])
    where = tuple(at.cells.data_to_world(place))
    at.press(where, (1.0, 1.0), (40.0, 0.0))
    assert at.session.cell is None
    at.press(where, (1.0, 1.0))
    assert at.session.cell == Cell(TRAINING, row)


def test_a_step_goes_to_a_neighbor_in_the_family(at: Shown) -> None:
    at.picker.step(Step.NEXT)
    assert at.session.cell is None
    row = int(at.rows[0])
    expected = neighbours(family_layout(at.index, row), row)
    for step in Step:
        at.session.select(Cell(TRAINING, row))
        at.picker.step(step)
        wanted = expected[step]
        assert at.session.cell == Cell(TRAINING, row if wanted is None else wanted)
    assert any(found is not None for found in expected.values())
