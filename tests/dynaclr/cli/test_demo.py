"""What the demo says at its end."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

from dynaclr.cli.demo import _next_step
from dynaclr.runs.record.layout import new_run_folder
from dynaclr.runs.record.processes import identity


def test_the_last_line_works_where_napari_is_not(tmp_path: Path) -> None:
    folder = new_run_folder(tmp_path / "with a blank", "demo")
    folder.write_facts({})
    folder.status.write_text(json.dumps({**identity(), "state": "finished"}), encoding="utf-8")
    line = _next_step(folder.path, has_viewer=False).splitlines()[-1]
    done = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{folder.path.name}  finished")
