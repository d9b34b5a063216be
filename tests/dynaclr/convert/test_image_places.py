from __future__ import annotations

from pathlib import Path

import pytest

from dynaclr.base.errors import ConfigError, DataError
from dynaclr.convert import Place, by_pattern, by_table, single
from dynaclr.convert.image_places import well_name


def files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def found(
    places: list[Place], folder: Path
) -> dict[str, list[tuple[str, str | None, int | None, int | None]]]:
    return {
        place.fov: [
            (part.path.relative_to(folder).as_posix(), part.channel, part.frame, part.z)
            for part in place.parts
        ]
        for place in places
    }


@pytest.mark.parametrize(
    ("text", "well"),
    [("A1", "A/1"), ("B02", "B/2"), ("c/3", "c/3"), ("AA10", "AA/10"), ("A-1", "A/1"), ("D/04", "D/04")],
)
def test_wells_as_they_are_written(text: str, well: str) -> None:
    assert well_name(text) == well


@pytest.mark.parametrize("text", ["", "A", "1", "A1/B2/C3", "well one", "../1", "Ä1", "A/é"])
def test_texts_that_are_no_wells(text: str) -> None:
    with pytest.raises(ConfigError, match="not a well; expected a row and a column of letters and digits"):
        well_name(text)


def test_a_pattern_says_what_each_file_is(tmp_path: Path) -> None:
    names = [
        f"{w}_{p}_{c}_t{t:03d}.tif"
        for w in ("A1", "B02")
        for p in (1, 2)
        for c in ("GFP", "BF")
        for t in (1, 2)
    ]
    files(tmp_path, *names, "notes.txt", "A1_1_GFP_tx.tif", "more/A1_1_GFP_t001.tif")
    places = by_pattern(tmp_path, "{well}_{position}_{channel}_t{frame:03d}.tif")
    got = found(places, tmp_path)
    assert list(got) == ["A/1/1", "A/1/2", "B/2/1", "B/2/2"]
    assert sorted(got["B/2/1"]) == [
        ("B02_1_BF_t001.tif", "BF", 1, None),
        ("B02_1_BF_t002.tif", "BF", 2, None),
        ("B02_1_GFP_t001.tif", "GFP", 1, None),
        ("B02_1_GFP_t002.tif", "GFP", 2, None),
    ]


def test_folders_conditions_and_tracks_by_pattern(tmp_path: Path) -> None:
    files(
        tmp_path,
        "drug/B-3 (x)/s1_z1_20.tif",
        "drug/B-3 (x)/s1_z2_20.tif",
        "none/A-1 (x)/s1_z1_7.tif",
        "none/A-1 (x)/s1_z2_7.tif",
    )
    places = by_pattern(
        tmp_path,
        "{condition}/{row}-{column} (x)/s{position}_z{z}_*.tif",
        "tracks/{condition}_{row}{column}.xml",
    )
    assert [(place.fov, place.condition) for place in places] == [("B/3/1", "drug"), ("A/1/1", "none")]
    assert [part.z for part in places[0].parts] == [1, 2]
    assert [place.tracks for place in places] == [
        tmp_path / "tracks/drug_B3.xml",
        tmp_path / "tracks/none_A1.xml",
    ]


def test_conditions_without_wells_have_a_row_each(tmp_path: Path) -> None:
    files(tmp_path, "a/1.tif", "a/2.tif", "b/1.tif")
    assert [place.fov for place in by_pattern(tmp_path, "{condition}/{position}.tif")] == [
        "A/1/1",
        "A/1/2",
        "B/1/1",
    ]


@pytest.mark.parametrize(
    ("names", "pattern", "message"),
    [
        (["a.tif", "b.tif"], "{well}_t{frame}.tif", r"no file matches the pattern.*found a\.tif, b\.tif"),
        ([], "{well}.tif", "no file matches the pattern.*found no file"),
        (["A1.tif"], "{wel}.tif", r"unknown placeholder \{wel\}.*Did you mean 'well'"),
        (
            ["A1_x.tif", "A1_y.tif"],
            "{well}_*.tif",
            r"A1_y\.tif: two images of one place: A/1/.*A1_x\.tif too",
        ),
        (["A1.tif", "A01.tif"], "{well}.tif", "two images of one place: A/1/"),
        (
            ["A1_t1.tif", "A1_t2.tif", "A1_t4.tif"],
            "{well}_t{frame:d}.tif",
            "A/1/: files are missing.*no file of frame 3.*frames before the gap",
        ),
        (
            ["A1_a_t1.tif", "A1_b_t1.tif", "A1_a_t2.tif"],
            "{well}_{channel}_t{frame}.tif",
            "no file of channel b, frame 2",
        ),
        (
            ["A1_t1.tif", "A1_t2000000000.tif"],
            "{well}_t{frame}.tif",
            "2000000000 frames of 1 slices, of which 2 files are there",
        ),
        (["ctrl_t1.tif"], "{well}_t{frame}.tif", "not a well.*found 'ctrl'"),
        (["A1_p-1.tif"], "{well}_{position}.tif", "not a position; expected letters and digits; found 'p-1'"),
    ],
)
def test_patterns_that_do_not_fit(tmp_path: Path, names: list[str], pattern: str, message: str) -> None:
    files(tmp_path, *names)
    with pytest.raises((ConfigError, DataError), match=message):
        by_pattern(tmp_path, pattern)


