from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dynaclr.base.errors import ConfigError, RunError
from dynaclr.runs.record.layout import SCHEMA, RunFolder, new_run_folder, open_run_folder


def test_a_new_folder(tmp_path: Path) -> None:
    folder = new_run_folder(tmp_path / "deep" / "runs", "first")
    assert re.fullmatch(r"\d{8}T\d{6}Z-first", folder.path.name)
    assert folder.path.parent == tmp_path / "deep" / "runs"
    assert sorted(path.name for path in folder.path.iterdir()) == ["checkpoints", "previews"]


def test_many_in_one_second_each_get_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: new_run_folder(tmp_path, "same").path, range(40)))
    assert len(set(folders)) == 40


def test_every_name_lies_inside(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    names = [name for name in dir(RunFolder) if isinstance(getattr(RunFolder, name), Path)]
    paths = [getattr(folder, name) for name in names] + [folder.events(), folder.events(3)]
    assert len(set(paths)) == len(paths) == 18
    assert all(tmp_path in path.parents for path in paths)
    assert folder.events(3).name == "events.rank3.jsonl"


@pytest.mark.parametrize(
    "name", ["", "../up", "a/b", "a\\b", ".hidden", "-dash", "space bar", "ümlaut", "x" * 81, "nul\0"]
)
def test_names_that_are_no_file_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"run\.name"):
        new_run_folder(tmp_path / "runs", name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a", "A-1.2_b", "x" * 80, "_x"])
def test_names_that_are(tmp_path: Path, name: str) -> None:
    assert new_run_folder(tmp_path, name).path.name.endswith(f"-{name}")


def test_a_root_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="run folder cannot be created"):
        new_run_folder(tmp_path / "file" / "runs", "x")


def test_facts_come_back_also_after_a_move_to_an_odd_place(tmp_path: Path) -> None:
    folder = new_run_folder(tmp_path, "x")
    folder.write_facts({"seed": 3})
    moved = folder.path.rename(tmp_path / ("läufe mit platz " + "x" * 100))
    assert open_run_folder(moved).read_facts() == {"schema": SCHEMA, "seed": 3}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "not a run folder"),
        ("", "not a run folder"),
        ("{", "not a run folder"),
        ("[1]", "not a run folder"),
        (json.dumps({"schema": SCHEMA + 1}), "newer version"),
        (json.dumps({"schema": "one"}), "not a run folder"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match=message) as caught:
        open_run_folder(tmp_path)
    assert str(tmp_path / "run.json") in str(caught.value)
