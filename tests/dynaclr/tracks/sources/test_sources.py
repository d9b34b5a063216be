"""Tracks as the tools write them.

The files in `files` were written by ultrack 0.8.0, btrack 0.6.5, laptrack 0.17.1 and trackastra 0.5.6.
"""

from __future__ import annotations

import gzip
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

from dynaclr.base.errors import DataError
from dynaclr.tracks.graph import LinkCounts
from dynaclr.tracks.sources import SourceOptions, format_of, read_source, tracks_of

FILES = Path(__file__).parent / "files"


def tracks(path: Path, **options: Any) -> tuple[pd.DataFrame, LinkCounts]:
    described = SourceOptions(**options)
    found = read_source(path, described)
    return pd.DataFrame(tracks_of(found, described, path)), found.counts


def spot(number: int, t: int, y: float, x: float, z: float = 0.0) -> str:
    place = f'POSITION_X="{x}" POSITION_Y="{y}" POSITION_Z="{z}"'
    return (
        f'<Spot ID="{number}" name="ID{number}" FRAME="{t}" QUALITY="1.0" POSITION_T="{60.0 * t}" {place} />'
    )


def family(number: int, links: list[tuple[int, int]]) -> str:
    edges = "".join(f'<Edge SPOT_SOURCE_ID="{a}" SPOT_TARGET_ID="{b}" LINK_COST="0.1" />' for a, b in links)
    return f'<Track name="Track_{number}" TRACK_ID="{number}">{edges}</Track>'


SPOTS = [spot(10, 0, 5, 10), spot(11, 1, 6, 10), spot(12, 2, 4, 8), spot(13, 3, 8, 12)]
STRAY = [spot(20, 0, 30, 30), spot(21, 1, 30, 30), spot(30, 2, 40, 40)]
DIVIDED = family(0, [(10, 11), (12, 11), (11, 13)])  # one edge against time, one over a frame


def xml(
    folder: Path, unit: str = "micron", pixel: float = 0.5, passed: str = '<TrackID TRACK_ID="0" />'
) -> Path:
    path = folder / "model.xml"
    path.write_text(
        f'<?xml version="1.0" encoding="UTF-8"?>\n<TrackMate version="7.13.2">\n<Log>a &lt;log&gt;</Log>\n'
        f'<Model spatialunits="{unit}" timeunits="sec">\n<AllSpots nspots="7"><SpotsInFrame frame="0">\n'
        + "\n".join([*SPOTS, *STRAY])
        + f"\n</SpotsInFrame></AllSpots>\n<AllTracks>{DIVIDED}{family(1, [(20, 21)])}</AllTracks>\n"
        f"<FilteredTracks>{passed}</FilteredTracks>\n</Model>\n"
        f'<Settings><ImageData filename="a.tif" width="60" height="50" nslices="1" nframes="4" '
        f'pixelwidth="{pixel}" pixelheight="{pixel}" voxeldepth="1.0" timeinterval="60.0" /></Settings>\n'
        "</TrackMate>\n"
    )
    return path


@pytest.mark.parametrize(
    ("unit", "pixel", "factor"),
    [("micron", 0.5, 2), ("nm", 0.5, 2), ("\N{MICRO SIGN}m", 0.25, 4), ("pixel", 0.5, 1)],
)
def test_trackmate_xml_in_its_own_units(tmp_path: Path, unit: str, pixel: float, factor: float) -> None:
    table, counts = tracks(xml(tmp_path, unit, pixel))
    assert table.id.tolist() == [10, 11, 12, 13]
    assert table.t.tolist() == [0, 1, 2, 3]
    assert table.track_id.tolist() == [1, 1, 2, 3]
    assert table.parent_track_id.tolist() == [-1, -1, 1, 1]
    assert (table.y / factor).tolist() == [5, 6, 4, 8]
    assert (table.x / factor).tolist() == [10, 10, 8, 12]
    assert (counts.tracks, counts.divisions, counts.merges, counts.skipped_frames) == (3, 1, 0, 1)
    assert counts.unlinked == 3  # of a track that was filtered out, and one that never was in a track
    assert counts.notes == ["1 tracks did not pass TrackMate's filters, left out"]


def test_trackmate_xml_packed_and_whatever_its_name(tmp_path: Path) -> None:
    plain = xml(tmp_path)
    packed = tmp_path / "no suffix"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    pd.testing.assert_frame_equal(tracks(packed)[0], tracks(plain)[0])


