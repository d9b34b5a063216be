"""Reads the lines that are appended to a file, whatever happens to it meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

_HEAD = 256


class LineReader:
    """Follows a file from its beginning, or from near its end.

    The file is opened anew at every poll (network disks), and a half last line waits for its end. A file
    that was replaced, cut short or begins otherwise than before is read from its beginning.

    Parameters
    ----------
    path
        The file; it need not be there yet.
    last_bytes
        How much of what is there already is read at most; None for all.

    Attributes
    ----------
    offset
        Bytes read.
    restarts
        How often another file was found in its place.
    """

    def __init__(self, path: Path, last_bytes: int | None = None) -> None:
        self._path, self._last = path, last_bytes
        self._inode, self._head = -1, b""
        self.offset, self.restarts = 0, 0

    def poll(self, max_bytes: int) -> bytes:
        """Return whole lines that came since the last poll, from at most `max_bytes` of the file."""
        try:
            with self._path.open("rb") as stream:
                stat = os.fstat(stream.fileno())
                head = stream.read(_HEAD)
                if self._is_another(stat, head):
                    self._restart(stat.st_ino)
                self._head = head
                skipped = self._skip(stat.st_size)
                stream.seek(self.offset)
                data = stream.read(max_bytes)
        except FileNotFoundError:  # what comes back under the name is another file
            if self.offset:
                self._restart(-1)
            return b""
        except OSError:  # a network disk that does not answer just now
            return b""
        end = data.rfind(b"\n") + 1
        if not end and len(data) == max_bytes:
            end = len(data)  # a line longer than all that is read at once is passed on in pieces
        self.offset += end
        return data[: end if end else 0].partition(b"\n")[2] if skipped else data[:end]

    def _is_another(self, stat: os.stat_result, head: bytes) -> bool:
        if self._inode == -1:
            self._inode = stat.st_ino
            return False
        return stat.st_ino != self._inode or stat.st_size < self.offset or not head.startswith(self._head)

    def _restart(self, inode: int) -> None:
        self.restarts += 1
        self.offset, self._inode, self._head = 0, inode, b""

    def _skip(self, size: int) -> bool:
        """Leave out what lies too far back; return whether a line was cut by that."""
        if self._last is None or self.offset or size <= self._last:
            return False
        self.offset = size - self._last
        return True
