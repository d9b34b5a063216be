"""Controller of the pair view: reads the requested pair in the background."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

import numpy as np
from psygnal import Signal

from dynaclr.base.errors import DynaclrError
from dynaclr.base.random import BatchKey, KeyedBatch, Purpose, uniforms
from dynaclr.pipeline import Agreement, Pair
from napari_dynaclr.keys.key import act_of
from napari_dynaclr.keys.pair import PAIR_ACTIONS
from napari_dynaclr.presentation.pair_text import pair_about, pair_titles
from napari_dynaclr.state.cells import anchor_number, found_again, identity_of
from napari_dynaclr.state.memory import recall, remember
from napari_dynaclr.state.project import TRAINING, Cell, Project
from napari_dynaclr.state.session import PairRequest, Session
from napari_dynaclr.views.pair import MODES, PairView
from napari_dynaclr.workers import Jobs, Tell

__all__ = ("COMPARING", "READING", "PairController")

COMPARING, READING = "comparing with the run", "reading a pair"
"""Kinds of work in the background."""
_MODE = "pairs as"
_EPOCHS = 10_000
_REMEMBERED = 64


class PairController:
    """Connects session, inspector and pair view.

    Parameters
    ----------
    session
        Whose request is shown.
    jobs
        Where pairs are read.
    view
        Where they are shown.
    """

    pair_shown = Signal(int, int)
    """Rows of anchor and positive that are shown."""

    def __init__(self, session: Session, jobs: Jobs, view: PairView) -> None:
        self.session, self.jobs, self.view = session, jobs, view
        self._pairs: OrderedDict[PairRequest, Pair] = OrderedDict()
        self._in_batch = PairRequest()
        self._of: Project | None = None  # what the rows of the view are rows of
        self._set_up_at: PairRequest | None = None  # what was looked at when data were set up anew
        session.project_changed.connect(self._on_project)
        session.request_changed.connect(self._on_request)
        session.cell_changed.connect(self._on_cell)
        view.address.address_wished.connect(self._on_address)
        view.action_requested.connect(self.act)
        view.row_clicked.connect(self._on_row)
        view.mode.setCurrentText(recall(_MODE, next(iter(MODES))))
        view.mode.currentTextChanged.connect(lambda name: remember(_MODE, name))
        jobs.changed.connect(self._on_jobs)
        self._on_project(session.project)
        self._set_up_at = None  # who opens the view wants to see its pair

    def close(self) -> None:
        """Disconnect from the session."""
        self.session.project_changed.disconnect(self._on_project)
        self.session.request_changed.disconnect(self._on_request)
        self.session.cell_changed.disconnect(self._on_cell)
        self.jobs.leave(changed=self._on_jobs)

    def _on_jobs(self, kind: str, running: bool) -> None:
        if kind == READING:
            self.view.set_reading(running)

    def _on_project(self, project: Project | None) -> None:
        self._pairs.clear()
        if project is None or not self._in_batch.fits(project):
            self._in_batch = PairRequest()
        self._set_up_at = None if self.session.cell is None else self.session.request
        self.view.set_same("")
        if project is None:
            self.view.set_empty()
            return
        inspector = project.inspector
        size = project.pipeline.config.sampling.batch_size
        self.view.address.set_limits(_EPOCHS, inspector.batches_per_epoch, size)
        if project.run is not None:
            self._compare(project)
        self._on_request(self.session.request)

    def _compare(self, project: Project) -> None:
        """Say whether the run's recorded batches are those drawn here."""
        run = project.run
        assert run is not None
        inspector = project.inspector

        def work(tell: Tell) -> Agreement:
            return inspector.compare(run / "previews", lambda done, total: tell("batches", done, total))

        self.jobs.start(COMPARING, work, lambda found: self._tell(run.name, found))

    def _tell(self, name: str, found: Agreement) -> None:
        if found.identical:
            text = f"identical to run {name} ({found.compared} recorded batches, every pixel)"
        elif not found.compared:
            text = f"run {name} recorded no batches"
        else:
            file, field = next(iter(found.different.items()))
            text = (
                f"NOT the batches of run {name}: {len(found.different)} of {found.compared} differ, "
                f"first {file} in {field}. Data, marks or options changed since."
            )
        self.view.set_same(text)

    def _on_address(self, epoch: int, batch: int, place: int) -> None:
        self.session.ask(PairRequest(epoch, batch, place))

    def _on_request(self, request: PairRequest) -> None:
        project = self.session.project
        if project is None:
            return
        if request != self._set_up_at:
            self._set_up_at = None
        if request.anchor is None:
            self._in_batch = request
        self.view.set_address(request.epoch, request.batch, request.place, request.anchor is not None)
        self._ways()
        known = self._pairs.get(request)
        if known is not None:
            self._show(project, request, known)
            return

        def work(tell: Tell) -> Pair:
            return read_pair(project, request)

        self.jobs.start(READING, work, lambda pair: self._show(project, request, pair), self.view.set_message)

    def _show(self, project: Project, request: PairRequest, pair: Pair) -> None:
        if project is not self.session.project or request != self.session.request:
            return
        self._remember(request, pair)
        self._of = project
        index = project.index(TRAINING)
        first, second = pair.anchor, pair.positive
        stages = [(first.seen, second.seen), (first.normalized, second.normalized), (first.raw, second.raw)]
        patches = {mode: np.stack(both) for mode, both in zip(MODES, stages, strict=True)}
        fov = int(index.table.fov_of(np.array([int(pair.anchor_meta["row"])]))[0])
        entry = index.fovs[fov]
        rows = int(pair.anchor_meta["row"]), int(pair.positive_meta["row"])
        channels = tuple(index.registry.experiments[entry.experiment].source_channel)
        self.view.set_pair(patches, pair_titles(index, pair), channels, rows, pair_about(index, pair))
        found, hours = pair.candidates, float(index.fov_interval_hours[fov])
        self.view.set_candidates(found.rows, found.tau_frames, found.probability, rows[1], hours)
        if request != self._set_up_at:  # else nobody has asked to go there: the selected cell stays
            self.session.select(Cell(TRAINING, rows[0]))
        self.pair_shown.emit(*rows)
        self._read_ahead(project, request)

    def _remember(self, request: PairRequest, pair: Pair) -> None:
        self._pairs[request] = pair
        self._pairs.move_to_end(request)
        while len(self._pairs) > _REMEMBERED:
            self._pairs.popitem(last=False)

    def _read_ahead(self, project: Project, request: PairRequest) -> None:
        """Read the next pair while the user looks at this one."""
        following = self._stepped(project, request, 1)
        if following in self._pairs:
            return

        def keep(pair: Pair) -> None:
            if project is self.session.project:
                self._remember(following, pair)

        self.jobs.start("reading ahead", lambda tell: read_pair(project, following), keep, quiet=True)

    def act(self, name: str) -> None:
        """Do one of `PAIR_ACTIONS`; without a project only the cell can change."""
        if self.session.project is not None or name in ("back", "forward"):
            act_of(PAIR_ACTIONS, name)(self)

    @property
    def _project(self) -> Project:
        assert self.session.project is not None
        return self.session.project

    def walk(self, step: int) -> None:
        """Look at the pair `step` on."""
        self.session.ask(self._stepped(self._project, self.session.request, step))

    def draw_again(self) -> None:
        """Redraw the positive of the same anchor, alone, with the next batch address."""
        self.session.ask(self._again(self._project, self.session.request))

    def go_to_random(self) -> None:
        """Show a random pair of the epoch."""
        self.session.ask(self._random(self._project, self.session.request))

    def go_to_batch(self) -> None:
        """Show the pair of a batch that was shown last."""
        self.session.ask(self._in_batch)

    def _stepped(self, project: Project, request: PairRequest, step: int) -> PairRequest:
        """Return the address `step` pairs on, over the borders of batches and epochs."""
        if request.anchor is not None:
            return replace(request, batch=max(request.batch + step, 0))
        size = project.pipeline.config.sampling.batch_size
        per_epoch = project.inspector.batches_per_epoch
        number = (request.epoch * per_epoch + request.batch) * size + request.place + step
        batches, place = divmod(max(number, 0), size)
        epoch, batch = divmod(batches, per_epoch)
        return PairRequest(epoch, batch, place)

    def _again(self, project: Project, request: PairRequest) -> PairRequest:
        """Return the same anchor drawn alone with the next batch address."""
        if request.anchor is not None:
            return replace(request, batch=request.batch + 1)
        rows = project.inspector.anchors(request.epoch, request.batch)
        row = int(project.inspector.dataset.rows[rows[request.place]])
        return PairRequest(request.epoch, request.batch + 1, 0, identity_of(project, Cell(TRAINING, row)))

    def _random(self, project: Project, request: PairRequest) -> PairRequest:
        """Return a random pair of the epoch, drawn from the address of the previous one."""
        per_epoch, size = project.inspector.batches_per_epoch, project.pipeline.config.sampling.batch_size
        key = BatchKey(project.inspector.sampler.seed, request.epoch, request.batch)
        batch, place = uniforms(key, Purpose.AUDIT, 1, 2, slot=request.place)[0]
        return PairRequest(request.epoch, int(batch * per_epoch), int(place * size))

    def draw_for_selected(self) -> None:
        """Draw positives for the selected cell only."""
        project, cell = self._project, self.session.cell
        if cell is None:
            self.view.set_message("Select a cell first: click it in the image or in the tree.")
            return
        name = identity_of(project, cell)
        if anchor_number(project, name) is None:
            held = "it is held out for validation" if cell.part != TRAINING else "it is not an anchor"
            self.view.set_message(f"The selected cell is in no training batch: {held}.")
            return
        self._ask(PairRequest(self.session.request.epoch, 0, 0, name))

    def draw_for(self, cell: Cell) -> None:
        """Draw pairs for a cell that was clicked in the image; the pair that it is the anchor of stays."""
        project, pair = self.session.project, self._pairs.get(self.session.request)
        if project is None:
            return
        if pair is not None and cell == Cell(TRAINING, int(pair.anchor_meta["row"])):
            self._ask(self.session.request)
        else:
            self.draw_for_selected()

    def _ask(self, request: PairRequest) -> None:
        """Look at a pair, also if it was looked at last: a message may have taken its place."""
        if request == self.session.request:
            self._on_request(request)
        else:
            self.session.ask(request)

    def _on_row(self, row: int) -> None:
        """Go to a cell of the pair on show, which may still be that of the project before."""
        project = self.session.project
        if row < 0 or project is None or self._of is None:
            return
        cell = found_again(self._of, project, Cell(TRAINING, row))
        if cell is None:
            self.view.set_message("This cell is no longer in the data.")
        else:
            self.session.visit(cell)

    def _on_cell(self, cell: Cell | None) -> None:
        self._ways()

    def _ways(self) -> None:
        self.view.buttons.set_ways(*self.session.can_go)


def read_pair(project: Project, request: PairRequest) -> Pair:
    """Return the pair of a request.

    Raises
    ------
    DynaclrError
        If pixels cannot be read, or the place lies beyond a short batch.
    """
    inspector = project.inspector
    if request.anchor is not None:
        key = BatchKey(inspector.sampler.seed, request.epoch, request.batch)
        number = anchor_number(project, request.anchor)
        if number is None:
            raise DynaclrError(f"{request.anchor} is not an anchor of the training")
        return inspector.pair_of(KeyedBatch([number], key), 0)
    rows = inspector.anchors(request.epoch, request.batch)
    if request.place >= len(rows):
        raise DynaclrError(f"batch {request.batch} holds {len(rows)} pairs")
    return inspector.pair_of(rows, request.place)
