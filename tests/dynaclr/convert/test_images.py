"""Images of other programs become an experiment, whose every pixel is where it was, or are refused."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorstore as ts
import tifffile

from dynaclr.base.errors import ConfigError, DataError, DynaclrError
from dynaclr.cli.verbs import main
from dynaclr.convert import ImageOptions, by_pattern, by_table, convert_images, single
from dynaclr.experiment import ExperimentRegistry, FovLayout, read_plate
from dynaclr.index import MultiExperimentIndex

T, C, Z, Y, X = 4, 2, 3, 24, 30
STATED = {"interval_minutes": 5.0, "pixel_size_um": 0.65, "z_step_um": 2.0, "conditions": "control"}
OPTIONS = ImageOptions("e", **STATED)  # type: ignore[arg-type]


def coded(start: int = 0, shape: tuple[int, ...] = (T, C, Z, Y, X), dtype: Any = np.uint16) -> np.ndarray:
    """Pixels that say where they are."""
    return (np.arange(np.prod(shape)).reshape(shape) + start).astype(dtype)


def pixels(layout: FovLayout) -> np.ndarray:
    spec = {"driver": layout.driver, "kvstore": {"driver": "file", "path": f"{layout.array_path}/"}}
    return np.asarray(ts.open(spec, open=True).result().read().result())


def ome(path: Path, images: np.ndarray, axes: str = "TCZYX", **said: Any) -> Path:
    metadata = {"axes": axes, "PhysicalSizeX": 0.65, "PhysicalSizeY": 0.65, "PhysicalSizeZ": 2.0, **said}
    tifffile.imwrite(path, images, ome=True, metadata=metadata)
    return path


NAMED = {"TimeIncrement": 5, "TimeIncrementUnit": "min", "Channel": {"Name": ["phase", "GFP"]}}


def imagej(path: Path, images: np.ndarray, **said: Any) -> Path:
    """(T, C, Z, Y, X) in the order of ImageJ."""
    metadata = {"axes": "TZCYX", "unit": "um", "spacing": 2.0, "finterval": 300.0, **said}
    resolution = (1 / 0.65, 1 / 0.65)
    tifffile.imwrite(
        path, images.transpose(0, 2, 1, 3, 4), imagej=True, resolution=resolution, metadata=metadata
    )
    return path


def one(path: Path, output: Path, **changes: Any) -> tuple[np.ndarray, FovLayout, str, Any]:
    """Pixels, layout, report and configuration of one converted file."""
    options = ImageOptions(**{"name": "e", "conditions": "control", **changes})
    report = convert_images(single([path]), output, options)
    registry = ExperimentRegistry.from_yaml(report.experiments_yaml)
    layout = registry.plates["e"].fovs["A/1/0"]
    return pixels(layout), layout, report.text(), registry.experiments[0]


def test_ome_tiff_needs_no_option(tmp_path: Path) -> None:
    images = coded()
    found, layout, _, config = one(ome(tmp_path / "a.ome.tif", images, **NAMED), tmp_path / "out")
    assert np.array_equal(found, images)
    assert layout.scale == (300.0, 1.0, 2.0, 0.65, 0.65)
    assert layout.channels == ("phase", "GFP")
    assert config.interval_minutes == 5.0
    assert config.condition_wells == {"control": ["A/1"]}


def test_imagej_says_all_but_the_names_of_channels(tmp_path: Path) -> None:
    images = coded()
    path = imagej(tmp_path / "a.tif", images)
    with pytest.raises(ConfigError, match=r"the 2 channels have no names in the files\. Give --channels"):
        one(path, tmp_path / "out")
    found, layout, _, config = one(path, tmp_path / "out", channels=("a", "b"))
    assert np.array_equal(found, images)
    assert np.allclose(layout.scale, (300, 1, 2, 0.65, 0.65))
    assert (layout.channels, config.interval_minutes) == (("a", "b"), 5.0)


@pytest.mark.parametrize("unit", ["micron", "\\u00B5m", "nm", "inch"])
def test_units_of_imagej(tmp_path: Path, unit: str) -> None:
    path = imagej(tmp_path / "a.tif", coded(), unit=unit)
    um = {"nm": 1e-3, "inch": 25400.0}.get(unit, 1.0)
    _, layout, _, _ = one(path, tmp_path / "out", channels=("a", "b"))
    assert np.allclose(layout.scale, (300, 1, 2 * um, 0.65 * um, 0.65 * um))


@pytest.mark.parametrize("axes", ["TCZYX", "CTZYX", "ZTCYX", "ZCTYX"])
@pytest.mark.parametrize(
    "more", [{}, {"compression": "zlib"}, {"bigtiff": True, "byteorder": ">"}, {"tile": (16, 16)}]
)
def test_axes_by_their_names(tmp_path: Path, axes: str, more: dict[str, Any]) -> None:
    images = coded()
    stored = images.transpose(["TCZYX".index(axis) for axis in axes])
    tifffile.imwrite(tmp_path / "a.tif", stored, ome=True, metadata={"axes": axes}, **more)
    found, *_ = one(tmp_path / "a.tif", tmp_path / "out", **{**STATED, "channels": ("a", "b")})
    assert np.array_equal(found, images)


@pytest.mark.parametrize("metadata", [{}, None])
def test_axes_that_the_file_does_not_say(tmp_path: Path, metadata: Any) -> None:
    images = coded(shape=(5, Y, X))
    tifffile.imwrite(tmp_path / "a.tif", images, metadata=metadata)
    with pytest.raises(
        DataError, match=r"a\.tif: the file does not say what its axes are; found 5 x 24 x 30.*--axes"
    ):
        one(tmp_path / "a.tif", tmp_path / "out", **STATED, channels=("a",))
    found, *_ = one(tmp_path / "a.tif", tmp_path / "out", **STATED, channels=("a",), axes="TYX")
    assert np.array_equal(found[:, 0, 0], images)


@pytest.mark.filterwarnings("ignore:.*stored as RGB:DeprecationWarning")
def test_frames_that_were_written_as_colors(tmp_path: Path) -> None:
    images = coded(shape=(4, Y, X))
    tifffile.imwrite(tmp_path / "a.tif", images)
    with pytest.raises(DataError, match=r"a color image.*where planes are no colors, give --axes"):
        one(tmp_path / "a.tif", tmp_path / "out", **STATED, channels=("a",))
    found, *_ = one(tmp_path / "a.tif", tmp_path / "out", **STATED, channels=("a",), axes="TYX")
    assert np.array_equal(found[:, 0, 0], images)


def test_axes_that_the_file_says_wrongly_are_told(tmp_path: Path) -> None:
    images = coded(shape=(T, Y, X))
    tifffile.imwrite(tmp_path / "a.tif", images, imagej=True, metadata={"axes": "ZYX"})
    found, _, text, _ = one(tmp_path / "a.tif", tmp_path / "out", **STATED, channels=("a",), axes="TYX")
    assert np.array_equal(found[:, 0, 0], images)
    assert "axes: TYX stated, ZYX by the file (a.tif)" in text
    with pytest.raises(
        DataError, match="other axes than stated, expected|other axes than stated; expected TCYX"
    ):
        one(tmp_path / "a.tif", tmp_path / "out2", **STATED, channels=("a",), axes="TCYX")


def test_what_is_stated_wins_and_the_difference_is_told(tmp_path: Path) -> None:
    path = ome(tmp_path / "a.tif", coded(), **NAMED)
    stated = {**STATED, "interval_minutes": 7.0, "pixel_size_um": 0.5, "channels": ("x", "GFP")}
    _, layout, text, config = one(path, tmp_path / "out", **stated)
    assert layout.scale == (420.0, 1.0, 2.0, 0.5, 0.5)
    assert config.channel_names == ["x", "GFP"]
    assert "interval: 7 min stated, 5 min by a.tif; the stated one is used" in text
    assert "pixel size: 0.5 um stated, 0.65 um by a.tif" in text
    assert "channels: x, GFP stated, phase, GFP by a.tif" in text
    assert "slices" not in text


@pytest.mark.parametrize(
    ("missing", "option"),
    [
        ("interval_minutes", "the interval is neither in the files nor stated. Give --interval-minutes"),
        ("pixel_size_um", "the pixel size is neither.*Give --pixel-size-um"),
        ("z_step_um", "the distance of slices is neither.*Give --z-step-um"),
        ("conditions", "the condition of wells is not stated: A/1. Give --conditions NAME for all"),
    ],
)
def test_what_nobody_says_names_its_option(tmp_path: Path, missing: str, option: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", coded(), ome=True, metadata={"axes": "TCZYX"})
    stated = {name: value for name, value in STATED.items() if name != missing}
    options = ImageOptions("e", channels=("a", "b"), **stated)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=option):
        convert_images(single([tmp_path / "a.tif"]), tmp_path / "out", options)
    assert not (tmp_path / "out").exists()


def test_times_of_planes_tell_the_interval(tmp_path: Path) -> None:
    planes = {"DeltaT": [60.0 * t + c for t in range(T) for c in range(C)], "DeltaTUnit": ["s"] * (T * C)}
    said = {"Plane": planes, "Channel": {"Name": ["a", "b"]}}
    path = ome(tmp_path / "a.tif", coded(shape=(T, C, Y, X)), "TCYX", **said)
    assert one(path, tmp_path / "out")[3].interval_minutes == pytest.approx(1.0)


def series(
    folder: Path, wells: tuple[str, ...] = ("A1", "A2", "B1"), first: int = 1
) -> dict[str, np.ndarray]:
    """Single planes of 2 channels, T frames and 2 slices; {FOV: (T, C, 2, Y, X)}."""
    folder.mkdir(exist_ok=True)
    fovs = {}
    for place, well in enumerate(wells):
        images = coded(1000 * place, (T, C, 2, Y, X))
        fovs[f"{well[0]}/{well[1:]}/7"] = images
        for t in range(T):
            for c, channel in enumerate(("BF", "GFP")):
                for z in range(2):
                    name = f"{well}_7_{channel}_z{z}_t{first + t:03d}.tif"
                    tifffile.imwrite(folder / name, images[t, c, z])
    return fovs


PATTERN = "{well}_{position}_{channel}_z{z}_t{frame:03d}.tif"


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_single_files_of_several_wells(tmp_path: Path, version: Any) -> None:
    fovs = series(tmp_path / "in")
    stated = {**STATED, "conditions": {"control": ["A1", "A/2"], "drug": ["B01"]}}
    options = ImageOptions("e", version=version, **stated)  # type: ignore[arg-type]
    steps: list[tuple[str, int, int]] = []
    report = convert_images(
        by_pattern(tmp_path / "in", PATTERN),
        tmp_path / "out",
        options,
        workers=3,
        progress=lambda *step: steps.append(step),
    )
    registry = ExperimentRegistry.from_yaml(report.experiments_yaml)
    assert registry.experiments[0].condition_wells == {"control": ["A/1", "A/2"], "drug": ["B/1"]}
    plate = registry.plates["e"]
    assert plate.channel_names == ("BF", "GFP")
    assert {name: pixels(layout).tolist() for name, layout in plate.fovs.items()} == {
        name: images.tolist() for name, images in fovs.items()
    }
    assert steps[-1] == ("reading back", 12, 12)
    assert ("writing frames", 12, 12) in steps


def test_names_for_channels_of_a_pattern(tmp_path: Path) -> None:
    fovs = series(tmp_path / "in", ("A1",))
    for number, (names, wanted) in enumerate(
        {("GFP", "BF"): ("GFP", "BF"), ("bright", "green"): ("bright", "green")}.items()
    ):
        options = ImageOptions("e", channels=names, **STATED)  # type: ignore[arg-type]
        report = convert_images(by_pattern(tmp_path / "in", PATTERN), tmp_path / str(number), options)
        plate = read_plate(report.plate)
        assert plate.channel_names == wanted
        found = pixels(plate.fovs["A/1/7"])
        images = fovs["A/1/7"]
        assert np.array_equal(found, images[:, ::-1] if names[0] == "GFP" else images)
    assert "channels: bright (BF), green (GFP)" in report.text()


def trackmate(path: Path, first: int = 0) -> Path:
    spots = "".join(
        f'<Spot ID="{t}" FRAME="{first + t}" POSITION_X="9.75" POSITION_Y="7.8" POSITION_Z="0" />'
        for t in range(T)
    )
    edges = "".join(f'<Edge SPOT_SOURCE_ID="{t}" SPOT_TARGET_ID="{t + 1}" />' for t in range(T - 1))
    text = (
        f'<TrackMate version="7"><Model spatialunits="micron"><AllSpots>{spots}</AllSpots><AllTracks>'
        f'<Track TRACK_ID="0">{edges}</Track></AllTracks>'
        '<FilteredTracks><TrackID TRACK_ID="0" /></FilteredTracks></Model><Settings>'
        f'<ImageData width="{X}" height="{Y}" nframes="{T}" pixelwidth="0.65" pixelheight="0.65" />'
        "</Settings></TrackMate>"
    )
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.filterwarnings("ignore:.*1 FOVs without a track file")
def test_a_table_of_three_wells_and_the_tracks_of_three_tools(tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    stacks = {}
    for place, name in enumerate("abc"):
        stacks[name] = coded(500 * place)
        imagej(folder / f"{name}.tif", stacks[name])
    trackmate(folder / "a.xml.gz")
    (folder / "b.csv").write_text("label,frame,y,x\n" + "".join(f"1,{t},5,6\n" for t in range(T)))
    lines = [
        "fov,well,condition,image,tracks",
        "0,A1,control,a.tif,a.xml.gz",
        "0,B1,drug,b.tif,b.csv",
        "1,B1,drug,c.tif,",
    ]
    (folder / "plate.csv").write_text("\n".join(lines))
    given = [
        "--output",
        str(tmp_path / "out"),
        "--name",
        "june",
        "--channels",
        "BF",
        "GFP",
        "--column",
        "track_id=label",
    ]
    assert main(["convert", "images", "--table", str(folder / "plate.csv"), *given]) == 0
    text = capsys.readouterr().out
    assert "a.tif -> A/1/0: 4 frames, 4 observations, 1 tracks, 0 divisions" in text
    assert "c.tif -> B/1/1: 4 frames, no tracks" in text
    registry = ExperimentRegistry.from_yaml(tmp_path / "out" / "experiments.yaml")
    index = MultiExperimentIndex(registry, (0, Z), (8, 8), (0.05, 0.2))
    places = index.tracks.groupby("fov_name")[["y", "x"]].first()
    assert places.to_dict("index") == {"A/1/0": {"y": 12.0, "x": 15.0}, "B/1/0": {"y": 5.0, "x": 6.0}}
    assert np.array_equal(pixels(registry.plates["june"].fovs["B/1/1"]), stacks["c"])


def test_tracks_that_do_not_fit_stop_before_a_pixel_is_written(tmp_path: Path) -> None:
    path = imagej(tmp_path / "a.tif", coded())
    places = single([path], trackmate(tmp_path / "a.xml", first=1))
    with pytest.raises(DataError, match=r"a\.xml.*frames go to 4.*Give --first-frame 1"):
        convert_images(places, tmp_path / "out", ImageOptions("e", channels=("a", "b"), conditions="x"))
    assert not (tmp_path / "out").exists()


def test_a_file_with_several_images(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        for number in range(3):
            writer.write(coded(100 * number, (T, Y, X)), metadata={"axes": "TYX"})
    options = ImageOptions("e", channels=("a",), **STATED)  # type: ignore[arg-type]
    plate = read_plate(convert_images(single([path]), tmp_path / "out", options).plate)
    for number, name in enumerate(("A/1/0", "A/1/1", "A/1/2")):
        assert np.array_equal(pixels(plate.fovs[name])[:, 0, 0], coded(100 * number, (T, Y, X)))
    (tmp_path / "t.csv").write_text("fov,image,series\nx,a.ome.tif,2\n")
    report = convert_images(by_table(tmp_path / "t.csv"), tmp_path / "out2", options)
    assert pixels(read_plate(report.plate).fovs["A/1/x"])[0, 0, 0, 0, 0] == 200
    (tmp_path / "t.csv").write_text("fov,image\nx,a.ome.tif\n")
    with pytest.raises(DataError, match="holds 3 images, and it is not said which is A/1/x.*column series"):
        convert_images(by_table(tmp_path / "t.csv"), tmp_path / "out3", options)


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({"x": ["A1"], "y": ["A01"]}, "two conditions of well A/1; expected x; found y"),
        ({"x": ["A1"], "y": ["B7"]}, "name wells that no image is of; expected some of A/1; found B/7"),
    ],
)
def test_conditions_that_do_not_fit_the_wells(tmp_path: Path, conditions: Any, message: str) -> None:
    tifffile.imwrite(tmp_path / "A1.tif", coded(shape=(Y, X)))
    options = ImageOptions("e", channels=("a",), **{**STATED, "conditions": conditions})
    with pytest.raises(ConfigError, match=message):
        convert_images(by_pattern(tmp_path, "{well}.tif"), tmp_path / "out", options)


def _ome_xml(path: Path, *images: str, uuid: str = "") -> bytes:
    """OME metadata of images of 4 frames, from what lies in each <Pixels>."""
    sizes = f'SizeX="{X}" SizeY="{Y}" SizeZ="1" SizeC="1" SizeT="{T}"'
    texts = (
        f'<Image ID="Image:{n}"><Pixels ID="Pixels:{n}" DimensionOrder="XYZCT" Type="uint16" {sizes} '
        f'PhysicalSizeX="{n + 1}" PhysicalSizeY="{n + 1}"><Channel ID="Channel:{n}:0" Name="c{n}"/>{inner}'
        "</Pixels></Image>"
        for n, inner in enumerate(images)
    )
    space = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
    return f'<?xml version="1.0"?><OME xmlns="{space}"{uuid}>{"".join(texts)}</OME>'.encode()


def test_metadata_are_of_the_images_that_have_pixels(tmp_path: Path) -> None:
    path, images = tmp_path / "a.ome.tif", coded(shape=(T, Y, X))
    whole = f'<TiffData IFD="0" PlaneCount="{T}"/>'
    description = _ome_xml(path, "<MetadataOnly/>", whole)
    tifffile.imwrite(path, images, photometric="minisblack", description=description, metadata=None)
    found, layout, *_ = one(path, tmp_path / "out", interval_minutes=5.0)
    assert np.array_equal(found[:, 0, 0], images)
    assert (layout.channels, layout.scale[3:]) == (("c1",), (2.0, 2.0))
    description = _ome_xml(path, '<TiffData FirstT="99" IFD="0" PlaneCount="0"/>', whole)
    tifffile.imwrite(path, images, photometric="minisblack", description=description, metadata=None)
    with pytest.raises(DataError, match=r"a\.ome\.tif: .*expected 2 images with pixels.*found 1"):
        one(path, tmp_path / "out2", interval_minutes=5.0)


def test_files_of_one_ome_tiff_are_no_positions(tmp_path: Path) -> None:
    images = coded(shape=(T, Y, X))
    parts = "".join(
        f'<TiffData FirstT="{t}" IFD="0" PlaneCount="1"><UUID FileName="p{t}.ome.tif">urn:uuid:{t}</UUID>'
        "</TiffData>"
        for t in range(T)
    )
    for t in range(T):
        path = tmp_path / f"p{t}.ome.tif"
        description = _ome_xml(path, parts, uuid=f' UUID="urn:uuid:{t}"')
        tifffile.imwrite(path, images[t], description=description, metadata=None)
    options = ImageOptions("e", conditions="x", interval_minutes=5.0)
    with pytest.raises(DataError, match=r"p0\.ome\.tif: an OME-TIFF of several files.*found p1\.ome\.tif"):
        convert_images(by_pattern(tmp_path, "p{position}.ome.tif"), tmp_path / "out", options)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*reading array from closed file")
        found, *_ = one(tmp_path / "p0.ome.tif", tmp_path / "out", interval_minutes=5.0)
    assert np.array_equal(found[:, 0, 0], images)


@pytest.mark.parametrize("photometric", ["minisblack", "rgb"])
@pytest.mark.parametrize("axes", ["TYX", None])
def test_samples_interleaved_are_refused(tmp_path: Path, photometric: str, axes: str | None) -> None:
    path = tmp_path / "a.tif"
    images = coded(shape=(Y, X, 3))
    tifffile.imwrite(path, images, photometric=photometric, planarconfig="contig")
    match = "a color image" if photometric == "rgb" else "samples interleaved"
    with pytest.raises(DataError, match=rf"a\.tif: {match}"):
        one(path, tmp_path / "out", **STATED, channels=("a",), axes=axes)


@pytest.mark.parametrize("reduced", [False, True])
def test_pages_of_two_sizes(tmp_path: Path, reduced: bool) -> None:
    path, images = tmp_path / "a.tif", coded(shape=(T, 64, 64))
    with tifffile.TiffWriter(path) as writer:
        for image in images:
            writer.write(image, metadata=None, contiguous=False)
        for image in images[:, ::4, ::4]:
            writer.write(image, metadata=None, contiguous=False, subfiletype=int(reduced))
    stated = {**STATED, "channels": ("a",), "axes": "TYX"}
    if reduced:  # a pyramid that says so
        assert np.array_equal(one(path, tmp_path / "out", **stated)[0][:, 0, 0], images)
        return
    with pytest.raises(DataError, match=r"a\.tif: pages of two sizes; expected 64 x 64 px; found 16 x 16 px"):
        one(path, tmp_path / "out", **stated)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (name, value)
        for name in ("interval_minutes", "pixel_size_um", "z_step_um")
        for value in (-1, 0, np.nan)
    ]
    + [("axes", text) for text in ("tyx", "TXY", "TTYX", "", "QYX")],
)
def test_options_are_checked_at_once(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"field {field}: .*expected"):
        ImageOptions("e", **{field: value})


def color(folder: Path) -> None:
    tifffile.imwrite(folder / "A1_t1.tif", np.zeros((Y, X, 3), np.uint8), photometric="rgb")


def other_size(folder: Path) -> None:
    tifffile.imwrite(folder / "A1_t2.tif", coded(shape=(Y, X + 1)))


def other_type(folder: Path) -> None:
    tifffile.imwrite(folder / "A1_t2.tif", coded(shape=(Y, X), dtype=np.uint8))


def other_type_of_a_well(folder: Path) -> None:
    tifffile.imwrite(folder / "B1_t1.tif", coded(shape=(Y, X), dtype=np.uint8))


def stacked(folder: Path) -> None:
    for t in (1, 2, 3):
        tifffile.imwrite(
            folder / f"A1_t{t}.tif", coded(shape=(2, Y, X)), imagej=True, metadata={"axes": "TYX"}
        )


def cut(share: float, **more: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "A1_t2.tif"
        tifffile.imwrite(path, np.random.default_rng(0).integers(0, 60_000, (Y, X)).astype(np.uint16), **more)
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    return change


def text(folder: Path) -> None:
    (folder / "A1_t2.tif").write_text("no image")


def empty(folder: Path) -> None:
    (folder / "A1_t2.tif").write_bytes(b"")


def fractions(folder: Path) -> None:
    for t in (1, 2, 3):
        tifffile.imwrite(folder / f"A1_t{t}.tif", np.zeros((Y, X), complex))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (color, r"A1_t1\.tif: a color image; expected one gray channel a plane.*Split its colors"),
        (other_size, r"A1_t2\.tif: image sizes of A/1/0 differ; expected 1 x 1 x 1 x 24 x 30.*24 x 31"),
        (
            other_type,
            r"A1_t2\.tif: data types of A/1/0 differ; expected uint16 as in A1_t1\.tif; found uint8",
        ),
        (
            other_type_of_a_well,
            r"B1_t1\.tif: data types differ; expected uint16 as in .*A1_t1\.tif; found uint8",
        ),
        (stacked, r"A1_t1\.tif: the name says one frame, and the file holds 2"),
        (cut(0.9), r"A1_t2\.tif"),
        (cut(0.9, compression="zlib"), r"A1_t2\.tif"),
        (cut(0.05), r"A1_t2\.tif"),
        (text, r"A1_t2\.tif: .*bioio.*Save it as TIFF"),
        (empty, r"A1_t2\.tif"),
        (fractions, r"A1_t1\.tif: pixels are no numbers; found complex"),
    ],
)
def test_images_that_do_not_fit_are_refused_by_name(
    tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for t in (1, 2, 3):
        tifffile.imwrite(folder / f"A1_t{t}.tif", coded(t, (Y, X)))
    change(folder)
    options = ImageOptions("e", channels=("a",), **STATED)  # type: ignore[arg-type]
    with pytest.raises(DynaclrError, match=message):
        convert_images(by_pattern(folder, "{well}_t{frame}.tif"), tmp_path / "out", options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.97, 0.999])
@pytest.mark.parametrize("kind", ["ome", "imagej", "zlib", "plain", "shaped"])
def test_a_stack_that_is_cut_short_is_never_shorter_in_silence(
    tmp_path: Path, kind: str, share: float
) -> None:
    images = np.random.default_rng(0).integers(0, 60_000, (20, Y, X)).astype(np.uint16)
    path = tmp_path / "a.tif"
    more: dict[str, Any] = {
        "ome": {"ome": True, "metadata": {"axes": "TYX"}},
        "imagej": {"imagej": True, "metadata": {"axes": "TYX"}},
        "zlib": {"ome": True, "metadata": {"axes": "TYX"}, "compression": "zlib"},
        "plain": {"metadata": None},
        "shaped": {"metadata": {"axes": "TYX"}},
    }[kind]
    tifffile.imwrite(path, images, **more)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    options = ImageOptions("e", channels=("a",), axes="TYX", **STATED)  # type: ignore[arg-type]
    try:
        report = convert_images(single([path]), tmp_path / "out", options)
    except DynaclrError as error:
        assert "a.tif" in str(error)
        assert not (tmp_path / "out").exists()
    else:  # nothing of the pixels was cut
        assert share > 0.99
        assert np.array_equal(pixels(read_plate(report.plate).fovs["A/1/0"])[:, 0, 0], images)


def test_an_ome_tiff_without_its_other_files(tmp_path: Path) -> None:
    images = coded(shape=(T, Y, X))
    path = ome(tmp_path / "a.ome.tif", images, "TYX")
    content = tifffile.tiffcomment(path)
    two = content.replace(f'PlaneCount="{T}"', 'PlaneCount="2"').replace(
        "</Pixels>",
        '<TiffData IFD="0" FirstT="2" PlaneCount="2"><UUID FileName="b.ome.tif">urn:uuid:b</UUID></TiffData>'
        "</Pixels>",
    )
    tifffile.tiffcomment(path, two.encode())
    with pytest.raises(
        DataError, match=r"a\.ome\.tif: pages are missing or damaged.*belong to it are missing"
    ):
        one(path, tmp_path / "out", **STATED, channels=("a",))


def test_files_that_disagree_name_both(tmp_path: Path) -> None:
    for name, size in (("A1", 0.65), ("B1", 0.5)):
        ome(tmp_path / f"{name}.tif", coded(), **{**NAMED, "PhysicalSizeX": size})
    places = by_pattern(tmp_path, "{well}.tif")
    with pytest.raises(
        DataError, match=r"disagree about the pixel size; expected 0\.65 um.*A1\.tif; found 0\.5 um in .*B1"
    ):
        convert_images(places, tmp_path / "out", ImageOptions("e", conditions="x"))
    convert_images(places, tmp_path / "out", ImageOptions("e", conditions="x", pixel_size_um=0.65))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the packages below bioio
def test_what_bioio_reads(tmp_path: Path) -> None:
    imageio = pytest.importorskip("imageio.v3")
    pytest.importorskip("bioio_imageio")
    images = coded(shape=(T, Y, X), dtype=np.uint8)
    for t, image in enumerate(images):
        imageio.imwrite(tmp_path / f"A1_t{t}.png", image)
    options = ImageOptions("e", channels=("a",), **STATED)  # type: ignore[arg-type]
    report = convert_images(by_pattern(tmp_path, "{well}_t{frame}.png"), tmp_path / "out", options)
    assert np.array_equal(pixels(read_plate(report.plate).fovs["A/1/0"])[:, 0, 0], images)
    imageio.imwrite(tmp_path / "c.png", np.zeros((Y, X, 3), np.uint8))
    with pytest.raises(DataError, match=r"c\.png: a color image"):
        convert_images(single([tmp_path / "c.png"]), tmp_path / "out", options, overwrite=True)


def test_without_bioio_it_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bioio", None)
    (tmp_path / "a.czi").write_bytes(b"ZISRAWFILE")
    with pytest.raises(
        DataError, match=r'not a TIFF, and bioio is not installed.*pip install "napari-dynaclr\[images\]"'
    ):
        convert_images(single([tmp_path / "a.czi"]), tmp_path / "out", OPTIONS)


class _Stop(KeyboardInterrupt):
    pass


def test_what_was_interrupted_goes_on(tmp_path: Path) -> None:
    fovs = series(tmp_path / "in")
    places, out = by_pattern(tmp_path / "in", PATTERN), tmp_path / "out"

    def stop(what: str, done: int, total: int) -> None:
        if what == "writing frames" and done == 5:
            raise _Stop

    with pytest.raises(_Stop):
        convert_images(places, out, OPTIONS, workers=1, progress=stop)
    assert [path.name for path in out.iterdir()] == [".e.converting"]
    steps: list[int] = []
    report = convert_images(
        places,
        out,
        OPTIONS,
        progress=lambda what, done, _: steps.append(done) if what == "writing frames" else None,
    )
    assert "An earlier conversion to 'e' was interrupted; of the same files" in report.text()
    assert len(steps) <= 7
    assert steps[-1] == 12
    plate = read_plate(report.plate)
    assert all(np.array_equal(pixels(plate.fovs[name]), images) for name, images in fovs.items())
    assert {path.name for path in out.iterdir()} == {"e.zarr", "e.tracks", "experiments.yaml"}
    assert plate.fovs["B/1/7"].ome("omero")["channels"][0]["window"]["max"] == fovs["B/1/7"][:, 0].max()


def test_what_was_interrupted_begins_anew_with_other_files(tmp_path: Path) -> None:
    fovs = series(tmp_path / "in")
    out = tmp_path / "out"

    def stop(what: str, done: int, total: int) -> None:
        if what == "writing frames" and done == 5:
            raise _Stop

    with pytest.raises(_Stop):
        convert_images(by_pattern(tmp_path / "in", PATTERN), out, OPTIONS, progress=stop)
    fovs["A/1/7"][0, 0, 0] = 7
    tifffile.imwrite(tmp_path / "in" / "A1_7_BF_z0_t001.tif", fovs["A/1/7"][0, 0, 0])
    os.utime(tmp_path / "in" / "A1_7_BF_z0_t001.tif", (1, 1))
    report = convert_images(by_pattern(tmp_path / "in", PATTERN), out, OPTIONS)
    assert "were there already" not in report.text()
    assert np.array_equal(pixels(read_plate(report.plate).fovs["A/1/7"]), fovs["A/1/7"])


def test_pixels_that_are_lost_on_the_way_are_found(tmp_path: Path) -> None:
    series(tmp_path / "in", ("A1",))
    out = tmp_path / "out"

    def lose(what: str, done: int, total: int) -> None:
        if what == "writing frames" and done == total:
            array = out / ".e.converting" / "growing" / "A" / "1" / "7" / "0"
            chunk = next(path for path in array.rglob("*") if path.is_file() and path.name.isdigit())
            chunk.write_bytes(chunk.read_bytes()[:-1])

    with pytest.raises(DataError, match="pixels are not those that were written"):
        convert_images(by_pattern(tmp_path / "in", PATTERN), out, OPTIONS, progress=lose)
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_process_that_is_killed_goes_on(tmp_path: Path) -> None:
    stack = coded(shape=(300, 200, 200))
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "TYX"}, compression="zlib")
    command = [sys.executable, "-m", "dynaclr", "convert", "images", str(tmp_path / "a.tif"), "--name", "e"]
    command += ["--output", str(tmp_path / "out"), "--conditions", "x", "--channels", "a", "--workers", "1"]
    command += ["--interval-minutes", "5", "--pixel-size-um", "1"]
    process = subprocess.Popen(command)
    log = tmp_path / "out" / ".e.converting" / "growing.frames"
    while not (log.exists() and log.stat().st_size > 1000) and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "out" / "experiments.yaml").exists()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "frames were there already" in done.stdout
    assert np.array_equal(pixels(read_plate(tmp_path / "out" / "e.zarr").fovs["A/1/0"])[:, 0, 0], stack)


def test_the_makers_files_of_a_real_recording(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "fucci" / "source"
    places = single([source / "recording.ome.tif"], source / "trackmate.xml.gz")
    options = ImageOptions("f", conditions="c", interval_minutes=15.0, pixel_size_um=0.544)
    report = convert_images(places, tmp_path, options)
    assert (
        "2048 x 2048 px of 0.06803 um by the source, 256 x 256 px of 0.544 um on the plate" in report.text()
    )
    assert (report.fovs[0].observations, report.fovs[0].tracks, report.fovs[0].divisions) == (810, 17, 6)
    found = pixels(read_plate(report.plate).fovs["A/1/0"])
    assert np.array_equal(found[:, :, 0], tifffile.imread(source / "recording.ome.tif"))


@pytest.mark.parametrize(("name", "interval"), [("hela", 30.0), ("t98g", 10.0)])
def test_frames_of_real_recordings_by_pattern(
    shared_data: Path, tmp_path: Path, name: str, interval: float
) -> None:
    places = by_pattern(shared_data / name, "{position}/t{frame:d}.tif", "{position}_RES")
    options = ImageOptions(
        name, conditions="c", interval_minutes=interval, pixel_size_um=1.0, channels=("a",)
    )
    report = convert_images(places, tmp_path, options)
    plate = read_plate(report.plate)
    assert list(plate.fovs) == [f"A/1/{path.name}" for path in sorted((shared_data / name).glob("0?"))]
    for fov, layout in plate.fovs.items():
        files = sorted((shared_data / name / fov[-2:]).glob("t*.tif"))
        assert np.array_equal(pixels(layout)[:, 0, 0], np.stack([tifffile.imread(file) for file in files]))
    assert report.fovs[0].tracks == {"hela": 149, "t98g": 105}[name]
