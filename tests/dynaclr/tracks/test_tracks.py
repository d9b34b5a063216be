"""Track files with the faults that users have."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynaclr.base.errors import ConfigError, DataError
from dynaclr.tracks import (
    TrackCounts,
    TrackPolicy,
    check_tracks,
    find_track_files,
    read_track_csv,
    track_parents,
)
from dynaclr.tracks.loading import FovTracks, load_table

SHAPE = (10, 1, 1, 50, 80)  # (T, C, Z, Y, X)
HEAD = "track_id,t,y,x\n"


def read(tmp_path: Path, text: str | bytes) -> dict[str, Any]:
    path = tmp_path / "tracks.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_track_csv(path, "exp")


def checked(tmp_path: Path, text: str, **policy: Any) -> tuple[dict[str, Any], TrackCounts]:
    columns = read(tmp_path, text)
    return check_tracks(
        columns,
        experiment="exp",
        fov="A/1/0",
        path=tmp_path / "tracks.csv",
        shape=SHAPE,
        policy=TrackPolicy(**policy),
    )


def test_columns_have_their_types(tmp_path: Path) -> None:
    big = 2**60 + 1
    head = "track_id,t,y,x,id,parent_track_id,quality,label\n"
    text = f"{head}1,0,1.5,2,{big},,0.5,a\n2,1,3,4,{big + 1},1,0.25,b\n"
    columns = read(tmp_path, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert columns["id"].tolist() == [big, big + 1]
    assert columns["parent_track_id"].tolist() == [-1, 1]
    assert columns["quality"].tolist() == [0.5, 0.25]
    assert columns["label"].tolist() == ["a", "b"]
    assert columns["y"].dtype == np.float64


def test_whole_numbers_with_zero_decimals_are_accepted(tmp_path: Path) -> None:
    columns = read(tmp_path, "track_id,t,y,x,parent_track_id\n1.0,0.0,1,2,\n1.0,1.0,1,2,3.0\n")
    assert columns["track_id"].tolist() == [1, 1]
    assert columns["parent_track_id"].tolist() == [-1, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no rows.*an empty file"),
        (HEAD, "no rows.*only a header"),
        ("track_id,T,y,x\n1,0,1,1\n", r"field t.*column is missing.*Did you mean 'T'"),
        ("track_id;t;y;x\n1;0;1.234,5;1\n", "row 2, field y.*'1.234,5'"),
        ("track_id,t,y,x,t\n1,0,1,1,0\n", "duplicate column"),
        (HEAD + "1,0,1,1\n1,1,2\n", r"row 3.*wrong number of values"),
        (HEAD + "1,0,1,1,9\n", r"row 2.*wrong number of values.*expected 4; found 5"),
        (HEAD + "1,0,1,1\n1e3,1,2,2\n", r"row 3, field track_id.*'1e3'"),
        (HEAD + "1,0.5,1,1\n", r"row 2, field t.*'0.5'"),
        (HEAD + "1,,1,1\n", r"row 2, field t.*''"),
        (HEAD + "1,0,one,1\n", r"row 2, field y.*'one'"),
        (HEAD + f"{2**70},0,1,1\n", "field track_id"),
    ],
)
def test_files_that_cannot_be_read_name_row_and_column(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"{HEAD[:-1]},label\n1,0,1,1,a\n1,1,1,1,é\n".encode("latin-1"), r"row 3: not UTF-8.*0xe9.*UTF-8"),
        (f"{HEAD}1,0,1,1\n".replace("t,", "té,").encode("cp1252"), r"row 1: not UTF-8.*0xe9.*UTF-8"),
        (f"{HEAD}1,0,1,1\n".encode("utf-16"), r"row 1: not UTF-8.*UTF-16.*UTF-8"),
        (HEAD.encode() + b"1,0,1,1\n1,1,\x80,2\n", r"row 3: not UTF-8.*0x80"),
    ],
)
def test_text_in_another_encoding_names_the_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=rf"tracks\.csv, {message}"):
        read(tmp_path, content)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_other_separators_and_decimal_commas(tmp_path: Path, separator: str, decimal: str) -> None:
    big = 2**53 + 1
    text = f"track_id,t,y,x,quality\n{big},0,7,1.5,0.25\n{big + 1},1,2.5,-3,0.5\n"
    columns = read(tmp_path, text.replace(",", separator).replace(".", decimal))
    assert columns["track_id"].tolist() == [big, big + 1]
    assert columns["y"].tolist() == [7.0, 2.5]
    assert columns["x"].tolist() == [1.5, -3.0]
    assert columns["quality"].tolist() == [0.25, 0.5]


def test_a_decimal_comma_late_in_a_file_with_points_elsewhere(tmp_path: Path) -> None:
    rows = "".join(f"1;{t};1.5;2\n" for t in range(200))
    assert read(tmp_path, f"track_id;t;y;x\n{rows}1;200;3,5;2\n")["y"][-2:].tolist() == [1.5, 3.5]


def test_spots_without_a_track_are_left_out_and_counted(tmp_path: Path) -> None:
    columns, counts = checked(tmp_path, HEAD + "1,0,1,1\n-1,0,5,5\n-1,0,6,6\n,1,7,7\n1,1,1,1\n")
    assert columns["track_id"].tolist() == [1, 1]
    assert counts.unlinked == 3
    assert "3 of 5 rows belong to no track" in counts.warnings[0]
    assert "row 3 first" in counts.warnings[0]


NAMED = "track_id,t,y,x,parent_track_id,fov_name\n"


def test_the_table_of_another_fov_is_refused(tmp_path: Path) -> None:
    text = NAMED + "1,0,1,1,,A/1/0\n2,1,1,1,1,B/1/0\n3,1,1,1,1,B/1/1\n"
    with pytest.raises(
        DataError,
        match=r"row 3, 4, field fov_name: 2 rows belong to another FOV; expected A/1/0; found B/1/0, B/1/1",
    ):
        checked(tmp_path, text)
    with pytest.raises(DataError, match=r"row 2, field fov_name.*expected A/1/0; found 7"):
        checked(tmp_path, NAMED + "1,0,1,1,,7\n")


def test_the_name_of_the_own_fov_is_no_column_of_its_own(tmp_path: Path) -> None:
    columns, _ = checked(tmp_path, NAMED + "1,0,1,1,,A/1/0\n1,1,1,1,,/A/1/0/\n1,2,1,1,,\n")
    assert columns["t"].tolist() == [0, 1, 2]
    assert "fov_name" not in columns


def test_frames_beyond_the_recording(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"row 3.*expected 0\.\.9; found 10"):
        checked(tmp_path, HEAD + "1,0,1,1\n1,10,1,1\n")
    rows = "".join(f"1,{t},5,5\n" for t in range(1, 11))
    with pytest.raises(DataError, match="The frames look 1-based"):
        checked(tmp_path, HEAD + rows)


@pytest.mark.parametrize(
    ("frames", "advice"),
    [
        (range(1, 11), "look 1-based: subtract 1 from t.*--first-frame 1"),
        (range(4, 14), "counted from 4: subtract that.*--first-frame 4"),
        (range(0, 150, 15), "multiples of 15.*divide t by 15.*--time-step 15"),
        (range(20, 25), "fewer frames than the image, and begins later"),
        (range(40), "more frames than the image"),
        ((-(2**63), 2**63 - 1), "more frames than the image"),
        ((3, 2_000_000_000), "more frames than the image"),
    ],
)
def test_frames_beyond_the_recording_have_advice(tmp_path: Path, frames: Iterable[int], advice: str) -> None:
    with pytest.raises(DataError, match=advice):
        checked(tmp_path, HEAD + "".join(f"1,{t},5,5\n" for t in frames))


def test_duplicates_of_one_cell(tmp_path: Path) -> None:
    text = HEAD + "1,0,1,1\n1,1,2,2\n1,0,1.5,1\n"
    with pytest.raises(DataError, match=r"row 4.*1 rows duplicate a \(track_id, t\).*'drop'"):
        checked(tmp_path, text)
    columns, counts = checked(tmp_path, text, duplicates="drop")
    assert counts.duplicates == 1
    assert not counts.warnings
    assert columns["y"].tolist() == [1.0, 2.0]


def test_rows_of_other_cells_are_not_to_be_dropped(tmp_path: Path) -> None:
    """Ids that start anew in every FOV or frame: the rows that repeat an id are cells."""
    text = HEAD + "1,0,1,1\n1,1,2,2\n1,0,1,1\n1,0,30,1\n1,1,2,52\n"
    with pytest.raises(DataError) as caught:
        checked(tmp_path, text)
    message = str(caught.value)
    assert "row 5, 6, " in message
    assert "2 rows have the (track_id, t) of another cell, up to 50 px away" in message
    assert "Give each FOV a file of its own" in message
    assert "'drop'" not in message
    _, counts = checked(tmp_path, text, duplicates="drop")
    assert counts.duplicates == 3
    assert "would lose cells" in counts.warnings[0]


def test_coordinates_that_are_no_numbers(tmp_path: Path) -> None:
    text = HEAD + "1,0,1,1\n1,1,nan,2\n1,2,inf,3\n"
    with pytest.raises(DataError, match="row 3, 4.*non-finite"):
        checked(tmp_path, text)
    columns, counts = checked(tmp_path, text, nonfinite="drop")
    assert counts.nonfinite == 2
    assert columns["t"].tolist() == [0]


def test_outside_is_counted_and_exchanged_axes_are_suspected(tmp_path: Path) -> None:
    columns, counts = checked(tmp_path, HEAD + "1,0,60,10\n1,1,70,10\n1,2,10,10\n")
    assert counts.outside_image == 2
    assert columns["t"].tolist() == [2]
    assert "y and x look swapped" in counts.warnings[0]


def test_the_image_ends_half_a_pixel_beyond_its_last_row_and_column(tmp_path: Path) -> None:
    height, width = SHAPE[3:]
    corners = f"1,0,-0.5,-0.5\n1,1,{height - 0.5},{width - 0.5}\n"
    columns, counts = checked(tmp_path, HEAD + corners + f"1,2,{height},9\n1,3,9,{width}\n1,4,-0.6,9\n")
    assert columns["t"].tolist() == [0, 1]
    assert counts.outside_image == 3


def test_few_outside_tell_of_exchanged_axes_too_and_a_single_one_does_not(tmp_path: Path) -> None:
    inside = "".join(f"1,{t},10,10\n" for t in range(3)) + "".join(f"2,{t},20,20\n" for t in range(6))
    _, counts = checked(tmp_path, HEAD + inside + "3,0,60,10\n")
    assert counts.outside_image == 1
    assert "y and x look swapped" in counts.warnings[0]
    others = "".join(f"{track},{t},10,10\n" for track in range(4, 9) for t in range(6))
    _, counts = checked(tmp_path, HEAD + inside + others + "3,0,60,10\n")
    assert counts.outside_image == 1
    assert "look exchanged" not in counts.warnings[0]


def parents(tmp_path: Path, rows: str) -> tuple[Any, Any, TrackCounts]:
    columns, counts = checked(tmp_path, "track_id,t,y,x,parent_track_id\n" + rows)
    track_id, parent, _ = track_parents(columns, counts, experiment="exp", path=tmp_path / "tracks.csv")
    return track_id, parent, counts


def test_parents(tmp_path: Path) -> None:
    track_id, parent, counts = parents(tmp_path, "1,0,1,1,\n2,1,1,1,1\n3,1,1,1,1\n4,2,1,1,77\n5,2,1,1,-1\n")
    assert track_id.tolist() == [1, 2, 3, 4, 5]
    assert parent.tolist() == [-1, 0, 0, -1, -1]
    assert counts.divisions == 1
    assert counts.missing_parents == 1


BY_ID = "track_id,t,y,x,id,parent_id"
SPLIT = [(1, 0, 10, -1), (1, 1, 11, 10), (2, 2, 12, 11), (2, 3, 13, 12), (3, 2, 22, 11), (3, 3, 23, 22)]


def family(tmp_path: Path, rows: list[tuple[int, ...]], head: str = BY_ID) -> tuple[Any, TrackCounts]:
    text = "".join(
        f"{track},{t},1,1,{','.join(str(2**53 + i if i > 0 else i) for i in rest[:2])}"
        f"{''.join(f',{more}' for more in rest[2:])}\n"
        for track, t, *rest in rows
    )
    columns, counts = checked(tmp_path, f"{head}\n{text}")
    _, parent, _ = track_parents(columns, counts, experiment="exp", path=tmp_path / "tracks.csv")
    return parent.tolist(), counts


def test_parent_id_alone_tells_the_parents(tmp_path: Path) -> None:
    parent, counts = family(tmp_path, SPLIT)
    assert parent == [-1, 0, 0]
    assert (counts.divisions, counts.missing_parents, counts.warnings) == (1, 0, [])
    parent, counts = family(tmp_path, [*SPLIT, (4, 1, 41, 99)])
    assert (parent, counts.missing_parents) == ([-1, 0, 0, -1], 1)
    parent, counts = family(tmp_path, [row for row in SPLIT if row[2] != 11])
    assert (parent, counts.missing_parents) == ([-1, -1, -1], 2)


def test_a_merge_by_parent_id_is_told(tmp_path: Path) -> None:
    merged = [*SPLIT, (4, 1, 41, -1), (4, 2, 42, 41), (4, 3, 43, 13)]
    parent, counts = family(tmp_path, merged)
    assert parent == [-1, 0, 0, -1]
    assert "1 rows inside a track name a parent in a third track" in counts.warnings[0]


def test_ids_that_repeat_are_not_followed(tmp_path: Path) -> None:
    parent, counts = family(tmp_path, [*SPLIT, (4, 0, 10, -1)])
    assert parent == [-1, -1, -1, -1]
    assert "ids repeat" in counts.warnings[0]


def test_two_statements_of_a_parent_are_compared(tmp_path: Path) -> None:
    stated = {1: -1, 2: 1, 3: -1}
    rows = [(*row, stated[row[0]]) for row in SPLIT]
    parent, counts = family(tmp_path, rows, f"{BY_ID},parent_track_id")
    assert parent == [-1, 0, -1]
    assert "1 tracks have one parent by parent_track_id and another by parent_id" in counts.warnings[0]
    assert "track 3: -1 and 1" in counts.warnings[0]


def test_parents_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="track 2 starts at 0, its parent 1 at 3"):
        parents(tmp_path, "1,3,1,1,\n2,0,1,1,1\n")
    with pytest.raises(DataError, match="track 3: 1 and 2"):
        parents(tmp_path, "1,0,1,1,\n2,0,1,1,\n3,1,1,1,1\n3,2,1,1,2\n")
    _, _, counts = parents(tmp_path, "1,0,1,1,\n1,4,1,1,\n2,2,1,1,1\n")
    assert counts.overlaps == 1
    assert "track 1 until 4, child 2 from 2" in counts.warnings[0]


@pytest.mark.parametrize(
    ("rows", "cycle"), [("7,0,1,1,7\n", "7 -> 7"), ("1,0,1,1,2\n2,0,1,1,3\n3,0,1,1,1\n", "1 -> 2 -> 3 -> 1")]
)
def test_cycles_are_printed(tmp_path: Path, coded_source: Path, rows: str, cycle: str) -> None:
    from dynaclr.experiment import ExperimentRegistry
    from dynaclr.experiment.fovs import select_fovs

    registry = ExperimentRegistry.from_yaml(coded_source).subset(["coded0"])
    entries, _ = select_fovs(registry, None, ["A/1/1", "B/1/0"])
    columns, counts = checked(tmp_path, "track_id,t,y,x,parent_track_id\n" + rows)
    track_id, parent, start = track_parents(columns, counts, experiment="exp", path=tmp_path / "tracks.csv")
    tracks = FovTracks(columns, track_id, parent, start, counts)
    with pytest.raises(DataError, match=cycle):
        load_table([tracks], registry, entries, [tmp_path / "tracks.csv"])


def test_two_files_and_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "A" / "1" / "0"
    folder.mkdir(parents=True)
    assert find_track_files(tmp_path, ["A/1/0"], "exp") == {"A/1/0": None}
    (folder / "a.csv").touch()
    (folder / "b.csv").touch()
    with pytest.raises(DataError, match=r"more than one track file.*a\.csv, b\.csv"):
        find_track_files(tmp_path, ["A/1/0"], "exp")
    with pytest.raises(DataError, match="tracks_path is not a folder"):
        find_track_files(tmp_path / "no", ["A/1/0"], "exp")


def test_unknown_policy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="duplicate_rows: unknown choice"):
        TrackPolicy(duplicates="keep")  # type: ignore[arg-type]
