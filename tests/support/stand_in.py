"""Stands in for a training: writes a run folder as one does, at a pace and with the faults that a test wants.

Run as a program that stands where Python stands in `python -m dynaclr fit`, or by `begin`.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from dynaclr.runs.record.events import EventWriter
from dynaclr.runs.record.layout import RunFolder, made_folder
from dynaclr.runs.record.lock import RunLock
from dynaclr.runs.record.states import State
from dynaclr.runs.record.status import StatusWriter

PER_EPOCH = 20
HEEDS = {"deaf": (), "signals": ("SIGTERM",), "ranks": ("SIGINT",)}
"""Signals that end it; the others end with the stop file too, and with both signals."""
FAULTY = "dynaclr fit: field data.z_range: reaches beyond the stack\n  second line"
CHILD = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def begin(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start it in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, "--run.folder", str(folder), *options]
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)


def as_program(path: Path) -> Path:
    """Write it as a program of its own."""
    code = Path(__file__).read_text(encoding="utf-8")
    path.write_text(f"#!{sys.executable}\n{code}", encoding="utf-8")
    path.chmod(0o755)
    return path


def main() -> int:
    """Write a run; return the exit code."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--run.folder", "--run.resume", dest="folder", type=Path)
    parser.add_argument("--behave", default="tell")
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--pause", type=float, default=0.01)
    options = parser.parse_known_args()[0]
    print("dynaclr stands in:", options.behave, flush=True)
    if options.behave == "faulty":
        sys.exit(FAULTY)
    if options.behave == "vanish":
        os.kill(os.getpid(), signal.SIGKILL)
    folder = made_folder(options.folder)
    with RunLock(folder.lock):
        return train(folder, options)


def train(folder: RunFolder, options: argparse.Namespace) -> int:
    """Write steps until something ends them."""
    asked: list[str] = []
    for name in ("SIGTERM", "SIGINT"):
        heeded = name in HEEDS.get(options.behave, ("SIGTERM", "SIGINT"))
        number = getattr(signal, name)
        signal.signal(number, (lambda *_, name=name: asked.append(name)) if heeded else signal.SIG_IGN)
    children = (
        [subprocess.Popen([sys.executable, "-c", CHILD])] if options.behave in ("deaf", "ranks") else []
    )
    folder.write_facts({"name": folder.path.name, "command": sys.argv})
    folder.config.write_text("model: {}\n", encoding="utf-8")
    status, events, pause = StatusWriter(folder.status), EventWriter(folder.events(), "x"), threading.Event()
    facts = {"total_steps": options.steps, "total_epochs": options.steps // PER_EPOCH}
    events.write("start", epoch=0, step=0, resumed_from_step=0, batches_per_epoch=PER_EPOCH, **facts)
    ranks = 2 if options.behave == "ranks" else 1
    status.update(State.RUNNING, step=0, epoch=0, world_size=ranks, **facts)
    state, reason, code = State.FINISHED, "all epochs done", 0
    for step in range(1, options.steps + 1):
        epoch = (step - 1) // PER_EPOCH
        m = {"loss/train": 4.0 / step + 0.1 * (step % 3), "lr": 1e-3, "samples_per_second": 100.0}
        events.write("step", epoch=epoch, step=step, m=m)
        if step % PER_EPOCH == 0:
            events.write("val", epoch=epoch, step=step, m={"loss/val": 5.0 / step})
            events.write("ckpt", epoch=epoch, step=step, path="checkpoints/best.ckpt", reason="loss/val")
        status.update(step=step, epoch=epoch, batch=(step - 1) % PER_EPOCH)
        if options.behave == "tell":
            print(f"step {step}", flush=True)
        if options.behave == "fail":
            state, reason, code = State.FAILED, "the loss is not finite", 1
            events.write("error", text=reason)
            break
        if asked or (folder.stop.exists() and options.behave not in HEEDS):
            state, reason, code = State.STOPPED, f"signal {asked[0]}" if asked else "stop file", 3
            (folder.checkpoints / "last.ckpt").write_bytes(b"weights")
            break
        pause.wait(options.pause)
    events.write("end", state=state.value, reason=reason, exit_code=code)
    status.update(state, reason=reason)
    status.close()
    events.close()
    for child in children:
        child.wait()
    return code


if __name__ == "__main__":
    sys.exit(main())
