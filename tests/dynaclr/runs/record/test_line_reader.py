from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dynaclr.runs.record.line_reader import LineReader


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.binary(max_size=40), max_size=12), bite=st.integers(1, 64))
def test_whatever_comes_in_whatever_pieces_is_read_once(
    tmp_path: Path, pieces: list[bytes], bite: int
) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"")
    reader, read = LineReader(file), b""
    for piece in pieces:
        with file.open("ab") as stream:
            stream.write(piece)
        read += reader.poll(bite)
    for _ in range(sum(map(len, pieces)) + 1):
        read += reader.poll(bite)
    whole = b"".join(pieces)
    assert whole.startswith(read)
    assert len(whole) - len(read) < bite  # of the line that has no end yet
    assert reader.restarts == 0


def test_a_start_near_the_end_begins_with_a_whole_line(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"one\ntwo\nthree\n")
    assert LineReader(file, 9).poll(100) == b"three\n"
    assert LineReader(file, 100).poll(100) == b"one\ntwo\nthree\n"
    reader = LineReader(file, 2)
    assert reader.poll(100) == b""
    with file.open("ab") as stream:
        stream.write(b"four\n")
    assert reader.poll(100) == b"four\n"


def test_a_folder_in_its_place_is_nothing(tmp_path: Path) -> None:
    assert LineReader(tmp_path).poll(10) == b""
    assert LineReader(tmp_path / "none").poll(10) == b""
