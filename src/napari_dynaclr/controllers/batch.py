"""Connects the batch view with what is open: draws, counts and reads in the background."""

from __future__ import annotations

import contextlib
import csv
import io
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.utils.notifications import show_info

from dynaclr import keys
from dynaclr.anchor_columns import AnchorColumns
from dynaclr.atomic import write_text_atomically
from dynaclr.composition import Composition, Pool, condition_confounds, table
from dynaclr.config_edit import save_options
from dynaclr.config_file import read_config
from dynaclr.errors import ConfigError
from dynaclr.inspector import BatchInspector, Sight
from dynaclr.pipeline_config import SamplingConfig
from dynaclr.strict_yaml import load_yaml
from napari_dynaclr.models.project import Project, resampled
from napari_dynaclr.models.session import PairRequest, Session
from napari_dynaclr.option_specs import sampling_options
from napari_dynaclr.pictures.thumbnails import composite, contrast, middle_slice
from napari_dynaclr.views.batch import BatchView
from napari_dynaclr.words.batch_tiles import ChannelColour, PairText, channel_colours, pair_texts
from napari_dynaclr.workers import Jobs, Tell

__all__ = ("BatchController", "batch_dock")

BATCH, PAIRS, REPORT = "composition of the batch", "pairs of the batch", "report on batches"
OPTIONS, FILE, SAVING = "options of the sampler", "options of the file", "saving"
_AT_ONCE = 24  # pairs that one piece of work reads

