from __future__ import annotations

import io
import json
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from dynaclr.base.errors import RunError
from dynaclr.cli.verbs import main
from dynaclr.runs.record.ended_by import write_end
from dynaclr.runs.record.events import EventWriter
from dynaclr.runs.record.layout import RunFolder, new_run_folder
from dynaclr.runs.record.processes import identity
from dynaclr.runs.record.states import State
from dynaclr.runs.record.status import StatusWriter
from dynaclr.runs.record.watch import RunView, save_curves, watch


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = new_run_folder(tmp_path, "seen")
    folder.write_facts({})
    return folder


def put(folder: RunFolder, state: str, **values: Any) -> None:
    content = {**identity(), "state": state, **values}
    folder.status.write_text(json.dumps(content), encoding="utf-8")


def three_steps(folder: RunFolder) -> None:
    with EventWriter(folder.events(), folder.path.name) as events:
        events.write("start", total_steps=12, resumed_from_step=0)
        for number, loss in enumerate((3.0, 1.5, 2.0), start=1):
            events.write("step", step=number, m={"loss/train": loss, "lr": 1e-3, "samples_per_second": 50.0})
        events.write("val", step=3, m={"loss/val": 2.25, "health/alignment_val": 0.5})
        events.write("ckpt", step=3, path="checkpoints/last.ckpt")
        for number in range(5):
            events.write("warn", text=f"problem {number}\nand more of it")


def test_what_is_shown(folder: RunFolder) -> None:
    three_steps(folder)
    put(folder, "running", step=3)
    view = RunView(folder)
    view.update()
    assert view.lines() == [
        f"{folder.path.name}  running",
        f"  [{'#' * 8}{'.' * 22}] step 3 of 12, 25 %",
        "  loss/train  2.0000   first 3.0000, lowest 1.5000",
        "  loss/val    2.2500   first 2.2500, lowest 2.2500",
        "  lr          0.001",
        "  rate        50.0 pairs per second",
        "  checkpoint  checkpoints/last.ckpt",
        *(f"  problem     problem {number}" for number in (2, 3, 4)),
    ]


def test_waiting_for_data_is_told_where_it_costs(folder: RunFolder) -> None:
    with EventWriter(folder.events(), "r") as events:
        for number, share in enumerate((0.3, 0.5), start=1):
            events.write("step", step=number, m={"samples_per_second": 9.0, "waiting_share": share})
    view = RunView(folder)
    view.update()
    assert "  rate        9.0 pairs per second, 40 % of the time spent waiting for data" in view.lines()


def test_a_loss_that_is_no_number_does_not_hide_the_lowest(folder: RunFolder) -> None:
    with EventWriter(folder.events(), "r") as events:
        for number, loss in enumerate((3.0, float("nan"), 2.0, float("inf")), start=1):
            events.write("step", step=number, m={"loss/train": loss})
    view = RunView(folder)
    view.update()
    assert "first 3.0000, lowest 2.0000" in "\n".join(view.lines())


def test_a_run_that_has_said_nothing(folder: RunFolder) -> None:
    view = RunView(folder)
    view.update()
    assert view.lines() == [f"{folder.path.name}  lost", "  step 0"]


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        watch(tmp_path, io.StringIO())


def test_once_looks_once(folder: RunFolder) -> None:
    three_steps(folder)
    put(folder, "running", step=3)
    stream = io.StringIO()
    assert watch(folder.path, stream, follow=False) is State.RUNNING
    assert stream.getvalue().count(folder.path.name) == 1


@pytest.mark.parametrize("state", ["finished", "stopped", "failed"])
def test_following_ends_with_the_run(folder: RunFolder, state: str) -> None:
    three_steps(folder)
    put(folder, state, step=3, reason="as it was")
    stream = io.StringIO()
    assert watch(folder.path, stream) == state
    assert f"{state}  as it was" in stream.getvalue()


