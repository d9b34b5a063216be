from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Outline

from napari_dynaclr.presentation.lasso import inside


@settings(deadline=None, max_examples=50)
@given(st.integers(3, 40), st.integers(0, 500))
def test_points_inside_are_those_of_another_library(corners: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.random(corners)) * 2 * np.pi
    outline = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(0.2, 1.0, (corners, 1))
    points = rng.uniform(-1.2, 1.2, (400, 2))
    reference = Outline(np.r_[outline, outline[:1]], closed=True).contains_points(points)
    assert np.array_equal(inside(points, outline), reference)


def test_an_outline_that_crosses_itself_has_a_hole() -> None:
    star = np.array([(np.sin(4 * np.pi * k / 5), np.cos(4 * np.pi * k / 5)) for k in range(5)])
    assert inside(np.array([[0.0, 0.0], [0.0, 0.7], [5.0, 0.0], [np.nan, 0.0]]), star).tolist() == [
        *(False, True, False, False)
    ]


def test_a_line_holds_nothing() -> None:
    assert not inside(np.zeros((3, 2)), np.array([[-1.0, 0.0], [1.0, 0.0]])).any()
    assert inside(np.empty((0, 2)), np.eye(3)[:, :2]).size == 0
