"""Quantiles of merged frames, held against numpy over all pixels."""

from __future__ import annotations

import json
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynaclr.base.keys import NOT_FINITE, STATISTICS
from dynaclr.images.moments import Moments, data_box, frame_moments

QUANTILES = {"p1": 1, "p5": 5, "median": 50, "p95": 95, "p99": 99}


def stack(kind: str, count: int, side: int) -> npt.NDArray[Any]:
    """Frames (T, Y, X) whose brightness depends on the time."""
    rng = np.random.default_rng(0)
    times = np.arange(count)[:, None, None]
    noise = rng.normal(0, 5, (count, side, side))
    if kind == "bleaching":
        return (1000 + 10 * times + noise).astype(np.uint16)
    if kind == "blinking":
        return (200 + 3000 * (times % 7 == 0) + noise).astype(np.float32)
    return (np.exp(rng.normal(0, 1, (count, side, side))) + times).astype(np.float32)


def merged(frames: list[Moments]) -> Moments:
    return reduce(Moments.merged, frames, Moments())


def check(moments: Moments, pixels: npt.NDArray[Any]) -> None:
    found, width = moments.statistics(), np.ptp(pixels.astype(np.float64))
    for name, percent in QUANTILES.items():
        assert found[name] == pytest.approx(np.percentile(pixels, percent), abs=0.005 * width), name
    low, high = np.percentile(pixels, [25, 75])
    assert found["iqr"] == pytest.approx(high - low, abs=0.005 * width)
    assert found["mean"] == pytest.approx(pixels.mean(dtype=np.float64))


@pytest.mark.parametrize("kind", ["bleaching", "blinking", "skewed"])
@pytest.mark.parametrize("order", ["forwards", "backwards", "shuffled", "two by two"])
def test_quantiles_are_those_of_all_frames(kind: str, order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynaclr.images.moments._POOL", 2**13)  # thinned often, as of a thousand frames
    monkeypatch.setattr("dynaclr.images.moments.SAMPLE", 2**10)
    pixels = stack(kind, 60, 48)
    frames = [frame_moments(frame) for frame in pixels]
    if order == "backwards":
        frames.reverse()
    elif order == "shuffled":
        np.random.default_rng(1).shuffle(frames)  # type: ignore[arg-type]
    elif order == "two by two":
        while len(frames) > 1:
            frames = [merged(frames[place : place + 2]) for place in range(0, len(frames), 2)]
    check(merged(frames), pixels)


def test_fields_of_view_count_by_their_size_after_an_interruption() -> None:
    """A FOV that was stored and read again counts as one that was not; a long FOV more than a short one."""
    long, short = stack("bleaching", 40, 300), stack("bleaching", 3, 300)
    kept = merged([frame_moments(frame) for frame in long])
    again = Moments.from_json(json.loads(json.dumps(kept.to_json())))
    both = again.merged(merged([frame_moments(frame) for frame in short]))
    check(both, np.concatenate([long, short]))


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=50), st.integers(1, 5))
def test_few_pixels_give_the_quantiles_of_numpy(values: list[int], parts: int) -> None:
    pieces = [frame_moments(piece) for piece in np.array_split(np.array(values), parts) if piece.size]
    found = merged(pieces).statistics()
    for name, percent in QUANTILES.items():
        assert found[name] == pytest.approx(np.percentile(values, percent), abs=1e-3)


def everything(values: npt.NDArray[Any]) -> dict[str, float]:
    values = values.astype(np.float64).ravel()
    p1, p5, p25, p50, p75, p95, p99 = np.percentile(values, [1, 5, 25, 50, 75, 95, 99])
    numbers = (values.mean(), values.std(), p50, p75 - p25, p1, p5, p95, p99, values.min(), values.max())
    return dict(zip(STATISTICS, map(float, numbers), strict=True))


def test_merged_moments_equal_those_of_all() -> None:
    rng = np.random.default_rng(1)
    parts = [rng.normal(k, 2, 500).astype(np.float32) for k in range(5)]
    total = Moments()
    for part in parts:
        total = total.merged(frame_moments(part))
    assert total.statistics() == pytest.approx(everything(np.concatenate(parts)), rel=1e-5)
    assert Moments.from_json(json.loads(json.dumps(total.to_json()))).statistics() == pytest.approx(
        total.statistics()
    )


def test_pixels_that_are_no_numbers_do_not_count() -> None:
    pixels = np.array([[1.0, np.nan], [3.0, np.inf]], dtype=np.float32)
    assert frame_moments(pixels).statistics()["mean"] == 2.0
    assert frame_moments(np.full((2, 2), np.nan)).statistics()["std"] == 0.0


def test_pixels_that_are_not_finite_are_counted_and_nothing_else() -> None:
    frames = np.random.default_rng(0).normal(size=(3, 2, 8, 8)).astype(np.float32)
    frames[0, 0, :2] = np.nan
    frames[1] = np.inf
    moments = [frame_moments(frame) for frame in frames]
    shares = [one.statistics().get(NOT_FINITE) for one in moments]
    assert shares == [16 / 128, 1.0, None]
    for whole in (
        merged(moments),
        merged([Moments.from_json(json.loads(json.dumps(one.to_json()))) for one in moments]),
    ):
        found = whole.statistics()
        assert found.pop(NOT_FINITE) == (16 + 128) / (3 * 128)
        assert found["mean"] == pytest.approx(frames[np.isfinite(frames)].mean(), abs=1e-6)
        assert set(found) == set(STATISTICS)


@pytest.mark.parametrize(
    "box", [(0, 20, 0, 24), (3, 20, 0, 24), (0, 17, 5, 24), (2, 18, 1, 20), (19, 20, 23, 24)]
)
@pytest.mark.parametrize("value", [0, 65535])
def test_padding_at_the_borders_is_no_data(box: tuple[int, int, int, int], value: int) -> None:
    inside = np.random.default_rng(0).integers(100, 4000, (2, 20, 24), dtype=np.uint16)
    pixels = np.full_like(inside, value)
    part = np.s_[:, box[0] : box[1], box[2] : box[3]]
    pixels[part] = inside[part]
    assert data_box(pixels) == box
    pixels[:, 0, 0] = 5000  # a border that is not one value is an image
    assert data_box(pixels)[::2] == (0, 0)


def test_a_background_of_zeros_is_no_padding() -> None:
    pixels = np.zeros((1, 40, 40), dtype=np.float32)
    assert data_box(pixels) == (0, 40, 0, 40)
    y, x = np.mgrid[:40, :40]
    pixels[0] = ((y - 18) ** 2 + (x - 22) ** 2 < 100) * 50.0
    assert data_box(pixels) == (0, 40, 0, 40)


def test_padding_of_some_slices_only_is_data() -> None:
    pixels = np.random.default_rng(0).integers(100, 4000, (2, 20, 24), dtype=np.uint16)
    pixels[0, :5] = 0
    assert data_box(pixels) == (0, 20, 0, 24)
