"""Centroids against images, as arrays: round cells that move, and tables that are wrong in one way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from dynaclr.suspicion.evidence import PROOF, gain, unpaired_gain
from dynaclr.suspicion.judging import FovVerdict, judge_fovs
from dynaclr.suspicion.meanings import AS_GIVEN, Explanation
from dynaclr.suspicion.pixels import view_of
from dynaclr.suspicion.placement import Move, contrast, feature_maps
from dynaclr.suspicion.steps import agreement, match
from dynaclr.suspicion.view import FovView, Points

HEIGHT, WIDTH, FRAMES, CELLS, PIXEL_UM = 200, 240, 20, 24, 0.6


@dataclass(frozen=True)
class Movie:
    """Images of blurred discs, brighter (or darker) than a sloping and noisy ground, and their centers."""

    images: npt.NDArray[np.float32]  # (T, C, Y, X)
    points: Points

    def view(self, points: Points | None = None) -> FovView:
        """What is judged, with the table as it is or another; what lies outside is left out."""
        points = points or self.points
        height, width = self.images.shape[2:]
        inside = (points.y >= 0) & (points.y < height) & (points.x >= 0) & (points.x < width)
        inside &= (points.t >= 0) & (points.t < len(self.images))
        kept = Points(points.track[inside], points.t[inside], points.y[inside], points.x[inside])
        return view_of(kept, self.images.__getitem__, len(self.images), (height, width), PIXEL_UM, 8)


def movie(seed: int, sign: float = 1.0, cells: int = CELLS, channels: int = 1) -> Movie:
    rng = np.random.Generator(np.random.Philox(seed))
    start = rng.uniform((12, 12), (HEIGHT - 12, WIDTH - 12), (cells, 2))
    walk = start[:, None] + rng.normal(0, 1.5, (cells, FRAMES, 2)).cumsum(axis=1)
    yy, xx = np.mgrid[:HEIGHT, :WIDTH]
    images = 100 + 0.2 * xx + rng.normal(0, 2, (FRAMES, channels, HEIGHT, WIDTH))
    for frame in range(FRAMES):
        for cell, (y, x) in enumerate(walk[:, frame]):
            disc = sign * 30 * np.exp(-((yy - y) ** 2 + (xx - x) ** 2) / 18)
            images[frame, cell % channels] += disc
    track, t = (item.ravel() for item in np.mgrid[:cells, :FRAMES])
    return Movie(images.astype(np.float32), Points(track, t, walk[..., 0].ravel(), walk[..., 1].ravel()))


MOVIES = [movie(seed) for seed in range(3)]
NAMES = [f"A/1/{number}" for number in range(3)]
VIEWS = [item.view() for item in MOVIES]


def judged(fault: Callable[[Points], Points], *fovs: int) -> list[FovVerdict]:
    """Judge all movies, with the tables of some made wrong."""
    views = [
        item.view(fault(item.points)) if number in fovs else VIEWS[number]
        for number, item in enumerate(MOVIES)
    ]
    return judge_fovs(views, NAMES)


def test_contrast_is_the_mean_rank_of_a_loop() -> None:
    rng = np.random.Generator(np.random.Philox(9))
    image = rng.integers(0, 5, (6, 7)).astype(np.float32)
    y, x = np.array([0.0, 2.4, 5.0, 9.0]), np.array([0.0, 3.6, 6.0, 1.0])
    points = Points(np.array([0, 1, 2, 2]), np.zeros(4, dtype=np.int64), y, x)
    plane = gaussian_filter(image, 2.0) - gaussian_filter(image, 10.0)
    maps, reduction = feature_maps(image[None])
    assert reduction == 1
    found = contrast({0: maps}, points, 1)[0]
    ranks = []
    for row, column in ((0, 0), (2, 4), (5, 6)):
        value = plane[row, column]
        ranks.append(((plane < value).sum() + (plane == value).sum() / 2) / plane.size - 0.5)
    assert found == pytest.approx([ranks[0], ranks[1], ranks[2] / 2], abs=1e-6)  # (9, 1) is outside
    flat, _ = feature_maps(np.ones((1, 6, 7)))
    assert contrast({0: flat}, points, 1).tolist() == [[0] * 3] * 2


def test_numbers_of_any_size_are_places_outside() -> None:
    away = np.array([1e300, -1e300, 1e12])
    points = Points(np.arange(3), np.zeros(3, dtype=np.int64), away, away)
    maps, _ = feature_maps(np.random.default_rng(0).normal(size=(1, 30, 40)))
    assert (contrast({0: maps}, points, 1) == 0).all()
    assert np.isnan(match(np.zeros((60, 60)), np.zeros((60, 60)), away, away)).all()


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_tables_that_fit_are_left_alone(sign: float) -> None:
    verdicts = judge_fovs([movie(seed, sign).view() for seed in range(3)], NAMES)
    assert all(item.fits and item.best == AS_GIVEN for item in verdicts)
    assert min(item.contrast for item in verdicts) > 0.4
    assert min(item.agreement for item in verdicts) > 0.8


def test_cells_that_shine_in_one_of_two_channels_each() -> None:
    two = movie(5, channels=2)
    (right,) = judge_fovs([two.view()], NAMES[:1])
    assert right.fits
    assert right.contrast > 0.4
    flipped = replace(two.points, y=HEIGHT - 1 - two.points.y)
    (wrong,) = judge_fovs([two.view(flipped)], NAMES[:1])
    assert wrong.best.name == "y is flipped"


def moved(points: Points, **columns: npt.NDArray[np.float64]) -> Points:
    return replace(points, **columns)


FAULTS: dict[str, tuple[Callable[[Points], Points], str]] = {
    "y and x are swapped": (lambda p: moved(p, y=p.x, x=p.y), "swap these columns"),
    "y is flipped": (lambda p: moved(p, y=HEIGHT - 1 - p.y), "replace y by 199 - y"),
    "x is flipped": (lambda p: moved(p, x=WIDTH - 1 - p.x), "replace x by 239 - x"),
    "y and x are flipped": (
        lambda p: moved(p, y=HEIGHT - 1 - p.y, x=WIDTH - 1 - p.x),
        "replace y by 199 - y and x by 239 - x",
    ),
    "centroids are in micrometers, not pixels": (
        lambda p: moved(p, y=p.y * PIXEL_UM, x=p.x * PIXEL_UM),
        "divide y and x by 0.6 (`python -m dynaclr convert tracks` does with --pixel-size-um 0.6)",
    ),
    "centroids were multiplied by the pixel size twice": (
        lambda p: moved(p, y=p.y * PIXEL_UM**2, x=p.x * PIXEL_UM**2),
        "divide y and x by 0.36",
    ),
    "centroids were measured in an image of half the size": (
        lambda p: moved(p, y=p.y / 2, x=p.x / 2),
        "multiply y and x by 2",
    ),
    "centroids are shifted by (20, -1": (
        lambda p: moved(p, y=p.y + 20, x=p.x - 17),
        "subtract that from y and x",
    ),
    "centroids drift by (0.": (
        lambda p: moved(p, y=p.y + 0.5 * p.t, x=p.x + 0.5 * p.t),
        "use the images that were tracked (aligned or not), or subtract t times that from y and x",
    ),
    "frames are 1-based": (
        lambda p: replace(p, t=p.t + 1),
        "subtract 1 from t (`python -m dynaclr convert tracks` does with --first-frame 1)",
    ),
    "cells in the images are where tracks are 3 frames later": (
        lambda p: replace(p, t=p.t + 3),
        "subtract 3 from t (`python -m dynaclr convert tracks` does with --first-frame 3)",
    ),
    "cells in the images are where tracks are 3 frames earlier": (
        lambda p: replace(p, t=p.t - 3),
        "add 3 to t (`python -m dynaclr convert tracks` does with --first-frame -3)",
    ),
}


@pytest.mark.parametrize("fovs", [(1,), (0, 1, 2)], ids=["one", "all"])
@pytest.mark.parametrize("reason", FAULTS)
def test_wrong_tables_are_found_and_explained(reason: str, fovs: tuple[int, ...]) -> None:
    fault, fix = FAULTS[reason]
    verdicts = judged(fault, *fovs)
    assert [number for number, item in enumerate(verdicts) if not item.fits] == list(fovs)
    for number in fovs:
        assert verdicts[number].best.name.startswith(reason)
        assert verdicts[number].best.fix.startswith(fix)
        assert verdicts[number].certainty > -np.log10(PROOF.error_rate)
    of_frames = "--first-frame" in fix
    before = [getattr(verdicts[n], "agreement" if of_frames else "contrast") for n in fovs]
    after = [getattr(verdicts[n], "best_agreement" if of_frames else "best_contrast") for n in fovs]
    assert (np.array(after) > np.array(before)).all()


def test_a_table_of_nothing_there_is_told_without_explanation() -> None:
    rng = np.random.Generator(np.random.Philox(77))

    def elsewhere(points: Points) -> Points:
        steps = rng.uniform((0, 0), (HEIGHT, WIDTH), (points.t.size, 2))
        return moved(points, y=steps[:, 0], x=steps[:, 1])

    verdicts = judged(elsewhere, 1)
    assert [item.fits for item in verdicts] == [True, False, True]
    assert verdicts[1].best == AS_GIVEN


def test_exchanged_tables_name_each_other() -> None:
    views = [MOVIES[0].view(MOVIES[2].points), VIEWS[1], MOVIES[2].view(MOVIES[0].points)]
    verdicts = judge_fovs(views, NAMES)
    fix = "use the matching track file"
    assert [item.best for item in verdicts] == [
        Explanation("the track table of A/1/2 fits better", fix, 2),
        AS_GIVEN,
        Explanation("the track table of A/1/0 fits better", fix, 0),
    ]


def test_a_few_cells_prove_nothing() -> None:
    few = movie(3, cells=5)
    table = moved(few.points, y=few.points.y + 20)
    (verdict,) = judge_fovs([few.view(table)], NAMES[:1])
    assert verdict.fits
    assert verdict.contrast < 0.2


def test_a_hundred_small_fields_of_few_cells_are_right() -> None:
    """Each is an experiment of its own: at the stated error rate none is called wrong, by whatever reason."""
    wrong = []
    for seed in range(100):
        whole = MOVIES[seed % len(MOVIES)]
        rng = np.random.Generator(np.random.Philox(seed))
        top, left = (int(rng.integers(0, size - 96)) for size in (HEIGHT, WIDTH))
        points = whole.points
        part = Movie(
            whole.images[:, :, top : top + 96, left : left + 96],
            moved(points, y=points.y - top, x=points.x - left),
        )
        wrong += [item.best for item in judge_fovs([part.view()], ["small"]) if not item.fits]
    assert not wrong


def test_steps_are_measured_to_a_part_of_a_pixel() -> None:
    image = gaussian_filter(np.random.default_rng(4).normal(size=(120, 130)), 3.0)
    later = np.roll(image, (3, -5), axis=(0, 1))
    between = (image + np.roll(image, 1, axis=1)) / 2  # half a pixel to the right
    y, x = np.array([40.0, 60.0, 80.0, 5.0]), np.array([50.0, 60.0, 90.0, 60.0])
    assert match(image, later, y, x)[:, :3] == pytest.approx(np.array([[3] * 3, [-5] * 3]), abs=0.05)
    assert match(image, between, y, x)[:, :3] == pytest.approx(np.array([[0] * 3, [0.5] * 3]), abs=0.1)
    assert np.isnan(match(image, later, y, x)[:, 3]).all()  # too near the border
    noise = np.random.default_rng(5).normal(size=image.shape)
    assert np.isnan(match(image, noise, y, x)).all()


def test_agreement_is_highest_at_the_right_frames() -> None:
    late = MOVIES[0].view(replace(MOVIES[0].points, t=MOVIES[0].points.t + 2))
    found = [agreement([late], frames) for frames in range(-1, 5)]
    assert int(np.argmax(found)) == 3
    assert found[3] > 0.8
    assert abs(found[0]) < 0.3


def test_moves_begin_and_end_where_they_are_told_to() -> None:
    move = Move.between(np.array([[1.0, -2.0], [11.0, 3.0]]), (5, 10))
    assert move.at(5) == pytest.approx([1, -2])
    assert move.at(10) == pytest.approx([11, 3])
    assert move.length(5) == pytest.approx(np.hypot(10, 5))


def test_a_test_of_tracks_has_its_error_rate() -> None:
    rng = np.random.default_rng(3)
    chances = [gain(*rng.normal(0, 0.2, (2, 12))).chance for _ in range(2000)]
    for rate in (0.05, 0.01):
        assert np.mean(np.array(chances) < rate) < 1.5 * rate
    assert not gain(np.full(5, 0.3), np.zeros(5)).certain(1)  # too few
    assert gain(np.full(9, 0.3), np.zeros(9)).certain(10)
    chances = [unpaired_gain(rng.normal(0, 1, 9), rng.normal(0, 1, 30)).chance for _ in range(2000)]
    assert np.mean(np.array(chances) < 0.01) < 0.015


def test_a_blank_recording_accuses_nobody() -> None:
    blank = [Movie(np.zeros_like(item.images), item.points).view() for item in MOVIES]
    assert all(item.best == AS_GIVEN for item in judge_fovs(blank, NAMES))
    assert judge_fovs([], []) == []
