"""The slice in focus: of stacks that are blurred away from it, and as plates state it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from dynaclr.experiment import FovLayout, read_plate
from dynaclr.images import write_plate
from dynaclr.images.focus import focus_of, measured_focus, sharpness, stated_focus

SHARP = (4, 1, 7, 2)


def stack(noise: float, seed: int = 0) -> np.ndarray:
    """Return cells (T, C, Z, Y, X), sharp in the slices `SHARP`, brighter by slice; channel 1 is flat."""
    rng = np.random.default_rng(seed)
    scene = ndimage.gaussian_filter((rng.random((60, 61)) > 0.98) * 4000.0, 1.2)
    frames = [
        np.stack([ndimage.gaussian_filter(scene, abs(z - sharp) * 0.8) * (1 + 0.05 * z) for z in range(9)])
        for sharp in SHARP
    ]
    cells = np.stack(frames)[:, None] + 300 + rng.normal(0, noise, (4, 1, 9, 60, 61))
    return np.concatenate([cells, np.full_like(cells, 200)], axis=1).astype(np.uint16)


def layout_of(tmp_path: Path, pixels: np.ndarray, attributes: Any = None) -> FovLayout:
    path = write_plate(tmp_path / "p.zarr", {"A/1/0": pixels}, ["a", "b"])
    if attributes is not None:
        file = path / "A/1/0/.zattrs"
        file.write_text(json.dumps({**json.loads(file.read_text()), **attributes}))
    return read_plate(path).fovs["A/1/0"]


@pytest.mark.parametrize("noise", [0.0, 5.0])
def test_the_sharp_slice_is_found(tmp_path: Path, noise: float) -> None:
    assert tuple(measured_focus(layout_of(tmp_path, stack(noise)), 0)) == SHARP


def test_the_measure_is_the_variance_of_the_laplacian() -> None:
    plane = np.random.default_rng(0).random((20, 22))
    binned = plane.reshape(10, 2, 11, 2).mean(axis=(1, 3))
    expected = ndimage.laplace(binned)[1:-1, 1:-1].var()
    assert sharpness(plane) == pytest.approx(expected, rel=1e-5)
    assert sharpness(np.full((20, 22), 7, np.uint8)) == 0
    assert sharpness(np.full((20, 22), np.nan, np.float32)) == 0
    assert sharpness(np.eye(5)[:, :4]) > 0


def test_a_blank_frame_takes_the_focus_of_the_frame_before(tmp_path: Path) -> None:
    pixels = stack(2.0)
    pixels[0], pixels[2] = 5, 5
    layout = layout_of(tmp_path, pixels)
    assert measured_focus(layout, 0).tolist() == [1, 1, 1, 2]
    assert measured_focus(layout, 1).tolist() == [4] * 4


def test_what_was_measured_is_kept_until_pixels_change(tmp_path: Path) -> None:
    layout = layout_of(tmp_path, stack(1.0))
    found = focus_of(layout, 0)
    assert (found.slices.tolist(), found.source) == (list(SHARP), "measured")
    kept = tmp_path / "p.zarr.statistics/A/1/0.focus.json"
    content = json.loads(kept.read_text())
    content["a"]["slices"] = [0, 0, 0, 0]
    kept.write_text(json.dumps(content))
    assert focus_of(layout, 0).slices.tolist() == [0] * 4  # nothing is measured again
    assert focus_of(layout, 0, again=True).slices.tolist() == list(SHARP)
    assert focus_of(layout, 1).slices.tolist() == [4] * 4  # the other channel has its own
    assert set(json.loads(kept.read_text())) == {"a", "b"}
    kept.write_text("damaged")
    assert focus_of(layout, 0).slices.tolist() == list(SHARP)
    flipped = stack(1.0)[:, :, ::-1]
    other = write_plate(tmp_path / "q.zarr", {"A/1/0": flipped}, ["a", "b"])
    (other.parent / "q.zarr.statistics/A/1").mkdir(parents=True)
    (other.parent / "q.zarr.statistics/A/1/0.focus.json").write_text(kept.read_text())
    assert focus_of(read_plate(other).fovs["A/1/0"], 0).slices.tolist() == [8 - z for z in SHARP]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"z_focus": 3}, [3, 3, 3, 3]),
        ({"z_focus_mean": 2.5}, [2.5] * 4),
        ({"z_focus": [1, 2, 3, 4]}, [1, 2, 3, 4]),
        ({"z_focus": {"0": 1, "1": 2, "2": 3, "3": 4}}, [1, 2, 3, 4]),
        ({"focus_slice": {"b": {"z_focus_mean": 1}, "a": {"z_focus_mean": 6}}}, [6] * 4),
        (
            {
                "focus_slice": {
                    "a": {
                        "per_timepoint": {"0": 4, "1": 5, "2": 4, "3": 3},
                        "fov_statistics": {"z_focus_mean": 4},
                    }
                }
            },
            [4, 5, 4, 3],
        ),
        (
            {"focus_slice": {"a": {"per_timepoint": {"0": 4}, "fov_statistics": {"z_focus_mean": 4.2}}}},
            [4.2] * 4,
        ),
    ],
)
def test_focus_as_plates_state_it(tmp_path: Path, attributes: Any, expected: list[float]) -> None:
    layout = layout_of(tmp_path, stack(1.0), attributes)
    found = focus_of(layout, 0)
    assert (found.slices.tolist(), found.source) == (expected, "as the plate states")
    assert not (tmp_path / "p.zarr.statistics").exists()


@pytest.mark.parametrize(
    "attributes",
    [
        {"z_focus": 9},
        {"z_focus": [1, 2]},
        {"z_focus": "3"},
        {"z_focus": True},
        {"focus_slice": {"b": 3}},
        {"z_focus": None},
    ],
)
def test_a_focus_that_cannot_be_is_measured_and_told(tmp_path: Path, attributes: Any) -> None:
    layout = layout_of(tmp_path, stack(1.0), attributes)
    assert stated_focus(layout, 0) is None
    found = focus_of(layout, 0)
    assert found.slices.tolist() == list(SHARP)
    assert found.source == f"measured, {next(iter(attributes))} of the plate cannot be used"


@pytest.mark.parametrize("value", [10**400, [0, 1, 2, 10**400]], ids=["one", "each"])
def test_numbers_larger_than_numbers_can_be_state_nothing(tmp_path: Path, value: Any) -> None:
    assert stated_focus(layout_of(tmp_path, stack(2.0), {"focus_slice": value}), 0) is None


@pytest.mark.parametrize("slices", [[0, 1, 2], [0, 500, 2, 1], "4172", None, [0, 1, 2, 10**400]])
def test_what_was_kept_and_cannot_be_is_measured_again(tmp_path: Path, slices: Any) -> None:
    layout = layout_of(tmp_path, stack(2.0))
    focus_of(layout, 0)
    file = next(tmp_path.rglob("*.focus.json"))
    content = json.loads(file.read_text())
    content["a"]["slices"] = slices
    file.write_text(json.dumps(content))
    assert tuple(focus_of(layout, 0).slices) == SHARP
    assert json.loads(file.read_text())["a"]["slices"] == list(SHARP)
