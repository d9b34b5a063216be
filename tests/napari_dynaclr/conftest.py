"""Projects for tests of the plugin, and a memory that is not the user's."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dynaclr.testing import synthetic_training

if TYPE_CHECKING:
    from napari_dynaclr.state.project import Project


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let the sampler say that these data are small."""
    item.add_marker(pytest.mark.filterwarnings("ignore:sampler:UserWarning"), append=False)


def pytest_collection_finish() -> None:
    """Take what is imported by now out of the garbage collector's sight: napari's fixture collects often."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Let it see all again, for what is told of leaks at the end of a process."""
    gc.unfreeze()


@pytest.fixture
def qtbot(qtbot: Any) -> Any:
    """Hold the widgets of a test to its end.

    Qt calls back into Python when it lays out and measures a plot. If the garbage collector runs there and
    frees that plot, since the test's function is over, Qt goes on in freed memory.
    """
    held, add = [], qtbot.addWidget

    def add_and_hold(widget: Any, **options: Any) -> None:
        held.append(widget)
        add(widget, **options)

    qtbot.addWidget = add_and_hold
    yield qtbot
    held.clear()


@pytest.fixture(autouse=True)
def own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which the plugin remembers, for one test."""
    file = tmp_path / "state.json"
    monkeypatch.setenv("NAPARI_DYNACLR_STATE", str(file))
    return file


@pytest.fixture(scope="session")
def sample_training(synthetic_source: Path) -> Path:
    """A training on the tiny synthetic experiments: path of train.yaml."""
    return synthetic_training(synthetic_source, size="tiny")


@pytest.fixture(scope="session")
def sample_project(sample_training: Path) -> Project:
    """The tiny synthetic experiments, set up; never changed by a test."""
    from napari_dynaclr.state.project import open_project

    return open_project(sample_training)


@pytest.fixture
def window(make_napari_viewer: Any, qtbot: Any, sample_project: Project) -> Any:
    """A viewer that shows the sample project."""
    from tests.support.viewer import Window

    return Window(make_napari_viewer(show=True), qtbot, sample_project)