def test_another_size_of_pixels_keeps_the_place_of_their_centers(tmp_path: Path) -> None:
    """Two pixels of 0.5 um are one of 1 um: its center lies between theirs."""
    table, _ = tracks(xml(tmp_path), pixel_size_um=1.0)
    assert table.y.tolist() == [(2 * y - 0.5) / 2 for y in (5, 6, 4, 8)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) // 2], r"model\.xml, row \d+, column \d+: damaged XML"),
        (lambda text: text.replace('FRAME="2"', 'FRAME="two"'), "damaged element Spot: ValueError.*two"),
        (lambda text: text.replace('ID="12"', ""), "damaged element Spot: KeyError 'ID'"),
        (lambda text: text.replace('ID="12"', 'ID="10"', 1), "damaged element Spot.*ID given twice"),
        (lambda text: text.replace('ID="12"', f'ID="{2**70}"'), r"model\.xml: cannot be read as TrackMate"),
        (lambda text: text.replace('FRAME="2"', 'FRAME="1e300"'), r"model\.xml: cannot be read as TrackMate"),
        (
            lambda text: text.replace('TRACK_ID="0" /', 'TRACK_ID="7" /'),
            "no tracks; found 7 spots, 2 tracks, 0",
        ),
        (lambda text: text.replace("micron", "furlong"), "unknown unit of coordinates.*furlong"),
        (lambda text: text.replace('pixelwidth="0.5"', 'pixelwidth="0"'), "size of a pixel is not known"),
    ],
)
def test_damaged_trackmate_xml_is_refused_in_words(tmp_path: Path, change: Any, message: str) -> None:
    path = xml(tmp_path)
    path.write_text(change(path.read_text()))
    with pytest.raises(DataError, match=message):
        tracks(path)


def test_a_packed_file_that_was_cut(tmp_path: Path) -> None:
    data = gzip.compress(xml(tmp_path).read_bytes())
    path = tmp_path / "cut.xml.gz"
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(DataError, match=r"cut\.xml\.gz"):
        tracks(path)


def test_the_makers_own_trackmate_file(shared_data: Path) -> None:
    table, counts = tracks(shared_data / "fucci" / "source" / "trackmate.xml.gz")
    assert (counts.observations, counts.tracks, counts.divisions, counts.merges) == (810, 17, 6, 0)
    labels = pd.read_csv(shared_data / "fucci" / "labels.csv")
    assert sorted(table.groupby("track_id").size()) == sorted(labels.groupby("track_id").size())