_OF_A_RUN = "This file is the record of a run and stays as it is: save a new YAML instead."
_NO_TRAINING = "A list of experiments is open: there is no training's YAML to write to."


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
    """Answers the wishes of a batch view.

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
        self._report: Composition | None = None
        self._own: Project | None = None
        session.project_changed.connect(self._on_project)
        session.request_changed.connect(self._on_request)
        jobs.changed.connect(self._on_work)
        jobs.told.connect(self._on_told)
        view.address.address_wished.connect(self._on_address)
        view.place_clicked.connect(self._on_place)
        view.sheet.pictures_wanted.connect(self._on_pictures_wanted)
        view.sight_changed.connect(self._on_sight)
        view.contrast_requested.connect(self._on_contrast)
        view.report.report_requested.connect(self._on_report)
        view.report.cancel_requested.connect(lambda: jobs.cancel(REPORT))
        view.report.save_requested.connect(self._on_save)
        view.form.options_changed.connect(self._on_options)
        view.form.write_requested.connect(self._on_write)
        self._on_project(session.project)

    def close(self) -> None:
        """Stop listening and give work up; the view may be gone already."""
        self._session.project_changed.disconnect(self._on_project)
        self._session.request_changed.disconnect(self._on_request)
        with contextlib.suppress(RuntimeError):  # the window may have taken its jobs with it already
            self._jobs.changed.disconnect(self._on_work)
            self._jobs.told.disconnect(self._on_told)
            for kind in (BATCH, PAIRS, REPORT, OPTIONS, FILE):
                self._jobs.cancel(kind)

    def _on_project(self, project: Project | None) -> None:
        self._jobs.cancel(REPORT)
        self._report = None
        self._view.report.set_report(None)
        if project is None:
            self._pool, self._shown, self._own = None, None, None
            self._view.show_nothing()
            return
        if self._pool is None or self._pool.dataset is not project.inspector.dataset:
            self._pool, self._limits = None, {}
        self._show_options(project)
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
        colours = [channel.rgb for channel in self._channels]

        def work(tell: Tell) -> tuple[Any, ...]:
            rows = address.inspector.rows(address.epoch, address.batch)
            tell("reading", 0, len(chosen))
            pixels = [middle_slice(part) for part in address.inspector.images(rows, np.array(chosen), sight)]
            limits = contrast(np.concatenate(pixels)) if known is None else known
            return limits, *(composite(part, limits, colours) for part in pixels)

        def done(result: tuple[Any, ...]) -> None:
            if (self._shown, self._sight) == (address, sight):
                self._limits[sight] = result[0]
                self._view.sheet.set_pictures(chosen, *result[1:])

        self._jobs.start(PAIRS, work, done, self._view.sheet.set_message)

    def _on_work(self, kind: str, running: bool) -> None:
        if kind == REPORT:
            self._view.report.set_running(running)

    def _on_told(self, kind: str, step: str, done: int, total: int) -> None:
        if kind == REPORT:
            self._view.report.set_progress(step, done, total)

    def _on_report(self, count: int) -> None:
        project = self._session.project
        if project is None:
            return
        inspector, known, epoch = project.inspector, self._pool, self._view.address.address[0]

        def work(tell: Tell) -> Composition:
            pool = known or Pool(inspector.dataset)
            composition = inspector.composition(
                epoch, count, lambda done: tell("batches", done, count), pool=pool
            )
            tell("confounds", count, count)
            composition.confounds = condition_confounds(inspector.dataset.index, composition.rows)
            return composition

        self._jobs.start(REPORT, work, self._show_report)

    def _show_report(self, composition: Composition) -> None:
        self._report = composition
        self._view.report.set_report(composition)

    def _on_save(self, path: str) -> None:
        report = self._report
        if report is not None:
            self._jobs.start(
                SAVING,
                lambda tell: _save_report(report, Path(path)),
                lambda place: show_info(f"Written to {place}"),
            )

    def _show_options(self, project: Project) -> None:
        """Show the options of a project, unless the form is where they come from."""
        config = project.pipeline.config
        own, self._own = project is self._own, None
        values = {} if own else _plain(config.sampling)
        self._view.form.set_values(values, _choices(project))
        seeded = config.split.val_fov_fraction > 0
        lock = "It also decides which FOVs are held out: change it in the file and open that again."
        self._view.form.set_locked({"seed": lock} if seeded else {})
        texts = [text for text in project.warnings if text.startswith("sampler:")]
        self._view.form.set_error("")
        self._view.form.set_message("\n".join(texts))
        if not own:
            self._read_file(project)

    def _read_file(self, project: Project) -> None:
        """Tell the form what the file holds."""

        def work(tell: Tell) -> tuple[dict[str, Any], str | None, str | None]:
            content = load_yaml(project.path)
            saved = _plain(read_config(project.path).sampling)
            if "experiments" in content:
                return saved, _NO_TRAINING, _NO_TRAINING
            return saved, None if project.run is None else _OF_A_RUN, None

        self._jobs.start(FILE, work, lambda found: self._view.form.set_saved(*found))

    def _on_options(self, values: dict[str, Any]) -> None:
        """Make the sampler anew with the options of the form."""
        project, form = self._session.project, self._view.form
        if project is None:
            return
        sampling = SamplingConfig(**values)
        if _plain(project.pipeline.config.sampling) == _plain(sampling):
            self._jobs.cancel(OPTIONS)
            form.set_error("")
            return

        def work(tell: Tell) -> Project | str:
            try:
                return resampled(project, sampling)
            except ConfigError as error:
                return str(error)

        def done(result: Project | str) -> None:
            if isinstance(result, str):
                form.set_error(result)
            elif self._session.project is project:
                self._own = result
                self._session.project = result

        self._jobs.start(OPTIONS, work, done)

    def _on_write(self, path: str | None) -> None:
        project, form = self._session.project, self._view.form
        if project is None:
            return
        changes, target = form.changes(), None if path is None else Path(path)

        def done(place: Path) -> None:
            form.set_message(f"Written to {place}")
            if target is None:
                self._read_file(project)

        self._jobs.start(
            SAVING,
            lambda tell: save_options(project.path, changes, target, overwrite=True),
            done,
            form.set_error,
        )


def _plain(sampling: SamplingConfig) -> dict[str, Any]:
    """Return options as a YAML has them."""
    values = {field.name: getattr(sampling, field.name) for field in fields(sampling)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _choices(project: Project) -> dict[str, tuple[str, ...]]:
    """Return the names that options may hold: columns, experiments and conditions."""
    index, sampler = project.inspector.dataset.index, project.inspector.sampler
    options = project.pipeline.config.sampling
    columns = tuple(name for name in AnchorColumns(index).names if name != keys.HOURS)
    groups = sampler.group.labels if options.experiment_aware else tuple(index.registry.names)
    strata = sampler.stratum.labels if options.condition_balanced else tuple(index.condition_names)
    return {
        "group_by": columns,
        "stratify_by": columns,
        "experiment_weights": groups,
        "condition_ratio": strata,
    }


def _save_report(report: Composition, path: Path) -> Path:
    """Write a report as a table or as an image."""
    if path.suffix == ".png":
        from dynaclr.figures import composition_figure, save

        return save(composition_figure(report), path)
    rows = table(report)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text_atomically(path, text.getvalue())
    return path


def batch_dock(session: Session, jobs: Jobs) -> BatchView:
    """Return the batch view of a window, connected with what is open."""
    view = BatchView(sampling_options())
    controller = BatchController(session, jobs, view)
    view.destroyed.connect(controller.close)
    view.owner = controller
    return view
