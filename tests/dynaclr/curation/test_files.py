from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.base.errors import ConfigError, DataError
from dynaclr.curation import CURATION_FILE, Mark, MarkKind, Verdict, read_marks, write_marks

HEADER = "kind,verdict,experiment,fov_name,track_id,t,parent_track_id,y,x,reason,author,time"
ROW = "link,exclude,june,A/1/0,12,7,,10.5,20.25,swapped,anna,2026-01-31T12:00:00Z"
MARK = Mark(
    MarkKind.LINK,
    Verdict.EXCLUDE,
    "june",
    "A/1/0",
    "anna",
    datetime(2026, 1, 31, 12, tzinfo=UTC),
    track_id=12,
    t=7,
    y=10.5,
    x=20.25,
    reason="swapped",
)


def file(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path = folder / CURATION_FILE
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


text = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).map(str.strip).filter(bool)


@settings(deadline=None, max_examples=50)
@given(
    reason=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\x00")).map(str.strip),
    author=text,
    place=st.none() | st.floats(-1e6, 1e6),
    track_id=st.integers(0, 2**60),
    time=st.datetimes(timezones=st.just(UTC)),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    reason: str,
    author: str,
    place: float | None,
    track_id: int,
    time: datetime,
) -> None:
    mark = Mark(
        *(MarkKind.TRACK, Verdict.UNSURE, 'jüne, "x"', "A/1/0", author, time),
        track_id=track_id,
        t=None if place is None else 3,
        y=place,
        x=place,
        reason=reason,
    )
    path = tmp_path_factory.mktemp("marks") / CURATION_FILE
    write_marks(path, [mark, MARK])
    assert read_marks(path) == [mark, MARK]


def test_hand_edits_are_accepted(tmp_path: Path) -> None:
    columns, values = HEADER.split(","), ROW.split(",")
    order = [7, 3, 0, 11, 1, 2, 4, 8, 5, 6, 10, 9]
    lines = [",".join(items[i] for i in order) for items in (columns, values)]
    path = file(tmp_path, lines[0], "", ",,,,,,,,,,,", lines[1], "  ", encoding="utf-8-sig")
    assert read_marks(path) == [MARK]
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n").replace(b"12,", b"12.0,"))
    assert read_marks(path) == [MARK]


def test_columns_that_may_be_absent(tmp_path: Path) -> None:
    path = file(
        tmp_path,
        "kind,verdict,experiment,fov_name,track_id,author,time",
        "fov,Exclude,june,A/1/0,,anna,2026-01-31T13:00:00+01:00",
    )
    (mark,) = read_marks(path)
    assert (mark.kind, mark.verdict, mark.track_id, mark.time) == ("fov", "exclude", None, MARK.time)


def test_a_parent_of_minus_one_is_none(tmp_path: Path) -> None:
    (mark,) = read_marks(file(tmp_path, HEADER, ROW.replace("12,7,,", "12,7,-1,")))
    assert mark == MARK


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("link,", "lnk,", r"line 2, field kind.*expected one of track, link.*found 'lnk'"),
        ("exclude", "no", r"line 2, field verdict"),
        (",12,", ",12.5,", r"line 2, field track_id: .*a whole number.*'12.5'"),
        (",12,", ",,", r"line 2: field track_id: a link mark requires this"),
        (",12,", ",twelve,", r"line 2, field track_id"),
        ("10.5", "10;5", r"line 2, field y: .*decimal point"),
        ("10.5", "inf", r"line 2: field y, x: a position must be finite"),
        ("12:00:00Z", "12:00:00", r"line 2, field time: .*UTC time like"),
        ("2026-01-31T12:00:00Z", "31.1.2026", r"line 2, field time"),
        ("anna", "", r"line 2: field author"),
        ("swapped", "swapped,again", r"line 2: wrong number of values; expected 12; found 13"),
        ("swapped", '"swapped', r"line \d: not a CSV"),
    ],
)
def test_wrong_values_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = file(tmp_path, HEADER, ROW.replace(old, new))
    with pytest.raises(DataError, match=message) as error:
        read_marks(path)
    assert str(path) in str(error.value)


def test_lines_are_counted_as_an_editor_does_and_all_are_named(tmp_path: Path) -> None:
    quoted = ROW.replace("swapped", '"two\nlines"')
    path = file(tmp_path, HEADER, quoted, "", ROW.replace("link", "lonk"), ROW.replace("exclude", "out"))
    with pytest.raises(DataError, match=r"2 problems(.|\n)*line 5, field kind(.|\n)*line 6, field verdict"):
        read_marks(path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (HEADER.replace("verdict", "verdikt"), r"field verdict(.|\n)*unknown column(.|\n)*mean 'verdict'"),
        (HEADER.replace(",", ";"), r"not separated by commas; found ';'"),
        (HEADER + ",t", "duplicate column"),
        (HEADER + ",color", r"field 'color': unknown column"),
    ],
)
def test_wrong_headers(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_marks(file(tmp_path, header, ROW))


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="curation file cannot be read"):
        read_marks(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="no header"):
        read_marks(file(tmp_path, ""))
    path = tmp_path / "latin.csv"
    path.write_bytes(f"{HEADER}\n{ROW}".replace("anna", "änna").encode("latin-1"))
    with pytest.raises(DataError, match="line 2: not UTF-8"):
        read_marks(path)
