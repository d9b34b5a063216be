"""A program that stands in for a training where only its being a process matters."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from dynaclr.runs.control.launch import Launch

_MARK = "DYNACLR_TEST_STAND_IN"
_STAND_IN = """\
#!{python}
import os, signal, subprocess, sys, time
from pathlib import Path
from dynaclr.runs.record.events import EventWriter
from dynaclr.runs.record.layout import made_folder
from dynaclr.runs.record.lock import RunLock
from dynaclr.runs.record.states import State
from dynaclr.runs.record.status import StatusWriter

def given(name, default=None):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default

behave = given("--behave", "train")
print("dynaclr stands in:", behave, flush=True)
if behave == "faulty":
    sys.exit("dynaclr fit: field data.z_range: reaches beyond the stack\\n  second line")
if behave == "vanish":
    os.kill(os.getpid(), signal.SIGKILL)
folder = made_folder(Path(given("--run.folder") or given("--run.resume")))
asked = []
heeds = {{"deaf": (), "signals": ("SIGTERM",), "ranks": ("SIGINT",)}}.get(behave, ("SIGTERM", "SIGINT"))
for name in ("SIGTERM", "SIGINT"):
    note = lambda *_, name=name: asked.append(name)
    signal.signal(getattr(signal, name), note if name in heeds else signal.SIG_IGN)
children = []
if behave in ("deaf", "ranks"):
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    children.append(subprocess.Popen([sys.executable, "-c", code]))
with RunLock(folder.lock):
    folder.write_facts({{"command": sys.argv}})
    folder.config.write_text("run: {{}}\\n")
    status = StatusWriter(folder.status)
    events = EventWriter(folder.events(), folder.path.name)
    events.write("start", epoch=0, step=0, resumed_from_step=0, total_steps=1000)
    status.update(State.RUNNING, total_steps=1000, world_size=2 if behave == "ranks" else 1)
    step = 0
    while not asked and not (folder.stop.exists() and behave not in ("deaf", "signals", "ranks")):
        step += 1
        events.write("step", epoch=0, step=step, m={{"loss/train": 1.0 / step}})
        status.update(step=step)
        time.sleep(0.01)
    (folder.checkpoints / "last.ckpt").write_bytes(b"weights")
    reason = "signal " + asked[0] if asked else "stop file"
    events.write("end", state="stopped", reason=reason, exit_code=3)
    status.update(State.STOPPED, reason=reason)
    status.close()
for child in children:
    child.wait()
sys.exit(3)
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Launch]]:
    """Return how to start a stand-in that behaves in some way; none outlives the test."""
    if sys.platform == "win32":
        pytest.skip("needs programs that are scripts")
    program = tmp_path / "stand-in"
    program.write_text(_STAND_IN.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv(_MARK, str(program))

    def how(behave: str, **more: Any) -> Launch:
        return Launch(python=str(program), arguments=("--behave", behave), **more)

    yield how
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(_MARK) == str(program):
                process.kill()
