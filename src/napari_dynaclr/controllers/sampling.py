"""Controller of the form of sampler options: applies them to the open project and writes them to files."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from dynaclr.base import keys
from dynaclr.base.errors import ConfigError
from dynaclr.base.yaml_editor import save_options
from dynaclr.base.yaml_reader import load_yaml
from dynaclr.index import AnchorColumns
from dynaclr.options.reader import read_config
from dynaclr.pipeline import SamplingConfig
from napari_dynaclr.state.project import Project, resampled
from napari_dynaclr.state.session import Session
from napari_dynaclr.views.sampling_form import SamplingForm
from napari_dynaclr.workers import Jobs, Tell

OPTIONS, FILE, WRITING = "options of the sampler", "options of the file", "writing options"
"""Kinds of work in the background."""

_OF_A_RUN = "This file is the record of a run and is never changed: save a new YAML instead."
_NO_TRAINING = "A list of experiments is open: there is no training YAML to write to."


class SamplingController:
    """Handles the requests of the form of sampler options.

    Parameters
    ----------
    session
        What is open.
    jobs
        Background work.
    form
        Shows the options.
    """

    def __init__(self, session: Session, jobs: Jobs, form: SamplingForm) -> None:
        self._session, self._jobs, self._form = session, jobs, form
        self._own: Project | None = None  # what was made with the options of the form
        session.project_changed.connect(self._on_project)
        form.options_changed.connect(self._on_options)
        form.write_requested.connect(self._on_write)
        self._on_project(session.project)

    def close(self) -> None:
        """Disconnect and cancel background work; the form may already be gone."""
        self._session.project_changed.disconnect(self._on_project)
        self._jobs.leave(OPTIONS, FILE)

    def _on_project(self, project: Project | None) -> None:
        """Show the options of a project, unless the form is where they come from."""
        own, self._own = project is self._own, None
        if project is None:
            return
        config = project.pipeline.config
        self._form.set_values({} if own else plain(config.sampling), choices(project))
        seeded = config.split.val_fov_fraction > 0
        lock = "It also determines which FOVs are held out: change it in the file and reopen it."
        self._form.set_locked({"seed": lock} if seeded else {})
        texts = [text for text in project.warnings if text.startswith("sampler:")]
        self._form.set_error("")
        self._form.set_message("\n".join(texts))
        if not own:
            self._read_file(project)

    def _read_file(self, project: Project) -> None:
        """Tell the form what the file holds."""

        def work(tell: Tell) -> tuple[dict[str, Any], str | None, str | None]:
            content = load_yaml(project.path)
            saved = plain(read_config(project.path).sampling)
            if "experiments" in content:
                return saved, _NO_TRAINING, _NO_TRAINING
            return saved, None if project.run is None else _OF_A_RUN, None

        self._jobs.start(FILE, work, lambda found: self._form.set_saved(*found))

    def _on_options(self, values: dict[str, Any]) -> None:
        """Make the sampler anew with the options of the form."""
        project, form = self._session.project, self._form
        if project is None:
            return
        sampling = SamplingConfig(**values)
        if plain(project.pipeline.config.sampling) == plain(sampling):
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
        project, form = self._session.project, self._form
        if project is None:
            return
        changes, target = form.changes(), None if path is None else Path(path)

        def done(place: Path) -> None:
            form.set_message(f"Written to {place}")
            if target is None:
                self._read_file(project)

        self._jobs.start(
            WRITING,
            lambda tell: save_options(project.path, changes, target, overwrite=True),
            done,
            form.set_error,
        )


def plain(sampling: SamplingConfig) -> dict[str, Any]:
    """Return options as a YAML has them."""
    values = {field.name: getattr(sampling, field.name) for field in fields(sampling)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def choices(project: Project) -> dict[str, tuple[str, ...]]:
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
