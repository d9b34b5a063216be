from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynaclr.runs.record.event_reader import EventReader, MetricTable
from dynaclr.runs.record.events import EventWriter
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.processes import identity
from dynaclr.runs.record.states import State
from dynaclr.runs.record.tail import RunTail


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    return folder


def steps(events: list[dict[str, Any]]) -> list[int]:
    return [event["step"] for event in events]


def test_a_folder_that_is_not_there_yet(folder: RunFolder) -> None:
    folder.path.rmdir()
    news = RunTail(folder).poll()
    assert (news.events, news.lines, news.restarted, news.more, news.there) == ([], [], False, False, False)
    assert news.seen.state is State.LOST


def test_only_what_is_new(folder: RunFolder) -> None:
    tail = RunTail(folder)
    folder.status.write_text(json.dumps({"state": "running", **identity()}))
    with EventWriter(folder.events(), "run") as events:
        events.write("step", step=1, m={"a": 2.0})
        folder.log.write_text("one\n\ntwo\nthr")
        news = tail.poll()
        assert (steps(news.events), news.lines, news.seen.state) == ([1], ["one", "two"], State.RUNNING)
        assert (tail.poll().events, tail.poll().lines) == ([], [])
        events.write("step", step=2, m={"a": None or float("nan")})
    with folder.log.open("a") as log:
        log.write("ee\n")
    news = tail.poll()
    assert (steps(news.events), news.lines) == ([2], ["three"])
    assert np.array_equal(tail.table.curves()["a"][1], [2.0, np.nan], equal_nan=True)


def test_lines_of_a_launched_run_are_those_of_its_terminal(folder: RunFolder) -> None:
    folder.launch.write_text(json.dumps({"kind": "process", **identity()}))
    folder.log.write_text("logged\n")
    folder.output.write_bytes("told\r\n 10%|##\r 20%|####\n\x1b[31mred\x1b[0m\n\xff\n".encode("latin-1"))
    assert RunTail(folder).poll().lines == ["told", " 20%|####", "red", "\ufffd"]


def test_torn_lines_and_garbage(folder: RunFolder) -> None:
    tail, file = RunTail(folder), folder.events()
    line = json.dumps({"kind": "step", "step": 1, "m": {"a": 1.0, "b": "text", "c": [1]}}).encode()
    file.write_bytes(line[:20])
    assert tail.poll().events == []
    file.write_bytes(line + b"\nnonsense\n[1]\n" + line)
    assert steps(tail.poll().events) == [1]
    assert list(tail.table.curves()) == ["a"]


@pytest.mark.parametrize("how", ["cut", "deleted", "replaced", "same size"])
def test_another_run_in_the_same_place(folder: RunFolder, how: str) -> None:
    file = folder.events()
    old = "".join(json.dumps({"kind": "step", "step": n, "m": {"a": 1.0}}) + "\n" for n in range(10, 20))
    new = "".join(json.dumps({"kind": "step", "step": n, "m": {"a": 2.0}}) + "\n" for n in range(20, 30))
    file.write_text(old)
    tail = RunTail(folder)
    assert len(tail.poll().events) == 10
    if how == "cut":
        new = new[: len(new) // 2 - len(new) // 2 % (len(new) // 10)]
    if how == "deleted":
        shutil.rmtree(folder.path)
        news = tail.poll()
        assert (news.events, news.there) == ([], False)
        folder.path.mkdir()
    if how == "replaced":
        (folder.path / "new").write_text(new + new)
        (folder.path / "new").replace(file)
    else:
        file.write_text(new)
    found = [tail.poll()]
    assert any(news.restarted for news in found) or how == "deleted"
    assert tail.table.curves()["a"][1].tolist() == [2.0] * len(found[0].events)
    assert found[0].events[0]["step"] == 20


def test_a_run_that_is_resumed_goes_on_in_the_same_curves(folder: RunFolder) -> None:
    tail = RunTail(folder)
    with EventWriter(folder.events(), "run") as events:
        for start, values in ((0, (1.0, 2.0, 3.0)), (2, (9.0,))):
            events.write("start", step=start, resumed_from_step=start)
            for number, value in enumerate(values, start + 1):
                events.write("step", step=number, m={"a": value})
            tail.poll()
    assert [array.tolist() for array in tail.table.curves()["a"]] == [[1, 2, 3], [1.0, 2.0, 9.0]]


def test_bites_are_small_and_nothing_is_lost(folder: RunFolder) -> None:
    count = 20_000
    with folder.events().open("w") as stream:
        for number in range(count):
            event = {"kind": "step", "step": number, "m": {"a": number / 2, "b": -1.0}, "pad": "x" * 60}
            stream.write(json.dumps(event) + "\n")
    tail, polls, largest = RunTail(folder), 0, 0
    while True:
        news = tail.poll()
        largest = max(largest, len(news.events))
        polls += 1
        if not news.more:
            break
    assert polls > 2
    assert 0 < largest < count / 2
    assert tail.table.curves()["a"][0].tolist() == list(range(count))


def test_a_long_log_is_read_from_near_its_end(folder: RunFolder) -> None:
    folder.log.write_text("".join(f"line {number}\n" for number in range(100_000)))
    lines = RunTail(folder).poll().lines
    assert lines[-1] == "line 99999"
    assert lines == [f"line {number}" for number in range(100_000 - len(lines), 100_000)]
    assert 1000 < len(lines) < 50_000


def test_beside_a_writer(folder: RunFolder) -> None:
    """What a follower reads piece by piece is what stands there in the end."""

    def write() -> None:
        with EventWriter(folder.events(), "run") as events:
            for number in range(3000):
                events.write("step", step=number, m={"a": float(number)})

    thread = threading.Thread(target=write)
    tail, seen = RunTail(folder), []
    thread.start()
    while thread.is_alive():
        seen += tail.poll().events
    thread.join()
    seen += tail.poll().events
    assert seen == EventReader(folder.events()).read_all()


def test_many_points_are_gathered() -> None:
    table = MetricTable()
    table.add({"kind": "step", "step": number, "m": {"a": 1.0}} for number in range(300_000))
    steps_, values = table.curves()["a"]
    table.add([{"kind": "start", "resumed_from_step": 1000}])
    assert (len(steps_), len(values), len(table.curves()["a"][0])) == (300_000, 300_000, 1001)
