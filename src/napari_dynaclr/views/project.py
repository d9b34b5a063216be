"""The panel that opens a list of experiments and shows what set-up found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_dynaclr.workers import in_background

__all__ = ("ProjectWidget",)


def _describe(path: Path) -> str:
    """Return the set-up report of all observations of a list of experiments, one slice, small patches."""
    import warnings

    from dynaclr.experiment import ExperimentRegistry
    from dynaclr.index import MultiExperimentIndex

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the report holds them
        return MultiExperimentIndex(ExperimentRegistry.from_yaml(path), (0, 1), (16, 16)).report.text()


class ProjectWidget(QWidget):
    """Choose an experiments.yaml and read what is in it; reading runs in the background."""

    def __init__(self) -> None:
        super().__init__()
        self.path = QLineEdit()
        self.path.setPlaceholderText("experiments.yaml")
        self.path.setToolTip("List of experiments; Return opens it")
        self.browse = QPushButton("Choose ...")
        self.browse.setToolTip("Choose the list of experiments")
        self.report = QPlainTextEdit()
        self.report.setReadOnly(True)
        self.report.setToolTip("What was found, used and left out")
        self.path.returnPressed.connect(self.open)
        self.browse.clicked.connect(self._choose)
        top = QHBoxLayout()
        top.addWidget(self.path)
        top.addWidget(self.browse)
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addWidget(self.report)
        self.worker: Any = None

    def _choose(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "List of experiments", "", "YAML (*.yaml *.yml)")
        if chosen:
            self.path.setText(chosen)
            self.open()

    def open(self) -> None:
        """Read the list that the path names."""
        path = Path(self.path.text().strip().strip("'\"")).expanduser()
        self.report.setPlainText(f"reading {path} ...")
        self.worker = in_background(lambda: _describe(path), self.report.setPlainText, self._failed)

    def _failed(self, error: BaseException) -> None:
        self.report.setPlainText(str(error))
        show_error(str(error))
