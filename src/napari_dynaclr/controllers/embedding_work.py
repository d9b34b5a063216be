"""Predicts, reads and projects embeddings; continues while no dock is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.utils.notifications import show_info, show_warning
from psygnal import Signal

from dynaclr.embedding import EMBEDDING_FILE, UMAP_MISSING, Method, has_umap, kmeans, principal_components
from dynaclr.runs.control.predicting import Prediction, is_current, map_embedding, predict_run
from dynaclr.runs.record.layout import RunFolder
from napari_dynaclr.state.atlas import Atlas, open_atlas, placed, unplaced
from napari_dynaclr.state.embedding import COMPONENTS, GROUPS, LAYOUTS, EmbeddingModel, Need
from napari_dynaclr.state.project import Project, open_project
from napari_dynaclr.state.session import Session
from napari_dynaclr.workers import Jobs, Tell

__all__ = ("CLUSTERING", "FITTING", "LOADING", "MAPPING", "PREDICTING", "EmbeddingWork")

PREDICTING, LOADING = "embedding the cells", "reading the embedding"
FITTING, CLUSTERING, MAPPING = "principal components", "clusters", "embedding map"
_PLACING, _OUTLINING = "finding the cells", "cells inside the outline"
_COMPONENTS = 50


@dataclass(frozen=True, slots=True)
class _Loaded:
    project: Project
    atlas: Atlas
    about: str


class EmbeddingWork:
    """Connects session, disk and the displayed embedding.

    Parameters
    ----------
    session
        Tells which project the cells are found in.
    jobs
        Where everything is computed.
    model
        Gets what was computed.

    Attributes
    ----------
    text
        What was said last.
    predicted
        The run whose cells were embedded last, or are now.
    """

    said = Signal(str)
    """What is being done or went wrong; empty if there is nothing to say."""

    def __init__(self, session: Session, jobs: Jobs, model: EmbeddingModel) -> None:
        self.session, self.jobs, self.model = session, jobs, model
        self._at: dict[str, Need] = {}
        self.text = ""
        self._of: Any = None
        self._run: Path | None = None
        self.predicted: Path | None = None
        session.project_changed.connect(self._on_project)
        model.atlas_changed.connect(self._compute)
        model.look_changed.connect(self._compute)

    def predict(self, run: Path) -> None:
        """Embed the cells of a run's data in a separate process, then show them."""

        def done(made: Prediction) -> None:
            which = (
                "its best checkpoint"
                if made.best
                else f"its newest checkpoint, {made.checkpoint.name}, because it has no best one"
            )
            show_info(f"{made.rows} cells have been embedded with run {run.name}: {which}.")
            self.load(made.path, f"Embedded with {which}.")

        self.predicted = run
        self._say(f"Embedding the cells of run {run.name} ...")
        self.jobs.start(PREDICTING, lambda tell: predict_run(run, tell), done, self._say)

    def explore(self, run: Path) -> None:
        """Show the embedding of a run; predict first if there is none or the run has trained since."""
        folder = RunFolder(run)
        if is_current(folder):
            self.load(folder.path / EMBEDDING_FILE)
        else:
            self.predict(run)

    def load(self, path: Path, made: str = "") -> None:
        """Read an embedding; if nothing is open, the run it lies in is opened too."""
        self._say(f"Reading {path} ...")
        project = self.session.project

        def work(tell: Tell) -> _Loaded:
            tell("reading", 0, 0)
            opened = project or open_project(path.parent, tell)
            atlas = open_atlas(path, opened)
            return _Loaded(opened, atlas, _about(atlas, made))

        self.jobs.start(LOADING, work, self._loaded, self._say)

    def _loaded(self, found: _Loaded) -> None:
        if self.session.project is None:
            self._run = found.project.run
            self.session.project = found.project
        self._say("")
        here = self.session.project is not None and found.atlas.fits(self.session.project)
        self.model.set_atlas(found.atlas if here else unplaced(found.atlas), found.about)
        if not here:
            self._place()
        if found.atlas.missing == len(found.atlas):
            show_warning(
                "None of the embedded cells is in the open project: they are plotted, but "
                "cannot be shown in the image. "
                "Open the run that made the embedding in the Project panel."
            )

    def _on_project(self, project: Project | None) -> None:
        if project is None:
            self.model.set_atlas(None)
            return
        run, self._run = self._run, project.run
        atlas = self.model.atlas
        path = None if project.run is None else project.run / EMBEDDING_FILE
        new = path is not None and project.run != run and path.is_file()
        if path is not None and new and (atlas is None or atlas.path != path):
            self.load(path)
        if atlas is not None and not atlas.fits(project):
            self.model.set_atlas(unplaced(atlas))
            self._place()

    def _place(self) -> None:
        """Find the cells in the project that is open now."""
        atlas, project = self.model.atlas, self.session.project
        if atlas is None or project is None:
            return

        def done(moved: Atlas) -> None:
            if self.model.atlas is atlas and self.session.project is project:
                self.model.set_atlas(moved)

        self.jobs.start(_PLACING, lambda tell: placed(atlas, project), done, self._say)

    def cancel(self) -> None:
        """Cancel the running task; the earlier embedding stays."""
        for kind in (PREDICTING, LOADING, FITTING, CLUSTERING, MAPPING):
            if self.jobs.running(kind):
                self.jobs.cancel(kind)
                self._say("Canceled.")
                if kind in self._at:
                    self._give_up(self._at.pop(kind))

    def _say(self, text: str) -> None:
        self.text = text
        self.said.emit(text)

    def _compute(self) -> None:
        """Begin with what is needed and not under way."""
        atlas = self.model.atlas
        table = None if atlas is None else atlas.table
        another, self._of = table is not self._of, table
        for kind, need in list(self._at.items()):
            unwanted = another or (kind == MAPPING and need not in self.model.needs())
            if unwanted or not self.jobs.running(kind):
                self.jobs.cancel(kind)
                self._at.pop(kind, None)
        if atlas is None:
            return
        for need in self.model.needs():
            kind = {COMPONENTS: FITTING, GROUPS: CLUSTERING}.get(need.what, MAPPING)
            if self._at.get(kind) == need:
                continue
            if need.what == Method.UMAP and not has_umap():
                show_warning(UMAP_MISSING)
                self._say(UMAP_MISSING)
                self._give_up(need)
                return
            work = self._work(atlas, need)
            if work is not None:
                self._at[kind] = need
                self._start(kind, atlas, need, work)

    def _start(self, kind: str, atlas: Atlas, need: Need, work: Callable[[Tell], npt.NDArray[Any]]) -> None:
        def done(values: npt.NDArray[Any]) -> None:
            if self._at.get(kind) == need:
                del self._at[kind]
            self._say("")
            self.model.learn(atlas, need, values)

        def failed(text: str) -> None:
            self._at.pop(kind, None)
            self._say(text)
            self._give_up(need)

        self.jobs.start(kind, work, done, failed)

    def _work(self, atlas: Atlas, need: Need) -> Callable[[Tell], npt.NDArray[Any]] | None:
        """Return what computes a need; None if something else has to be computed before."""
        vectors = atlas.table.vectors(need.space)
        if need.what == COMPONENTS:

            def components(tell: Tell) -> npt.NDArray[Any]:
                found = principal_components(vectors, _COMPONENTS, lambda n, total: tell("rows", n, total))
                return found.astype(np.float32)

            return components
        if need.what == GROUPS:
            first = self.model.known(Need(COMPONENTS, need.space))
            if first is None:
                return None
            return lambda tell: kmeans(first, need.groups)
        method = Method(need.what)
        return lambda tell: map_embedding(atlas.path, atlas.table, method, need.space, tell)

    def _give_up(self, need: Need) -> None:
        """Choose something else in place of what cannot be had."""
        if need.what == self.model.look.layout:
            self.model.choose(layout=LAYOUTS[0])
        if self.model.look.colour_by.startswith(need.what) or need.what == GROUPS:
            self.model.choose(colour_by="condition")

    def outline(self, corners: npt.NDArray[np.float64], how: str) -> None:
        """Select the cells inside an outline in the plot."""
        points, atlas = self.model.points, self.model.atlas
        if points is None:
            return

        def work(tell: Tell) -> npt.NDArray[np.int64]:
            from matplotlib.path import Path as Outline

            return np.flatnonzero(Outline(corners).contains_points(points))

        def done(numbers: npt.NDArray[np.int64]) -> None:
            if self.model.atlas is atlas:
                self.model.select(numbers, how)

        self.jobs.start(_OUTLINING, work, done, quiet=True)


def _about(atlas: Atlas, made: str) -> str:
    place = atlas.path.parent if atlas.path.name == EMBEDDING_FILE else atlas.path
    lines = [f"{len(atlas)} cells, {atlas.table.features.shape[1]} features of {place.name}."]
    if made:
        lines.append(made)
    elif atlas.path.name == EMBEDDING_FILE and not is_current(RunFolder(atlas.path.parent)):
        lines.append("The run has trained further since this was made: predict again to update it.")
    if atlas.missing:
        lines.append(
            f"{atlas.missing} cells are not in the open project: they are plotted, but cannot be shown in "
            "the image."
        )
    return "\n".join(lines)
