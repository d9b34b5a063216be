"""Stands in for a training: writes a run folder as one does, at a pace and with the faults that a test wants.

Run as a script: fake_training.py FOLDER --steps N --pause SECONDS [--deaf] [--fail] [--crash]
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
from dynaclr.runs.record.layout import made_folder
from dynaclr.runs.record.states import State
from dynaclr.runs.record.status import StatusWriter

PER_EPOCH = 20


def begin(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start the stand-in in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, str(folder), *options]
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)


def main() -> None:
    """Write a run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--pause", type=float, default=0.02)
    for name in ("--deaf", "--fail", "--crash"):
        parser.add_argument(name, action="store_true")
    options = parser.parse_args()
    if options.deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    folder = made_folder(options.folder)
    folder.write_facts({"name": folder.path.name})
    folder.config.write_text("model: {}\n", encoding="utf-8")
    status, events, pause = StatusWriter(folder.status), EventWriter(folder.events(), "x"), threading.Event()
    facts = {"total_steps": options.steps, "total_epochs": options.steps // PER_EPOCH}
    events.write("start", epoch=0, step=0, resumed_from_step=0, batches_per_epoch=PER_EPOCH, **facts)
    status.update(State.RUNNING, step=0, epoch=0, world_size=1, **facts)
    state, reason = State.FINISHED, "all epochs done"
    for step in range(1, options.steps + 1):
        epoch = (step - 1) // PER_EPOCH
        m = {"loss/train": 4.0 / step + 0.1 * (step % 3), "lr": 1e-3, "samples_per_second": 100.0}
        events.write("step", epoch=epoch, step=step, m=m)
        if step % PER_EPOCH == 0:
            events.write("val", epoch=epoch, step=step, m={"loss/val": 5.0 / step})
            events.write("ckpt", epoch=epoch, step=step, path="checkpoints/best.ckpt", reason="loss/val")
        status.update(step=step, epoch=epoch, batch=(step - 1) % PER_EPOCH)
        print(f"step {step}", flush=True)
        if options.crash:
            os.kill(os.getpid(), signal.SIGKILL)
        if options.fail:
            state, reason = State.FAILED, "the loss is not finite"
            events.write("error", text=reason)
            break
        if folder.stop.exists() and not options.deaf:
            state, reason = State.STOPPED, "stop file"
            break
        pause.wait(options.pause)
    events.write("end", state=state.value, reason=reason, exit_code=0)
    status.update(state, reason=reason)
    status.close()
    events.close()


if __name__ == "__main__":
    main()
