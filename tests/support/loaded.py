"""Real processes of the command line, forked from one that has loaded Lightning already.

A child has its own folder, environment, streams, limits and signals, as one that was started anew. What is
left out is the import of the libraries, which takes ten times as long as a small fit.
Run as a script: loaded.py SOCKET
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SECONDS = 400


PROGRAM = """\
#!{python} -SE
import json, os, socket, sys
line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
line.connect({place!r})
files = [f"/proc/{{os.getpid()}}/fd/{{number}}" for number in (1, 2)]
request = {{"arguments": sys.argv[3:], "folder": os.getcwd(), "files": files}}
request |= {{"code": None, "largest_file": None, "environment": dict(os.environ)}}
line.sendall(json.dumps(request).encode())
line.recv(64)
sys.exit(os.waitstatus_to_exitcode(int(line.recv(64))))
"""


class Child:
    """A command that runs; `output` and `errors` are what it has written so far."""

    def __init__(self, pid: int, line: Any, files: tuple[Path, Path]) -> None:
        self.pid, self._line, self._files = pid, line, files
        self.returncode: int | None = None

    @property
    def output(self) -> str:
        return self._files[0].read_text(encoding="utf-8")

    @property
    def errors(self) -> str:
        return self._files[1].read_text(encoding="utf-8")

    def wait(self, seconds: float = SECONDS) -> int:
        """Return the exit code; -N for a signal, as subprocess has it."""
        if self.returncode is None:
            self._line.settimeout(seconds)
            self.returncode = os.waitstatus_to_exitcode(int(self._line.recv(64)))
            self._line.close()
        return self.returncode

    def poll(self) -> int | None:
        with contextlib.suppress(TimeoutError, BlockingIOError):
            return self.wait(0.0)
        return None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Loaded:
    """The process that has loaded everything; started when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0
        self._server: subprocess.Popen[bytes] | None = None
        self._place = Path(tempfile.mkdtemp(prefix="loaded-")) / "socket"  # names of sockets must be short

    def start(
        self,
        folder: Path,
        *arguments: str,
        code: str | None = None,
        largest_file: int | None = None,
        **environment: str,
    ) -> Child:
        """Start `python -m dynaclr`, or a script, with some arguments in a folder."""
        self._load()
        self._count += 1
        files = self._folder / f"{self._count}.out", self._folder / f"{self._count}.err"
        for file in files:
            file.touch()
        request = {
            "arguments": list(arguments),
            "code": code and textwrap.dedent(code),
            "folder": str(folder),
            "environment": {**os.environ, **environment},
            "files": [str(file) for file in files],
            "largest_file": largest_file,
        }
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        line.connect(str(self._place))
        line.sendall(json.dumps(request).encode())
        return Child(int(line.recv(64)), line, files)

    def program(self, path: Path) -> Path:
        """Write a program that may stand where Python stands in `python -m dynaclr`."""
        self._load()
        path.write_text(PROGRAM.format(python=sys.executable, place=str(self._place)), encoding="utf-8")
        path.chmod(0o755)
        return path

    def _load(self) -> None:
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, __file__, str(self._place)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
            )
            assert self._server.stdout is not None
            assert self._server.stdout.readline() == b"loaded\n"

    def run(self, folder: Path, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        with self.running(folder, *arguments, **more) as child:
            code = child.wait()
        return subprocess.CompletedProcess(list(arguments), code, child.output, child.errors)

    @contextmanager
    def running(self, folder: Path, *arguments: str, **more: Any) -> Iterator[Child]:
        """Start a command that does not outlive the context."""
        child = self.start(folder, *arguments, **more)
        try:
            yield child
        finally:
            child.kill()
            child.wait()

    def close(self) -> None:
        if self._server is not None and self._server.stdout is not None:
            self._server.kill()
            self._server.wait()
            self._server.stdout.close()
        self._place.unlink(missing_ok=True)
        self._place.parent.rmdir()


def serve(place: str) -> int:
    """Load, then fork for each request; returns only in a child, with the exit code of its command."""
    from dynaclr.cli.verbs import main

    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.suppress(SystemExit),
    ):
        main(["fit", "--help"])  # what the parser finds out about all classes is kept
    gc.freeze()  # a child that looks for garbage would copy all memory
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(place)
    listener.listen()
    os.write(1, b"loaded\n")
    while True:
        line, _ = listener.accept()
        if os.fork() == 0:
            break
        line.close()
    listener.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request = json.loads(line.recv(2**20))
    pid = os.fork()
    if pid:
        line.send(str(pid).encode())
        line.send(str(os.waitpid(pid, 0)[1]).encode())
        os._exit(0)
    line.close()
    _become(request)
    if request["code"] is None:
        return main(request["arguments"])
    exec(compile(request["code"], "script", "exec"), {"__name__": "__main__"})
    return 0


def _become(request: dict[str, Any]) -> None:
    """Be the process that was asked for."""
    os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path.insert(0, request["folder"])
    sys.argv = ["dynaclr", *request["arguments"]]
    for number, file in enumerate(request["files"], start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND), number)
    if request["largest_file"] is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (request["largest_file"],) * 2)


if __name__ == "__main__":
    sys.path.pop(0)  # the folder of the tests, which has packages of the same names
    sys.exit(serve(sys.argv[1]))
