from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.runs.record.event_reader import EventReader, MetricTable
from dynaclr.runs.record.events import EventWriter


def test_lines_hold_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with EventWriter(path, "r") as writer:
        writer.write("step", epoch=1, step=2, m={"loss": 0.5, "bad": float("nan"), "worse": float("inf")})
    with EventWriter(path, "r") as writer:
        writer.write("end", state="finished")
    first, last = EventReader(path).read_all()
    assert (first["seq"], last["seq"]) == (0, 1)
    assert first["m"] == {"loss": 0.5, "bad": None, "worse": None}
    assert first["nonfinite"] == ["bad", "worse"]
    assert "NaN" not in path.read_text()


def test_a_torn_line_is_closed_by_the_next_writer(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"kind": "step"}\n{"kind": "st')
    with EventWriter(path, "r") as writer:
        writer.write("end")
    reader = EventReader(path)
    assert [event["kind"] for event in reader.read_all()] == ["step", "end"]
    assert reader.garbage == 1


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=30))
def test_any_way_of_growing_gives_the_same_events(cuts: list[int]) -> None:
    import tempfile

    data = b"".join(json.dumps({"kind": "step", "n": k, "x": "y" * k}).encode() + b"\n" for k in range(40))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        reader, seen, place = EventReader(path), [], 0
        for cut in [*cuts, len(data)]:
            with path.open("ab") as stream:
                stream.write(data[place : place + cut])
            place = min(place + cut, len(data))
            seen += [event["n"] for event in reader.poll()]
        seen += [event["n"] for event in reader.poll()]
    assert seen == list(range(40))
    assert reader.garbage == 0


def test_a_replaced_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    reader = EventReader(path)
    assert reader.poll() == []
    path.write_text('{"kind": "a"}\n{"kind": "b"}\n')
    assert len(reader.poll()) == 2
    path.write_text('{"kind": "c"}\n')
    assert [event["kind"] for event in reader.poll()] == ["c"]
    assert reader.restarts == 1


def test_a_resume_replaces_what_came_after_it() -> None:
    table = MetricTable()
    table.add([{"kind": "step", "step": k, "m": {"loss": 1.0}} for k in range(1, 6)])
    table.add([{"kind": "start", "resumed_from_step": 3}])
    table.add([{"kind": "step", "step": k, "m": {"loss": 2.0}} for k in (4, 5)])
    steps, values = table.curves()["loss"]
    assert steps.tolist() == [1, 2, 3, 4, 5]
    assert values.tolist() == [1, 1, 1, 2, 2]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are POSIX")
def test_a_full_disk_does_not_stop_the_writer(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from dynaclr.runs.record.events import EventWriter\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "writer = EventWriter(Path(sys.argv[1]), 'r')\n"
        "[writer.write('step', step=k) for k in range(100)]\n"
        "print(writer.dropped)\n"
    )
    path = tmp_path / "events.jsonl"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60)
    assert int(done.stdout) > 50
    assert done.stderr.count("events cannot be written") == 1
    assert len(EventReader(path).read_all()) > 3
