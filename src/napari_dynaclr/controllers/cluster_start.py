"""Submits a training to a SLURM cluster, or writes its batch script."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info

from dynaclr.base.errors import ConfigError
from dynaclr.base.files import write_text_atomically
from dynaclr.options.spec import RunSpec
from dynaclr.runs.control.job_script import JobRequest, script_text
from dynaclr.runs.control.slurm import submit
from dynaclr.runs.record.layout import RunFolder
from napari_dynaclr.state.memory import recall, remember
from napari_dynaclr.state.run_origin import free_path
from napari_dynaclr.views.cluster_form import ClusterForm
from napari_dynaclr.workers import Jobs, Tell, telling_errors

SUBMITTING = "submitting the job"
_WRITING = "writing the script"
_REMEMBERED = "cluster"
_ENTERED = (
    "time",
    "partition",
    "account",
    "nodes",
    "gpus_per_node",
    "cpus_per_task",
    "memory_gb",
    "options",
    "before",
    "requeue",
)


class ClusterStart:
    """Connects the form of a cluster request with the cluster.

    Parameters
    ----------
    jobs
        Where files are written and the cluster is asked.
    view
        The form.
    ready
        Returns the training and the folder of runs; None while something lacks.
    launched
        Called with the folder of a run that was submitted.
    """

    def __init__(
        self,
        jobs: Jobs,
        view: ClusterForm,
        ready: Callable[[], tuple[RunSpec, Path] | None],
        launched: Callable[[Path], None],
    ) -> None:
        self.jobs, self.view = jobs, view
        self._ready, self._launched = ready, launched
        self._startable = False
        self.request: JobRequest | None = None
        view.set_values(_remembered())
        view.set_submittable(shutil.which("sbatch") is not None)
        view.changed.connect(self.check)
        view.script_requested.connect(lambda file: self.save_script(Path(file)))
        view.submit_requested.connect(self.submit)
        self.check()

    def set_startable(self, startable: bool) -> None:
        """Say whether the training itself is valid."""
        self._startable = startable
        self.check()

    def check(self) -> None:
        """Check the entered values."""
        try:
            self.request, fault = JobRequest(**self.view.values()), ""
        except ConfigError as error:
            self.request, fault = None, str(error)
        self.view.set_fault(fault)
        busy = self.jobs.running(SUBMITTING)
        self.view.set_ready(self._startable and self.request is not None and not busy)

    def _asked(self) -> tuple[RunSpec, Path, JobRequest] | None:
        ready, request = self._ready(), self.request
        if ready is None or request is None:
            return None
        remember(_REMEMBERED, self.view.values())
        return *ready, request

    def save_script(self, file: Path) -> None:
        """Write a batch script and its run folder."""
        asked = self._asked()
        if asked is None:
            return
        spec, root, request = asked

        def work(tell: Tell) -> Path:
            folder = RunFolder(free_path(root, spec))
            text = script_text(folder, request)
            folder.slurm.mkdir(parents=True)
            spec.write(folder.request)
            write_text_atomically(file, text)
            return folder.path

        def done(folder: Path) -> None:
            show_info(f"Saved. `sbatch {file}` trains into {folder}; tick it in Runs once it has begun.")

        self.jobs.start(_WRITING, telling_errors(work), done)

    def submit(self) -> None:
        """Submit the training to the cluster."""
        asked = self._asked()
        if asked is None or self.jobs.running(SUBMITTING):
            return
        spec, root, request = asked
        self.jobs.start(
            SUBMITTING,
            telling_errors(lambda tell: submit(spec, free_path(root, spec), request).path),
            self._launched,
        )


def _remembered() -> dict[str, Any]:
    """Return the request that was made last; the defaults for what was not, or is no request any more."""
    default = dataclasses.asdict(JobRequest())
    before = recall(_REMEMBERED, {})
    values = {name: before.get(name, default[name]) for name in _ENTERED}
    try:
        JobRequest(**values)
    except (ConfigError, TypeError, AttributeError):
        return {name: default[name] for name in _ENTERED}
    return values