def test_following_ends_where_the_process_is_gone(folder: RunFolder) -> None:
    three_steps(folder)
    put(folder, "running", step=3, started=1.0, ticks=None)
    assert watch(folder.path, io.StringIO()) is State.CRASHED


def test_who_ended_a_run_is_shown(folder: RunFolder) -> None:
    put(folder, "running", started=1.0, ticks=None)
    assert write_end(folder.ended_by, "killed", {**identity(), "ticks": None})
    stream = io.StringIO()
    assert watch(folder.path, stream) is State.STOPPED
    assert "stopped  ended by" in stream.getvalue()
    assert ": killed" in stream.getvalue()


def test_a_terminal_is_drawn_over_and_equal_lines_are_not_repeated(folder: RunFolder) -> None:
    writer = StatusWriter(folder.status)
    writer.update(State.RUNNING, step=0)
    stream = Terminal()
    seen = threading.Thread(target=lambda: watch(folder.path, stream, every_seconds=0.01))
    seen.start()
    while not stream.getvalue():
        seen.join(0.01)
    three_steps(folder)
    while "step 0 of 12" not in stream.getvalue():
        seen.join(0.01)
    writer.update(State.FINISHED, step=3)
    seen.join(20)
    writer.close()
    assert not seen.is_alive()
    shown = stream.getvalue().split("\x1b[")
    assert shown[0].splitlines() == [f"{folder.path.name}  running", "  step 0"]
    assert shown[1] == "2F"  # two lines up, then to the end of the screen
    assert "finished" in shown[-1]
    assert len(shown) <= 2 * 3 + 1


WRITES = """
    import sys
    from pathlib import Path
    from dynaclr.runs.record.events import EventWriter
    from dynaclr.runs.record.layout import RunFolder
    from dynaclr.runs.record.states import State
    from dynaclr.runs.record.status import StatusWriter

    folder = RunFolder(Path(sys.argv[1]))
    status, events = StatusWriter(folder.status), EventWriter(folder.events(), "r")
    status.update(State.RUNNING)
    events.write("start", total_steps=60, resumed_from_step=0)
    for step in range(1, 61):
        events.write("step", step=step, m={"loss/train": 60.0 / step})
        status.update(step=step)
        sys.stdin.read(1)
    events.write("end", state="finished")
    status.update(State.FINISHED, reason="all epochs done")
    status.close()
"""


def test_a_run_that_another_process_is_writing(folder: RunFolder, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITES), str(folder.path)], stdin=subprocess.PIPE
    )
    assert process.stdin is not None
    stream, states = io.StringIO(), []
    try:
        while not folder.events().exists():
            assert process.poll() is None
        png = tmp_path / "curves.png"
        seen = threading.Thread(
            target=lambda: states.append(watch(folder.path, stream, every_seconds=0.005, png=png))
        )
        seen.start()
        for _ in range(60):
            process.stdin.write(b".")
            process.stdin.flush()
        assert process.wait(30) == 0
        seen.join(30)
    finally:
        process.kill()
        process.stdin.close()
    assert states == [State.FINISHED]
    assert "loss/train  1.0000   first 60.0000, lowest 1.0000" in stream.getvalue()
    assert png.read_bytes().startswith(b"\x89PNG")


def test_the_verb(folder: RunFolder, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    three_steps(folder)
    put(folder, "failed", step=3, reason="chunk 7 is damaged")
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    assert main(["watch", str(folder.path), "--once", "--png", str(tmp_path / "c.png")]) == 0
    assert "failed  chunk 7 is damaged" in capsys.readouterr().out
    assert (tmp_path / "c.png").stat().st_size > 1000
    assert {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()} == before
    assert main(["watch", str(tmp_path)]) == 2
    assert "not a run folder" in capsys.readouterr().err


def test_curves_of_nothing_are_drawn(folder: RunFolder, tmp_path: Path) -> None:
    assert save_curves(RunView(folder), tmp_path / "empty.png").stat().st_size > 1000
