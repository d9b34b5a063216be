"""Trainings that tests of options and runs start from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dynaclr.options.presets import Preset, preset_spec
from dynaclr.options.spec import RunSpec


@pytest.fixture(scope="session")
def quick(coded_source: Path, tmp_path_factory: pytest.TempPathFactory) -> RunSpec:
    """A training that takes a moment, on data of its own: it computes their statistics."""
    folder = tmp_path_factory.mktemp("quick") / "data"
    shutil.copytree(coded_source.parent, folder)
    return preset_spec(Preset.QUICK, folder / coded_source.name)
