"""Controller of the batch view: draws, summarizes and reads batches in the background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr.composition import Composition, Pool
from dynaclr.pipeline import BatchInspector, Sight
from napari_dynaclr.controllers.batch_report import BatchReportController
from napari_dynaclr.controllers.sampling import SamplingController
from napari_dynaclr.keys.batch import BATCH_ACTIONS
from napari_dynaclr.keys.key import act_of
from napari_dynaclr.presentation.batch_tiles import ChannelColour, PairText, channel_colours, pair_texts
from napari_dynaclr.presentation.thumbnails import composite, contrast, middle_slice
from napari_dynaclr.state.project import Project
from napari_dynaclr.state.session import PairRequest, Session
from napari_dynaclr.views.batch import BatchView
from napari_dynaclr.workers import Jobs, Tell

__all__ = ("BATCH", "PAIRS", "BatchController", "batch_dock")

BATCH, PAIRS = "statistics of the batch", "pairs of the batch"
"""Kinds of work in the background."""
_AT_ONCE = 24  # pairs that one piece of work reads


@dataclass(frozen=True, slots=True)
class _Picture:
    """All that is shown of one batch."""

    pool: Pool
    composition: Composition
    texts: list[PairText]
    channels: list[ChannelColour]


@dataclass(frozen=True, slots=True)
class _Address:
    """A batch of one sampler."""

    inspector: BatchInspector
    epoch: int
    batch: int


class BatchController:
    """Handles the requests of a batch view.

    Parameters
    ----------
    session
        What is open and looked at.
    jobs
        Background work.
    view
        Shows the answers.
    """

    def __init__(self, session: Session, jobs: Jobs, view: BatchView) -> None:
        self._session, self._jobs, self._view = session, jobs, view
        self._pool: Pool | None = None
        self._shown: _Address | None = None
        self._channels: list[ChannelColour] = []
        self._limits: dict[Sight, npt.NDArray[np.float64]] = {}
        self._sight = Sight.RAW
        self._reading: tuple[_Address, Sight] | None = None
        self._report = BatchReportController(
            session, jobs, view.report, lambda: view.address.address[0], lambda: self._pool
        )
        self._options = SamplingController(session, jobs, view.form)
        session.project_changed.connect(self._on_project)
        session.request_changed.connect(self._on_request)
        view.address.address_wished.connect(self._on_address)
        view.place_clicked.connect(self._on_place)
        view.sheet.pictures_wanted.connect(self._on_pictures_wanted)
        view.sight_changed.connect(self._on_sight)
        view.contrast_requested.connect(self._on_contrast)
        self._on_project(session.project)

    def close(self) -> None:
        """Disconnect and cancel background work; the view may already be gone."""
        self._session.project_changed.disconnect(self._on_project)
        self._session.request_changed.disconnect(self._on_request)
        self._jobs.leave(BATCH, PAIRS)
        self._report.close()
        self._options.close()

    def act(self, name: str) -> None:
        """Do one of `BATCH_ACTIONS`."""
        act_of(BATCH_ACTIONS, name)(self)

    def step(self, name: str) -> None:
        """Go to the next or previous batch, if there is one."""
        self._view.address.steps[name].click()

    def _on_project(self, project: Project | None) -> None:
        if project is None:
            self._pool, self._shown = None, None
            self._jobs.cancel(BATCH)
            self._view.show_nothing()
            return
        if self._pool is None or self._pool.dataset is not project.inspector.dataset:
            self._pool, self._limits = None, {}
        if self._shown is not None and self._shown.inspector is not project.inspector:
            self._shown = None  # its places hold other pairs now
        self._draw(project, self._session.request)

    def _on_request(self, request: PairRequest) -> None:
        project = self._session.project
        if project is not None and (request.anchor is None or self._shown is None):
            self._draw(project, request)

    def _draw(self, project: Project, request: PairRequest) -> None:
        """Show the batch of a request, or only choose its pair if the batch is shown already."""
        epoch, batch = (request.epoch, request.batch) if request.anchor is None else (0, 0)
        address = _Address(project.inspector, epoch, batch)
        if address == self._shown:
            self._jobs.cancel(BATCH)
            self._view.sheet.set_chosen(request.place)
            return
        known = self._pool

        def work(tell: Tell) -> _Picture:
            inspector = address.inspector
            pool = known or Pool(inspector.dataset)
            tell("counting", 0, 1)
            composition = inspector.composition(epoch, 1, first=batch, pool=pool)
            texts = pair_texts(inspector.dataset.index, inspector.draw(epoch, batch))
            return _Picture(pool, composition, texts, channel_colours(inspector))

        self._jobs.start(BATCH, work, lambda picture: self._show(address, picture))

    def _show(self, address: _Address, picture: _Picture) -> None:
        self._pool, self._shown, self._channels = picture.pool, address, picture.channels
        inspector = address.inspector
        text = (
            f"seed {inspector.sampler.seed}, epoch {address.epoch}, batch {address.batch} of "
            f"{inspector.batches_per_epoch} over all ranks; {len(picture.texts)} pairs"
        )
        view = self._view
        view.address.set_address(address.epoch, address.batch, inspector.batches_per_epoch, text)
        view.set_batch(picture.composition, picture.texts, picture.channels)
        request = self._session.request
        if request.anchor is None and (request.epoch, request.batch) == (address.epoch, address.batch):
            view.sheet.set_chosen(request.place)

    def _on_address(self, epoch: int, batch: int) -> None:
        self._session.ask(PairRequest(epoch, batch))

    def _on_place(self, place: int) -> None:
        if self._shown is not None:
            self._session.ask(PairRequest(self._shown.epoch, self._shown.batch, place))

    def _on_sight(self, sight: str) -> None:
        self._sight = Sight(sight)
        self._view.sheet.drop_pictures()

    def _on_contrast(self) -> None:
        self._limits.pop(self._sight, None)
        self._view.sheet.drop_pictures()

    def _on_pictures_wanted(self, places: list[int]) -> None:
        address, sight = self._shown, self._sight
        if address is None or (self._jobs.running(PAIRS) and self._reading == (address, sight)):
            return  # what is still missing is asked for again when this work is done
        self._reading = address, sight
        chosen, known = places[:_AT_ONCE], self._limits.get(sight)
        colors = [channel.rgb for channel in self._channels]

        def work(tell: Tell) -> tuple[Any, ...]:
            rows = address.inspector.anchors(address.epoch, address.batch)
            tell("reading", 0, len(chosen))
            pixels = [middle_slice(part) for part in address.inspector.images(rows, np.array(chosen), sight)]
            limits = contrast(np.concatenate(pixels)) if known is None else known
            return limits, *(composite(part, limits, colors) for part in pixels)

        def done(result: tuple[Any, ...]) -> None:
            if (self._shown, self._sight) == (address, sight):
                self._limits[sight] = result[0]
                self._view.sheet.set_pictures(chosen, *result[1:])

        self._jobs.start(PAIRS, work, done, self._view.sheet.set_message)


def batch_dock(session: Session, jobs: Jobs) -> BatchView:
    """Return the batch view of a window, connected to the open project."""
    view = BatchView()
    controller = BatchController(session, jobs, view)
    view.destroyed.connect(controller.close)
    view.controller = controller
    return view
