"""Fixtures and settings shared by all tests."""

from __future__ import annotations

import gc
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.ci import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401
from tests.support.loaded import Loaded

VIEWER = Path(__file__).parent / "napari_dynaclr"

# One thread for every numerical library: the suite measures results, not speed.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Load Lightning first where tests of the viewer come too: after a viewer, loading it ends Python."""
    kinds = {VIEWER in item.path.parents for item in session.items}
    if len(kinds) == 2:
        import lightning  # noqa: F401
    if True in kinds:
        import napari_dynaclr.shell.contents  # noqa: F401  # docks are filled at once
    gc.collect()
    gc.freeze()  # what is imported stays: looking through it for garbage is a third of a viewer's test


@pytest.fixture(scope="session")
def coded_source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two coded experiments, written once; an error if a test changes them."""
    from dynaclr.testing import write_coded_experiments

    path = write_coded_experiments(tmp_path_factory.mktemp("coded"))
    before = _state(path.parent)
    yield path
    assert _state(path.parent) == before, "a test has written beside the coded experiments: it needs `coded`"


def _state(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture
def coded(coded_source: Path, tmp_path: Path) -> Path:
    """A copy of the coded experiments that a test may damage: path of experiments.yaml."""
    folder = tmp_path / "coded"
    shutil.copytree(coded_source.parent, folder)
    return folder / "experiments.yaml"


@pytest.fixture(scope="session")
def synthetic_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tiny synthetic experiments, written once; never changed by a test."""
    from dynaclr.testing import synthetic_experiments

    return synthetic_experiments(tmp_path_factory.mktemp("synthetic"), size="tiny")


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """Starts real processes of the command line, without the wait for its libraries."""
    if not hasattr(os, "fork"):
        pytest.skip("processes are forked")
    started = Loaded(tmp_path_factory.mktemp("loaded"))
    yield started
    started.close()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real recordings: where DYNACLR_SHARED_DATA says, else in `shared` beside the project."""
    place = Path(os.environ.get("DYNACLR_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if "DYNACLR_SHARED_DATA" not in os.environ and not place.parent.is_dir():
        pytest.skip("no recordings are expected here; set DYNACLR_SHARED_DATA")
    if not (place / "hela").is_dir():
        pytest.skip(f"no real recordings at {place}")
    return place


@pytest.fixture
def until() -> Callable[..., Any]:
    """Wait for a condition to become true, and return its value."""

    def wait(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
        due, pause = time.monotonic() + seconds, threading.Event()
        while not (value := condition()):
            assert time.monotonic() < due, "it did not happen"
            pause.wait(0.01)
        return value

    return wait
