"""One mark more in a file of very many, against `pandas` reading and writing that file once."""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
from runner import Result, compare, finish

from dynaclr.curation import Mark, MarkKind, Put, SharedMarks, Verdict, write_marks

START = datetime(2026, 1, 31, tzinfo=UTC)


def mark(track: int, author: str = "anna") -> Mark:
    """Return a mark on a track."""
    time = START + timedelta(seconds=track)
    return Mark(MarkKind.TRACK, Verdict.EXCLUDE, "june", "A/1/0", author, time, track, reason="jumps, far")


def measure(count: int) -> list[Result]:
    """Compare at one size."""
    with tempfile.TemporaryDirectory() as temporary:
        path, plain = Path(temporary) / "curation.csv", Path(temporary) / "plain.csv"
        write_marks(path, [mark(track) for track in range(count)])
        marks, other = SharedMarks(path), SharedMarks(path)

        def put() -> None:
            marks.do(Put(mark(5, author="bea")))
            marks.undo()

        def put_and_follow() -> None:
            put()
            other.refresh()

        def rewrite() -> None:
            pd.read_csv(path).to_csv(plain, index=False)

        name = f"a mark and its undo among {count:.0e}"
        return [
            compare(f"{name}, against reading and writing all", put, rewrite, limit=0.5, pairs=3),
            compare(f"{name}, seen by another window", put_and_follow, rewrite, limit=1.3, pairs=3),
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--marks", type=int, nargs="+", default=[100_000])
    finish([result for count in parser.parse_args().marks for result in measure(count)])


if __name__ == "__main__":
    main()
