"""Compares what two places say of one fact: the plate, experiments.yaml, tracks, options; reads no files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import listing, problem
from dynaclr.experiment import AXES, FovEntry, FovLayout, pixel_size_um
from dynaclr.experiment.ngff import same
from dynaclr.images import Projection
from dynaclr.index.arrays import IndexArrays
from dynaclr.tracks import CellTable

Floats = npt.NDArray[np.float64]
_CONVERT = "`python -m dynaclr convert tracks`"
_NO_CORNER = 0.95  # micrometers a pixel from which on they fill no corner
_CERTAIN_DIGITS = 6.0  # decimal digits of how improbable a coincidence must be
_FEW_TRACKS, _UNLINKED_SHARE = 20, 0.95
_MOST_ENLARGED = 4.0


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
        texts += _micrometer_lines(config.name, code, arrays, table)
        texts += _link_lines(config.name, code, arrays, table)
        texts += _pixel_lines(config.name, config.pixel_yx_um, layouts)
    if arrays.reading.yx_patch_um is None:
        sizes = _said_sizes(arrays, lambda entry: (pixel_size_um(arrays.registry, entry) or (None, None))[1])
        fix = "Set yx_patch_um to resample them to one."
        texts += _size_lines("pixel sizes differ", sizes, arrays.yx_patch_size[1], "px", fix)
    else:
        texts += _enlarged_lines(arrays)
    counts = set(arrays.slices.count)
    if max(counts) > 1:
        place = AXES.index("z")
        sizes = _said_sizes(
            arrays, lambda entry: entry.layout.scale[place] if "z" in entry.layout.calibrated else None
        )
        texts += _size_lines("distances of slices differ", sizes, max(counts), "slices")
    return texts


def patch_um(arrays: IndexArrays, code: int) -> str:
    """Return size and resampling of an experiment's patches as text; empty if nobody says of a pixel size."""
    mine = [number for number, entry in enumerate(arrays.fovs) if entry.experiment == code]
    texts = Counter(patch_scale(arrays, number) for number in mine)
    if not all(texts):
        return ""
    return (
        next(iter(texts)) if len(texts) == 1 else ",".join(f"{text} ({n} FOVs)" for text, n in texts.items())
    )


def patch_scale(arrays: IndexArrays, fov: int) -> str:
    """Return size and resampling of a FOV's patches as text; empty if nobody says of its pixel size."""
    pixel = pixel_size_um(arrays.registry, arrays.fovs[fov])
    if pixel is None:
        return ""
    step = arrays.fov_step_yx[fov]
    stored = step * arrays.yx_patch_size
    text = f" = {_by(stored * pixel)} um"
    if np.all(step == 1):
        return text
    factor = _by(1 / step) if step[0] != step[1] else f"{1 / step[0]:.3g}"
    return f"{text}, resampled by {factor} from {_by(stored)} px of {_by(pixel)} um"


def _by(sides: Iterable[float]) -> str:
    """Return height and width as text."""
    return " x ".join(f"{side:.3g}" for side in sides)


def slice_text(arrays: IndexArrays, code: int) -> str:
    """Return which slices of an experiment are read, by whose word, and what is made of them."""
    mine = [number for number, entry in enumerate(arrays.fovs) if entry.experiment == code]
    if not mine:
        return f"Z {arrays.z_range[0]}..{arrays.z_range[1]}"
    first = np.concatenate([arrays.slices.first[number] for number in mine])
    count = arrays.slices.count[mine[0]]
    text = f"Z {first.min()}..{first.max() + count}"
    sources = dict.fromkeys(arrays.fov_focus[number] for number in mine)
    if "" not in sources:
        usual = int(np.bincount(first).argmax())
        text += f": {count} slices around the focus ({listing(sources)}), "
        text += f"most often {usual}..{usual + count},"
    if arrays.slices.projection is not Projection.NONE:
        text += f" ({arrays.slices.projection} of {count} slices)"
    return text


def frame_slices(arrays: IndexArrays, fov: int, t: int) -> str:
    """Return which slices of a frame make a patch, as text; empty where they are fixed and all kept."""
    first, stop = arrays.slices.window(fov, t)
    focus, projection = arrays.fov_focus[fov], arrays.slices.projection
    around = f" around the focus ({focus})" if focus else ""
    made = "" if projection is Projection.NONE else f", {projection} projection"
    return f"slices {first}..{stop}{around}{made}" if around or made else ""


