"""Shows the pairs of the batch that a run trains on, redrawn from its batch address."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from napari_dynaclr.controllers.project import OPENING
from napari_dynaclr.state.project import Project, open_project
from napari_dynaclr.state.session import PairRequest, Session
from napari_dynaclr.workers import Jobs, Tell

__all__ = ("RunningPairs",)


class RunningPairs:
    """Connects a running training with the displayed pair.

    What is open stays open if it draws the batches that the run has recorded; else the run's own
    configuration is opened, as only that draws the pairs that its network sees.

    Parameters
    ----------
    session
        Gets the project, if need be, and the pair.
    jobs
        Where batches are compared and the run's configuration is set up.
    """

    def __init__(self, session: Session, jobs: Jobs) -> None:
        self.session, self.jobs = session, jobs

    def show(self, run: Path, epoch: int, batch: int) -> None:
        """Show the first pair of a batch of a run; batches are counted over all ranks."""
        project, request = self.session.project, PairRequest(epoch, batch)

        def work(tell: Tell) -> Project:
            if project is not None and _draws_those_of(project, run, tell):
                return project if project.run == run else replace(project, run=run)
            return open_project(run, tell)

        def done(found: Project) -> None:
            now = self.session.project
            if project is not None and found.shares_data(project) and now is not project:
                self.show(run, epoch, batch)  # what was compared is not open any more
                return
            if found is not now:
                self.session.project = found
            self.session.ask(request)

        self.jobs.start(OPENING, work, done)


def _draws_those_of(project: Project, run: Path, tell: Tell) -> bool:
    """Whether a project draws what a run has recorded, bit for bit."""
    if project.path.parent == run:
        return True
    found = project.inspector.compare(run / "previews", lambda done, total: tell("batches", done, total))
    return found.identical
