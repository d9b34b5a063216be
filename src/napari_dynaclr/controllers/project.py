"""Controller of the project panel: opens projects in the background, remembers the last one."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

from napari.utils.notifications import show_error, show_info

from dynaclr.base.paths import absolute_path
from napari_dynaclr.controllers.context import ImageContext
from napari_dynaclr.controllers.pairs import COMPARING
from napari_dynaclr.presentation.layers import COLOUR_BY
from napari_dynaclr.state.cells import cell_of_track
from napari_dynaclr.state.memory import RECENT, note_project, recall, remember
from napari_dynaclr.state.project import VALIDATION, Project, open_project
from napari_dynaclr.state.sample_data import is_sample, make_sample
from napari_dynaclr.state.session import Session
from napari_dynaclr.views.project import ProjectView
from napari_dynaclr.workers import Jobs, Tell

__all__ = ("OPENING", "ProjectController")

OPENING = "opening the project"
_SHOWN = (OPENING, COMPARING)
"""Work that the panel shows and can cancel."""
_COLOR, _FOLLOW = "colour by", "follow"


class ProjectController:
    """Connects session, image and project panel.

    Parameters
    ----------
    session
        Gets the project.
    jobs
        Where set-up runs.
    context
        The image, for the choice of the field of view.
    view
        The panel.
    """

    def __init__(self, session: Session, jobs: Jobs, context: ImageContext, view: ProjectView) -> None:
        self.session, self.jobs, self.context, self.view = session, jobs, context, view
        view.open_requested.connect(self.open)
        view.sample_requested.connect(self.open_sample)
        view.cancel_requested.connect(self._cancel)
        view.attach_requested.connect(self.attach)
        view.fov_chosen.connect(context.show_fov)
        view.colour_chosen.connect(self._set_color)
        view.follow_toggled.connect(self._set_follow)
        color = recall(_COLOR, context.colour_by)
        view.colour.setCurrentText(color if color in COLOUR_BY else context.colour_by)
        view.follow.setChecked(recall(_FOLLOW, context.follow))
        view.track_typed.connect(self.go_to_track)
        jobs.changed.connect(self._on_jobs)
        jobs.told.connect(self._on_told)
        session.project_changed.connect(self._on_project)
        context.fov_changed.connect(view.set_shown)
        recent = recall(RECENT, [])
        view.set_recent(recent)
        self._on_project(session.project)
        if recent and session.project is None:
            view.set_path(str(recent[0]))
            gone = not Path(str(recent[0])).exists()
            view.set_state(
                f"The last project no longer exists: {recent[0]}"
                if gone
                else "Press Open, or Return in the field, to open the last project."
            )

    def close(self) -> None:
        """Disconnect from the session."""
        self.session.project_changed.disconnect(self._on_project)
        self.context.fov_changed.disconnect(self.view.set_shown)
        self.jobs.leave(changed=self._on_jobs, told=self._on_told)

    def _set_follow(self, follow: bool) -> None:
        self.context.follow = follow
        remember(_FOLLOW, follow)

    def _set_color(self, name: str) -> None:
        self.context.set_colour_by(name)
        remember(_COLOR, name)

    def go_to_track(self, text: str) -> None:
        """Select a track of the field of view that is shown: its first observation, or that of a frame."""
        project, shown = self.session.project, self.context.shown
        if project is None or shown is None:
            return
        number, _, frame = (part.strip() for part in text.partition("@"))
        if not number.isdecimal() or not (frame.isdecimal() or not frame):
            show_error(f"'{text}' is not a track: enter its ID, or ID @ frame.")
            return
        cell = cell_of_track(project, *shown, int(number), int(frame) if frame else None)
        if cell is None:
            place = _fov_title(project, *shown)
            show_error(f"No track {number}{f' in frame {frame}' if frame else ''} in {place}.")
        else:
            self.session.visit(cell)

    def open(self, text: str) -> None:
        """Open a path; the current project stays until the new one is ready."""
        path = absolute_path(text)
        self.view.set_path(str(path))
        self.view.set_state(f"Opening {path} ...")
        self.jobs.start(OPENING, lambda tell: _open(path, tell), self._opened, self.view.set_state)

    def open_sample(self) -> None:
        """Make the synthetic experiments in a temporary folder and open them."""
        self.view.set_state("Making the sample data ...")
        self.jobs.start(OPENING, _sample, self._opened, self.view.set_state)

    def _opened(self, project: Project) -> None:
        self.session.project = project
        self.view.set_path(str(project.path))
        if is_sample(project.path):
            return
        self.view.set_recent(note_project(project.path))

    def _cancel(self) -> None:
        for kind in _SHOWN:
            self.jobs.cancel(kind)
        self.view.set_state(
            "Canceled." if self.session.project is None else self._about(self.session.project)
        )

    def attach(self, folder: str) -> None:
        """Compare the batches with those recorded by a run."""
        project = self.session.project
        if project is None:
            return
        if not (Path(folder) / "run.json").is_file():
            show_error(f"{folder} is not a run folder: it has no run.json.")
            return
        self.session.project = replace(project, run=Path(folder))
        show_info(f"Attached run {Path(folder).name}.")

    def _on_jobs(self, kind: str, running: bool) -> None:
        if kind in _SHOWN:
            self.view.set_busy(any(self.jobs.running(item) for item in _SHOWN))

    def _on_told(self, kind: str, step: str, done: int, total: int) -> None:
        if kind in _SHOWN:
            self.view.set_progress(step, done, total)

    def _on_project(self, project: Project | None) -> None:
        if project is None:
            self.view.set_report(None)
            self.view.set_fovs((), None)
            return
        self.view.set_report(project.report, project.warnings)
        self.view.set_state(self._about(project))
        self.view.set_busy(any(self.jobs.running(kind) for kind in _SHOWN))
        entries = [
            (_fov_title(project, part, code), part, code)
            for part, index in project.parts.items()
            for code in range(len(index.fovs))
        ]
        self.view.set_fovs(entries, self.context.shown)
        if self.context.shown is None and entries:
            self.context.show_fov(*entries[0][1:])

    def _about(self, project: Project) -> str:
        experiments = project.pipeline.config.data.experiments_yaml
        lines = [f"Open: {project.path}"]
        if experiments != project.path:
            lines.append(f"Experiments: {experiments}")
        else:
            lines.append("A list of experiments without a training configuration: small patches, raw pixels.")
        if project.curation.is_file():
            lines.append(f"Marks: {project.curation}")
        return "\n".join(lines)


def _fov_title(project: Project, part: str, code: int) -> str:
    index = project.index(part)
    entry = index.fovs[code]
    held = " (held out)" if part == VALIDATION else ""
    return f"{index.registry.names[entry.experiment]} {entry.layout.name}, {entry.condition}{held}"


def _sample(tell: Tell) -> Project:
    """Make the synthetic experiments with a training for them."""
    tell("making cells", 0, 1)
    return _open(make_sample(), tell)


def _open(path: Path, tell: Tell) -> Project:
    import_module("matplotlib")  # vispy does when it draws the first track, and the window would stand still
    return open_project(path, tell)
