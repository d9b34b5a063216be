from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.support.foreign import as_stored, axis, coded, foreign_experiment, image, transforms
from tests.support.scenes import write_scenes

from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import MultiExperimentIndex, ReadingOptions
from dynaclr.testing import decode
from napari_dynaclr.presentation import layers
from napari_dynaclr.presentation.display import channel_display, level_paths, spatial_units
from napari_dynaclr.presentation.layers import (
    COLOUR_BY,
    cell_layer,
    family_layer,
    frame_rows,
    image_layers,
    pair_layer,
    track_layer,
)
from napari_dynaclr.presentation.lineage_layout import family_rows


@pytest.fixture(scope="module")
def index(coded_source: Path) -> MultiExperimentIndex:
    return MultiExperimentIndex(ExperimentRegistry.from_yaml(coded_source), (0, 1), (16, 16), (0.5, 1.0))


def test_images_hold_the_pixels_of_their_store(index: MultiExperimentIndex) -> None:
    for place, (array, options, kind) in enumerate(image_layers(index, 4)):
        assert kind == "image"
        where = decode(np.asarray(array[2, 1]))
        assert np.all(where.experiment == 1)
        assert np.all(where.fov == 1)
        assert np.all(where.t == 2)
        assert np.all(where.c == (2, 0)[place])
        assert options["scale"] == (1.0, 1.0, 0.5, 0.5)
        assert options["units"] == ("pixel", "um", "um", "um")
        assert options["axis_labels"] == ("t", "z", "y", "x")


def test_cells_of_a_field_of_view(index: MultiExperimentIndex) -> None:
    table = index.table
    for fov in range(len(index.fovs)):
        for frame in (0, 3, 7):
            rows = frame_rows(index, fov, frame)
            expected = np.flatnonzero((table.fov_of() == fov) & (table.t == frame))
            assert rows.tolist() == expected.tolist()
        assert frame_rows(index, fov, -1).size == frame_rows(index, fov, 99).size == 0
    points, options, _ = cell_layer(index, 1, "condition")
    rows = options["features"]["row"]
    assert rows.tolist() == np.flatnonzero(table.fov_of() == 1).tolist()
    assert np.array_equal(points[:, 0], table.t[rows])
    assert np.array_equal(points[:, 2:], np.column_stack([table.y[rows], table.x[rows]]))
    assert set(options["features"]["condition"]) == {"uninfected"}


@pytest.mark.parametrize("colour_by", COLOUR_BY)
def test_colors_are_the_same_in_every_field_of_view(index: MultiExperimentIndex, colour_by: str) -> None:
    seen: dict[object, tuple[float, ...]] = {}
    for fov in np.flatnonzero(index.fov_condition == index.fov_condition[0]).tolist():
        _, options, _ = cell_layer(index, fov, colour_by)
        colors = options["border_color"]
        assert colors.shape == (len(options["features"]["row"]), 4)
        keys = options["features"][colour_by]
        if colour_by == "validity":
            keys = [key == "anchor" for key in keys]
        for key, color in zip(np.asarray(keys).tolist(), colors.tolist(), strict=True):
            assert seen.setdefault(key, tuple(color)) == tuple(color)
    assert len(set(seen.values())) > (colour_by != "condition")


def test_tracks_carry_the_lineage(index: MultiExperimentIndex) -> None:
    layer = track_layer(index, 4)
    assert layer is not None
    data, options, kind = layer
    assert kind == "tracks"
    assert options["graph"] == {2: [1], 3: [1]}
    assert data.shape[1] == 5
    mother = int(np.flatnonzero((index.table.fov_of() == 4) & (index.table.t == 0))[0])
    data, options, _ = family_layer(index, 4, family_rows(index.table, mother))
    assert set(data[:, 0]) == {1, 2, 3}
    assert options["graph"] == {2: [1], 3: [1]}


def test_too_many_tracks_are_left_out(index: MultiExperimentIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "MOST_TRACK_VERTICES", 10)
    assert track_layer(index, 4) is None


def test_boxes_are_where_the_patches_are_read(index: MultiExperimentIndex) -> None:
    anchor = int(index.anchor_rows[3])
    fov = int(index.table.fov_of(np.array([anchor]))[0])
    y, x = index.corners(np.array([anchor]))
    edges, options, kind = pair_layer(index, fov, anchor, None)
    assert kind == "vectors"
    assert edges.shape == (4, 2, 4)
    assert edges[:, 0, 0].tolist() == [int(index.table.t[anchor])] * 4
    assert np.array_equal(edges.sum(axis=1), np.roll(edges[:, 0], -1, axis=0))
    assert edges[:, 0, 2:].min(axis=0).tolist() == [y[0] - 0.5, x[0] - 0.5]
    assert edges[:, 0, 2:].max(axis=0).tolist() == [y[0] + 15.5, x[0] + 15.5]
    edges, options, _ = pair_layer(index, fov, anchor, anchor)
    assert options["features"]["role"] == ["anchor"] * 4 + ["positive"] * 4
    assert len(options["edge_color"]) == len(edges) == 8


