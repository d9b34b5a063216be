"""Puts a training together for the open project and starts it; knows nothing of what becomes of it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info
from qtpy.QtWidgets import QApplication

from dynaclr.atomic import write_text_atomically
from dynaclr.errors import ConfigError
from dynaclr.runs.devices import Device, find_devices
from dynaclr.runs.estimate import Estimate, estimate
from dynaclr.runs.job_script import JobRequest, script_text
from dynaclr.runs.launch import Launch, launch
from dynaclr.runs.layout import RunFolder, run_paths
from dynaclr.runs.presets import Preset, preset_spec
from dynaclr.runs.spec import RunSpec
from napari_dynaclr.models.project import Project
from napari_dynaclr.models.session import Session
from napari_dynaclr.models.watched_runs import WatchedRuns
from napari_dynaclr.views.start_tab import StartTab
from napari_dynaclr.views.training_text import estimate_text
from napari_dynaclr.workers import Cancelled, Jobs, Tell

__all__ = ("RunStart", "runs_folder")

READING = "reading the options"
MEASURING = "estimating the cost"
STARTING = "starting the training"
_DEVICES = "looking for devices"
_OPEN, _PRESET, _RUN = "open", "preset:", "run:"
_MOST_RUNS = 12


def runs_folder(project: Project, root: str) -> Path:
    """Return the folder of run folders of a project: beside its YAML, unless `root` is absolute."""
    base = project.path.parent if project.run is None else project.run.parent.parent
    return (base / Path(root).expanduser()).absolute()


class RunStart:
    """Between session, disk and the tab in which a training is started.

    Parameters
    ----------
    session
        Tells what to train on.
    jobs
        Where files are read and processes are started.
    runs
        Tells which runs can be begun with.
    view
        The tab.
    launched
        Called with the folder of a run that was started.
    """

    def __init__(
        self,
        session: Session,
        jobs: Jobs,
        runs: WatchedRuns,
        view: StartTab,
        launched: Callable[[Path], None],
    ) -> None:
        self.session, self.jobs, self.runs, self.view = session, jobs, runs, view
        self.spec: RunSpec | None = None
        self._launched = launched
        self._why = "open a project first"
        view.origin_chosen.connect(self.begin_with)
        view.option_changed.connect(self.change)
        view.start_requested.connect(self.start)
        view.copy_requested.connect(self.copy_command)
        view.script_requested.connect(lambda file: self.save_script(Path(file)))
        view.estimate_requested.connect(self.measure)
        view.estimate_cancelled.connect(lambda: jobs.cancel(MEASURING))
        jobs.changed.connect(self._on_jobs)
        session.project_changed.connect(self._on_project)
        runs.listed.connect(self._offer)
        jobs.start(_DEVICES, lambda tell: find_devices(), self._on_devices)
        self._on_project(session.project)

    def close(self) -> None:
        """Forget session and jobs."""
        self.session.project_changed.disconnect(self._on_project)
        self.runs.listed.disconnect(self._offer)
        self.jobs.changed.disconnect(self._on_jobs)
        self.jobs.cancel(MEASURING)

    @property
    def root(self) -> Path | None:
        """Folder of run folders; None while nothing is open."""
        project = self.session.project
        if project is None:
            return None
        return runs_folder(project, str(self.spec.get("run.root")) if self.spec else "runs")

    def _on_devices(self, devices: list[Device]) -> None:
        self.view.set_devices(devices)
        self._show()

    def _on_project(self, project: Project | None) -> None:
        self.spec = None
        self.view.set_open(project is not None)
        self.view.set_cost("")
        self._offer()
        if project is not None:
            self.begin_with(_OPEN if self._is_training(project) else f"{_PRESET}{Preset.DEFAULT}")

    @staticmethod
    def _is_training(project: Project) -> bool:
        return project.path != project.pipeline.config.data.experiments_yaml

    def _offer(self, _: Any = None) -> None:
        """Offer what a training can begin with."""
        project = self.session.project
        if project is None:
            self.view.set_origins([])
            return
        origins = [(f"{_PRESET}{item}", f"preset: {item}", "Fitted to the experiments") for item in Preset]
        if self._is_training(project):
            origins.insert(0, (_OPEN, "the open training", str(project.path)))
        listed = [item.path for item in self.runs.summaries[:_MOST_RUNS]]
        origins += [(f"{_RUN}{path}", f"run {path.name}", str(path)) for path in listed]
        self.view.set_origins(origins)

    def begin_with(self, key: str) -> None:
        """Take over the options of a preset, of the open training, or of a run."""
        project = self.session.project
        if project is None:
            return
        self._why = "the options are being read"
        self.spec = None
        self._show()
        self.jobs.start(READING, lambda tell: _spec_of(project, key), self._on_spec, self._on_no_spec)
        path = Path(key.removeprefix(_RUN))
        if key.startswith(_RUN) and self.view.origin.findData(key) < 0:
            self.view.origin.addItem(f"run {path.name}", key)
        self.view.origin.setCurrentIndex(self.view.origin.findData(key))

    def _on_spec(self, spec: RunSpec) -> None:
        self.spec, self._why = spec, ""
        self.view.set_cost("")
        self._show()

    def _on_no_spec(self, text: str) -> None:
        self._why = text
        self._show()

    def change(self, path: str, value: Any) -> None:
        """Set an option; what follows from it follows."""
        if self.spec is None:
            return
        self.spec = self.spec.changed({path: value})
        self.view.set_cost("")
        self._show()

    def _show(self) -> None:
        faults = {} if self.spec is None else self.spec.faults()
        where = ""
        if self.spec is not None and self.root is not None:
            where = f"Goes to {self.root}/<time>-{self.spec.get('run.name')}"
        self.view.set_spec(self.spec, faults, where)
        reason = self._why
        if faults:
            first, text = next(iter(faults.items()))
            more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
            reason = f"{first}: {text}{more}"
        elif not reason and self.view.chosen_device is None:
            reason = "devices are being looked for"
        elif not reason and self.jobs.running(STARTING):
            reason = "it is being started"
        self.view.set_reason(reason)

    def _on_jobs(self, kind: str, running: bool) -> None:
        if kind == MEASURING:
            self.view.set_estimating(running)
        if kind in (MEASURING, STARTING):
            self._show()

    def _ready(self) -> tuple[RunSpec, Path, Launch] | None:
        """Return training, folder of runs and device; None if something lacks."""
        root, device = self.root, self.view.chosen_device
        if self.spec is None or root is None or device is None:
            return None
        devices = [] if device.number is None else [device.number]
        return self.spec.changed({"run.root": str(root)}), root, Launch(devices=devices)

    def start(self) -> None:
        """Start the training in a process of its own."""
        ready = self._ready()
        if ready is None or self.jobs.running(STARTING):
            return
        spec, root, how = ready
        self.jobs.start(
            STARTING,
            lambda tell: launch(spec, _free_path(root, spec), how).path,
            self._launched,
        )

    def measure(self) -> None:
        """Measure what the training will cost."""
        ready = self._ready()
        if ready is None:
            return
        spec, _, how = ready
        epochs = int(spec.get("trainer.max_epochs"))

        def work(tell: Tell) -> Estimate | None:
            def wanted() -> bool:
                try:
                    tell("training a few steps", 0, 0)
                except Cancelled:
                    return False
                return True

            return estimate(spec, how, wanted)

        def done(found: Estimate | None) -> None:
            if found is not None and self.spec is not None:
                self.view.set_cost(estimate_text(found, epochs))

        self.view.set_cost("Measuring: a few steps are run in a process of their own ...")
        self.jobs.start(MEASURING, work, done, self.view.set_cost)

    def copy_command(self) -> None:
        """Write the configuration into the folder of runs and copy the command that starts it."""
        ready = self._ready()
        if ready is None:
            return
        spec, root, _ = ready

        def work(tell: Tell) -> Path:
            root.mkdir(parents=True, exist_ok=True)
            file = _free_path(root, spec).with_suffix(".yaml")
            spec.write(file)
            return file

        def done(file: Path) -> None:
            command = shlex.join([sys.executable, "-m", "dynaclr", "fit", "--config", str(file)])
            clipboard = QApplication.clipboard()
            assert clipboard is not None
            clipboard.setText(command)
            show_info(f"Copied. The configuration is {file}.")

        self.jobs.start("writing the configuration", _telling_errors(work), done)

    def save_script(self, file: Path) -> None:
        """Write a batch script for a cluster, and the run folder that it will train into."""
        ready = self._ready()
        if ready is None:
            return
        spec, root, _ = ready

        def work(tell: Tell) -> Path:
            folder = RunFolder(_free_path(root, spec))
            folder.slurm.mkdir(parents=True)
            spec.write(folder.request)
            write_text_atomically(file, script_text(folder, JobRequest()))
            return folder.path

        def done(folder: Path) -> None:
            show_info(f"Saved. `sbatch {file}` trains into {folder}; tick it in Runs once it has begun.")

        self.jobs.start("writing the script", _telling_errors(work), done)


def _free_path(root: Path, spec: RunSpec) -> Path:
    return next(path for path in run_paths(root, str(spec.get("run.name"))) if not path.exists())


def _spec_of(project: Project, key: str) -> RunSpec:
    """Return what a training begins with; the marks of the project leave out what was rejected."""
    if key.startswith(_RUN):
        return RunSpec.read(Path(key.removeprefix(_RUN)))
    if key == _OPEN:
        spec = RunSpec.read(project.path)
    else:
        spec = preset_spec(Preset(key.removeprefix(_PRESET)), project.pipeline.config.data.experiments_yaml)
    if spec.get("data.curation") is None and project.curation.is_file():
        spec = spec.changed({"data.curation": str(project.curation)})
    return spec


def _telling_errors(work: Callable[[Tell], Path]) -> Callable[[Tell], Path]:
    """Return work whose errors of the disk are written for the user."""

    def told(tell: Tell) -> Path:
        try:
            return work(tell)
        except OSError as error:
            raise ConfigError(f"{error.filename}: cannot be written: {error.strerror}") from error

    return told
