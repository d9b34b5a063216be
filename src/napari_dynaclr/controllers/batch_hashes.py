"""The hash of the displayed batch, as a run records it, computed while the window is idle.

One batch is read at a time, the newest one next; knows no widgets.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from dynaclr.pipeline import BatchInspector
from napari_dynaclr.presentation.batch_name import BatchName
from napari_dynaclr.state.project import Project
from napari_dynaclr.state.session import PairRequest, Session
from napari_dynaclr.workers import Jobs, Tell

HASHING = "hash of the batch"
_DIGITS, _REMEMBERED = 8, 256


class BatchHashes:
    """The displayed batch, and its hash as soon as it is known.

    Parameters
    ----------
    session
        Whose request is looked at.
    jobs
        Where batches are read.
    later
        Runs a function when the window has rested for a moment.
    """

    def __init__(self, session: Session, jobs: Jobs, later: Callable[[Callable[[], None]], None]) -> None:
        self._session, self._jobs, self._later = session, jobs, later
        self._known: OrderedDict[tuple[int, int], str] = OrderedDict()
        self._told: list[Callable[[BatchName | None], None]] = []
        self._planned = self._reading = False
        session.project_changed.connect(self._on_project)
        session.request_changed.connect(self._on_request)

    def follow(self, apply: Callable[[BatchName | None], None]) -> Callable[[], None]:
        """Tell the batch now and whenever there is news, None for no batch; return what ends that."""
        self._told.append(apply)
        apply(self.name)
        self._plan()
        return lambda: self._told.remove(apply)

    @property
    def name(self) -> BatchName | None:
        """The displayed batch; None without a project, and for a pair drawn alone."""
        project, request = self._session.project, self._session.request
        if project is None or request.anchor is not None:
            return None
        digest = self._known.get((request.epoch, request.batch), "")
        return BatchName(project.inspector.sampler.seed, request.epoch, request.batch, digest)

    def _on_project(self, project: Project | None) -> None:
        self._known.clear()
        self._tell()

    def _on_request(self, request: PairRequest) -> None:
        self._tell()

    def _tell(self) -> None:
        for apply in self._told:
            apply(self.name)
        self._plan()

    def _plan(self) -> None:
        if not self._planned and not self._reading and self._told:
            self._planned = True
            self._later(self._start)

    def _start(self) -> None:
        """Read the batch that is looked at now, unless its digest is known."""
        self._planned = False
        project, name = self._session.project, self.name
        if project is None or name is None or name.digest or not self._told:
            return
        inspector, address = project.inspector, (name.epoch, name.batch)

        def work(tell: Tell) -> str:
            return str(inspector.digest(*address)["sha256"])[:_DIGITS]

        self._reading = True
        self._jobs.start(
            HASHING,
            work,
            lambda digest: self._keep(inspector, address, digest),
            lambda text: self._keep(inspector, address, "none, its pixels cannot be read"),
            quiet=True,
        )

    def _keep(self, inspector: BatchInspector, address: tuple[int, int], digest: str) -> None:
        self._reading = False
        project = self._session.project
        if project is not None and project.inspector is inspector:
            self._known[address] = digest
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        self._tell()