def _enlarged_lines(arrays: IndexArrays) -> Iterator[str]:
    """Yield a line for each experiment whose pixels are enlarged so much that a unit may be wrong."""
    for code, name in enumerate(arrays.registry.names):
        steps = arrays.fov_step_yx[arrays.fov_experiment == code]
        if steps.size and 1 / steps.min() > _MOST_ENLARGED:
            yield problem(
                f"patches are enlarged {1 / steps.min():.3g} times",
                experiment=name,
                field="yx_patch_um",
                expected=f"at most {_MOST_ENLARGED:g} times: they show no more detail",
                found=f"{_by(arrays.yx_patch_size * steps.min(axis=0))} stored pixels a patch",
                fix="Look at the pixel size that the plate states, or at yx_patch_um.",
            )


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


def _pixel_lines(name: str, given: tuple[float, float] | None, layouts: Sequence[FovLayout]) -> Iterator[str]:
    stated = [layout for layout in layouts if {"y", "x"} <= set(layout.calibrated)]
    pairs = [(layout, layout.scale[-2:]) for layout in stated if given is not None]
    other = [layout for layout, size in pairs if not all(map(same, size, given or ()))]
    if other:
        yield problem(
            f"pixel_size_um differs from the plate in {len(other)} FOVs",
            experiment=name,
            field="pixel_size_um",
            expected=f"{listing(sorted({f'{_by(fov.scale[-2:])} um' for fov in other}), 5)} as in the plate "
            f"({listing((fov.name for fov in other), 5)})",
            found=f"{_by(given or ())} um",
            fix="Patches follow pixel_size_um.",
        )


def _slice_lines(name: str, code: int, arrays: IndexArrays, table: CellTable) -> Iterator[str]:
    if keys.Z not in table.extra:
        return
    z = np.asarray(table.extra[keys.Z], dtype=np.float64)
    rows = np.flatnonzero((arrays.fov_experiment[table.fov_of()] == code) & np.isfinite(z))
    z, nearest = z[rows], np.floor(z[rows] + 0.5)
    first, stop = arrays.slices.windows(table.fov_of(rows), table.t[rows])
    outside = int(np.count_nonzero((nearest < first) | (nearest >= stop)))
    if not outside:
        return
    layouts = [entry.layout for entry in arrays.fovs if entry.experiment == code]
    depth, step = min(layout.shape[2] for layout in layouts), layouts[0].scale[2]
    fix = None
    if nearest.min() == 1 and nearest.max() == depth:
        fix = "Slices look 1-based: subtract 1 from z."
    elif nearest.max() >= depth and "z" in layouts[0].calibrated and nearest.max() / step <= depth - 0.5:
        fix = f"z looks like micrometers: divide it by {step:g} ({_CONVERT} does with --z-step-um {step:g})."
    elif nearest.max() >= depth or nearest.min() < 0:
        fix = "z lies outside the stack: are tracks and images of one recording?"
    yield problem(
        f"{outside} of {z.size} observations lie outside the slices that are read",
        experiment=name,
        field="z_range",
        expected=f"z {z.min():g} to {z.max():g} as in the tracks",
        found=f"slices {first.min()} to {stop.max() - 1} of {depth}",
        fix=fix,
    )


def _micrometer_lines(name: str, code: int, arrays: IndexArrays, table: CellTable) -> Iterator[str]:
    """Tell of centroids that fill the corner that micrometers fill.

    One FOV with a few cells proves nothing: the cells of all FOVs together must fill that corner from end to
    end, and so many lineages must not be in it by chance.
    """
    fovs = []
    roots = np.bincount(table.track_fov[table.forest.parent < 0], minlength=len(arrays.fovs))
    codes = [number for number, entry in enumerate(arrays.fovs) if entry.experiment == code]
    for number in codes:
        rows = table.rows(number)
        um = np.array(arrays.fovs[number].layout.scale[-2:])
        if rows.stop > rows.start:
            places = np.stack([table.y[rows], table.x[rows]])
            ends = (end(axis=1) / (arrays.fov_image_yx[number] * um) for end in (places.min, places.max))
            fovs.append((*ends, int(roots[number]), (float(um[0]), float(um[1]))))
    if corner_digits(fovs) >= _CERTAIN_DIGITS:
        size = arrays.fovs[codes[0]].layout.scale[-1]
        reach = max(float(highest.max()) for _, highest, _, _ in fovs)
        yield problem(
            "centroids of all FOVs cover only a corner of the images",
            experiment=name,
            field="y, x",
            found=f"at most {100 * size * reach:.0f} % of the image at {size:g} um per pixel",
            fix=f"They look like micrometers: divide y and x by {size:g} ({_CONVERT} does with "
            f"--pixel-size-um {size:g}).",
        )


