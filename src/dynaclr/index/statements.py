"""Compares what two places say of one fact: the plate, experiments.yaml, tracks, options; reads no files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from dynaclr.base import keys
from dynaclr.base.errors import listing, problem
from dynaclr.experiment import AXES, FovLayout
from dynaclr.experiment.ngff import same
from dynaclr.index.arrays import IndexArrays
from dynaclr.tracks import CellTable


def disagreements(arrays: IndexArrays, table: CellTable) -> list[str]:
    """Return a line with both values for every two statements that differ.

    Parameters
    ----------
    arrays
        The fields of view in use.
    table
        Their observations.
    """
    texts: list[str] = []
    for code, config in enumerate(arrays.registry.experiments):
        layouts = [entry.layout for entry in arrays.fovs if entry.experiment == code]
        texts += _channel_lines(config.name, layouts)
        texts += _interval_lines(config.name, config.interval_minutes, layouts)
        texts += _slice_lines(config.name, code, arrays, table)
    texts += _size_lines(arrays, "x", "pixel sizes differ", arrays.yx_patch_size[1], "px")
    depth = arrays.z_range[1] - arrays.z_range[0]
    if depth > 1:
        texts += _size_lines(arrays, "z", "distances of slices differ", depth, "slices")
    return texts


def patch_um(arrays: IndexArrays, code: int) -> str:
    """Return height and width of an experiment's patches as text; empty if its plate does not say."""
    layouts = [entry.layout for entry in arrays.fovs if entry.experiment == code]
    if not layouts or not all({"y", "x"} <= set(layout.calibrated) for layout in layouts):
        return ""
    sides = zip(arrays.yx_patch_size, layouts[0].scale[-2:], strict=True)
    return " = " + " x ".join(f"{size * step:.3g}" for size, step in sides) + " um"


def _channel_lines(name: str, layouts: Sequence[FovLayout]) -> Iterator[str]:
    unnamed = [layout for layout in layouts if not layout.channels_named]
    if unnamed:
        yield problem(
            f"channels of {len(unnamed)} FOVs have no names in the plate",
            experiment=name,
            field="channel_names",
            found=listing((layout.name for layout in unnamed), 5),
            fix=f"They are taken by place: {listing(unnamed[0].channels)}.",
        )


def _interval_lines(name: str, minutes: float, layouts: Sequence[FovLayout]) -> Iterator[str]:
    stated = [layout for layout in layouts if "t" in layout.calibrated and layout.shape[0] > 1]
    other = [layout for layout in stated if not same(layout.scale[0] / 60, minutes)]
    if other:
        yield problem(
            f"interval_minutes differs from the time axis of {len(other)} FOVs",
            experiment=name,
            field="interval_minutes",
            expected=f"{listing(sorted({f'{fov.scale[0] / 60:g} min' for fov in other}), 5)} as in the plate "
            f"({listing((fov.name for fov in other), 5)})",
            found=f"{minutes:g} min",
            fix="Hours and tau follow interval_minutes.",
        )


def _slice_lines(name: str, code: int, arrays: IndexArrays, table: CellTable) -> Iterator[str]:
    if keys.Z not in table.extra:
        return
    here = arrays.fov_experiment[table.fov_of()] == code
    z = np.asarray(table.extra[keys.Z], dtype=np.float64)[here]
    z = z[np.isfinite(z)]
    nearest = np.floor(z + 0.5)
    first, last = arrays.z_range[0], arrays.z_range[1] - 1
    outside = int(np.count_nonzero((nearest < first) | (nearest > last)))
    if outside:
        yield problem(
            f"{outside} of {z.size} observations lie outside the slices that are read",
            experiment=name,
            field="z_range",
            expected=f"z {z.min():g} to {z.max():g} as in the tracks",
            found=f"slices {first} to {last}",
        )


def _size_lines(arrays: IndexArrays, axis: str, title: str, count: int, unit: str) -> Iterable[str]:
    """Return a line if the fields of view, of all experiments together, have different steps of an axis."""
    place = AXES.index(axis)
    steps: dict[tuple[str, float], int] = {}
    for entry in arrays.fovs:
        if axis in entry.layout.calibrated:
            key = arrays.registry.names[entry.experiment], float(f"{entry.layout.scale[place]:.4g}")
            steps[key] = steps.get(key, 0) + 1
    sizes = sorted({step for _, step in steps})
    if not sizes or same(sizes[0], sizes[-1]):
        return []
    found = listing((f"{step:g} um in {n} FOVs of '{name}'" for (name, step), n in steps.items()), 5)
    spans = f"{count} {unit} are {sizes[0] * count:.3g} to {sizes[-1] * count:.3g} um"
    return [problem(title, expected="one for all that is trained on together", found=f"{found}: {spans}")]
