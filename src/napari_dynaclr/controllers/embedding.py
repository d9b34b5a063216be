"""Controller of the embedding dock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from qtpy.QtWidgets import QFileDialog

from dynaclr.base import keys
from dynaclr.base.random import BatchKey, Purpose, shuffled, uniforms
from napari_dynaclr.controllers.embedding_work import (
    CLUSTERING,
    FITTING,
    LOADING,
    MAPPING,
    PREDICTING,
    EmbeddingWork,
)
from napari_dynaclr.controllers.neighbors import NeighbourController
from napari_dynaclr.keys.embedding import EMBEDDING_ACTIONS
from napari_dynaclr.keys.key import act_of
from napari_dynaclr.state.atlas import Atlas
from napari_dynaclr.state.embedding import COLOUR_BY
from napari_dynaclr.state.project import Cell, Project
from napari_dynaclr.state.watched_runs import WatchedRuns
from napari_dynaclr.views.embedding import EmbeddingView

__all__ = ("EmbeddingController",)

_LONG = (PREDICTING, LOADING, MAPPING, CLUSTERING, FITTING)
_NONE: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)


class EmbeddingController:
    """Connects session, embedding and dock.

    Parameters
    ----------
    work
        Makes and computes; has session, jobs and model.
    runs
        Tells which runs can be embedded.
    view
        The dock.
    """

    def __init__(self, work: EmbeddingWork, runs: WatchedRuns, view: EmbeddingView) -> None:
        self.work, self.runs, self.view = work, runs, view
        self.session, self.model, self.jobs = work.session, work.model, work.jobs
        self._points: npt.NDArray[np.floating] | None = None
        self.neighbours = NeighbourController(self.session, self.jobs, self.model, view.neighbours)
        self._connect()
        self.neighbours.found.connect(lambda _: self._mark_near())
        self._show_runs()
        self._on_atlas()
        self._on_selection()
        for kind in _LONG:
            if self.jobs.running(kind):
                self._on_jobs(kind, True)

    def _connect(self) -> None:
        view, model = self.view, self.model
        view.source.predict_requested.connect(self.predict)
        view.source.open_requested.connect(self._on_open)
        view.source.cancel_requested.connect(self.work.cancel)
        view.choices.chosen.connect(lambda field, value: model.choose(**{field: value}))
        view.scatter.clicked.connect(self._on_point)
        view.scatter.hovered.connect(self._on_hover)
        view.scatter.outlined.connect(self.work.outline)
        view.selected.fov_clicked.connect(self._on_fov)
        view.action_requested.connect(self.act)
        model.atlas_changed.connect(self._on_atlas)
        model.look_changed.connect(self._on_look)
        model.selection_changed.connect(self._on_selection)
        self.work.said.connect(self._say)
        self.session.cell_changed.connect(self._on_cell)
        self.session.project_changed.connect(self._on_project)
        self.runs.listed.connect(self._on_listed)
        self.runs.watched_changed.connect(self._show_runs)
        self.jobs.changed.connect(self._on_jobs)
        self.jobs.told.connect(self._on_told)

    def close(self) -> None:
        """Disconnect; running tasks continue."""
        self.neighbours.close()
        self.model.atlas_changed.disconnect(self._on_atlas)
        self.model.look_changed.disconnect(self._on_look)
        self.model.selection_changed.disconnect(self._on_selection)
        self.work.said.disconnect(self._say)
        self.session.cell_changed.disconnect(self._on_cell)
        self.session.project_changed.disconnect(self._on_project)
        self.runs.listed.disconnect(self._on_listed)
        self.runs.watched_changed.disconnect(self._show_runs)
        self.jobs.leave(changed=self._on_jobs, told=self._on_told)

    def predict(self, run: Path) -> None:
        """Embed the cells of a run's data, then show them."""
        self.work.predict(run)

    def _on_open(self) -> None:
        project = self.session.project
        start = "" if project is None else str(project.run or project.path.parent)
        chosen, _ = QFileDialog.getOpenFileName(self.view, "Embedding", start, "Embeddings (*.parquet)")
        if chosen:
            self.work.load(Path(chosen))

    def _on_project(self, project: Project | None) -> None:
        self._show_runs()

    def _on_listed(self, _: object) -> None:
        self._show_runs()

    def _show_runs(self) -> None:
        """Offer the run of the project, those that are watched, and those of the folder, that have ended."""
        project, watched = self.session.project, self.runs.runs
        found = [] if project is None or project.run is None else [project.run]
        found += [path for path, run in watched.items() if not run.going and run.there]
        found += [item.path for item in self.runs.summaries if item.state.ended]
        current = self.runs.current
        self.view.set_runs(tuple(dict.fromkeys(found)), None if current is None else current.path)
        self.view.source.set_busy(any(self.jobs.running(kind) for kind in _LONG))

    def _on_jobs(self, kind: str, _: bool) -> None:
        if kind not in _LONG:
            return
        busy = next((name for name in _LONG if self.jobs.running(name)), "")
        self.view.set_progress(busy, 0, 0, bool(busy))
        if not busy:
            self.view.set_state(self.work.text or self.model.about)

    def _on_told(self, kind: str, step: str, done: int, total: int) -> None:
        if kind in _LONG:
            self.view.set_progress(kind, done, total)
            self.view.set_state(f"{kind[0].upper()}{kind[1:]}: {step} ...")

    def _say(self, text: str) -> None:
        self.view.set_state(text or self.model.about)

    def _on_atlas(self) -> None:
        atlas = self.model.atlas
        self.view.set_embedding(atlas is not None)
        self.view.set_state(self.model.about)
        self._points = None
        self._on_look()

    def _on_look(self) -> None:
        """Show map and colors as far as they are known."""
        model, view = self.model, self.view
        view.choices.set_values(model.look)
        if model.atlas is None:
            return
        points = model.points
        if points is not None and not self._same(points):
            self._points = points
            view.set_points(points, _order(len(points)), _axes(model.look.layout))
            view.scatter.set_selected(model.selected)
        coloring = model.colouring
        if coloring is not None and self._points is not None:
            view.set_colouring(coloring)
        self._on_cell(self.session.cell)

    def _same(self, points: npt.NDArray[np.floating]) -> bool:
        return self._points is not None and np.array_equal(points, self._points, equal_nan=True)

    def _on_cell(self, cell: Cell | None) -> None:
        atlas = self.model.atlas
        number = None if atlas is None or self._points is None else atlas.number(cell)
        if atlas is None or number is None:
            self.view.set_cell(None, _NONE, [])
        else:
            self.view.set_cell(number, *atlas.path_of(number))
        self._mark_near()
        self._show_travel()

    def _mark_near(self) -> None:
        """Mark the neighbors in the plot, if they are those of the cell that is marked."""
        rows, number = self.neighbours.rows, self.view.number
        if self._points is not None:
            self.view.scatter.set_near(rows[1:] if rows.size and rows[0] == number else _NONE)

    def _show_travel(self) -> None:
        self.view.set_travel(*self.session.can_go, bool(self.model.selected.size))

    def _on_selection(self) -> None:
        model, atlas = self.model, self.model.atlas
        if self._points is not None:
            self.view.scatter.set_selected(model.selected)
        fovs = (
            []
            if atlas is None
            else [(code, " ".join(atlas.fov_names[code]), count) for code, count in model.selected_fovs]
        )
        self.view.selected.set_fovs(fovs)
        if fovs:
            self.view.tabs.setCurrentWidget(self.view.selected)
        self._show_travel()

    def _on_point(self, number: int) -> None:
        """Go to the cell of a point."""
        if self._points is None:
            return  # the plot still shows another embedding
        cell = None if self.model.atlas is None else self.model.atlas.cell(number)
        if cell is None:
            self.view.set_state("This cell is not in the open project: it cannot be shown in the image.")
            return
        self.session.select(cell)
        self.view.tabs.setCurrentWidget(self.view.neighbours)

    def _on_hover(self, number: int) -> None:
        atlas = self.model.atlas
        nothing = number < 0 or atlas is None or self._points is None
        self.view.scatter.show_tip("" if nothing or atlas is None else _tip(atlas, number))

    def _on_fov(self, code: int) -> None:
        """Go to the first selected cell of a field of view."""
        atlas = self.model.atlas
        if atlas is None:
            return
        here = self.model.selected[atlas.fov[self.model.selected] == code]
        here = here[atlas.row[here] >= 0]
        if here.size:
            self.session.select(atlas.cell(int(here[np.argmin(atlas.t[here])])))

    def act(self, name: str) -> None:
        """Perform an action of the table of actions."""
        act_of(EMBEDDING_ACTIONS, name)(self)

    def walk(self, step: int) -> None:
        """Go to the selected cell `step` on."""
        cell = self.model.walk(self.session.cell, step)
        if cell is not None:
            self.session.select(cell)

    def select_none(self) -> None:
        """Deselect all cells."""
        self.model.select(_NONE)

    def next_colour(self) -> None:
        """Color by the next property that is quick to compute."""
        simple = COLOUR_BY[: COLOUR_BY.index("PCA 3") + 1]
        here = simple.index(self.model.look.colour_by) if self.model.look.colour_by in simple else -1
        self.model.choose(colour_by=simple[(here + 1) % len(simple)])


def _order(count: int) -> npt.NDArray[np.int64]:
    """Return an order to paint points in, in which no group hides another; always the same."""
    return shuffled(count, uniforms(BatchKey(0, 0, 0), Purpose.AUDIT, count)[:, 0])


def _axes(layout: str) -> tuple[str, str]:
    """Return the names of the axes of a layout."""
    if layout.startswith("PCA"):
        first, second = layout.removeprefix("PCA ").split(", ")
        return f"principal component {first}", f"principal component {second}"
    return f"{layout} 1", f"{layout} 2"


def _tip(atlas: Atlas, number: int) -> str:
    seen = atlas.table.observations.iloc[number]
    absent = "" if atlas.row[number] >= 0 else "\nnot in the open project"
    return (
        f"{seen[keys.EXPERIMENT]} {seen[keys.FOV_NAME]}, {seen[keys.CONDITION]}\n"
        f"track {seen[keys.TRACK_ID]}, frame {seen[keys.T]}, {seen[keys.HOURS]:.3g} h{absent}"
    )
