"""Imports tracks of another tool over a layer or a plate: reads, draws, writes, has the project opened."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image
from napari.utils.notifications import show_info
from qtpy.QtCore import QTimer

from dynaclr.base.errors import ConfigError, DynaclrError
from dynaclr.base.paths import absolute_path
from dynaclr.convert import (
    ArrayOptions,
    ConversionReport,
    ImageSize,
    TracksPreview,
    preview_tracks,
    tracks_onto_arrays,
    tracks_onto_plate,
)
from dynaclr.experiment import FovLayout, PlateLayout, location, read_plate
from dynaclr.tracks.sources import Found, SourceOptions, read_source, table_names
from napari_dynaclr.controllers.layer_watch import LayerWatch
from napari_dynaclr.controllers.own_layers import OwnLayers, set_tracks
from napari_dynaclr.presentation.import_layers import (
    TrackRows,
    plate_axes,
    plate_layers,
    preview_rows,
    preview_tracks_layer,
)
from napari_dynaclr.presentation.import_text import error_fault, found_text, question_fault
from napari_dynaclr.presentation.layer_axes import LayerAxes, layer_axes, step_in
from napari_dynaclr.presentation.layers import PREVIEW, LayerData
from napari_dynaclr.presentation.recording import calibration, channels_fault, channels_of, image_fault
from napari_dynaclr.presentation.recording_text import as_name
from napari_dynaclr.state.memory import recall, remember
from napari_dynaclr.views.import_tracks import ImportTracksView, SourceEntered, TargetEntered
from napari_dynaclr.widgets.layer_list import Choice
from napari_dynaclr.workers import Jobs, Tell, telling_errors

READING, PLATE, IMPORTING = "reading the tracks", "reading the plate", "importing the tracks"
SHOWING = "showing the field of view"
_WORK = (READING, PLATE, SHOWING, IMPORTING)
_WAIT_MS = 250  # whoever types on within it wants no reading yet
_PLATE_TITLE = "a plate (OME-Zarr) ..."
_FOLDER, _CONDITION, _PATH = "import folder", "import condition", "import plate"
_SOURCE_FAULTS = ("source", "columns", "first_frame", "unit", "pixel", "time_step")


@dataclass(frozen=True, slots=True)
class _Place:
    """The image that tracks are held against.

    Attributes
    ----------
    key
        Tells it from others.
    size
        Its size.
    axes
        Where it lies in the viewer.
    z_step_um, interval_minutes
        What it says of its steps; None for nothing.
    layout
        The field of view, if it is of a plate.
    """

    key: Hashable
    size: ImageSize
    axes: LayerAxes
    z_step_um: float | None
    interval_minutes: float | None
    layout: FovLayout | None = None

    @property
    def deep(self) -> bool:
        """Whether it is shown with a z axis."""
        return len(self.axes.scale) == 4


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What reading gave: names of a table's columns, and the tracks, or why there are none."""

    names: tuple[str, ...]
    found: TracksPreview | None
    drawn: TrackRows | None
    error: str = ""


