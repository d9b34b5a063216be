"""The command that the demo ends with, as napari reads it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from napari.__main__ import parse_sys_argv

from dynaclr.cli.demo import _next_step
from napari_dynaclr.shell.plugin import open_reader


def test_it_opens_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """napari takes words after --with for names of docks: the folder would be one."""
    (tmp_path / "run.json").write_text("{}")
    line = _next_step(tmp_path, has_viewer=True).splitlines()[-1]
    _, module, name, *words = shlex.split(line)
    assert (module, name) == ("-m", "napari")
    monkeypatch.setattr(sys, "argv", ["napari", *words])
    options, _ = parse_sys_argv()
    assert (options.paths, options.plugin) == ([str(tmp_path)], "napari-dynaclr")
    assert open_reader(options.paths[0]) is not None