def test_geff_makes_the_same_of_the_makers_own_trackmate_file(tmp_path: Path, shared_data: Path) -> None:
    convert = pytest.importorskip("geff.convert")
    source = tmp_path / "model.xml"
    packed = shared_data / "fucci" / "source" / "trackmate.xml.gz"
    source.write_bytes(gzip.decompress(packed.read_bytes()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        convert.from_trackmate_xml_to_geff(
            source, tmp_path / "graph.geff", discard_filtered_spots=True, discard_filtered_tracks=True
        )
    own, counts = tracks(source)
    other, of_geff = tracks(tmp_path / "graph.geff", pixel_size_um=0.068030333725549)
    pd.testing.assert_frame_equal(own, other[list(own)])
    assert counts == of_geff


SPOT_HEADER = """LABEL,ID,TRACK_ID,QUALITY,POSITION_X,POSITION_Y,POSITION_Z,POSITION_T,FRAME
Label,Spot ID,Track ID,Quality,X,Y,Z,T,Frame
Label,Spot ID,Track ID,Quality,X,Y,Z,T,Frame
,,,(quality),({unit}),({unit}),({unit}),(sec),
"""
EDGE_HEADER = """LABEL,TRACK_ID,SPOT_SOURCE_ID,SPOT_TARGET_ID,LINK_COST
Label,Track ID,Source spot ID,Target spot ID,Link cost
Label,Track ID,Source ID,Target ID,Cost
,,,,(cost)
"""
SPOT_ROWS = [(10, 0, 10, 5), (11, 1, 10, 6), (12, 2, 8, 4), (13, 3, 12, 8), (30, 2, 40, 40)]


def pair(folder: Path, unit: str = "micron", header_rows: int = 4) -> tuple[Path, Path]:
    spots, edges = folder / "a_spots.csv", folder / "a_edges.csv"
    head = "".join(SPOT_HEADER.format(unit=unit).splitlines(keepends=True)[:header_rows])
    rows = "".join(
        f"ID{n},{n},{'' if n == 30 else 0},1.0,{x},{y},0.0,{60.0 * t},{t}\n" for n, t, x, y in SPOT_ROWS
    )
    spots.write_text(head + rows)
    head = "".join(EDGE_HEADER.splitlines(keepends=True)[:header_rows])
    links = [(10, 11), (12, 11), (11, 13)]
    edges.write_text(head + "".join(f"ID{a} > ID{b},0,{a},{b},0.5\n" for a, b in links))
    return spots, edges


@pytest.mark.parametrize("asked", ["spots", "edges", "folder"])
def test_trackmate_tables(tmp_path: Path, asked: str) -> None:
    spots, edges = pair(tmp_path)
    source = {"spots": spots, "edges": edges, "folder": tmp_path}[asked]
    assert format_of(source) == "TrackMate tables"
    table, counts = tracks(source, pixel_size_um=0.5)
    assert table.id.tolist() == [10, 11, 12, 13]
    assert table.parent_track_id.tolist() == [-1, -1, 1, 1]
    assert table.y.tolist() == [10, 12, 8, 16]
    assert (counts.divisions, counts.unlinked, counts.skipped_frames) == (1, 1, 1)


@pytest.mark.parametrize(("unit", "header_rows"), [("pixel", 4), ("micron", 1)])
def test_trackmate_tables_in_pixels_or_with_one_header_row(
    tmp_path: Path, unit: str, header_rows: int
) -> None:
    table, _ = tracks(pair(tmp_path, unit, header_rows)[0])
    assert table.y.tolist() == [5, 6, 4, 8]


def test_trackmate_tables_in_micrometers_need_the_size_of_a_pixel(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="coordinates are in micron.*--pixel-size-um"):
        tracks(pair(tmp_path)[0])


def test_trackmate_spots_alone(tmp_path: Path) -> None:
    spots, edges = pair(tmp_path, "pixel")
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.move(edges, moved / "other.csv")
    counts = tracks(spots)[1]
    assert (counts.tracks, counts.divisions, counts.unlinked) == (1, 0, 1)
    assert "no table of edges" in counts.notes[0]
    assert tracks(spots, edges=moved / "other.csv")[1].divisions == 1
    spots.write_text(spots.read_text() + "ID14,14,0,1.0,12,8,0.0,180.0,3\n")
    with pytest.raises(DataError, match="several cells at once.*track 0 at frame 3.*Export 'Edges'"):
        tracks(spots)


def test_several_trackmate_tables_are_told_apart_by_name(tmp_path: Path) -> None:
    spots, edges = pair(tmp_path, "pixel")
    for path in (spots, edges):
        shutil.copy(path, path.with_name(path.name.replace("a_", "b_")))
    assert tracks(tmp_path / "b_spots.csv")[1].divisions == 1
    with pytest.raises(DataError, match=r"several tables of spots; found a_spots\.csv, b_spots\.csv"):
        tracks(tmp_path)


MOTHER, LEFT, RIGHT = 2, 3, 4


@pytest.mark.parametrize("suffix", ["csv", "parquet", "xml"])
def test_what_ultrack_writes(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / "tracks"  # found by content
    shutil.copy(FILES / f"ultrack.{suffix}", source)
    table, counts = tracks(source)
    own = pd.read_csv(FILES / "ultrack.csv").sort_values("id", ignore_index=True)
    table = table.sort_values("id", ignore_index=True)
    for name in ("id", "t", "y", "x", "parent_id", "track_id", "parent_track_id"):
        assert table[name].tolist() == own[name].tolist()
    assert (counts.tracks, counts.divisions) == (4, 1)


def test_what_btrack_writes() -> None:
    pytest.importorskip("h5py")
    table, counts = tracks(FILES / "btrack.h5")
    assert (counts.tracks, counts.observations, counts.interpolated, counts.skipped_frames) == (3, 29, 1, 1)
    assert set(table.parent_track_id) == {-1}
    assert table[table.track_id == 1].t.tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    first = table[(table.track_id == 1) & (table.t == 1)].iloc[0]
    assert (first.y, first.x) == (60.0, 79.0)
    same, of_csv = tracks(FILES / "btrack.csv")
    assert (of_csv.tracks, of_csv.interpolated) == (3, 1)
    np.testing.assert_allclose(
        same[["track_id", "t", "y", "x"]], table[["track_id", "t", "y", "x"]], atol=1e-4
    )


def test_a_division_of_btrack_and_a_damaged_file(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "tracks.h5"
    shutil.copy(FILES / "btrack.h5", path)
    with h5py.File(path, "r+") as file:
        spans = file["tracks/obj_type_1/map"]
        end = spans[1].tolist()
        spans[1] = [end[0], end[0] + 6]  # the mother ends where her daughter begins
        file["tracks/obj_type_1/LBEPR"][2, 3] = 2
    table, counts = tracks(path)
    assert set(table.parent_track_id[table.track_id == 3]) == {2}
    assert counts.unlinked == 6
    with h5py.File(path, "r+") as file:
        file["tracks/obj_type_1/map"][1] = [0, 2_000_000_000]
    with pytest.raises(DataError, match=r"tracks\.h5, field map: tracks reach beyond"):
        tracks(path)
    path.write_bytes((FILES / "btrack.h5").read_bytes()[:9000])
    with pytest.raises(DataError, match=r"tracks\.h5: cannot be read as btrack HDF5"):
        tracks(path)


def geff(
    path: Path, names: tuple[str, str, str] = ("t", "y", "x"), unit: str | None = None, **more: Any
) -> Path:
    pytest.importorskip("geff")
    from geff.core_io import write_arrays
    from geff_spec import Axis, GeffMetadata

    base = 2**53
    props = {
        names[0]: np.array([0, 1, 2, 3]),
        names[1]: np.array([5.0, 6.0, 4.0, 8.0]),
        names[2]: np.array([10.0, 10.0, 8.0, 12.0]),
    }
    axes = [
        Axis(name=names[0], type="time"),
        *(Axis(name=name, type="space", unit=unit) for name in names[1:]),
    ]
    metadata = GeffMetadata(directed=True, axes=axes, node_props_metadata={}, edge_props_metadata={}, **more)
    write_arrays(
        str(path),
        node_ids=np.array([base, base + 1, base + 2, base + 3], dtype=np.uint64),
        node_props={name: {"values": values, "missing": None} for name, values in props.items()},
        edge_ids=np.array([[base, base + 1], [base + 1, base + 2], [base + 1, base + 3]], dtype=np.uint64),
        edge_props={},
        metadata=metadata,
    )
    return path


@pytest.mark.parametrize(
    "names", [("t", "y", "x"), ("POSITION_T", "POSITION_Y", "POSITION_X"), ("a", "b", "c")]
)
def test_geff(tmp_path: Path, names: tuple[str, str, str]) -> None:
    table, counts = tracks(geff(tmp_path / "graph", names))
    assert (table.id - 2**53).tolist() == [0, 1, 2, 3]
    assert table.parent_track_id.tolist() == [-1, -1, 1, 1]
    assert table.y.tolist() == [5, 6, 4, 8]
    assert table.x.tolist() == [10, 10, 8, 12]
    assert (counts.divisions, counts.skipped_frames) == (1, 1)


def test_geff_in_micrometers_and_damaged(tmp_path: Path) -> None:
    source = geff(tmp_path / "graph", unit="micrometer")
    assert tracks(source, pixel_size_um=0.5)[0].y.tolist() == [10, 12, 8, 16]
    with pytest.raises(DataError, match="--pixel-size-um"):
        tracks(source)
    shutil.rmtree(source / "nodes" / "ids")
    with pytest.raises(DataError, match="graph: cannot be read as GEFF"):
        tracks(source)


def table_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "table.txt"
    path.write_text(text)
    return path


def test_a_table_of_motile(tmp_path: Path) -> None:
    rows = "5,,0,1.5,2\n6,5,1,1,2\n7,6,2,1,2\n8,6,2,3,4\n9,,0,7,7\n"
    table, counts = tracks(table_file(tmp_path, "id,parent_id,time,y,x\n" + rows))
    assert table.parent_track_id[table.id.isin([7, 8])].tolist() == [1, 1]
    assert (counts.tracks, counts.divisions) == (4, 1)
    assert "columns: t = time" in counts.notes


@pytest.mark.parametrize(
    ("head", "columns"),
    [
        ("Track;Frame;Pos X;Pos Y", {}),
        ("particle;frame;x;y", {}),
        ("track_id;t;centroid-1;centroid-0", {}),
        ("Cell;Slice;XM;YM", {"track_id": "Cell", "t": "Slice", "x": "XM", "y": "YM"}),
    ],
)
def test_column_names_are_guessed_or_told(tmp_path: Path, head: str, columns: dict[str, str]) -> None:
    path = table_file(tmp_path, f"{head}\n3;1;1,5;2\n3;2;1,75;4\n-1;1;9;9\n")
    table, counts = tracks(path, columns=columns, first_frame=1)
    assert table[["track_id", "t", "y", "x"]].to_numpy().tolist() == [[3, 0, 2, 1.5], [3, 1, 4, 1.75]]
    assert counts.unlinked == 1


def test_columns_that_cannot_be_guessed_name_the_option(tmp_path: Path) -> None:
    path = table_file(tmp_path, "Cell,Slice,XM,YM\n3,0,1,2\n")
    with pytest.raises(DataError, match=r"cannot tell which column.*found columns Cell.*--column t=NAME"):
        tracks(path)
    with pytest.raises(DataError, match=r"unknown column.*found t=slice.*Did you mean 'Slice'"):
        tracks(path, columns={"t": "slice"})


def test_times_are_no_frames(tmp_path: Path) -> None:
    path = table_file(tmp_path, "track_id,time,y,x\n1,0,1,1\n1,7.5,1,1\n1,15.0,1,1\n")
    with pytest.raises(DataError, match=r"1 times are no frames.*found 7\.5.*--time-step"):
        tracks(path)
    assert tracks(path, time_step=7.5)[0].t.tolist() == [0, 1, 2]
    with pytest.raises(DataError, match="frames before the first"):
        tracks(path, time_step=7.5, first_frame=1)


def test_what_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        tracks(tmp_path / "none")
    (tmp_path / "notes.md").write_text("# notes\n")
    with pytest.raises(
        DataError, match=r"no tracks of a known format; expected one of: TrackMate XML.*notes\.md"
    ):
        tracks(tmp_path)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    assert format_of(tmp_path / "a.png") is None


@pytest.mark.parametrize("name", ["ultrack.csv", "ultrack.parquet", "ultrack.xml", "btrack.h5", "btrack.csv"])
def test_a_file_cut_anywhere_is_read_or_refused_in_words(tmp_path: Path, name: str) -> None:
    data = (FILES / name).read_bytes()
    path = tmp_path / name
    for size in range(0, len(data), max(len(data) // 40, 1)):
        path.write_bytes(data[:size])
        try:
            tracks(path)
        except DataError as error:
            assert str(path) in str(error)


@pytest.mark.parametrize("asked", ["", "track_df.csv"])
def test_what_laptrack_writes(asked: str) -> None:
    """Cells at (10, 10) that divide at frame 3, and two at (30, 40) that merge at frame 4."""
    found, counts = tracks(FILES / "laptrack" / asked)
    assert format_of(FILES / "laptrack" / asked) == "laptrack tables"
    assert (counts.observations, counts.divisions, counts.merges) == (22, 1, 1)
    own = pd.read_csv(FILES / "laptrack" / "track_df.csv")
    assert sorted(zip(found.track_id, found.t, found.y, found.x, strict=True)) == sorted(
        zip(own.track_id, own.frame, own.y, own.x, strict=True)
    )
    splits = pd.read_csv(FILES / "laptrack" / "split_df.csv")
    parents = found.groupby("track_id").parent_track_id.first()
    assert parents[parents >= 0].to_dict() == dict(
        zip(splits.child_track_id, splits.parent_track_id, strict=True)
    )


def test_laptrack_without_a_split_or_merge(tmp_path: Path) -> None:
    for name in ("track_df", "split_df", "merge_df"):
        shutil.copy(FILES / "laptrack" / f"{name}.csv", tmp_path)
    for name in ("split_df", "merge_df"):
        (tmp_path / f"{name}.csv").write_text(",parent_track_id,child_track_id\n")
    found, counts = tracks(tmp_path)
    assert (counts.divisions, counts.merges) == (0, 0)
    assert (found.parent_track_id == -1).all()
    (tmp_path / "split_df.csv").unlink()
    shutil.copy(FILES / "laptrack" / "split_df.csv", tmp_path / "emergent_splits.csv")
    assert tracks(tmp_path)[1].divisions == 1


def test_laptrack_without_or_with_several_tables_of_splits(tmp_path: Path) -> None:
    path = Path(shutil.copy(FILES / "laptrack" / "track_df.csv", tmp_path))
    found, counts = tracks(path)
    assert (found.parent_track_id == -1).all()
    assert "no table of splits: no track has a parent" in counts.notes
    for name in ("a.csv", "b.csv"):
        shutil.copy(FILES / "laptrack" / "split_df.csv", tmp_path / name)
    with pytest.raises(DataError, match=r"several tables of splits.*a.csv, b.csv.*--edges"):
        tracks(tmp_path)
    assert tracks(tmp_path, edges=tmp_path / "b.csv")[1].divisions == 1
    (tmp_path / "b.csv").write_text("parent_track_id,child_track_id\n0,2\n1,2\n")
    with pytest.raises(DataError, match=r"b.csv.*tracks have several parents.*found 2"):
        tracks(path, edges=tmp_path / "b.csv")
    shutil.copy(path, tmp_path / "again.csv")
    with pytest.raises(DataError, match=r"several tables of tracks.*again.csv, track_df.csv"):
        tracks(tmp_path)


LABELS = {
    (0, 1): (5, 6),
    (1, 1): (6, 6),
    (2, 1): (4, 4),
    (2, 3): (8, 9),
    (0, 2): (20, 20),
    (2, 2): (22, 20),
    (1, 9): (30, 5),
}


def masks_of(folder: Path, stack: bool) -> Path:
    """Write masks of 3 x 3 px at the places of `LABELS`, in a stack or a file a frame."""
    image = np.zeros((3, 40, 40), dtype=np.uint16)
    for (t, label), (y, x) in LABELS.items():
        image[t, y - 1 : y + 2, x - 1 : x + 2] = label
    folder.mkdir(exist_ok=True)
    if stack:
        tifffile.imwrite(folder / "masks.tif", image, photometric="minisblack")
        return folder / "masks.tif"
    for t, plane in enumerate(image):
        tifffile.imwrite(folder / f"mask{t:03d}.tif", plane)
    return folder


@pytest.mark.parametrize("where", ["beside", "folder", "stack"])
def test_what_trackastra_writes(tmp_path: Path, where: str) -> None:
    path = Path(shutil.copy(FILES / "trackastra_edges.csv", tmp_path))
    masks = masks_of(tmp_path if where == "beside" else tmp_path / "m", where == "stack")
    found, counts = tracks(path, **({} if where == "beside" else {"masks": masks}))
    assert format_of(path) == "trackastra edges"
    assert (counts.divisions, counts.unlinked, counts.skipped_frames, counts.tracks) == (1, 1, 1, 4)
    places = {(t, y, x) for t, y, x in zip(found.t, found.y, found.x, strict=True)}
    assert places == {(t, *LABELS[t, label]) for t, label in LABELS if label != 9}
    mother = found.track_id[(found.t == 1)].item()
    assert set(found.parent_track_id[found.t == 2]) == {mother, -1}


def test_trackastra_counts_masks_by_their_order(tmp_path: Path) -> None:
    """Whatever the numbers in their names."""
    path = Path(shutil.copy(FILES / "trackastra_edges.csv", tmp_path))
    expected = tracks(path, masks=masks_of(tmp_path / "stack", stack=True))[0]
    for file in sorted(masks_of(tmp_path, stack=False).glob("mask*.tif"), reverse=True):
        file.rename(file.with_name(f"mask{int(file.stem[4:]) + 7:03d}.tif"))
    pd.testing.assert_frame_equal(tracks(path)[0], expected)


def test_trackastra_without_its_masks(tmp_path: Path) -> None:
    path = Path(shutil.copy(FILES / "trackastra_edges.csv", tmp_path))
    with pytest.raises(DataError, match=r"trackastra_edges.csv: no masks beside.*--masks"):
        tracks(path)
    tifffile.imwrite(tmp_path / "other.tif", np.full((3, 8, 8), 77, np.uint16), photometric="minisblack")
    with pytest.raises(DataError, match=r"no edge names a label of the masks.*4 edges, 3 labels.*--masks"):
        tracks(path, masks=tmp_path / "other.tif")
    path.write_text("source_frame,source_label,target_frame,target_label\n0.5,1,1,1\n")
    with pytest.raises(DataError, match=r"source_frame: number out of range"):
        tracks(path, masks=tmp_path / "other.tif")


def test_a_first_frame_of_other_sources_is_not_that_of_a_format_with_a_count_of_its_own(
    tmp_path: Path,
) -> None:
    found, counts = tracks(xml(tmp_path), first_frame=1)
    assert found.t.min() == 0
    assert "frames begin at 0 in this format; first frame 1 is not used" in counts.notes