def test_boxes_are_in_pixels_of_the_image_where_patches_are_resampled(tmp_path: Path) -> None:
    """16 x 16 pixels of 0.5 um: 32 rows of 0.25 um, 20 columns of 0.4 um, ending where the patch ends."""
    path = write_scenes(tmp_path, {"odd": (0.25, 0.4)})
    registry = ExperimentRegistry.from_yaml(path)
    reading = ReadingOptions(yx_patch_um=(8, 8))
    index = MultiExperimentIndex(registry, (0, 1), (16, 16), (0.5, 1.0), reading=reading)
    anchor = int(index.anchor_rows[0])
    corner = np.array(index.corners(np.array([anchor])))[:, 0]
    edges = pair_layer(index, 0, anchor, None)[0]
    assert edges[:, 0, 2:].min(axis=0) == pytest.approx(corner * [2, 1.25] - 0.5)
    assert edges[:, 0, 2:].max(axis=0) == pytest.approx(corner * [2, 1.25] - 0.5 + [32, 20])
    assert cell_layer(index, 0, "condition")[1]["size"] == 4.0
    plain = MultiExperimentIndex(registry, (0, 1), (32, 48), (0.5, 1.0))
    assert cell_layer(plain, 0, "condition")[1]["size"] == pytest.approx(32 / 6)


def test_metadata_of_the_store_decide_how_it_is_shown(index: MultiExperimentIndex) -> None:
    layout = index.fovs[0].layout
    assert level_paths(layout) == [layout.array_path]
    assert spatial_units(layout) == "um"
    shown = channel_display(layout, 1, "GFP", 1)
    assert shown.colormap == "green"
    channels = [{}, {"color": "FF8800", "window": {"start": 5, "end": 90}}]
    for attributes in ({"omero": {"channels": channels}}, {"ome": {"omero": {"channels": channels}}}):
        colored = replace(layout, attributes=attributes)
        assert channel_display(colored, 1, "GFP", 1).colormap == "#FF8800"
        assert channel_display(colored, 1, "GFP", 1).contrast_limits == (5.0, 90.0)
    statistics = {"normalization": {"GFP": {"fov_statistics": {"p1": 2.0, "p99": 8.0}}}}
    assert channel_display(replace(layout, attributes=statistics), 1, "GFP", 1).contrast_limits == (2.0, 8.0)
    for odd in ({"omero": {"channels": [{"window": {"start": "a"}}]}}, {}):
        assert channel_display(replace(layout, attributes=odd), 0, "GFP", 0).contrast_limits is None
    levels = {"multiscales": [{"datasets": [{"path": layout.array_path.name}, {"path": "1"}]}]}
    assert level_paths(replace(layout, attributes=levels)) == [layout.array_path, layout.path / "1"]
    assert spatial_units(replace(layout, calibrated="t")) == "pixel"


def test_images_of_other_tools_are_shown_as_they_are(tmp_path: Path) -> None:
    """Axes and channels in another order, a pyramid, and channels that are half described."""
    attributes = image(
        [axis("x", unit="nanometer"), "c", axis("y", unit="nanometer"), "t"],
        datasets=[{"path": "0", "coordinateTransformations": transforms([500, 1, 500, 1])}, {"path": "1"}],
    )
    attributes["omero"]["channels"] = [
        {"label": "b", "window": None},
        {"label": "a", "color": "FF8800", "window": {"start": 1, "end": 9}},
    ]
    pixels = coded()[:, :, :1]
    source = foreign_experiment(tmp_path, {"A/1/0": (as_stored(pixels[:, ::-1], "xcyt"), attributes)})
    shutil.copytree(tmp_path / "e.zarr/A/1/0/0", tmp_path / "e.zarr/A/1/0/1")
    shown = image_layers(MultiExperimentIndex(ExperimentRegistry.from_yaml(source), (0, 1), (8, 8)), 0)
    for channel, (levels, options, _) in enumerate(shown):
        assert len(levels) == 2
        assert all(np.array_equal(np.asarray(level), pixels[:, channel]) for level in levels)
        assert (options["scale"], options["units"][-1]) == ((1.0, 1.0, 0.5, 0.5), "um")
    assert [options["colormap"] for _, options, _ in shown] == ["#FF8800", "green"]
    assert shown[0][1]["contrast_limits"] == (1.0, 9.0)
