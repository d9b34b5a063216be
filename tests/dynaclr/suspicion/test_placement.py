"""Centroids against images, as arrays: round cells that move, and tables that are wrong in one way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from dynaclr.suspicion.judging import AS_GIVEN, Explanation, judge_fovs
from dynaclr.suspicion.placement import FovView, Points, best_shift, contrast, feature_maps, frame_offset

HEIGHT, WIDTH, FRAMES, CELLS, PIXEL_UM = 160, 200, 8, 15, 0.6
READ = (1, 2, 3, 5, 6)


def view(seed: int, sign: float = 1.0) -> FovView:
    """Images of blurred discs, brighter (or darker) than a sloping and noisy ground."""
    rng = np.random.Generator(np.random.Philox(seed))
    start = rng.uniform((12, 12), (HEIGHT - 12, WIDTH - 12), (CELLS, 2))
    walk = start[:, None] + rng.normal(0, 1.5, (CELLS, FRAMES, 2)).cumsum(axis=1)
    yy, xx = np.mgrid[:HEIGHT, :WIDTH]
    maps = {}
    reduction = 1
    for frame in READ:
        image = 100 + 0.2 * xx + rng.normal(0, 2, (HEIGHT, WIDTH))
        for y, x in walk[:, frame]:
            image += sign * 30 * np.exp(-((yy - y) ** 2 + (xx - x) ** 2) / 18)
        maps[frame], reduction = feature_maps(image[None].astype(np.float32))
    step, none = np.diff(walk, axis=1), np.full((CELLS, 1, 2), np.nan)
    forward, backward = np.concatenate([step, none], axis=1), np.concatenate([none, step], axis=1)
    steps = [item.reshape(-1, 2).T for item in (forward, backward)]
    points = Points(
        np.tile(np.arange(FRAMES), CELLS), walk[..., 0].ravel(), walk[..., 1].ravel(), *steps, CELLS
    )
    return FovView(points, maps, reduction, PIXEL_UM)


VIEWS = [view(seed) for seed in range(4)]
NAMES = [f"A/1/{seed}" for seed in range(4)]


def with_points(number: int, points: Points) -> list[FovView]:
    views = list(VIEWS)
    views[number] = replace(views[number], points=points)
    return views


def test_contrast_is_the_mean_rank_of_a_loop() -> None:
    rng = np.random.Generator(np.random.Philox(9))
    image = rng.integers(0, 5, (6, 7)).astype(np.float32)
    points = Points(
        np.zeros(4, dtype=np.int64),
        np.array([0.0, 2.4, 5.0, 9.0]),
        np.array([0.0, 3.6, 6.0, 1.0]),
        *(np.full((2, 4), np.nan),) * 2,
        4,
    )
    plane = gaussian_filter(image, 2.0) - gaussian_filter(image, 10.0)
    maps, reduction = feature_maps(image[None])
    assert reduction == 1
    found = contrast({0: maps}, points, 1)[0]
    expected = []
    for row, column in ((0, 0), (2, 4), (5, 6)):
        value = plane[row, column]
        expected.append(((plane < value).sum() + (plane == value).sum() / 2) / plane.size - 0.5)
    assert found == pytest.approx([*expected, 0.0], abs=1e-6)
    flat, _ = feature_maps(np.ones((1, 6, 7)))
    assert contrast({0: flat}, points, 1).tolist() == [[0] * 4] * 2


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_tables_that_fit_are_left_alone(sign: float) -> None:
    verdicts = judge_fovs([view(seed, sign) for seed in range(3)], NAMES[:3])
    assert all(item.fits and item.best == AS_GIVEN for item in verdicts)
    assert min(item.contrast for item in verdicts) > 0.4


def moved(points: Points, **columns: npt.NDArray[np.float64]) -> Points:
    return replace(points, **columns)


FAULTS: list[tuple[Callable[[Points], Points], str, str]] = [
    (lambda p: moved(p, y=p.x, x=p.y), "y and x are swapped", "swap these columns"),
    (
        lambda p: moved(p, y=p.y * PIXEL_UM, x=p.x * PIXEL_UM),
        "centroids are in micrometers, not pixels",
        "divide y and x by 0.6",
    ),
    (
        lambda p: moved(p, y=p.y * PIXEL_UM**2, x=p.x * PIXEL_UM**2),
        "centroids were multiplied by the pixel size twice",
        "divide y and x by 0.36",
    ),
    (
        lambda p: moved(p, y=p.y / 2, x=p.x / 2),
        "centroids were measured in an image of half the size",
        "multiply y and x by 2",
    ),
    (
        lambda p: moved(p, y=p.y * 2, x=p.x * 2),
        "centroids were measured in an image of twice the size",
        "divide y and x by 2",
    ),
    (
        lambda p: moved(p, y=p.y + 24, x=p.x - 17),
        "centroids are shifted by (24, -17) px",
        "subtract that from y and x",
    ),
    (lambda p: replace(p, t=p.t + 1), "frames are 1-based: cells lie", "subtract 1 from t"),
    (lambda p: replace(p, t=p.t - 1), "frame numbers are one too small: cells lie", "add 1 to t"),
    (lambda p: VIEWS[3].points, AS_GIVEN.name, ""),  # of a FOV that fits its own table: nothing explains it
]


@pytest.mark.parametrize(("fault", "reason", "fix"), FAULTS, ids=[reason for _, reason, _ in FAULTS])
def test_one_wrong_table_is_found_and_explained(
    fault: Callable[[Points], Points], reason: str, fix: str
) -> None:
    verdicts = judge_fovs(with_points(1, fault(VIEWS[1].points)), NAMES)
    assert [item.fits for item in verdicts] == [True, False, True, True]
    assert verdicts[1].best.name.startswith(reason)
    assert verdicts[1].best.fix == fix
    better = verdicts[1].best_contrast > verdicts[1].contrast
    assert better is not reason.startswith("frame")  # whose centroids lie on cells as they are


def test_exchanged_tables_name_each_other() -> None:
    views = with_points(0, VIEWS[2].points)
    views[2] = replace(views[2], points=VIEWS[0].points)
    verdicts = judge_fovs(views, NAMES)
    fix = "use the matching track file"
    assert [item.best for item in verdicts] == [
        Explanation("the track table of A/1/2 fits better", fix, 2),
        AS_GIVEN,
        Explanation("the track table of A/1/0 fits better", fix, 0),
        AS_GIVEN,
    ]


def test_shift_and_offset_are_measured() -> None:
    points = VIEWS[0].points
    away = replace(VIEWS[0], points=moved(points, y=points.y - 9, x=points.x + 21))
    dy, dx, found = best_shift(away, 0, 1.0)
    assert (dy, dx) == pytest.approx((9, -21), abs=1)
    assert found > 0.4
    for lag, expected in ((0, 0.0), (1, 1.0), (-1, -1.0)):
        slope, error = frame_offset(replace(VIEWS[0], points=replace(points, t=points.t + lag)), 0, 1.0)
        assert slope == pytest.approx(expected, abs=0.35)
        assert 0 < error < 0.15


def test_a_blank_recording_accuses_nobody() -> None:
    blank = [
        replace(item, maps={frame: np.full_like(maps, 0.5) for frame, maps in item.maps.items()})
        for item in VIEWS
    ]
    assert all(item.best == AS_GIVEN for item in judge_fovs(blank, NAMES))
    assert judge_fovs([], []) == []
