"""One file of marks that several windows change, and that people edit."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.base.errors import DataError
from dynaclr.base.locking import locked
from dynaclr.curation import Group, Mark, MarkKind, Put, Remove, SharedMarks, read_marks, write_marks

TIME = datetime(2026, 1, 31, tzinfo=UTC)


def mark(track: int = 1, author: str = "anna", minute: int = 0, **values: Any) -> Mark:
    values = {"kind": MarkKind.TRACK, "verdict": "exclude", **values}
    return Mark(
        experiment="june",
        fov_name="A/1/0",
        author=author,
        time=TIME + timedelta(minutes=minute),
        track_id=track,
        **values,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "curation.csv"


def test_every_change_is_on_disk_at_once(path: Path) -> None:
    marks = SharedMarks(path)
    assert not path.exists()
    for track in range(3):
        marks.do(Put(mark(track, minute=track)))
        assert tuple(read_marks(path)) == marks.marks
    marks.undo()
    assert [item.track_id for item in read_marks(path)] == [0, 1]
    marks.redo()
    assert tuple(read_marks(path)) == marks.marks == tuple(mark(track, minute=track) for track in range(3))
    assert [item.name for item in path.parent.iterdir()] == ["curation.csv"]


def test_two_windows_never_write_over_each_other(path: Path) -> None:
    one, two = SharedMarks(path), SharedMarks(path)
    one.do(Put(mark(1)))
    two.do(Put(mark(2, author="bea", minute=1)))
    one.do(Put(mark(3, minute=2)))
    assert not one.refresh()
    assert two.refresh()
    assert one.marks == two.marks == tuple(read_marks(path))
    assert [item.track_id for item in one.marks] == [1, 2, 3]


def test_what_another_window_changed_is_not_undone(path: Path) -> None:
    one, two = SharedMarks(path), SharedMarks(path)
    one.do(Put(mark(1)))
    one.do(Put(mark(2)))
    two.do(Put(mark(2, minute=5, verdict="accept")))
    one.undo()
    assert set(one.marks) == {mark(2, minute=5, verdict="accept")}
    assert one.to_undo is None
    two.do(Remove(mark(2, minute=5)))
    assert one.refresh()
    assert one.marks == ()


@settings(deadline=None, max_examples=15)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from("purux"), st.integers(0, 3), st.integers(0, 1)),
        max_size=12,
    )
)
def test_windows_and_file_agree_after_any_steps(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str, int, int]]
) -> None:
    path = tmp_path_factory.mktemp("steps") / "curation.csv"
    windows = [SharedMarks(path) for _ in range(3)]
    slow: dict[object, Mark] = {}
    for minute, (number, step, track, author) in enumerate(steps):
        window, item = windows[number], mark(track, "ab"[author], minute, reason='say "so",\nor not')
        if step == "p":
            window.do(Put(item))
            slow[item.identity] = item
        elif step == "x":
            window.do(Remove(item))
            slow.pop(item.identity, None)
        elif step == "r":
            window.refresh()
        else:
            window.undo()
            slow = {found.identity: found for found in (read_marks(path) if path.exists() else [])}
        if path.exists():
            assert window.refresh() is False
            assert set(window.marks) == set(read_marks(path)) == set(slow.values())


def test_a_file_edited_by_hand_is_taken_over_with_its_own_columns(path: Path) -> None:
    marks = SharedMarks(path)
    marks.do(Put(mark(1)))
    text = "author,kind,verdict,experiment,fov_name,track_id,time,reason\r\n"
    text += 'ben,track,unsure,june,A/1/0,7,2026-02-01T00:00:00Z,"two\r\nlines"\r\n'
    path.write_text(text, newline="")
    marks.do(Put(mark(3, minute=3)))
    assert [(item.author, item.track_id) for item in read_marks(path)] == [("anna", 3), ("ben", 7)]
    assert "two" in read_marks(path)[1].reason


def test_a_broken_file_is_an_error_and_nothing_is_lost(path: Path) -> None:
    marks = SharedMarks(path)
    for track in range(3):
        marks.do(Put(mark(track, minute=track)))
    good = path.read_text()
    broken = good.replace("track,exclude,june,A/1/0,1", "truck,exclude,june,A/1/0,1")
    path.write_text(broken)
    for _ in range(2):
        with pytest.raises(DataError, match=r"line 3.*kind.*one of track"):
            marks.do(Put(mark(9)))
    assert path.read_text() == broken
    assert len(marks.marks) == 3
    with pytest.raises(DataError, match="line 3"):
        SharedMarks(path)
    path.write_text(good)
    marks.do(Put(mark(9, minute=9)))
    assert [item.track_id for item in read_marks(path)] == [0, 1, 2, 9]


def test_a_file_that_is_gone_is_written_again(path: Path) -> None:
    marks = SharedMarks(path)
    marks.do(Put(mark(1)))
    path.unlink()
    assert not marks.refresh()
    marks.do(Put(mark(2)))
    assert len(read_marks(path)) == 2


def test_a_folder_that_cannot_be_written_takes_the_change_back(tmp_path: Path) -> None:
    marks = SharedMarks(tmp_path / "gone" / "curation.csv")
    with pytest.raises(DataError, match="marks cannot be written.*"):
        marks.do(Put(mark(1)))
    assert marks.marks == ()


def test_a_lock_that_is_held_is_an_error_and_a_dead_one_is_none(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, leave = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(path, ready, leave))
    process.start()
    assert ready.wait(60)
    with pytest.raises(DataError, match=r"another process has been writing for 0.05 s"), locked(path, 0.05):
        pass
    process.kill()
    process.join(60)
    with locked(path, 0.05):
        pass
    assert not list(path.parent.iterdir())


def _hold(path: Path, ready: Any, leave: Any) -> None:
    with locked(path):
        ready.set()
        leave.wait(60)


_WRITER = """
import sys
from pathlib import Path
from datetime import UTC, datetime
from dynaclr.curation import Mark, MarkKind, Put, SharedMarks
marks = SharedMarks(Path(sys.argv[1]))
track = 0
while True:
    marks.do(Put(Mark(MarkKind.TRACK, "exclude", "june", "A/1/0", "anna", datetime.now(UTC), track_id=track)))
    track += 1
    print(track, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_window_killed_while_it_marks_leaves_all_that_it_had_said(path: Path) -> None:
    count = 0
    for round_ in range(4):
        command, said = [sys.executable, "-c", _WRITER, str(path)], 0
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                said = int(line)
                if said == 10 + 7 * round_:
                    process.send_signal(signal.SIGKILL)
        marks = SharedMarks(path)
        found = [item.track_id for item in marks.marks]
        count = max(count, said)
        assert sorted(found) == list(range(len(found)))
        assert len(found) >= count
        marks.do(Put(mark(len(found), minute=10**6)))
        count = len(marks.marks)


def test_one_mark_and_a_group_among_very_many(path: Path) -> None:
    many = [mark(track, minute=track, reason="jumps, far") for track in range(5_000)]
    write_marks(path, many)
    one, two = SharedMarks(path), SharedMarks(path)
    one.do(Put(dataclasses.replace(many[5], author="bea")))
    assert two.refresh()
    assert len(two.marks) == 5_001
    one.undo()
    assert two.refresh()
    assert one.marks == two.marks == tuple(many)
    one.do(Group(tuple(Put(dataclasses.replace(item, author="eve")) for item in many[:500])))
    assert len(read_marks(path)) == 5_500