class ImportTracks:
    """Connects the form of an import with the viewer.

    Parameters
    ----------
    layers
        The viewer's layers.
    jobs
        Where files are read and written.
    view
        The form.
    open_project
        Called with the experiments.yaml that was written.
    """

    def __init__(
        self, layers: OwnLayers, jobs: Jobs, view: ImportTracksView, open_project: Callable[[str], None]
    ) -> None:
        self._own, self.jobs, self.view, self._open = layers, jobs, view, open_project
        self._plate: PlateLayout | None = None
        self._place: _Place | None = None
        self._found: TracksPreview | None = None
        self._columns: dict[str, str] = {}  # what the user said that columns are
        self._guessed: dict[str, str] = {}  # what they are otherwise
        self._source = ""  # the file that this is about
        self._read: tuple[object, Found] | None = None  # what was read last, and of what
        self._soon = QTimer(view)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.look)
        view.condition.setText(recall(_CONDITION, "control"))
        view.folder.setText(recall(_FOLDER, ""))
        view.plate.setText(recall(_PATH, ""))
        view.source_changed.connect(self._on_source)
        view.column_chosen.connect(self._on_column)
        view.plate_changed.connect(self._on_plate)
        view.target_changed.connect(self.check)
        view.write_requested.connect(self.write)
        view.cancel_requested.connect(self.cancel)
        jobs.changed.connect(self._on_jobs)
        jobs.told.connect(self._on_told)
        self.watch = LayerWatch(layers.viewer, (Image,), self.follow)
        self.follow()
        self.check()

    def close(self) -> None:
        """Disconnect, give work up and take what was only shown away."""
        self.watch.close()
        self.jobs.leave(*_WORK, changed=self._on_jobs, told=self._on_told)
        if self._own.is_open:
            self._clear()

    def cancel(self) -> None:
        """Give up what is being read or written."""
        for kind in _WORK:
            self.jobs.cancel(kind)

    # the image

    def follow(self) -> None:
        """Offer the current images; the choice is kept."""
        usable = [layer for layer in self.watch.of(Image) if not image_fault(layer)]
        chosen = self.view.source_entered().layer if self.view.image.count() else None
        keys = [layer.unique_id for layer in usable]
        if chosen not in keys and (self.view.image.count() <= 1 or chosen is not None):
            chosen = keys[0] if keys else None
        choices = [
            Choice(layer.unique_id, layer.name, "A layer of the viewer", True, layer.unique_id == chosen)
            for layer in usable
        ]
        self.view.set_images(
            [*choices, Choice(None, _PLATE_TITLE, "A field of view on disk", True, chosen is None)]
        )
        if self._place is None or self._find_place(self.view.source_entered()) != self._place:
            self._on_source()

    def _layer(self, key: object) -> Any | None:
        return next((layer for layer in self.watch.of(Image) if layer.unique_id == key), None)

    def _on_plate(self) -> None:
        """Read what the plate has."""
        text = self.view.source_entered().plate
        self._plate = None
        self.view.set_fovs(())
        self._soon.stop()
        if not text:
            self._on_source()
            return
        try:
            path = location(text)
        except ConfigError as error:
            self._show_place(None, str(error))
            return

        def arrived(plate: PlateLayout) -> None:
            self._plate = plate
            self.view.set_fovs(list(plate.fovs))
            remember(_PATH, str(path))
            self._on_source()

        def failed(error: str) -> None:
            self._show_place(None, error_fault(error, path)[1])

        self.jobs.start(PLATE, lambda tell: read_plate(path), arrived, failed, quiet=True)

    def _find_place(self, entered: SourceEntered) -> _Place | None:
        """Return the image that is chosen, None if there is none yet."""
        if entered.layer is not None:
            layer = self._layer(entered.layer)
            return None if layer is None else _place_of_layer(layer)
        if self._plate is None or entered.fov not in self._plate.fovs:
            return None
        return _place_of_plate(self._plate.fovs[entered.fov])

    def _show_place(self, place: _Place | None, fault: str = "") -> None:
        """Show the image if it is of a plate, and say what is wrong with it."""
        self.view.set_fault("image", fault)
        if place == self._place and not fault:
            return
        self._place, self._found = place, None
        self.jobs.cancel(SHOWING)
        if place is None or place.layout is None:
            self._clear(images=True)
        if place is not None:
            name = as_name(Path(self._source).name.partition(".")[0])
            self.view.set_target(name, place.interval_minutes)
        if place is not None and place.layout is not None:
            layout = place.layout
            self.jobs.start(
                SHOWING,
                lambda tell: plate_layers(layout),
                self._show_image,
                lambda text: self.view.set_fault("image", text),
                quiet=True,
            )

    def _show_image(self, layers: list[LayerData]) -> None:
        """Show channels of a plate, below the tracks; layers that fit are used again: adding one is slow."""
        viewer = self._own.viewer
        old = [layer for layer in self._previews() if not hasattr(layer, "graph")]
        if [layer.multiscale for layer in old] == [
            bool(options.get("multiscale")) for _, options, _ in layers
        ]:
            for layer, (content, options, _) in zip(old, layers, strict=True):
                layer.data, layer.name = content, options["name"]
                _put(layer, options)
            return
        self._clear(images=True)
        for content, options, _ in layers:
            viewer.add_image(content, **options)
        tracks = self._tracks()
        if tracks is not None:
            viewer.layers.move(viewer.layers.index(tracks), len(viewer.layers))

    # the tracks

    def _on_source(self) -> None:
        """Read soon: whoever types is not done yet."""
        entered = self.view.source_entered()
        self.view.set_plate_asked(entered.layer is None)
        unread = entered.layer is None and self._plate is None and bool(entered.plate)
        if unread and not self.jobs.running(PLATE) and not self.view.faults["image"].text():
            self._on_plate()
            return
        if entered.source != self._source:
            self._source, self._columns, self._guessed = entered.source, {}, {}
            self.view.set_unsaid()
            self.view.set_columns((), {})
        self.view.set_ready(False)
        self._soon.start(_WAIT_MS)

    def _on_column(self, name: str, column: str) -> None:
        self._columns[name] = column
        self._on_source()

    def look(self) -> None:
        """Read the file over the image, as far as both are chosen."""
        entered = self.view.source_entered()
        try:
            place = self._find_place(entered)
        except DynaclrError as error:
            self._show_place(None, str(error))
            return
        if place is not None or entered.layer is not None:
            self._show_place(place)
        for name in _SOURCE_FAULTS:
            self.view.set_fault(name, "")
        self._found = None
        if place is None or not entered.source:
            self.view.set_report("Choose the image and the file of its tracks.")
            self.check()
            return
        path, options = absolute_path(entered.source), self._options(entered, place)
        size, deep = place.size, place.deep

        def work(tell: Tell) -> _Outcome:
            tell(path.name, 0, 0)
            return self._outcome(path, options, size, deep)

        self.view.set_target(as_name(path.name.partition(".")[0]), place.interval_minutes)
        self.jobs.start(READING, work, self._on_outcome, quiet=True)

    def _options(self, entered: SourceEntered, place: _Place) -> SourceOptions:
        deep = place.size.shape[2] > 1
        return SourceOptions(
            pixel_size_um=entered.pixel_size_um or None,
            z_step_um=place.z_step_um if deep else None,
            first_frame=entered.first_frame,
            time_step=entered.time_step or None,
            columns=dict(self._columns),
            unit=entered.unit or None,
        )

    def _outcome(self, path: Path, options: SourceOptions, size: ImageSize, deep: bool) -> _Outcome:
        """Read a source; runs beside the window."""
        names: tuple[str, ...] = ()
        try:
            names = table_names(path) if path.exists() else ()
            found = preview_tracks(path, options, size, read=self._read_once)
            return _Outcome(names, found, preview_rows(found, size.shape, deep))
        except DynaclrError as error:
            return _Outcome(names, None, None, str(error))

    def _read_once(self, path: Path, options: SourceOptions) -> Found:
        """Read a file again only if it, or what its columns are, has changed."""
        stat = path.stat() if path.exists() else None
        key = (path, None if stat is None else (stat.st_mtime_ns, stat.st_size), dict(options.columns))
        kept = self._read
        if kept is None or kept[0] != key or path.is_dir():
            kept = self._read = (key, read_source(path, options))
        found = kept[1]
        return replace(found, counts=copy.deepcopy(found.counts), could_be=dict(found.could_be))

    def _on_outcome(self, outcome: _Outcome) -> None:
        found, path = outcome.found, absolute_path(self._source)
        self._guessed = self._guessed if found is None else found.names
        open_ = {} if found is None else {item.field: item for item in found.questions if item.open}
        taken = set(self._columns.values())
        shown = {
            name: column
            for name, column in self._guessed.items()
            if name not in open_ and column not in taken
        }
        self.view.set_columns(outcome.names, {**shown, **self._columns})
        self._found = found
        if found is None:
            self.view.set_report("")
            self.view.set_fault(*error_fault(outcome.error, path))
            self._draw(None)
        else:
            faults: dict[str, list[str]] = {}
            for question in open_.values():
                field, text = question_fault(question)
                faults.setdefault(field, []).append(text)
            if found.fault and not open_:
                field, text = error_fault(found.fault, path)
                faults.setdefault(field, []).append(text)
            for field, texts in faults.items():
                self.view.set_fault(field, "\n".join(texts))
            self.view.set_report(found_text(found, outcome.drawn))
            self._draw(outcome.drawn)
        self.check()

    # what is drawn

    def _tracks(self) -> Any | None:
        return next((layer for layer in self._previews() if layer.ndim and hasattr(layer, "graph")), None)

    def _previews(self) -> list[Any]:
        return [layer for layer in self._own.viewer.layers if PREVIEW in layer.metadata]

    def _draw(self, tracks: TrackRows | None) -> None:
        """Draw tracks in place of those before."""
        viewer, layer, place = self._own.viewer, self._tracks(), self._place
        if tracks is None or not len(tracks.rows) or place is None:
            if layer is not None:
                layer.visible = False
            return
        content, options, _ = preview_tracks_layer(tracks, place.axes)
        if layer is not None and layer.ndim != content.shape[1] - 1:
            viewer.layers.remove(layer)
            layer = None
        if layer is None:
            viewer.add_tracks(content, **options)
            return
        set_tracks(layer, content, options)
        _put(layer, options)
        layer.visible = True

    def _clear(self, *, images: bool = False) -> None:
        """Remove what is shown: all, or only the images."""
        for layer in self._previews():
            if not (images and hasattr(layer, "graph")):
                self._own.viewer.layers.remove(layer)

    # writing

    def check(self) -> None:
        """Say what is missing for writing."""
        target, found, place = self.view.target_entered(), self._found, self._place
        folder = absolute_path(target.folder)
        there = bool(target.name and target.folder) and _exists(folder, target.name, place)
        self.view.set_exists(there)
        fault = _target_fault(target)
        if not fault and there and not self.view.replace.isChecked():
            fault = f"{folder} has '{target.name}' already: choose another name, or replace it."
        if not fault:
            try:
                _array_options(target, place, found)
            except ConfigError as error:
                fault = str(error)
        self.view.set_fault("target", fault if found is not None else "")
        open_ = found is None or bool(found.fault) or any(item.open for item in found.questions)
        self.view.set_ready(not open_ and not fault)

    def write(self) -> None:
        """Write what is shown, in the background, and open it."""
        self.check()
        found, place, target = self._found, self._place, self.view.target_entered()
        if not self.view.write.isEnabled() or found is None or place is None:
            return
        folder, options = absolute_path(target.folder), _array_options(target, place, found)
        remember(_FOLDER, target.folder)
        remember(_CONDITION, target.condition)
        plate, layout = self._plate, place.layout
        if plate is not None and layout is not None:

            def work(tell: Tell) -> ConversionReport:
                tell("writing tracks", 0, 0)
                return tracks_onto_plate(found, plate, layout.name, folder, options, overwrite=target.replace)

        else:
            channels = self._channels(place)

            def work(tell: Tell) -> ConversionReport:
                return tracks_onto_arrays(
                    found,
                    channels,
                    folder,
                    options,
                    overwrite=target.replace,
                    progress=lambda done, total: tell("writing frames", done, total),
                )

        self.jobs.start(IMPORTING, telling_errors(work), self._written, self._failed)

    def _channels(self, place: _Place) -> dict[str, Any]:
        """Return the pixels of the chosen layer, and of those that lie over it."""
        chosen = self._layer(place.key)
        images = [
            layer
            for layer in self.watch.of(Image)
            if layer is chosen or (not image_fault(layer) and not channels_fault([chosen, layer]))
        ]
        return channels_of(images)

    def _written(self, report: ConversionReport) -> None:
        (fov,) = report.fovs
        show_info(
            f"Imported: {fov.observations} observations of {fov.tracks} tracks, {fov.divisions} divisions."
        )
        self._soon.stop()
        self._found, self._source = None, ""
        self.view.set_done(f"Written: {report.experiments_yaml}. Choose another file to go on.")
        self._clear()  # before the project is shown
        self._open(str(report.experiments_yaml))

    def _failed(self, text: str) -> None:
        self.check()
        self.view.set_fault("target", text)

    def _on_jobs(self, kind: str, _running: bool) -> None:
        if kind in _WORK:
            self.view.set_busy(any(self.jobs.running(item) for item in _WORK))

    def _on_told(self, kind: str, step: str, done: int, total: int) -> None:
        if kind in (READING, IMPORTING):
            self.view.set_progress(step, done, total)


