from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers import Image, Tracks

from dynaclr.base.errors import DataError
from napari_dynaclr.presentation.layer_axes import layer_axes, rows_in_image, step_in

ROWS = np.array([(1, 0, 2.0, 3.5), (1, 1, 4.0, 0.25), (8, 2, 1.0, 6.0)])
UM = ("pixel", "um", "um")


def image(ndim: int = 3, **options: Any) -> Image:
    return Image(np.zeros((3, 8, 9) if ndim == 3 else (3, 2, 8, 9)), **options)


def places(values: st.SearchStrategy[float], size: int) -> st.SearchStrategy[list[float]]:
    return st.lists(values, min_size=size, max_size=size)


_steps = st.floats(0.05, 20) | st.floats(-20, -0.05)
_shifts = st.floats(-100, 100)


@settings(deadline=None, max_examples=50)
@given(
    st.data(),
    st.sampled_from([(3, 3), (3, 4), (4, 4)]),
)
def test_rows_are_where_napari_has_them_in_the_image(data: Any, axes: tuple[int, int]) -> None:
    of, to = axes
    source_geometry, image_geometry = (
        {"scale": data.draw(places(_steps, n)), "translate": data.draw(places(_shifts, n))} for n in axes
    )
    rows = np.column_stack(
        [[1, 1, 2], [0, 1, 5], np.array(data.draw(places(_shifts, 3 * (of - 1)))).reshape(3, -1)]
    )
    tracks = Tracks(rows, **source_geometry)
    picture = image(to, **image_geometry)
    found = rows_in_image(rows, layer_axes(tracks), layer_axes(picture))
    for row, got in zip(rows, found, strict=True):
        world = list(tracks.data_to_world(row[1:]))
        if of < to:
            world.insert(1, 0.0)
        wanted = list(picture.world_to_data(world))
        if of < to:
            del wanted[1]
        assert got[0] == row[0]
        assert np.allclose(got[1:], wanted, rtol=1e-6, atol=1e-6)


def test_units_of_one_kind_are_converted_and_others_are_numbers() -> None:
    picture = layer_axes(image(scale=(1, 0.5, 0.5), units=UM))
    nano = Tracks(ROWS, scale=(1, 500, 500), units=("pixel", "nm", "nm"))
    bare = Tracks(ROWS, scale=(1, 0.5, 0.5))
    for tracks in (nano, bare):
        assert np.allclose(rows_in_image(ROWS, layer_axes(tracks), picture), ROWS)


def test_steps_are_said_where_their_unit_is_of_the_kind() -> None:
    axes = layer_axes(image(4, scale=(120, 2000, 500, 500), units=("s", "nm", "nm", "nm")))
    found = [step_in(axes, axis, unit) for axis, unit in (("t", "minute"), ("z", "um"), ("x", "um"))]
    assert np.allclose(np.array(found, dtype=float), [2.0, 2.0, 0.5])
    bare = layer_axes(image(scale=(1, 0.5, 0.5)))
    assert [step_in(bare, axis, unit) for axis, unit in (("t", "minute"), ("x", "um"), ("z", "um"))] == [
        None
    ] * 3


@pytest.mark.parametrize(
    "options",
    [
        {"rotate": np.array([[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]])},
        {"shear": [0, 0, 0.3]},
        {"affine": [[1, 0, 0, 0], [0, 1, 0.1, 0], [0, 0, 1, 0], [0, 0, 0, 1]]},
    ],
)
def test_turned_layers_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="layer 'cells' is rotated or sheared"):
        layer_axes(image(name="cells", **options))


def test_an_affine_that_only_shifts_and_scales_is_honoured() -> None:
    picture = image(affine=[[1, 0, 0, 0], [0, 2, 0, 3], [0, 0, 2, -1], [0, 0, 0, 1]])
    found = rows_in_image(ROWS, layer_axes(Tracks(ROWS)), layer_axes(picture))
    assert np.allclose(found[:, 2:], (ROWS[:, 2:] - (3, -1)) / 2)


def test_places_in_z_need_slices() -> None:
    flat = layer_axes(image())
    rows = np.array([(1, 0, 5.0, 2, 3), (1, 1, 5.0, 4, 4), (2, 1, 5.0, 1, 1)])
    axes = layer_axes(Tracks(rows))
    assert np.allclose(rows_in_image(rows, axes, flat), np.delete(rows, 2, axis=1))
    rows[1, 2] = 6
    with pytest.raises(DataError, match="tracks have z coordinates, but the images have no z slices"):
        rows_in_image(rows, axes, flat)
