"""preprocess on the command line: statistics, and the focus where it is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.scenes import SHARP, write_scenes

from dynaclr.__main__ import main


def test_focus_is_found_ahead_of_a_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_scenes(tmp_path, {"deep": (0.5, 0.5)}, 9, fovs=("A/1/0", "A/1/1"))
    kept = tmp_path / "deep.zarr.statistics/A/1/1.focus.json"
    assert main(["preprocess", str(path)]) == 0
    assert not kept.exists()
    assert main(["preprocess", str(path), "--focus"]) == 0
    assert "deep: focus of 2 FOVs measured\n" in capsys.readouterr().out
    content = json.loads(kept.read_text())
    assert content["a"]["slices"] == list(SHARP)
    content["a"]["slices"][0] = 0
    kept.write_text(json.dumps(content))
    assert main(["preprocess", str(path), "--focus"]) == 0
    assert json.loads(kept.read_text()) == content
    assert main(["preprocess", str(path), "--focus", "--overwrite"]) == 0
    assert json.loads(kept.read_text())["a"]["slices"] == list(SHARP)
