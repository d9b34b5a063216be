from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.layers import Image, Labels, Tracks

from napari_dynaclr.presentation.recording import (
    calibration,
    cells_fault,
    channels_fault,
    image_fault,
    recorded,
)

ROWS = np.array([(1, 0, 2.0, 3.0), (1, 1, 4.0, 5.0), (2, 2, 6.0, 7.0), (3, 2, 1.0, 1.0)])


def image(name: str = "a", shape: tuple[int, ...] = (3, 8, 9), **options: Any) -> Image:
    return Image(np.zeros(shape), name=name, **options)


@pytest.mark.parametrize(
    ("layer", "fault"),
    [
        (image(), ""),
        (image(shape=(3, 2, 8, 9)), ""),
        (image(axis_labels=("t", "y", "x")), ""),
        (image(axis_labels=("z", "y", "x")), "its axes are z, y, x: t, y, x are needed"),
        (image(shape=(3, 2, 8, 9), axis_labels=("t", "c", "y", "x")), "t, z, y, x are needed"),
        (image(shape=(3, 8, 9, 3), rgb=True), "its pixels are colors"),
        (image(shape=(8, 9)), "it has 2 axes"),
        (image(shape=(2, 2, 3, 8, 9)), "it has 5 axes"),
        (image(shear=[0, 0, 0.5]), "rotated or sheared"),
    ],
)
def test_what_cannot_be_a_channel_says_why(layer: Image, fault: str) -> None:
    assert fault in image_fault(layer)
    assert bool(fault) == bool(image_fault(layer))


@pytest.mark.parametrize(
    ("layers", "fault"),
    [
        ([image(), image("b")], ""),
        ([], "Tick at least one image"),
        ([image(), image("b", (3, 8, 10))], r"'b' differs in size from 'a': (3, 8, 10) and (3, 8, 9)"),
        ([image(), image("b", translate=(0, 0, 1))], "'b' is not aligned with 'a'"),
        ([image(), image("b", (3, 2, 8, 9))], "'b' differs in size"),
        ([image(scale=(1, 2, 3))], "Pixels of 'a' are not square: 2 x 3"),
        ([image(), image("b", (3, 8, 9, 3), rgb=True)], "'b' cannot be a channel: its pixels are colors"),
    ],
)
def test_images_that_do_not_fit_each_other(layers: list[Image], fault: str) -> None:
    assert fault in channels_fault(layers)
    assert bool(fault) == bool(channels_fault(layers))


def test_cells_are_needed() -> None:
    assert "Choose the tracks" in cells_fault(None)
    assert not cells_fault(Tracks(ROWS))
    assert "'flat' cannot be the cells: it has 2 axes" in cells_fault(
        Labels(np.zeros((4, 4), dtype=int), name="flat")
    )


def test_tracks_are_taken_with_their_graph_in_pixels() -> None:
    tracks = Tracks(ROWS, graph={2: 1, 3: [1]}, scale=(1, 2, 2), translate=(0, 4, 4))
    taken = recorded([image(scale=(1, 2, 2))], tracks)
    assert taken.graph == {2: [1], 3: [1]}
    assert np.allclose(taken.rows(lambda *step: None), ROWS + np.array([0, 0, 2, 2]))


def test_labels_are_taken_as_their_centers_and_know_no_parents() -> None:
    labels = np.zeros((3, 8, 9), dtype=int)
    labels[1, 2:5, 3:4] = 7
    steps: list[tuple[int, int]] = []
    taken = recorded([image()], Labels(labels, translate=(0, 1, 0)))
    assert taken.graph is None
    assert np.allclose(taken.rows(lambda *step: steps.append(step)), [(7, 1, 4, 3)])
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_a_pyramid_is_its_finest_level() -> None:
    levels = [np.ones((3, 8, 10)), np.ones((3, 4, 5))]
    layer = Image(levels, multiscale=True, name="p")
    taken = recorded([layer], Tracks(ROWS))
    assert taken.channels["p"] is levels[0]
    assert not channels_fault([layer, image("b", (3, 8, 10))])


def test_steps_come_from_the_layer() -> None:
    layer = image(scale=(5, 0.3, 0.3), units=("minute", "um", "um"))
    steps = calibration(layer)
    assert (steps.interval_minutes, steps.z_step_um) == (5.0, None)
    assert steps.pixel_size_um == pytest.approx(0.3)
