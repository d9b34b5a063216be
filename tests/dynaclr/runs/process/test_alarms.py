from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dynaclr.runs.process.alarms import Alarms, Interrupted, Mode

NUMBERS = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGUSR1") if hasattr(signal, name)]


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def all_is_put_back() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    threads = threading.active_count()
    yield
    assert {number: signal.getsignal(number) for number in NUMBERS} == before
    descriptor = signal.set_wakeup_fd(-1)
    assert descriptor == -1
    for _ in range(100):
        if threading.active_count() == threads:
            break
        threading.Event().wait(0.01)
    assert threading.active_count() == threads


@pytest.mark.parametrize("number", NUMBERS)
def test_at_once(number: int) -> None:
    with pytest.raises(Interrupted, match=f"signal {signal.Signals(number).name}"), Alarms() as alarms:
        send(number)
    assert alarms.received == number


def test_it_interrupts_once_and_lets_the_end_be_written() -> None:
    written = []
    with Alarms() as alarms:
        try:
            send(signal.SIGTERM)
        except Interrupted:
            send(signal.SIGTERM)
            send(signal.SIGINT)
            written.append("end")
    assert written == ["end"]
    assert alarms.received == signal.SIGTERM


def test_at_step_the_first_is_noted_and_the_second_interrupts() -> None:
    with Alarms() as alarms:
        alarms.set_mode(Mode.AT_STEP)
        send(signal.SIGINT)
        assert alarms.received == signal.SIGINT
        with pytest.raises(Interrupted, match="SIGTERM"):
            send(signal.SIGTERM)


def test_later_is_noted_and_told_when_its_time_comes() -> None:
    with Alarms() as alarms:
        alarms.set_mode(Mode.LATER)
        for _ in range(3):
            send(signal.SIGTERM)
        alarms.set_mode(Mode.AT_STEP)
        with pytest.raises(Interrupted, match="SIGTERM"):
            alarms.set_mode(Mode.AT_ONCE)


def test_inside_each_other() -> None:
    with Alarms() as outer:
        with Alarms() as inner:
            inner.set_mode(Mode.LATER)
            send(signal.SIGTERM)
        assert outer.received is None
        with pytest.raises(Interrupted):
            send(signal.SIGINT)
    assert (outer.received, inner.received) == (signal.SIGINT, signal.SIGTERM)


def test_handlers_of_others_are_replaced() -> None:
    called = []
    with Alarms() as alarms:
        alarms.set_mode(Mode.LATER)
        signal.signal(signal.SIGTERM, lambda *_: called.append(1))
        alarms.take_signals()
        send(signal.SIGTERM)
    assert called == []
    assert alarms.received == signal.SIGTERM


def test_off_the_main_thread_nothing_is_installed() -> None:
    seen = []

    def body() -> None:
        with Alarms() as alarms:
            alarms.set_mode(Mode.AT_STEP)
            alarms.take_signals()
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == [before]


HANGS = """
    import hashlib, os, signal, sys, threading
    from dynaclr.runs.process.alarms import Alarms, Interrupted, Mode

    def last_resort(number):
        print("end of", signal.Signals(number).name, flush=True)
        os._exit(3)

    with Alarms(last_resort, grace_seconds=0.2) as alarms:
        alarms.set_mode(Mode(sys.argv[1]))
        while True:
            try:
                print("ready", flush=True)
                hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)  # no handler of Python runs in here
            except Interrupted:  # it came too early
                pass
"""


@pytest.mark.skipif(os.name == "nt", reason="a process ends at once there")
@pytest.mark.parametrize(("mode", "signals"), [(Mode.AT_ONCE, 1), (Mode.AT_STEP, 2)])
def test_a_process_that_hangs_in_foreign_code_ends(tmp_path: Path, mode: Mode, signals: int) -> None:
    command = [sys.executable, "-c", textwrap.dedent(HANGS), mode.value]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            for _ in range(signals):
                process.send_signal(signal.SIGTERM)
                time.sleep(0.05)  # equal signals that wait together are one
            assert process.wait(100) == 3
        finally:
            process.kill()
        assert process.stdout.read().endswith("end of SIGTERM\n")


INTERRUPTED = """
    import os, signal, sys
    from dynaclr.cli.verbs import main

    class Sends:
        def find_spec(self, name, path=None, target=None):
            if name == "lightning":
                os.kill(os.getpid(), getattr(signal, sys.argv[1]))

    sys.meta_path.insert(0, Sends())
    sys.exit(main(["fit", "--config", "train.yaml"]))
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_during_imports_ends_quietly(tmp_path: Path, name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED), name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.stderr == f"dynaclr fit: ended by signal {name}\n"
    assert done.returncode == 128 + getattr(signal, name)
    assert list(tmp_path.iterdir()) == []
