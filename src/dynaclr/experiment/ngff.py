"""What OME-NGFF metadata (0.4 and 0.5) of one image says of axes, steps and channels; opens no file.

Read field by field and not through a library: iohub validates whole documents and refuses or loses an
image for a display setting that nothing here needs (`omero`, its `rdefs`, a channel's window), ignores the
names and units of axes, and for Python 3.11 there is none that reads zarr 3. tensorstore reads the pixels
of all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

AXES = "tczyx"
"""Order in which pixels are read, whatever the order in which they are stored."""

_TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
_PREFIXES = {
    "exa": 18, "peta": 15, "tera": 12, "giga": 9, "mega": 6, "kilo": 3, "hecto": 2, "deca": 1, "": 0,
    "deci": -1, "centi": -2, "milli": -3, "micro": -6, "nano": -9, "pico": -12, "femto": -15, "atto": -18,
}  # fmt: skip
_UNITS = {
    "space": {f"{prefix}meter": 10.0 ** (power + 6) for prefix, power in _PREFIXES.items()}
    | {
        "angstrom": 1e-4,
        "inch": 25_400.0,
        "in": 25_400.0,
        "foot": 304_800.0,
        "yard": 914_400.0,
        "mile": 1_609_344_000.0,
    }
    | {"m": 1e6, "cm": 1e4, "mm": 1e3, "um": 1.0, "\u00b5m": 1.0, "\u03bcm": 1.0, "micron": 1.0, "nm": 1e-3},
    "time": {f"{prefix}second": 10.0**power for prefix, power in _PREFIXES.items()}
    | {"minute": 60.0, "min": 60.0, "hour": 3600.0, "h": 3600.0, "hr": 3600.0, "day": 86_400.0, "d": 86_400.0}
    | {"s": 1.0, "sec": 1.0, "ms": 1e-3},
}  # micrometers and seconds of one
_SAME = 0.01


def same(first: float, second: float) -> bool:
    """Whether two statements of one number agree: clocks jitter, and calibrations are rounded."""
    return abs(first - second) <= _SAME * max(abs(first), abs(second))


@dataclass(frozen=True, slots=True)
class ImageMetadata:
    """What is said of the finest level of an image.

    Attributes
    ----------
    level
        Path of its array below the image.
    axes
        Letters of the stored axes in their order, some of "tczyx".
    scale, translation
        (T, C, Z, Y, X) one step, and place of the first pixel: seconds in time, micrometers in space; as
        they stand where the axis has no unit that is known. 1 and 0 of an axis that is not stored.
    calibrated
        Letters of the axes whose step is known. A step of 1 is not: writers put it where nobody said.
    """

    level: str
    axes: str
    scale: tuple[float, ...]
    translation: tuple[float, ...]
    calibrated: str


def ome_part(attributes: Mapping[str, Any], name: str) -> Any:
    """Return a part of the OME metadata, which version 0.5 keeps one level deeper; None if there is none."""
    ome = attributes.get("ome")
    return (ome.get(name) if isinstance(ome, Mapping) else None) or attributes.get(name)


def read_image(attributes: Mapping[str, Any], n_axes: int | None = None) -> ImageMetadata:
    """Return what the attributes of an image say.

    Parameters
    ----------
    attributes
        Attributes of the group of the image.
    n_axes
        Number of axes of the stored array, None while it is not known.

    Raises
    ------
    ValueError
        If it is not clear what the pixels are; the text says why.
    """
    multiscale = _first(ome_part(attributes, "multiscales"), "multiscales")
    dataset = _first(multiscale.get("datasets"), "multiscales.datasets")
    level = dataset.get("path")
    if not isinstance(level, (str, int)) or not str(level).strip("/"):
        raise ValueError(f"image metadata cannot be used: level 0 has the path {level!r}")
    letters, units = _axes(multiscale.get("axes"))
    if n_axes is not None and n_axes != len(letters):
        raise ValueError(f"array has {n_axes} axes, its metadata {len(letters)} ({', '.join(letters)})")
    steps = [*_steps(dataset), *_steps(multiscale)]
    scale, translation = _composed(steps, letters)
    factors = [factor_of(letter, unit) for letter, unit in zip(letters, units, strict=True)]
    stated = {
        letter
        for letter, factor, step in zip(letters, factors, scale, strict=True)
        if factor is not None and step != 1.0
    }
    if "x" in stated and "z" in letters and factors[letters.index("z")] is not None:
        stated.add("z")  # a slice a micrometer is common; beside a known pixel it was meant
    of_axis = {
        letter: (step * (factor or 1.0), start * (factor or 1.0))
        for letter, factor, step, start in zip(letters, factors, scale, translation, strict=True)
    }
    for letter, numbers in of_axis.items():
        if not all(map(math.isfinite, numbers)):
            raise ValueError(f"scale or translation of axis '{letter}' is beyond all numbers: {numbers}")
    both = [of_axis.get(letter, (1.0, 0.0)) for letter in AXES]
    calibrated = "".join(letter for letter in AXES if letter in stated)
    return ImageMetadata(
        str(level).strip("/"),
        letters,
        tuple(step for step, _ in both),
        tuple(start for _, start in both),
        calibrated,
    )


def _first(items: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(items, Sequence) or not items or not isinstance(items[0], Mapping):
        raise ValueError(f"image metadata cannot be used: '{what}' is {str(items)[:80]}")
    return items[0]


def _axes(axes: Any) -> tuple[str, list[Any]]:
    """Return the letters and the units of axes; five in the old fixed order if nothing is said."""
    if axes is None:
        return AXES, [None] * 5  # version 0.2 and before
    if not isinstance(axes, list):
        raise ValueError(f"axes are no list: {axes!r}")
    letters, units = "", []
    for axis in axes:
        entry = axis if isinstance(axis, Mapping) else {"name": axis}  # version 0.3: names only
        name, kind = str(entry.get("name")), entry.get("type")
        letter = name.lower()
        if letter not in _TYPES:
            raise ValueError(f"axis '{name}' is none of t, c, z, y, x")
        if kind is not None and kind != _TYPES[letter]:
            raise ValueError(f"axis '{name}' has the type {kind!r}, expected '{_TYPES[letter]}'")
        if letter in letters:
            raise ValueError(f"axis '{name}' is there twice")
        letters += letter
        units.append(entry.get("unit"))
    if not {"y", "x"} <= set(letters):
        raise ValueError(f"axes are {', '.join(letters) or 'none'}: an image needs y and x")
    return letters, units


def factor_of(letter: str, unit: Any) -> float | None:
    """Return how many micrometers or seconds a unit of an axis has, None if it is not known."""
    if not isinstance(unit, str):
        return None
    name = unit.strip().lower().replace("metre", "meter")
    known = _UNITS.get(_TYPES[letter], {})
    return known.get(name, known.get(name.removesuffix("s")))


def _steps(entry: Mapping[str, Any]) -> list[Any]:
    steps = entry.get("coordinateTransformations") or []
    if not isinstance(steps, list):
        raise ValueError(f"coordinateTransformations are no list: {steps!r}")
    return steps


def _composed(steps: Sequence[Any], letters: str) -> tuple[list[float], list[float]]:
    """Return step and first place of each axis after transformations, one after the other."""
    scale, translation = [1.0] * len(letters), [0.0] * len(letters)
    for step in steps:
        kind = step.get("type") if isinstance(step, Mapping) else None
        if kind == "identity":
            continue
        values = step.get(kind) if kind in ("scale", "translation") else None
        if not isinstance(values, list) or len(values) != len(letters):
            expected = f"a scale or translation of {len(letters)} numbers ({', '.join(letters)})"
            raise ValueError(f"coordinateTransformations cannot be used; expected {expected}; found {step!r}")
        for place, (letter, value) in enumerate(zip(letters, values, strict=True)):
            number, found = _number(value), f"{value!r:.40}"
            if kind == "translation":
                if number is None:
                    raise ValueError(f"translation of axis '{letter}' is {found}, expected a number")
                translation[place] += number
            elif number is not None and number > 0:
                scale[place] *= number
                translation[place] *= number
            elif letter in "zyx":  # in time, 0 and NaN are what writers put where nobody said
                raise ValueError(f"scale of axis '{letter}' is {found}, expected a number above 0")
    return scale, translation


def _number(value: Any) -> float | None:
    """Return a number of JSON, None if it is none or larger than numbers can be."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def channel_labels(attributes: Mapping[str, Any], count: int) -> tuple[tuple[str, ...], bool]:
    """Return the names of an image's channels, and whether the metadata names any.

    A channel without a name, or with that of another, has its number, "0" for the first.

    Raises
    ------
    ValueError
        If the metadata names another number of channels.
    """
    omero = ome_part(attributes, "omero")
    entries = omero.get("channels") if isinstance(omero, Mapping) else None
    entries = entries if isinstance(entries, list) else []
    labels = [entry.get("label") if isinstance(entry, Mapping) else None for entry in entries]
    texts = ["" if label is None else str(label).strip() for label in labels]
    if not any(texts):
        return tuple(str(number) for number in range(count)), False
    if len(texts) != count:
        raise ValueError(f"metadata names {len(texts)} channels ({', '.join(texts)}), the array has {count}")
    named = (text if text and texts.count(text) == 1 else str(number) for number, text in enumerate(texts))
    return tuple(named), True
