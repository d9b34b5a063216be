"""The form of a training: the options of a run specification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dynaclr.options.catalogue import ENCODERS, LOSSES
from dynaclr.options.parameter import Kind, Parameter
from dynaclr.options.spec import RunSpec
from napari_dynaclr.widgets.option_form import OptionForm

__all__ = ("GROUP_TITLES", "TrainingForm")

GROUP_TITLES = {
    "seed": "Seed",
    "data": "Data",
    "split": "Validation",
    "sampling": "Batches",
    "transforms": "Transforms",
    "loader": "Loading",
    "model": "Model",
    "model.encoder": "Encoder",
    "model.loss_function": "Loss",
    "trainer": "Trainer",
    "run": "Run folder",
}
"""Headings of the groups of options."""
_LABELS = {
    "run.root": "folder of runs",
    "run.name": "name of the run",
    "model.encoder.class_path": "encoder",
    "model.loss_function.class_path": "loss",
}
_NOT_ASKED = frozenset({"run.folder", "run.resume", "run.resume_from", "run.force", "data.experiments_yaml"})
"""What the dock decides by its buttons."""
_CLASSES = tuple(
    Parameter(path, Kind.CHOICE, names[0], words, choices=names, basic=True, group="model")
    for path, names, words in (
        ("model.encoder.class_path", ENCODERS, "Encoder"),
        ("model.loss_function.class_path", LOSSES, "Objective that training minimizes"),
    )
)


class TrainingForm(OptionForm):
    """All options of a training: those that people change at the top, the others folded away."""

    def __init__(self) -> None:
        super().__init__(GROUP_TITLES, _LABELS)

    def set_spec(
        self, spec: RunSpec, faults: Mapping[str, str], choices: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """Show a training and what is wrong with it; fields stay, unless other options are asked for."""
        asked = [item for path, item in spec.parameters().items() if path not in _NOT_ASKED]
        self.set_options([*_CLASSES, *asked], choices)
        self.set_values({path: spec.get(path) for path in self.fields})
        self.set_faults(faults)
