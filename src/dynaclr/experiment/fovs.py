"""Which fields of view are used, and whether patch and Z range fit them; reads no tracks."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import ConfigError, DataError, listing, problem, suggest, together
from dynaclr.base.keys import UNKNOWN_CONDITION
from dynaclr.experiment.plates import FovLayout, well_of
from dynaclr.experiment.registry import ExperimentRegistry


@dataclass(frozen=True, slots=True)
class FovEntry:
    """A field of view that is used; its place in the list is its FOV code.

    Attributes
    ----------
    experiment
        Code: place of the experiment in the registry.
    condition
        Label, "unknown" for a well that no condition lists.
    layout
        Where its pixels are.
    """

    experiment: int
    condition: str
    layout: FovLayout


def select_fovs(
    registry: ExperimentRegistry,
    include_wells: Sequence[str] | None,
    exclude_fovs: Sequence[str] | None,
    unreadable: Literal["skip", "error"] = "skip",
) -> tuple[list[FovEntry], dict[str, dict[str, str]]]:
    """Return the FOVs to use, and {experiment: {FOV: reason}} of those left out.

    Parameters
    ----------
    registry
        Experiments and plates.
    include_wells
        "A/1" in any experiment or "experiment/A/1"; None for all.
    exclude_fovs
        "A/1/0" in any experiment or "experiment/A/1/0".
    unreadable
        What happens where an FOV that is asked for is damaged or has other channels or axes.

    Raises
    ------
    ConfigError
        If a well or FOV exists nowhere, or nothing is left.
    DataError
        If FOVs cannot be read and that must not be.
    """
    include = None if include_wells is None else set(_texts(include_wells, "include_wells"))
    exclude = set(_texts(exclude_fovs or (), "exclude_fovs"))
    _check_names(registry, include, exclude)
    entries: list[FovEntry] = []
    skipped: dict[str, dict[str, str]] = {name: {} for name in registry.names}
    for code, config in enumerate(registry.experiments):
        plate, unlisted, lost = registry.plates[config.name], [], []
        for name in (*plate.fovs, *plate.left_out):
            well = well_of(name)
            if include is not None and not {well, f"{config.name}/{well}"} & include:
                skipped[config.name][name] = "well not in include_wells"
            elif {name, f"{config.name}/{name}"} & exclude:
                skipped[config.name][name] = "in exclude_fovs"
            elif name in plate.left_out:
                skipped[config.name][name] = plate.left_out[name]
                lost.append(f"{name} ({plate.left_out[name]})")
            else:
                condition = config.condition_of(well)
                if condition is None:
                    unlisted.append(name)
                entries.append(FovEntry(code, condition or UNKNOWN_CONDITION, plate.fovs[name]))
        if lost:
            where: dict[str, Any] = {
                "experiment": config.name,
                "file": config.data_path,
                "found": listing(lost, 5),
            }
            if unreadable == "error":
                fix = "Repair them, name them in exclude_fovs, or set unreadable_fovs to 'skip'."
                raise DataError(problem(f"{len(lost)} FOVs cannot be read", **where, fix=fix))
            warnings.warn(problem(f"{len(lost)} FOVs are left out", **where), stacklevel=3)
        if unlisted:
            text = problem(
                f"{len(unlisted)} FOVs are in wells without a condition",
                experiment=config.name,
                field="condition_wells",
                found=listing(unlisted, 5),
                fix=f"They get the condition '{UNKNOWN_CONDITION}'.",
            )
            warnings.warn(text, stacklevel=3)
    if not entries:
        raise ConfigError(problem("no fields of view are left", field="include_wells, exclude_fovs"))
    return entries, skipped


def known_names(registry: ExperimentRegistry, names: Sequence[str] | None) -> list[str] | None:
    """Return those names of wells or FOVs that some experiment of a registry has; None for None.

    For parts of a registry, whose names were checked against the whole.
    """
    if names is None:
        return None
    known: set[str] = set()
    for experiment, plate in registry.plates.items():
        for item in (*plate.wells, *plate.fovs, *plate.left_out):
            known |= {item, f"{experiment}/{item}"}
    return [name for name in names if name.strip("/") in known]


def _texts(values: Sequence[str], field: str) -> list[str]:
    if isinstance(values, str) or not all(isinstance(value, str) for value in values):
        raise ConfigError(
            problem("not a list of names", field=field, expected='["A/1", ...]', found=repr(values))
        )
    return [value.strip("/") for value in values]


def _check_names(registry: ExperimentRegistry, include: set[str] | None, exclude: set[str]) -> None:
    wells, fovs = set(), set()
    for name in registry.names:
        plate = registry.plates[name]
        wells |= {*plate.wells, *(f"{name}/{well}" for well in plate.wells)}
        listed = (*plate.fovs, *plate.left_out)
        fovs |= {*listed, *(f"{name}/{fov}" for fov in listed)}
    problems = [
        problem(
            "no experiment has this well", field="include_wells", found=well, fix=suggest(well, wells).strip()
        )
        for well in sorted((include or set()) - wells)
    ]
    problems += [
        problem("no experiment has this FOV", field="exclude_fovs", found=fov, fix=suggest(fov, fovs).strip())
        for fov in sorted(exclude - fovs)
    ]
    if include is not None and not include:
        problems.append(problem("empty list", field="include_wells", fix="Leave it out to use all wells."))
    if problems:
        raise ConfigError(together("selection of fields of view", problems))


def slices_of(z_range: Sequence[int] | slice) -> tuple[int, int]:
    """Return the first slice and the one after the last, of a pair or of a `slice`.

    Raises
    ------
    ConfigError
        If it is neither, or a slice without an end or with steps.
    """
    pair: Sequence[Any] = (z_range.start or 0, z_range.stop) if isinstance(z_range, slice) else tuple(z_range)
    steps = isinstance(z_range, slice) and z_range.step not in (None, 1)
    if steps or len(pair) != 2 or not all(isinstance(end, (int, np.integer)) for end in pair):
        expected = "two whole numbers (start, stop), or slice(start, stop)"
        raise ConfigError(problem("not a range of slices", field="z_range", expected=expected, found=z_range))
    return int(pair[0]), int(pair[1])


def check_geometry(
    entries: Sequence[FovEntry],
    names: Sequence[str],
    z_range: tuple[int, int],
    yx_patch_size: tuple[int, int],
    z_ranges: Sequence[tuple[int, int]] | None = None,
    image_yx: npt.NDArray[np.integer] | None = None,
) -> None:
    """Check that Z range and patch lie inside every FOV.

    Parameters
    ----------
    entries, names
        Fields of view, and names of experiments by code.
    z_range, yx_patch_size
        Slices of the training, half open, and patch in pixels.
    z_ranges
        Slices of each field of view; None for `z_range`.
    image_yx
        (n, 2) sizes of the images in pixels of patches; None for those of the stored pixels.

    Raises
    ------
    ConfigError
        With all FOVs that they do not fit.

    Warns
    -----
    UserWarning
        If FOVs have different data types of an experiment.
    """
    height, width = yx_patch_size
    problems = []
    if not 0 <= z_range[0] < z_range[1]:
        problems.append(
            problem("empty Z range", field="z_range", expected="0 <= start < stop", found=list(z_range))
        )
    if height < 1 or width < 1:
        problems.append(
            problem("empty patch", field="yx_patch_size", expected=">= 1 px", found=list(yx_patch_size))
        )
    first_dtype: dict[int, FovLayout] = {}
    for code, entry in enumerate(entries):
        layout, name = entry.layout, names[entry.experiment]
        start, stop = z_range if z_ranges is None else z_ranges[code]
        depth = layout.shape[2]
        image = layout.shape[3:] if image_yx is None else image_yx[code].tolist()
        if stop > depth:
            problems.append(
                problem(
                    "Z range exceeds the stack",
                    experiment=name,
                    row=layout.name,
                    field="z_range",
                    expected=f"within 0..{depth} (depth {depth})",
                    found=f"{start}..{stop}",
                )
            )
        if height > image[0] or width > image[1]:
            problems.append(
                problem(
                    "patch is larger than the image",
                    experiment=name,
                    row=layout.name,
                    field="yx_patch_size",
                    expected=f"at most {image[0]} x {image[1]} px",
                    found=f"{height} x {width} px",
                )
            )
        other = first_dtype.setdefault(entry.experiment, layout)
        if other.dtype != layout.dtype:
            text = f"{other.name} is {other.dtype}, {layout.name} is {layout.dtype}"
            warnings.warn(
                problem("FOVs have different data types", experiment=name, found=text), stacklevel=3
            )
            first_dtype[entry.experiment] = layout
    if problems:
        raise ConfigError(together("patch and Z range", problems))