def corner_digits(fovs: Sequence[tuple[Floats, Floats, int, tuple[float, float]]]) -> float:
    """Return the decimal digits of how improbable it is that cells fill by chance what micrometers fill.

    It is 0 where they do not fill it, from end to end.

    Parameters
    ----------
    fovs
        Of each FOV with cells: lowest and highest (y, x) of a cell, of the image in micrometers; the number
        of lineages; micrometers a pixel.
    """
    sizes = [um for *_, um in fovs]
    if not fovs or not all(0 < step < _NO_CORNER for um in sizes for step in um):
        return 0.0
    lowest = np.min([low for low, *_ in fovs], axis=0)
    highest = np.max([high for _, high, *_ in fovs], axis=0)
    fills = (highest <= 1.02).all() and (highest >= 0.8).all() and (lowest <= 0.2).all()
    return float(-sum(count * np.log10(um).sum() for *_, count, um in fovs)) if fills else 0.0


def _link_lines(name: str, code: int, arrays: IndexArrays, table: CellTable) -> Iterator[str]:
    """Tell of spots that nobody linked, and of tracks that are never seen in two frames in a row."""
    tracks = arrays.fov_experiment[table.track_fov] == code
    count = np.bincount(table.track, minlength=table.n_tracks)[tracks]
    frames = max((entry.layout.shape[0] for entry in arrays.fovs if entry.experiment == code), default=1)
    single = int(np.count_nonzero(count == 1))
    if frames > 1 and count.size >= _FEW_TRACKS and single >= _UNLINKED_SHARE * count.size:
        yield problem(
            f"{single} of {count.size} tracks have one observation",
            experiment=name,
            field=keys.TRACK_ID,
            expected="one id for a cell in all frames",
            found="spots that are not linked",
            fix="Export the linked tracks of the tracker, or name the column that holds them "
            f"({_CONVERT} does with --column track_id=NAME).",
        )
    order = table.by_track
    same = (np.diff(table.track[order]) == 0) & tracks[table.track[order[1:]]]
    steps = np.diff(table.t[order])[same]
    step = int(np.gcd.reduce(steps)) if steps.size >= _FEW_TRACKS else 1
    if step > 1:
        yield problem(
            f"no track is seen in two frames in a row: all steps are multiples of {step} frames",
            experiment=name,
            field=keys.T,
            expected="steps of one frame",
            fix=f"If t is a time or counts otherwise than the images, divide it by {step} ({_CONVERT} does "
            f"with --time-step {step}).",
        )


def _said_sizes(
    arrays: IndexArrays, size_of: Callable[[FovEntry], float | None]
) -> dict[tuple[str, float], int]:
    """Return how many fields of view of each experiment have each size, those that have none left out."""
    sizes: dict[tuple[str, float], int] = {}
    for entry in arrays.fovs:
        if (size := size_of(entry)) is not None:
            key = arrays.registry.names[entry.experiment], float(f"{size:.4g}")
            sizes[key] = sizes.get(key, 0) + 1
    return sizes


def _size_lines(
    title: str, found: dict[tuple[str, float], int], count: int, unit: str, fix: str | None = None
) -> Iterable[str]:
    """Return a line if the fields of view, of all experiments together, have different sizes."""
    sizes = sorted({size for _, size in found})
    if not sizes or same(sizes[0], sizes[-1]):
        return []
    text = listing((f"{size:g} um in {n} FOVs of '{name}'" for (name, size), n in found.items()), 5)
    spans = f"{count} {unit} are {sizes[0] * count:.3g} to {sizes[-1] * count:.3g} um"
    expected = "one for all that is trained on together"
    return [problem(title, expected=expected, found=f"{text}: {spans}", fix=fix)]
