"""Turns images of microscopes and their tracks into one experiment of several wells and positions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dynaclr.base.cores import cpu_limit
from dynaclr.base.errors import ConfigError, DataError, listing, problem
from dynaclr.convert.image_files import ImageFacts, OpenFiles, open_file
from dynaclr.convert.image_places import Part, Place, well_name
from dynaclr.convert.report import ConversionReport, FovConversion
from dynaclr.convert.target import Target
from dynaclr.convert.tracks import track_table_of
from dynaclr.experiment import FovLayout
from dynaclr.experiment.ngff import same
from dynaclr.experiment.plates import well_of
from dynaclr.tracks.sources import SourceOptions

Progress = Callable[[str, int, int], None]
_KINDS = "iuf"  # whole numbers and fractions
_READING, _WRITING, _VERIFYING = "reading headers", "writing frames", "reading back"


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """What files do not say, or say wrongly.

    Attributes
    ----------
    name
        Name of the experiment, plate and tracks.
    interval_minutes, pixel_size_um, z_step_um
        Calibration; None for what the files say.
    channels
        Names in the order of the files' channels, or of the values of {channel}; empty for those.
    conditions
        {condition: wells}, or one for all; None where pattern or table have them.
    axes
        Letters of the axes of TIFFs, where these do not say or say wrongly.
    start_hpi
        Hours after perturbation at frame 0.
    version
        OME-NGFF version of the plate.
    tracks
        What the files of tracks do not say.

    Raises
    ------
    ConfigError
        If a size or time is not above 0, or axes cannot be used.
    """

    name: str
    interval_minutes: float | None = None
    pixel_size_um: float | None = None
    z_step_um: float | None = None
    channels: tuple[str, ...] = ()
    conditions: str | Mapping[str, Sequence[str]] | None = None
    axes: str | None = None
    start_hpi: float = 0.0
    version: Literal["0.4", "0.5"] = "0.4"
    tracks: SourceOptions = field(default_factory=SourceOptions)

    def __post_init__(self) -> None:
        """Refuse values before a file is opened."""
        for name in ("interval_minutes", "pixel_size_um", "z_step_um"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ConfigError(problem("value out of range", field=name, expected="> 0", found=value))
        axes = self.axes
        if axes is None:
            return
        if not set(axes) <= set("TCZYX") or len(set(axes)) < len(axes) or axes[-2:] != "YX":
            expected = "some of T, C, Z, and YX at the end"
            raise ConfigError(problem("axes cannot be used", field="axes", expected=expected, found=axes))


def convert_images(
    places: Sequence[Place],
    output: str | Path,
    options: ImageOptions,
    *,
    overwrite: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> ConversionReport:
    """Write fields of view as an experiment: <output>/<name>.zarr, <name>.tracks, experiments.yaml.

    Frames are read one by one, by several threads. If it is killed or interrupted, the same call goes on
    where it was; every pixel is read back before the experiment is put in place.

    Parameters
    ----------
    places
        Which files are which field of view (`by_pattern`, `by_table`, `single`).
    output
        Folder; made if need be. An experiments.yaml that is there gets one more entry.
    options
        What the files do not say.
    overwrite
        Whether an experiment of that name may be replaced.
    workers
        Frames that are read at the same time; None for the number of cores.
    progress
        Called with (what is done, how many of it, of how many).

    Raises
    ------
    DataError
        If files cannot be read, do not fit each other or change meanwhile; or the target exists.
    ConfigError
        If something is neither in the files nor stated, or a name or number cannot be used.
    """
    tell = progress or (lambda *_: None)
    workers = workers or cpu_limit()
    state = _state(places)
    headers = _headers(places, options.axes, workers, tell)
    fovs = _fovs(places, headers)
    _check_sets(fovs, headers)
    notes = list(dict.fromkeys(note for fov in fovs for facts in fov.facts for note in facts.notes))
    scale, minutes = _calibration(fovs, options, notes)
    names = _channel_names(fovs, options, notes)
    entry = {
        "name": options.name,
        "channel_names": names,
        "source_channel": names,
        "condition_wells": _conditions(fovs, options),
        "interval_minutes": minutes,
        "start_hpi": float(options.start_hpi),
    }
    target = Target(output, entry, overwrite, source=repr((state, places, options)))
    report = ConversionReport(target.plate, target.tracks, target.experiments_yaml)
    tables = {}
    for fov in fovs:
        counts = FovConversion(fov.facts[0].path, fov.name, fov.shape[0])
        if fov.tracks is not None:
            layout = _layout(fov, target.plate, scale)
            try:
                tables[fov.name], found = track_table_of(fov.tracks, fov.name, options.tracks, layout)
            except DataError as error:  # here that option is the size of the images' pixels
                raise DataError(str(error).replace("--pixel-size-um", "--tracks-pixel-size-um")) from error
            counts.take(found.counts)
            notes += [f"{fov.tracks} ({found.format}): {note}" for note in found.counts.notes]
        report.fovs.append(counts)
    with target.writing(scale, options.version, lambda *count: tell(_VERIFYING, *count)) as (writer, written):
        written.update(tables)
        frames = [(fov, t) for fov in fovs for t in range(fov.shape[0])]
        for fov in fovs:
            writer.create_fov(fov.name, fov.shape, fov.dtype)
        left = [(fov, t) for fov, t in frames if t not in writer.written(fov.name)]
        if len(left) < len(frames):
            notes.append(f"{len(frames) - len(left)} of {len(frames)} frames were there already")
        with OpenFiles(options.axes) as files, ThreadPoolExecutor(workers) as pool:

            def write(frame: tuple[_Fov, int]) -> None:
                fov, t = frame
                writer.write_frame(fov.name, t, fov.read(files, t))

            for done, _ in enumerate(pool.map(write, left), start=len(frames) - len(left) + 1):
                tell(_WRITING, done, len(frames))
        if _state(places) != state:
            what = "files changed during the conversion"
            raise DataError(problem(what, file=places[0].parts[0].path.parent, fix="Convert again."))
    report.notes = [*target.notes, *notes]
    return report


def _layout(fov: _Fov, plate: Path, scale: tuple[float, ...]) -> FovLayout:
    """Return a field of view as it will be, to hold its tracks against."""
    return FovLayout(
        name=fov.name,
        plate=plate,
        path=plate / fov.name,
        array_path=plate / fov.name / "0",
        driver="zarr",
        shape=fov.shape,
        dtype=fov.dtype.name,
        scale=scale,
        attributes={},
    )


def _state(places: Sequence[Place]) -> list[tuple[str, int, int]]:
    """Return size and time of every file, to tell whether one has changed."""
    found = []
    for path in dict.fromkeys(part.path for place in places for part in place.parts):
        if not path.exists():
            raise DataError(problem("no such file", file=path))
        stat = path.stat()
        found.append((str(path), stat.st_size, stat.st_mtime_ns))
    return found


def _headers(
    places: Sequence[Place], axes: str | None, workers: int, tell: Progress
) -> dict[Path, list[ImageFacts]]:
    """Return what every file says."""

    def facts(path: Path) -> list[ImageFacts]:
        file = open_file(path, axes)
        file.close()
        return file.images

    paths = list(dict.fromkeys(part.path for place in places for part in place.parts))
    found = {}
    with ThreadPoolExecutor(workers) as pool:
        for done, (path, images) in enumerate(zip(paths, pool.map(facts, paths), strict=True), start=1):
            found[path] = images
            tell(_READING, done, len(paths))
    return found


@dataclass(slots=True)
class _Fov:
    """A field of view whose files fit each other."""

    name: str
    condition: str | None
    tracks: Path | None
    parts: dict[tuple[str | None, int | None, int | None], tuple[Path, int]]
    facts: list[ImageFacts]
    shape: tuple[int, int, int, int, int]
    dtype: np.dtype[Any]
    channels: list[str | None]  # values of {channel}; None for those inside of files
    first: tuple[int | None, int | None]  # number of the first frame and slice in the names of files

    def read(self, files: OpenFiles, t: int) -> npt.NDArray[Any]:
        """Return a frame (C, Z, Y, X)."""
        first_t, first_z = self.first
        frame = np.empty(self.shape[1:], self.dtype)
        t_name, t_file = (None, t) if first_t is None else (first_t + t, 0)
        for c in range(self.shape[1]):
            c_name, c_file = (None, c) if self.channels[0] is None else (self.channels[c], 0)
            for z in range(1 if first_z is None else self.shape[2]):
                path, image = self.parts[c_name, t_name, None if first_z is None else first_z + z]
                pixels = files.get(path).read(image, t_file, c_file)
                frame[c, slice(None) if first_z is None else slice(z, z + 1)] = pixels
        return frame


def _fovs(places: Sequence[Place], headers: Mapping[Path, list[ImageFacts]]) -> list[_Fov]:
    """Return the fields of view, those of one file with several images one each."""
    fovs: dict[str, _Fov] = {}
    for place in places:
        several = max(len(headers[part.path]) for part in place.parts)
        numbered = place.fov.endswith("/")
        for number in range(several if numbered else 1):
            name = f"{place.fov}{number}" if numbered else place.fov
            if name in fovs:
                raise DataError(problem(f"two images of one place: {name}", file=place.parts[0].path))
            fovs[name] = _fov(place, name, number if numbered else None, headers)
    found = list(fovs.values())
    for fov in found[1:]:
        if fov.dtype != found[0].dtype:
            expected = f"{found[0].dtype} as in {found[0].facts[0].path}"
            raise DataError(
                problem("data types differ", file=fov.facts[0].path, expected=expected, found=fov.dtype)
            )
    return found


def _fov(place: Place, name: str, number: int | None, headers: Mapping[Path, list[ImageFacts]]) -> _Fov:
    parts, facts = {}, []
    for part in place.parts:
        images = headers[part.path]
        image = part.image if part.image is not None else number
        if image is None and len(images) > 1:
            what = f"the file holds {len(images)} images, and it is not said which is {name}"
            fix = "Give a table with the column series (0 for the first), or a pattern without {position}."
            raise DataError(problem(what, file=part.path, fix=fix))
        image = image or 0
        if image >= len(images):
            what = "the file has no such image"
            raise DataError(problem(what, file=part.path, expected=f"0 to {len(images) - 1}", found=image))
        _check_part(part, images[image])
        parts[part.channel, part.frame, part.z] = part.path, image
        facts.append(images[image])
    first = facts[0]
    for other in facts[1:]:
        for what, one, two in (
            ("image sizes", first.shape, other.shape),
            ("data types", first.dtype, other.dtype),
        ):
            if one != two:
                expected = f"{_sizes(one)} as in {first.path.name}"
                raise DataError(
                    problem(f"{what} of {name} differ", file=other.path, expected=expected, found=_sizes(two))
                )
    if first.dtype.kind not in _KINDS:
        raise DataError(problem("pixels are no numbers", file=first.path, found=first.dtype))
    channels = list(dict.fromkeys(channel for channel, _, _ in parts))
    frames = {frame for _, frame, _ in parts if frame is not None}
    slices = {z for _, _, z in parts if z is not None}
    t, c, z, y, x = first.shape
    shape = (
        len(frames) or t,
        c if channels[0] is None else len(channels),
        len(slices) or z,
        y,
        x,
    )
    start = (min(frames, default=None), min(slices, default=None))
    by_name = sorted(channels, key=str)
    return _Fov(name, place.condition, place.tracks, parts, facts, shape, first.dtype, by_name, start)


def _check_sets(fovs: Sequence[_Fov], paths: Iterable[Path]) -> None:
    """Refuse images that lie in several files, of which others are taken for images of their own."""
    every = [facts for fov in fovs for facts in fov.facts if facts.others]
    taken = {path.resolve() for path in paths} if every else set()
    for facts in every:
        both = sorted(path.name for path in taken & facts.others)
        if both:
            raise DataError(
                problem(
                    "an OME-TIFF of several files, which are one image together",
                    file=facts.path,
                    expected="one of them",
                    found=f"{listing(both, 5)} too",
                    fix="Name the first alone, or in a table.",
                )
            )


def _sizes(value: object) -> str:
    return " x ".join(map(str, value)) + " (T, C, Z, Y, X)" if isinstance(value, tuple) else str(value)


def _check_part(part: Part, facts: ImageFacts) -> None:
    """Refuse a file that holds several of what its name says it is one of."""
    for axis, value, what in ((0, part.frame, "frame"), (1, part.channel, "channel"), (2, part.z, "z")):
        if value is not None and facts.shape[axis] > 1:
            raise DataError(
                problem(
                    f"the name says one {what}, and the file holds {facts.shape[axis]}",
                    file=part.path,
                    found=_sizes(facts.shape),
                    fix=f"Use * in place of {{{what}}}, or --axes if the file's axes are wrong; of an "
                    "OME-TIFF of several files name the first in a table.",
                )
            )


def _calibration(
    fovs: Sequence[_Fov], options: ImageOptions, notes: list[str]
) -> tuple[tuple[float, float, float, float, float], float]:
    """Return (T, C, Z, Y, X) steps in seconds and micrometers, and minutes between frames."""
    every = [facts for fov in fovs for facts in fov.facts]

    def said(find: Callable[[ImageFacts], float | None]) -> list[tuple[float, Path]]:
        values = {value: facts.path for facts in reversed(every) if (value := find(facts)) is not None}
        return list(values.items())[::-1]

    minutes = _agreed(
        "interval",
        "--interval-minutes",
        "min",
        options.interval_minutes,
        said(lambda one: one.interval_minutes),
        notes,
    )
    z_step = 1.0
    if any(fov.shape[2] > 1 for fov in fovs) or options.z_step_um is not None:
        z_step = _agreed(
            "distance of slices",
            "--z-step-um",
            "um",
            options.z_step_um,
            said(lambda one: one.pixel_um[0]),
            notes,
        )
    x = _agreed(
        "pixel size", "--pixel-size-um", "um", options.pixel_size_um, said(lambda one: one.pixel_um[2]), notes
    )
    y = options.pixel_size_um
    if y is None:
        y = _agreed(
            "pixel height",
            "--pixel-size-um",
            "um",
            None,
            said(lambda one: one.pixel_um[1]) or [(x, every[0].path)],
            notes,
        )
    return (minutes * 60, 1.0, z_step, y, x), minutes


def _agreed(
    what: str,
    option: str,
    unit: str,
    stated: float | None,
    said: Sequence[tuple[float, Path]],
    notes: list[str],
) -> float:
    """Return the one value of what a person states and files say; a difference is told, or an error."""
    if stated is not None:
        other = next(((value, path) for value, path in said if not same(value, stated)), None)
        if other is not None:
            told = f"{stated:g} {unit} stated, {other[0]:g} {unit} by {other[1].name}"
            notes.append(f"{what}: {told}; the stated one is used")
        return float(stated)
    if not said:
        fix = f"Give {option}."
        raise ConfigError(problem(f"the {what} is neither in the files nor stated", field=option, fix=fix))
    (first, path), *others = said
    differing = next(((value, other) for value, other in others if not same(value, first)), None)
    if differing is not None:
        raise DataError(
            problem(
                f"files disagree about the {what}",
                field=option,
                expected=f"{first:g} {unit} as in {path}",
                found=f"{differing[0]:g} {unit} in {differing[1]}",
                fix=f"Give {option}.",
            )
        )
    return first


def _channel_names(fovs: Sequence[_Fov], options: ImageOptions, notes: list[str]) -> list[str]:
    """Return the names of the channels, and bring those that come as files into their order."""
    count = fovs[0].shape[1]
    for fov in fovs[1:]:
        if fov.shape[1] != count:
            expected = f"{count} as in {fovs[0].facts[0].path}"
            what = f"{fov.name} has another number of channels"
            raise DataError(problem(what, file=fov.facts[0].path, expected=expected, found=fov.shape[1]))
    stated = list(options.channels)
    if stated and len(stated) != count:
        raise ConfigError(
            problem(
                "another number of channels",
                field="--channels",
                expected=f"{count} names",
                found=listing(stated),
            )
        )
    of_files = [channel for channel in fovs[0].channels if channel is not None]
    for fov in fovs[1:]:
        if [channel for channel in fov.channels if channel is not None] != of_files:
            what = f"{fov.name} has other channels"
            expected = listing(of_files) or "channels inside of the files"
            raise DataError(
                problem(
                    what, file=fov.facts[0].path, expected=expected, found=listing(map(str, fov.channels))
                )
            )
    if of_files:
        if stated and set(stated) == set(of_files):
            for fov in fovs:
                fov.channels = list(stated)
            return stated
        if stated:
            pairs = listing(f"{new} ({old})" for new, old in zip(stated, of_files, strict=True))
            notes.append(f"channels: {pairs}")
        return stated or of_files
    said = {facts.channels: facts.path for fov in reversed(fovs) for facts in fov.facts if facts.channels}
    for names, path in said.items():
        if stated and list(names) != stated:
            notes.append(
                f"channels: {listing(stated)} stated, {listing(names)} by {path.name}; the stated are used"
            )
            break
    if stated:
        return stated
    if not said:
        what = f"the {count} channels have no names in the files"
        raise ConfigError(problem(what, field="--channels", fix="Give --channels with a name for each."))
    if len(said) > 1:
        (one, path), (two, other) = list(said.items())[:2]
        what, expected = "files name their channels differently", f"{listing(one)} as in {path}"
        fix = "Give --channels with a name for each."
        raise DataError(
            problem(what, file=other, field="--channels", expected=expected, found=listing(two), fix=fix)
        )
    return list(next(iter(said)))


def _conditions(fovs: Sequence[_Fov], options: ImageOptions) -> dict[str, list[str]]:
    """Return {condition: wells}."""
    stated, of_well, unknown = options.conditions, dict[str, str](), list[str]()
    wells_with_images = list(dict.fromkeys(well_of(fov.name) for fov in fovs))
    if isinstance(stated, Mapping):
        for label, wells in stated.items():
            for well in map(well_name, wells):
                if of_well.setdefault(well, label) != label:
                    what = f"two conditions of well {well}"
                    raise ConfigError(
                        problem(what, field="--conditions", expected=of_well[well], found=label)
                    )
    absent = [well for well in of_well if well not in wells_with_images]
    if absent:
        raise ConfigError(
            problem(
                "conditions name wells that no image is of",
                field="--conditions",
                expected=f"some of {listing(wells_with_images, 10)}",
                found=listing(absent, 10),
            )
        )
    found: dict[str, list[str]] = {}
    for fov in fovs:
        well = well_of(fov.name)
        by_option = of_well.get(well) if isinstance(stated, Mapping) else stated
        condition = fov.condition or by_option
        if fov.condition and by_option and fov.condition != by_option:
            what = f"two conditions of well {well}"
            raise ConfigError(problem(what, field="--conditions", expected=by_option, found=fov.condition))
        if condition is None:
            unknown.append(well)
        elif well not in found.setdefault(condition, []):
            found[condition].append(well)
    if unknown:
        wells = listing(dict.fromkeys(unknown), 10)
        raise ConfigError(
            problem(
                f"the condition of wells is not stated: {wells}",
                field="--conditions",
                fix="Give --conditions NAME for all, or NAME=WELL,WELL for each condition.",
            )
        )
    return found
