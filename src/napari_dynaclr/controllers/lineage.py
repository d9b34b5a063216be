"""Shows the lineage of the selected cell: tree layout, film strip and steps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dynaclr.images import PatchRequest
from dynaclr.index import MultiExperimentIndex
from napari_dynaclr.keys.steps import Step, neighbours, strip_rows
from napari_dynaclr.presentation.lineage_layout import LineageLayout, family_layout
from napari_dynaclr.presentation.positives import positives_of
from napari_dynaclr.state.project import TRAINING, Cell, Project
from napari_dynaclr.state.session import Session
from napari_dynaclr.views.lineage import LineageView
from napari_dynaclr.workers import Jobs, Tell


class LineageController:
    """Connects session and lineage view.

    Parameters
    ----------
    session
        Whose cell is shown.
    jobs
        Where the film strip is read.
    view
        Where the family is shown.
    """

    def __init__(self, session: Session, jobs: Jobs, view: LineageView) -> None:
        self.session, self.jobs, self.view = session, jobs, view
        self._layout: LineageLayout | None = None
        self._part = TRAINING
        self._frame: int | None = None
        session.cell_changed.connect(self._on_cell)
        session.project_changed.connect(self._on_project)
        view.row_clicked.connect(self._on_row)
        view.step_requested.connect(self.step)
        self._on_cell(session.cell)

    def close(self) -> None:
        """Disconnect from the session."""
        self.session.cell_changed.disconnect(self._on_cell)
        self.session.project_changed.disconnect(self._on_project)

    def _on_project(self, project: Project | None) -> None:
        self._layout = None
        self.view.set_family(None)

    def _on_cell(self, cell: Cell | None) -> None:
        project = self.session.project
        if project is None or cell is None:
            self._layout = None
            self.view.set_family(None)
            return
        index = project.index(cell.part)
        if self._layout is None or cell.part != self._part or cell.row not in self._layout.row:
            self._layout, self._part = family_layout(index, cell.row), cell.part
            self.view.set_family(self._layout)
            if self._frame is not None:
                self.view.set_time(self._frame)
        self.view.set_selected(cell.row)
        dataset = project.pipeline.train_dataset if cell.part == TRAINING else project.pipeline.val_dataset
        assert dataset is not None
        found = positives_of(index, dataset.law, self._layout, cell.row)
        self.view.set_positives(found.rows, found.probability, found.barrier)
        self._read_strip(project, cell)

    def _read_strip(self, project: Project, cell: Cell) -> None:
        layout = self._layout
        assert layout is not None
        rows = strip_rows(layout, cell.row)
        index = project.index(cell.part)

        def show(images: npt.NDArray[np.float32]) -> None:
            if self._layout is layout and self.session.cell == cell:
                labels = [f"{hours:.3g} h" for hours in index.hours(rows).tolist()]
                self.view.set_strip(images, rows, labels)

        def work(tell: Tell) -> npt.NDArray[np.float32]:
            return _first_channel(project, index, cell.part, rows)

        def failed(text: str) -> None:
            if self._layout is layout and self.session.cell == cell:
                self.view.say(f"The film strip cannot be read: {text}")

        self.jobs.start("reading the film strip", work, show, failed, quiet=True)

    def step(self, name: str) -> None:
        """Go to a neighbor of the selected cell."""
        cell = self.session.cell
        if cell is None or self._layout is None:
            return
        row = neighbours(self._layout, cell.row)[Step(name)]
        if row is not None:
            self.session.select(Cell(cell.part, row))

    def set_frame(self, frame: int) -> None:
        """Move the line of the current time."""
        self._frame = frame
        self.view.set_time(frame)

    def _on_row(self, row: int) -> None:
        self.session.visit(Cell(self._part, row))


def _first_channel(
    project: Project, index: MultiExperimentIndex, part: str, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Return the patches of rows, first channel, maximum over the slices, (N, Y, X)."""
    dataset = project.pipeline.train_dataset if part == TRAINING else project.pipeline.val_dataset
    assert dataset is not None
    readable = index.readable[rows]
    y, x = index.corners(rows[readable])
    request = PatchRequest(index.table.fov_of(rows[readable]), index.table.t[rows[readable]], y, x)
    height, width = index.yx_patch_size
    images = np.zeros((rows.size, height, width), dtype=np.float32)
    images[readable] = dataset.reader.read(request)[:, 0].max(axis=1)
    return images