def _put(layer: Any, options: dict[str, Any]) -> None:
    """Give a layer its place; what is the same is not set, as each is drawn anew."""
    for name in ("scale", "translate"):
        if name in options and not np.array_equal(getattr(layer, name), options[name]):
            setattr(layer, name, options[name])
    layer.units = options["units"]


def _place_of_layer(layer: Any) -> _Place:
    axes, said = layer_axes(layer), calibration(layer)
    pixels = layer.data[0] if layer.multiscale else layer.data
    shape = tuple(int(size) for size in pixels.shape)
    depth = shape[1] if len(shape) == 4 else 1
    pixel_um = said.pixel_size_um or 0.0
    size = ImageSize((shape[0], 1, depth, shape[-2], shape[-1]), pixel_um, "layer")
    z_step = step_in(axes, "z", "um") if len(shape) == 4 else None
    return _Place(layer.unique_id, size, axes, z_step, said.interval_minutes)


def _place_of_plate(layout: FovLayout) -> _Place:
    minutes = layout.scale[0] / 60 if "t" in layout.calibrated else None
    depth = layout.scale[2] if "z" in layout.calibrated else None
    return _Place((str(layout.path),), ImageSize.of(layout), plate_axes(layout), depth, minutes, layout)


def _exists(folder: Path, name: str, place: _Place | None) -> bool:
    """Whether writing would replace something."""
    if place is not None and place.layout is not None:
        return (folder / f"{name}.tracks" / place.layout.name).exists()
    return (folder / f"{name}.zarr").exists()


def _target_fault(target: TargetEntered) -> str:
    """Return what was not entered."""
    if not target.interval_minutes:
        return "Set the interval between frames."
    if not target.name:
        return "Give the experiment a name."
    if not target.folder:
        return "Choose the folder to write to."
    if not Path(target.folder).expanduser().is_absolute():
        return "Enter the full path of the folder."
    return ""


def _array_options(target: TargetEntered, place: _Place | None, found: TracksPreview | None) -> ArrayOptions:
    said = None if found is None else found.options.pixel_size_um
    options = ArrayOptions(
        name=target.name,
        interval_minutes=target.interval_minutes,
        pixel_size_um=(0.0 if place is None else place.size.pixel_um) or said or 1.0,
        z_step_um=1.0 if place is None else place.z_step_um or 1.0,
        condition=target.condition,
    )
    options.config(["image"])
    return options
