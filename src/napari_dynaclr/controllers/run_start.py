"""Sets up a training for the open project and starts it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info
from psygnal import Signal
from qtpy.QtWidgets import QApplication

from dynaclr.options.spec import RunSpec
from dynaclr.runs.control.devices import Device, find_devices
from dynaclr.runs.control.estimate import Estimate, estimate
from dynaclr.runs.control.launch import Launch, launch
from napari_dynaclr.controllers.cluster_start import SUBMITTING, ClusterStart
from napari_dynaclr.controllers.sampling import choices
from napari_dynaclr.presentation.training_text import estimate_text
from napari_dynaclr.state.project import Project
from napari_dynaclr.state.run_origin import free_path, origins_of, runs_folder, spec_of
from napari_dynaclr.state.session import Session
from napari_dynaclr.state.watched_runs import WatchedRuns
from napari_dynaclr.views.start_tab import StartTab
from napari_dynaclr.workers import Cancelled, Jobs, Tell, telling_errors

__all__ = ("RunStart",)

READING = "reading the options"
MEASURING = "estimating the cost"
STARTING = "starting the training"
_DEVICES = "looking for devices"


class RunStart:
    """Connects session, disk and the tab in which a training is started.

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

    root_changed = Signal(object)
    """Folder that runs will be written to."""

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
        self._of: Path | None = None
        self._told_root: Path | None = None
        self._launched = launched
        self._why = "open a project first"
        view.origin_chosen.connect(self.begin_with)
        view.option_changed.connect(self.change)
        view.start_requested.connect(self.start)
        view.copy_requested.connect(self.copy_command)
        view.estimate_requested.connect(self.measure)
        view.estimate_cancelled.connect(self._forget_cost)
        self.cluster = ClusterStart(jobs, view.cluster, self._for_cluster, launched)
        jobs.changed.connect(self._on_jobs)
        session.project_changed.connect(self._on_project)
        runs.listed.connect(self._offer)
        jobs.start(_DEVICES, lambda tell: find_devices(), self._on_devices)
        self._on_project(session.project)

    def close(self) -> None:
        """Forget session and jobs."""
        self.session.project_changed.disconnect(self._on_project)
        self.runs.listed.disconnect(self._offer)
        self.jobs.leave(MEASURING, changed=self._on_jobs)

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
        same = project is not None and project.path == self._of
        self._of = None if project is None else project.path
        self.view.set_open(project is not None)
        self._offer()
        if project is None:
            self.spec = None
        elif same and self.spec is not None:  # other marks, or a run attached: what was entered stays
            self._show()
        else:
            self.begin_with(origins_of(project, ())[0][0])

    def _offer(self, _: Any = None) -> None:
        """Offer what a training can begin with."""
        project = self.session.project
        listed = [item.path for item in self.runs.summaries]
        self.view.set_origins([] if project is None else origins_of(project, listed))

    def begin_with(self, key: str) -> None:
        """Load the options of a preset, of the open training, or of a run."""
        project = self.session.project
        if project is None:
            return
        self._why = "the options are being read"
        self.spec = None
        self._forget_cost()
        self._show()
        self.jobs.start(READING, lambda tell: spec_of(project, key), self._on_spec, self._on_no_spec)
        self.view.set_origin(key)

    def _on_spec(self, spec: RunSpec) -> None:
        self.spec, self._why = spec, ""
        if self.root != self._told_root:
            self._told_root = self.root
            self.root_changed.emit(self.root)
        self._show()

    def _on_no_spec(self, text: str) -> None:
        self._why = text
        self._show()

    def change(self, path: str, value: Any) -> None:
        """Set an option; what follows from it follows."""
        if self.spec is None:
            return
        self.spec = self.spec.changed({path: value})
        self._forget_cost()
        self._show()

    def _forget_cost(self) -> None:
        """Give up the measurement of options that are others now, or of which nobody wants it."""
        self.jobs.cancel(MEASURING)
        self.view.set_cost("")

    def _show(self) -> None:
        faults = {} if self.spec is None else self.spec.faults()
        where = ""
        if self.spec is not None and self.root is not None:
            where = f"Run folder: {self.root}/<time>-{self.spec.get('run.name')}"
        project = self.session.project
        self.view.set_spec(self.spec, faults, where, None if project is None else _choices(project))
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
        self.cluster.set_startable(self.spec is not None and not faults)

    def _on_jobs(self, kind: str, running: bool) -> None:
        if kind == MEASURING:
            self.view.set_estimating(running)
        if kind in (MEASURING, STARTING, SUBMITTING):
            self._show()

    def _ready(self) -> tuple[RunSpec, Path, Launch] | None:
        """Return training, folder of runs and device; None if something lacks."""
        root, device = self.root, self.view.chosen_device
        if self.spec is None or root is None or device is None:
            return None
        devices = [] if device.number is None else [device.number]
        return self.spec.changed({"run.root": str(root)}), root, Launch(devices=devices)

    def _for_cluster(self) -> tuple[RunSpec, Path] | None:
        """Return training and folder of runs; devices are those of the cluster."""
        root = self.root
        return (
            None if self.spec is None or root is None else (self.spec.changed({"run.root": str(root)}), root)
        )

    def start(self) -> None:
        """Start the training in a process of its own."""
        ready = self._ready()
        if ready is None or self.jobs.running(STARTING):
            return
        spec, root, how = ready
        self.jobs.start(
            STARTING,
            lambda tell: launch(spec, free_path(root, spec), how).path,
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
            if found is not None:
                self.view.set_cost(estimate_text(found, epochs))

        self.view.set_cost("Measuring: running a few steps in a separate process ...")
        self.jobs.start(MEASURING, work, done, self.view.set_cost)

    def copy_command(self) -> None:
        """Write the configuration into the folder of runs and copy the command that starts it."""
        ready = self._ready()
        if ready is None:
            return
        spec, root, _ = ready

        def work(tell: Tell) -> Path:
            root.mkdir(parents=True, exist_ok=True)
            file = free_path(root, spec).with_suffix(".yaml")
            spec.write(file)
            return file

        def done(file: Path) -> None:
            command = shlex.join([sys.executable, "-m", "dynaclr", "fit", "--config", str(file)])
            clipboard = QApplication.clipboard()
            assert clipboard is not None
            clipboard.setText(command)
            show_info(f"Copied. The configuration is {file}.")

        self.jobs.start("writing the configuration", telling_errors(work), done)


def _choices(project: Project) -> dict[str, tuple[str, ...]]:
    """Return the names that options of the data may hold, by path."""
    experiments = [name for index in project.parts.values() for name in index.registry.names]
    named = choices(project) | {"val_experiments": tuple(dict.fromkeys(experiments))}
    return {f"data.{name}": names for name, names in named.items()}