def test_tracks_are_of_a_field_of_view(tmp_path: Path) -> None:
    files(tmp_path, "A1_t1.tif")
    with pytest.raises(
        ConfigError, match=r"--tracks.*\{frame\} is none of what names one.*expected \{well\}"
    ):
        by_pattern(tmp_path, "{well}_t{frame}.tif", "{well}_{frame}.xml")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_says_it(tmp_path: Path, delimiter: str) -> None:
    files(tmp_path, "a.tif", "b.tif", "c_t1.tif", "c_t2.tif")
    lines = [
        "fov,well,condition,image,tracks,channel",
        "0,A1,control,a.tif,a.xml,GFP",
        "0,A1,,b.tif,,BF",
        "1,A1,control,c_t{frame:d}.tif,/elsewhere/c.csv,GFP",
        ",,,,,",
        "B/2/x,,drug,a.tif,,GFP",
    ]
    table = tmp_path / "table.csv"
    table.write_text("\ufeff" + "\n".join(line.replace(",", delimiter) for line in lines))
    places = by_table(table)
    assert [(place.fov, place.condition) for place in places] == [
        ("A/1/0", "control"),
        ("A/1/1", "control"),
        ("B/2/x", "drug"),
    ]
    assert [place.tracks for place in places] == [tmp_path / "a.xml", Path("/elsewhere/c.csv"), None]
    assert [(part.path.name, part.channel, part.frame) for part in places[0].parts] == [
        ("a.tif", "GFP", None),
        ("b.tif", "BF", None),
    ]
    assert [part.frame for part in places[1].parts] == [1, 2]


def test_positions_of_a_table_are_numbered_where_they_have_no_names(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("well,image\nA1,a.tif\nB1,b.tif\nA1,c.tif\n")
    assert [place.fov for place in by_table(tmp_path / "t.csv")] == ["A/1/0", "B/1/0", "A/1/1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fov,well\n0,A1\n", "no column 'image'; expected fov, well"),
        ("image,conditions\na.tif,x\n", "unknown column 'conditions'.*Did you mean 'condition'"),
        ("image\n", "no row in the table"),
        ("well,image\nA1,\n", r"line 2: field image: no image"),
        ("fov,well,image\n0,A1,a.tif\n0,A1,b.tif\n", r"two images of one place: A/1/0.*a\.tif too"),
        ("fov,well,image\n0,nowhere,a.tif\n", "line 2: field well: not a well"),
        ("fov,image,condition,channel\n0,a.tif,x,a\n0,b.tif,y,b\n", "line 3.*two of one field of view A/1/0"),
        ("fov,image,channel\n0,a.tif,a\n0,b.tif,\n", "some of its images name their channel"),
        ("image,series\na.tif,x\n", "line 2: field series: not a number"),
        ("image\nx_t{frame}.tif\n", "line 2: field image: no file matches the pattern"),
    ],
)
def test_tables_that_are_wrong(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        by_table(tmp_path / "t.csv")


def test_what_is_not_said_names_the_options(tmp_path: Path) -> None:
    files(tmp_path, "a.tif", "b.tif")
    for images in ([tmp_path], [tmp_path / "a.tif", tmp_path / "b.tif"], []):
        with pytest.raises(ConfigError, match="Give --pattern.*or --table"):
            single(images)
    assert found(single([tmp_path / "a.tif"]), tmp_path) == {"A/1/": [("a.tif", None, None, None)]}


def test_a_field_of_view_of_two_conditions(tmp_path: Path) -> None:
    files(tmp_path, "none_A1_t0.tif", "drug_A1_t1.tif")
    with pytest.raises(
        DataError, match=r"none_A1_t0\.tif: field condition: two of one .* A/1/; expected drug; found none"
    ):
        by_pattern(tmp_path, "{condition}_{well}_t{frame}.tif")


def test_more_conditions_than_rows_have_letters(tmp_path: Path) -> None:
    files(tmp_path, *(f"c{number:02d}.tif" for number in range(28)))
    fovs = [place.fov for place in by_pattern(tmp_path, "{condition}.tif")]
    assert fovs[:2] + fovs[-3:] == ["A/1/", "B/1/", "Z/1/", "A/2/", "B/2/"]


def test_absolute_patterns(tmp_path: Path) -> None:
    files(tmp_path / "a [1]", "A1_t0.tif", "A1_t1.tif")
    pattern = f"{tmp_path}/a [1]/{{well}}_t{{frame}}.tif"
    places = by_pattern(tmp_path, pattern)
    assert found(places, tmp_path) == found(by_pattern(tmp_path, "./a [1]/{well}_t{frame}.tif"), tmp_path)
    assert [part.frame for part in places[0].parts] == [0, 1]
    table = tmp_path / "more" / "t.csv"
    table.parent.mkdir()
    table.write_text(f"well,image\nA1,{tmp_path}/a [1]/A1_t{{frame}}.tif\n")
    assert [part.path for part in by_table(table)[0].parts] == [part.path for part in places[0].parts]


@pytest.mark.parametrize("pattern", ["", ".", "/"])
def test_patterns_of_no_file(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ConfigError, match="a pattern without a name of files"):
        by_pattern(tmp_path, pattern)


@pytest.mark.parametrize("series", ["\u00b2", "9" * 5000, "-1", "1.0"])
def test_series_that_are_no_numbers(tmp_path: Path, series: str) -> None:
    (tmp_path / "t.csv").write_text(f"image,series\na.tif,{series}\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 2: field series: not a number; expected 0 for the first"):
        by_table(tmp_path / "t.csv")
