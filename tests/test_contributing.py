"""The recipes of CONTRIBUTING.md: the files that they name exist and are few, and following them works."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dynaclr.base.random import BatchKey, Purpose
from dynaclr.options.catalogue import GROUPS, options
from dynaclr.tracks import find_track_files, readers
from dynaclr.transforms import Draw

ROOT = Path(__file__).parents[1]
NEW_FILE = {"A transform", "A track reader"}
"""Recipes whose first file is a pattern for a new one; the second gets one line."""
MOST = {"A sampling option": 3, "A transform": 2, "A track reader": 2, "An action of the viewer": 1}


def recipes() -> dict[str, list[str]]:
    """{title: source files that its steps name}."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("\n## Recipes\n")[2]
    parts = re.split(r"^### (.+)$", text.partition("\n## ")[0], flags=re.MULTILINE)[1:]
    return {
        title: re.findall(r"^\d+\. `(src/[^`]+)`", steps, flags=re.MULTILINE)
        for title, steps in zip(parts[::2], parts[1::2], strict=True)
    }


def test_recipes_name_few_files_that_exist() -> None:
    found = recipes()
    assert {title: len(files) for title, files in found.items()} == MOST
    assert [name for files in found.values() for name in files if not (ROOT / name).is_file()] == []


def test_a_sampling_option_stands_in_the_files_of_its_recipe_alone() -> None:
    """What names an option anywhere else in the source does something of its own with it."""
    named = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "src" / "dynaclr").rglob("*.py")
        if "testing" not in path.parts and "temporal_global_fraction" in path.read_text(encoding="utf-8")
    }
    assert named == set(recipes()["A sampling option"])
    assert "temporal_global_fraction" in {item.name for item in options("sampling")}
    assert GROUPS["sampling"][1].__module__ == "dynaclr.sampler.options"


NEW_TRANSFORM = '''
from dataclasses import dataclass
import torch
from dynaclr.transforms.base import Transform, Window

@dataclass(frozen=True)
class Parameters:
    sign: torch.Tensor

class RandomNegative(Transform[Parameters]):
    """Turns images into their negative.

    Parameters
    ----------
    prob
        Share of samples that are turned.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = prob

    def parameters(self, draw, shape):
        return Parameters(torch.where(torch.from_numpy(draw.uniforms(shape[0])[:, 0]) < self.prob, -1.0, 1.0))

    def apply_window(self, images, parameters, have: Window, wanted: Window):
        return have.cut(images, wanted) * parameters.sign[:, None, None, None, None].to(images)
'''


def test_a_transform_is_one_file_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dynaclr import transforms
    from dynaclr.options import checking, reference

    (tmp_path / "negative.py").write_text(NEW_TRANSFORM, encoding="utf-8")
    monkeypatch.setattr(transforms, "__path__", [*transforms.__path__, str(tmp_path)])
    made: Any = importlib.import_module("dynaclr.transforms.negative")
    monkeypatch.setattr(transforms, "RandomNegative", made.RandomNegative, raising=False)  # the one line
    assert "| `prob` | `0.5` | Share of samples that are turned. |" in reference.page_text()
    training = tmp_path / "train.yaml"
    text = "data:\n  augmentations:\n  - class_path: dynaclr.transforms.RandomNegativ\n"
    training.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"line 3.*Did you mean 'dynaclr\.transforms\.RandomNegative'"):
        checking.checked_file(training)
    images = torch.ones(2, 1, 1, 4, 4)
    assert torch.equal(
        made.RandomNegative(1.0)(images, Draw(BatchKey(0, 0, 0), Purpose.AUGMENT_ANCHOR)), -images
    )


def test_a_track_reader_is_one_file_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "npz_tracks.py").write_text(
        "import numpy as np\ndef read(path, experiment):\n    return dict(np.load(path))\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(readers.READERS, ".npz", "npz_tracks.read")  # type: ignore[arg-type] # the one line
    folder = tmp_path / "tracks" / "A" / "1" / "0"
    folder.mkdir(parents=True)
    columns = {"track_id": np.array([1, 1]), "t": np.array([0, 1]), "y": np.ones(2), "x": np.ones(2)}
    np.savez(folder / "cells.npz", **columns)
    found = find_track_files(tmp_path / "tracks", ["A/1/0"], "e")["A/1/0"]
    assert found == folder / "cells.npz"
    read = readers.read_tracks(found, "e")
    assert {name: list(column) for name, column in read.items()} == {
        name: list(column) for name, column in columns.items()
    }
