"""Lines of log files for people: the last ones, without what repeats or says nothing; only reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

BEGINS = "dynaclr: begins again"
"""Start of the line that a launcher puts between two turns of a run in one file."""

_BYTES = 64 * 1024
_NOISE = re.compile(
    r"[GTHI]PU available:|Tip: |\U0001f4a1|litlogger|litmodels|^-{20,}$|Seed set to|LeafSpec"
    r"|PossibleUserWarning"
    r"|LOCAL_RANK: \d+ - CUDA_VISIBLE_DEVICES|Initializing distributed|distributed_backend="
    r"|All distributed processes registered|DeprecationWarning|FutureWarning|does not have many workers"
    r"|^\s*rank_zero_warn\(|^\s*warnings\.warn\("
)
"""What Lightning and others say of themselves."""
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def log_text(data: bytes) -> list[str]:
    """Return the lines of a piece of a log: bars that are drawn over leave their last state, colors go."""
    text = data.decode("utf-8", errors="replace").replace("\r\n", "\n")
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return [_CONTROL.sub("", line).rstrip() for line in lines]


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last lines of a file that are not empty, from its last 64 KiB; none if it cannot be read."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(size - _BYTES, 0))
            data = stream.read(_BYTES)
    except OSError:
        return []
    lines = log_text(data)[1 if size > _BYTES else 0 :]
    return [line for line in lines if line.strip()][-count:]


def since_last(lines: Sequence[str], start: str) -> Sequence[str]:
    """Return the lines from the last one that begins with a text on; none if no line does."""
    places = [place for place, line in enumerate(lines) if line.startswith(start)]
    return lines[places[-1] :] if places else []


def folded(lines: Iterable[str]) -> list[str]:
    """Return lines for people: noise is left out, repeated lines are collapsed.

    Lines that differ only in the time they begin with repeat.
    """
    shown: list[tuple[str, int]] = []
    for line in lines:
        if not line.strip() or _NOISE.search(line):
            continue
        plain = _STAMP.sub("", line)
        if shown and _STAMP.sub("", shown[-1][0]) == plain:
            shown[-1] = (line, shown[-1][1] + 1)
        else:
            shown.append((line, 1))
    return [line if times == 1 else f"{line}  ({times} times)" for line, times in shown]
