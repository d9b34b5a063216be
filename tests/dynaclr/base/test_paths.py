from __future__ import annotations

import os
from pathlib import Path

import pytest

from dynaclr.base.paths import absolute_path, path_in_file, paths_in_training


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    return tmp_path / "here"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.zarr", "here/a.zarr"),
        ("./a.zarr/", "here/a.zarr"),
        ("../store/a.zarr", "store/a.zarr"),
        ("x/../../a.zarr", "a.zarr"),
        ("~/a.zarr", "home/a.zarr"),
        ("~/../a.zarr", "a.zarr"),
        ("  a b.zarr \n", "here/a b.zarr"),
        ('"a b.zarr"', "here/a b.zarr"),
        ("'~/a.zarr'", "home/a.zarr"),
        ("~no-such-user/a", "here/~no-such-user/a"),
    ],
)
def test_a_path_as_it_was_typed(here: Path, text: str, expected: str) -> None:
    assert absolute_path(text) == here.parent / expected
    assert absolute_path(str(here.parent / expected), here / "other") == here.parent / expected
    if not text.strip(" \"'").startswith("~/"):
        below = here / "some" / "folder"
        assert absolute_path(text, below) == Path(os.path.normpath(below / text.strip(" \n\"'")))


def test_links_are_kept_and_left_by_their_own_folder(here: Path) -> None:
    (here / "far" / "away").mkdir(parents=True)
    (here / "link").symlink_to(here / "far" / "away")
    assert absolute_path("link/a.zarr") == here / "link" / "a.zarr"
    assert absolute_path("link/../a.zarr") == here / "far" / "a.zarr"
    assert absolute_path("link/b/../a.zarr") == here / "link" / "a.zarr"


def test_a_file_s_paths_are_relative_to_it_and_what_lies_here_is_told(here: Path) -> None:
    folder = here.parent / "project"
    folder.mkdir()
    file = folder / "train.yaml"
    assert path_in_file("a.yaml", file) == folder / "a.yaml"
    (here / "a.yaml").write_text("1")
    with pytest.warns(
        UserWarning, match=r"train\.yaml, field data\.x: .*project/a\.yaml is taken, not .*here"
    ):
        assert path_in_file("a.yaml", file, "data.x") == folder / "a.yaml"
    (folder / "a.yaml").write_text("2")
    with pytest.warns(UserWarning, match="is taken, not"):
        path_in_file("a.yaml", file)
    (folder / "a.yaml").write_text("1")
    assert path_in_file("a.yaml", file) == folder / "a.yaml"  # the same: nothing to tell
    assert path_in_file(str(here / "a.yaml"), file) == here / "a.yaml"
    assert path_in_file("a.yaml", Path("train.yaml")) == here / "a.yaml"


def test_paths_of_a_training() -> None:
    content = {"data": {"experiments_yaml": "e.yaml", "curation": "auto", "z_range": [0, 1]}, "output": "o"}
    assert dict(paths_in_training(content)) == {"data.experiments_yaml": "e.yaml", "output": "o"}
    assert dict(paths_in_training({"data": "data.yaml", "run": None})) == {}
