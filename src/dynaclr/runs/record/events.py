"""Writes events.jsonl: one JSON object a line, appended whole; a full disk never stops the training."""

from __future__ import annotations

import json
import logging
import math
import os
import threading
import time
from pathlib import Path
from typing import Any

_LOG = logging.getLogger(__name__)
_VERSION = 1
_MOST_BYTES = 64 * 1024
_SYNCED = frozenset({"start", "ckpt", "error", "end"})
_SYNC_SECONDS = 5.0


class EventWriter:
    """Appends events to a file.

    A line is {"v": format, "run": id, "seq": number, "kind": ..., "t": wall clock, "mono": monotonic
    clock, "epoch", "step", "m": {name: number or null}, ...}. NaN and infinity are null, their names
    stand under "nonfinite".

    Parameters
    ----------
    path
        The file; made if need be, continued if it is there.
    run
        Identity of the run.
    """

    def __init__(self, path: Path, run: str) -> None:
        self._path, self._run = path, run
        self._seq = _lines(path)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        self._torn = _ends_torn(path)
        self._synced, self._reported = 0.0, False
        self._one = threading.Lock()  # warnings come from any thread
        self.dropped = 0

    def write(
        self,
        kind: str,
        *,
        epoch: int | None = None,
        step: int | None = None,
        m: dict[str, float] | None = None,
        **fields: Any,
    ) -> None:
        """Append one event; if the disk does not take it, it is dropped and counted, and logged once."""
        with self._one:
            self._write(kind, epoch, step, m, fields)

    def _write(
        self,
        kind: str,
        epoch: int | None,
        step: int | None,
        m: dict[str, float] | None,
        fields: dict[str, Any],
    ) -> None:
        event: dict[str, Any] = {
            "v": _VERSION,
            "run": self._run,
            "seq": self._seq,
            "kind": kind,
            "t": time.time(),
            "mono": time.monotonic(),
        }
        event |= {name: value for name, value in (("epoch", epoch), ("step", step)) if value is not None}
        if m is not None:
            event["m"] = {name: float(value) if math.isfinite(value) else None for name, value in m.items()}
            wrong = [name for name, value in event["m"].items() if value is None]
            if wrong:
                event["nonfinite"] = wrong
        event |= fields
        line = json.dumps(event, allow_nan=False, ensure_ascii=False).encode("utf-8")
        if len(line) >= _MOST_BYTES:
            line = json.dumps({**event, **dict.fromkeys(fields, "too long")}, allow_nan=False).encode("utf-8")
        self._append(line + b"\n", kind)

    def _append(self, line: bytes, kind: str) -> None:
        start = b"\n" if self._torn else b""
        try:
            written = os.write(self._descriptor, start + line)
            self._torn = written != len(start) + len(line)
            if self._torn:
                raise OSError("only a part of the line was written")
            now = time.monotonic()
            if kind in _SYNCED or now - self._synced > _SYNC_SECONDS:
                os.fsync(self._descriptor)
                self._synced = now
        except OSError as error:
            self.dropped += 1
            if not self._reported:
                self._reported = True
                _LOG.error("events cannot be written to %s: %s; training goes on", self._path, error)
            return
        self._seq += 1

    def close(self) -> None:
        """Close the file."""
        with self._one:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _lines(path: Path) -> int:
    """Return the number of lines that stand already."""
    try:
        with path.open("rb") as stream:
            return sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))
    except FileNotFoundError:
        return 0


def _ends_torn(path: Path) -> bool:
    """Return whether the last line lacks its end."""
    with path.open("rb") as stream:
        if stream.seek(0, os.SEEK_END) == 0:
            return False
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) != b"\n"
