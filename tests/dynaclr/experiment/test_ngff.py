"""What image metadata of other tools says, in all forms that the specification and its users know."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.foreign import axis, image, transforms

from dynaclr.experiment.ngff import channel_labels, read_image


def spaced(unit: Any, step: float, axes: str = "tczyx") -> dict[str, Any]:
    """Return an image with one unit and step in space."""
    entries = [axis(a, unit=unit) if a in "zyx" else axis(a) for a in axes]
    scale = [step if a in "zyx" else 1.0 for a in axes]
    return image(entries, coordinateTransformations=transforms(scale))


@pytest.mark.parametrize(
    ("unit", "step", "expected"),
    [
        ("micrometer", 0.65, 0.65),
        ("micrometers", 0.65, 0.65),
        ("micrometre", 0.65, 0.65),
        ("\u00b5m", 0.65, 0.65),
        ("nanometer", 650, 0.65),
        ("millimeter", 0.00065, 0.65),
        ("meter", 6.5e-7, 0.65),
        ("angstrom", 6500, 0.65),
        ("inch", 0.0001, 2.54),
    ],
)
def test_lengths_are_in_micrometers(unit: str, step: float, expected: float) -> None:
    found = read_image(spaced(unit, step))
    assert found.scale == pytest.approx((1, 1, expected, expected, expected))
    assert found.calibrated == "zyx"


@pytest.mark.parametrize("unit", [None, "pixel", "second", 7, ""])
def test_lengths_without_a_unit_stay_as_they_are(unit: Any) -> None:
    found = read_image(spaced(unit, 650))
    assert found.scale == (1, 1, 650, 650, 650)
    assert found.calibrated == ""


@pytest.mark.parametrize(
    ("unit", "step", "seconds"),
    [
        ("second", 90, 90),
        ("millisecond", 500, 0.5),
        ("minute", 5, 300),
        ("hour", 0.5, 1800),
        ("day", 1.5, 129600),
    ],
)
def test_times_are_in_seconds(unit: str, step: float, seconds: float) -> None:
    entries = [axis("t", unit=unit), "y", "x"]
    found = read_image(image(entries, coordinateTransformations=transforms([step, 1, 1])))
    assert found.scale == pytest.approx((seconds, 1, 1, 1, 1))
    assert found.calibrated == "t"


def test_a_step_of_one_is_what_nobody_said() -> None:
    assert read_image(image()).calibrated == ""
    one_micrometer_slices = image(coordinateTransformations=transforms([1, 1, 1, 0.5, 0.5]))
    assert read_image(one_micrometer_slices).calibrated == "zyx"


@pytest.mark.parametrize("step", [0, -1, float("nan"), None])
def test_a_time_step_that_is_none_is_as_if_nobody_had_said(step: Any) -> None:
    found = read_image(image("tyx", coordinateTransformations=transforms([step, 0.5, 0.5])))
    assert (found.scale, found.calibrated) == ((1, 1, 1, 0.5, 0.5), "yx")


def test_transforms_of_the_level_and_of_the_image_both_hold() -> None:
    entries = [axis("x", unit="nanometer"), axis("y"), axis("t", unit="minute")]
    level = transforms([100, 0.25, 1], [50, 3, 0])
    whole = transforms([2, 4, 10], [1000, 0, 5])
    found = read_image(
        image(
            entries,
            datasets=[{"path": "s0/", "coordinateTransformations": level}, {"path": "s1"}],
            coordinateTransformations=whole,
        )
    )
    assert (found.level, found.axes) == ("s0", "xyt")
    assert found.scale == pytest.approx((600, 1, 1, 1, 0.2))
    assert found.translation == pytest.approx((300, 0, 0, 12, 1.1))


def test_axes_of_earlier_versions() -> None:
    old = image()
    del old["multiscales"][0]["axes"]
    assert read_image(old, 5).axes == "tczyx"
    old["multiscales"][0]["axes"] = ["c", "y", "x"]
    assert read_image(old, 3).axes == "cyx"
    old["multiscales"][0]["axes"] = ["T", "Y", "X"]
    assert read_image(old, 3).axes == "tyx"


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (image(["t", {"name": "angle"}, "y", "x"]), "axis 'angle' is none of t, c, z, y, x"),
        (image(["y", "x", "y"]), "axis 'y' is there twice"),
        (image(["c", axis("c", name="C"), "y", "x"]), "axis 'C' is there twice"),
        (image([axis("z", type="time"), "y", "x"]), "axis 'z' has the type 'time', expected 'space'"),
        (image("tcz"), "axes are t, c, z: an image needs y and x"),
        (image([]), "axes are none: an image needs y and x"),
        (image([None, 3, "y", "x"]), "axis 'None' is none of"),
        (image("tyx"), "array has 5 axes, its metadata 3 \\(t, y, x\\)"),
        (image(coordinateTransformations=transforms([1, 1])), "expected a scale or translation of 5 numbers"),
        (image(coordinateTransformations=[{"type": "affine"}]), "found {'type': 'affine'}"),
        (image(coordinateTransformations=[{"type": "scale", "path": "s"}]), "found .*'path': 's'"),
        (image(coordinateTransformations=transforms([1, 1, 1, 0, 1])), "scale of axis 'y' is 0, expected"),
        (
            image(coordinateTransformations=transforms([1, 1, 1, 1, "a"])),
            "scale of axis 'x' is 'a', expected",
        ),
        (image(coordinateTransformations=transforms(None, [None] * 5)), "translation of axis 't' is None"),
        (image(coordinateTransformations=3), "coordinateTransformations are no list: 3"),
        (image(datasets=[{}]), "level 0 has the path None"),
        (image(datasets=[]), "'multiscales.datasets' is \\[\\]"),
        ({"multiscales": {}}, "'multiscales' is"),
        ({}, "'multiscales' is None"),
        ({"ome": 3, "multiscales": [4]}, "'multiscales' is \\[4\\]"),
    ],
)
def test_what_cannot_be_understood_is_said(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_image(attributes, 5)


def test_channels_that_have_no_name_have_their_number() -> None:
    assert channel_labels(image(channels=["DAPI", "ER"]), 2) == (("DAPI", "ER"), True)
    assert channel_labels({"ome": image(channels=["DAPI", 7])}, 2) == (("DAPI", "7"), True)
    assert channel_labels(image(channels=["DAPI", None]), 2) == (("DAPI", "1"), True)
    assert channel_labels(image(channels=["GFP", "", "GFP", "ER"]), 4) == (("0", "1", "2", "ER"), True)
    for attributes in (
        image(channels=None),
        image(channels=["", None]),
        {"omero": {"channels": 3}},
        {"omero": 3},
    ):
        assert channel_labels(attributes, 2) == (("0", "1"), False)
    with pytest.raises(ValueError, match=r"metadata names 3 channels \(a, b, c\), the array has 2"):
        channel_labels(image(channels=["a", "b", "c"]), 2)
