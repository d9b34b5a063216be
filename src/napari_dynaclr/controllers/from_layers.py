"""Writes layers of the viewer as a project and has it opened; follows the layers, and changes none."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

from napari.layers import Image, Labels, Tracks
from napari.utils.notifications import show_info

from dynaclr.base.errors import ConfigError
from dynaclr.base.paths import absolute_path
from dynaclr.convert import ArrayOptions, ConversionReport, convert_arrays
from napari_dynaclr.controllers.layer_watch import LayerWatch
from napari_dynaclr.presentation.recording import (
    Calibration,
    calibration,
    cells_fault,
    channels_fault,
    image_fault,
    recorded,
)
from napari_dynaclr.presentation.recording_text import as_name, recording_note
from napari_dynaclr.state.memory import recall, remember
from napari_dynaclr.views.from_layers import Entered, FromLayersForm
from napari_dynaclr.widgets.layer_list import Choice
from napari_dynaclr.workers import Jobs, Tell, telling_errors

WRITING = "writing the layers"
_FLAT = (
    " Hide the original layers: napari aligns axes from the last one, so the time axis of layers without "
    "slices would follow the z slider of the project."
)
_NO_IMAGE = "Open an image and its tracks or labels in napari first; layers of the open project do not count."
_FOLDER, _CONDITION = "layers folder", "layers condition"


class FromLayers:
    """Connects the layers of a viewer with the form that makes a project of them.

    Parameters
    ----------
    viewer
        napari's viewer.
    jobs
        Where the project is written.
    view
        The form.
    open_project
        Called with the experiments.yaml that was written.
    """

    def __init__(
        self, viewer: Any, jobs: Jobs, view: FromLayersForm, open_project: Callable[[str], None]
    ) -> None:
        self.jobs, self.view = jobs, view
        self._open = open_project
        self._ticked: dict[Hashable, bool] = {}  # what the user ticked, and took the tick from
        self._chosen: Hashable = None  # the cells that the user chose
        self._named = False  # whether the user typed a name
        self._said: tuple[Hashable, Calibration] | None = None  # what the first channel said of its steps
        view.set_text("condition", recall(_CONDITION, "control"))
        view.folder.setText(recall(_FOLDER, ""))
        view.changed.connect(self.check)
        view.image_toggled.connect(self._tick)
        view.cells_chosen.connect(self._choose)
        view.name_typed.connect(self._keep_name)
        view.write_requested.connect(self.write)
        view.cancel_requested.connect(lambda: jobs.cancel(WRITING))
        jobs.changed.connect(self._on_jobs)
        jobs.told.connect(self._on_told)
        self.layers = LayerWatch(viewer, (Image, Labels, Tracks), self.follow)
        self.follow()

    def close(self) -> None:
        """Disconnect, and cancel writing."""
        self.layers.close()
        self.jobs.leave(WRITING, changed=self._on_jobs, told=self._on_told)

    def follow(self) -> None:
        """Offer the current layers; the choice is kept."""
        there = {layer.unique_id for layer in self.layers.of(Image, Labels, Tracks)}
        self._ticked = {key: on for key, on in self._ticked.items() if key in there}
        chosen = self._images()
        self.view.images.set_choices(
            [_image_choice(layer, layer in chosen) for layer in self.layers.of(Image)]
        )
        cells = self._cells()
        self.view.set_cells([_cell_choice(layer, layer is cells) for layer in self._cell_layers()])
        self._calibrate(chosen[0] if chosen else None)
        if not self._named:
            self.view.set_text("name", as_name(cells.name if cells is not None else ""))
        self.check()

    def _images(self) -> list[Any]:
        """Return the images that are ticked: by the user, else all that fit the first of them."""
        usable = [layer for layer in self.layers.of(Image) if not image_fault(layer)]
        wanted = [layer for layer in usable if self._ticked.get(layer.unique_id, True)]
        return [
            layer
            for layer in wanted
            if layer.unique_id in self._ticked or not channels_fault([wanted[0], layer])
        ]

    def _cell_layers(self) -> list[Any]:
        return [*self.layers.of(Tracks), *self.layers.of(Labels)]

    def _cells(self) -> Any | None:
        """Return the layer of the cells: the chosen one, else the first."""
        layers = self._cell_layers()
        return next((layer for layer in layers if layer.unique_id == self._chosen), next(iter(layers), None))

    def _calibrate(self, image: Any | None) -> None:
        """Show the steps of the first channel if it says others than before; what was typed stays else."""
        if image is None:
            return
        said = image.unique_id, calibration(image)
        self.view.set_deep(image.ndim == 4)
        if said == self._said:
            return
        before = None if self._said is None else self._said[1].interval_minutes
        self._said, steps = said, said[1]
        if steps.interval_minutes is not None or before == self.view.entered().interval_minutes:
            self.view.set_number("interval", steps.interval_minutes)
        self.view.set_number("pixel", steps.pixel_size_um)
        self.view.set_number("z_step", steps.z_step_um)

    def _tick(self, key: Hashable, on: bool) -> None:
        self._ticked[key] = on
        self.follow()

    def _choose(self, key: Hashable) -> None:
        self._chosen = key
        self.follow()

    def _keep_name(self) -> None:
        self._named = bool(self.view.entered().name)

    def check(self) -> None:
        """Say what would be written, and what is missing."""
        entered, images, cells = self.view.entered(), self._images(), self._cells()
        folder = absolute_path(entered.folder)
        there = bool(entered.name and entered.folder) and (folder / f"{entered.name}.zarr").exists()
        self.view.set_exists(there)
        fault = self._images_fault(images) or cells_fault(cells) or _entered_fault(entered)
        if not fault and there and not entered.replace:
            fault = (
                f"{folder} already has an experiment '{entered.name}': choose another name, or replace it."
            )
        fault = fault or self._options_fault(entered, images)
        note = "" if channels_fault(images) or cells_fault(cells) else recording_note(images, cells)
        self.view.set_verdict(note, fault)

    def _images_fault(self, images: list[Any]) -> str:
        """Return why there are no channels, or why these are none."""
        return channels_fault(images) if self.layers.of(Image) else _NO_IMAGE

    @staticmethod
    def _options_fault(entered: Entered, images: list[Any]) -> str:
        try:
            _options(entered).config([layer.name for layer in images])
        except ConfigError as error:
            return str(error)
        return ""

    def write(self) -> None:
        """Write what is chosen, in the background, and open it."""
        self.check()
        if not self.view.write.isEnabled():
            return
        entered = self.view.entered()
        taken, options = recorded(self._images(), self._cells()), _options(entered)
        folder = absolute_path(entered.folder)
        remember(_FOLDER, entered.folder)
        remember(_CONDITION, entered.condition)

        def work(tell: Tell) -> ConversionReport:
            rows = taken.rows(lambda done, total: tell("finding cells", done, total))
            return convert_arrays(
                taken.channels,
                rows,
                taken.graph or {},
                folder,
                options,
                overwrite=entered.replace,
                progress=lambda done, total: tell("writing frames", done, total),
            )

        self.jobs.start(WRITING, telling_errors(work), self._written, self._failed)

    def _written(self, report: ConversionReport) -> None:
        (fov,) = report.fovs
        show_info(
            f"Written: {fov.observations} observations of {fov.tracks} tracks, {fov.divisions} divisions "
            f"in {fov.frames} frames.{_FLAT if any(image.ndim == 3 for image in self._images()) else ''}"
        )
        self.check()
        self._open(str(report.experiments_yaml))

    def _failed(self, text: str) -> None:
        self.check()
        self.view.set_failure(text)

    def _on_jobs(self, kind: str, running: bool) -> None:
        if kind == WRITING:
            self.view.set_busy(running)

    def _on_told(self, kind: str, step: str, done: int, total: int) -> None:
        if kind == WRITING:
            self.view.set_progress(step, done, total)


def _image_choice(layer: Any, ticked: bool) -> Choice:
    fault = image_fault(layer)
    tip = f"Cannot be a channel: {fault}" if fault else "Tick it to use it as a channel of this name"
    return Choice(layer.unique_id, layer.name, tip, not fault, ticked)


def _cell_choice(layer: Any, chosen: bool) -> Choice:
    kind = "tracks" if isinstance(layer, Tracks) else "labels"
    return Choice(layer.unique_id, f"{layer.name} ({kind})", f"{layer.name}: {kind}", True, chosen)


def _entered_fault(entered: Entered) -> str:
    """Return what was not entered."""
    if not entered.interval_minutes:
        return "Set the interval between frames."
    if not entered.name:
        return "Give the experiment a name."
    if not entered.folder:
        return "Choose the folder to write to."
    if not Path(entered.folder).expanduser().is_absolute():
        return "Enter the full path of the folder."
    return ""


def _options(entered: Entered) -> ArrayOptions:
    return ArrayOptions(
        name=entered.name,
        interval_minutes=entered.interval_minutes,
        pixel_size_um=entered.pixel_size_um or 1.0,
        z_step_um=entered.z_step_um or 1.0,
        condition=entered.condition,
    )
