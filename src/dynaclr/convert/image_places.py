"""Which files make which field of view: a pattern of names, or a table; opens no image."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dynaclr.base.errors import ConfigError, DataError, listing, problem, suggest
from dynaclr.base.paths import absolute_path, path_in_file
from dynaclr.base.yaml_reader import read_text
from dynaclr.experiment.plates import is_fov_name

_WELL = "A/1"
_TEXTS = {"well": r"[^/]+?", "row": r"[A-Za-z]+", "column": r"\d+", "position": r"[^/]+?"}
_TEXTS |= {"condition": r"[^/]+?", "channel": r"[^/]+?", "frame": r"\d{1,18}", "z": r"\d{1,18}"}
"""{placeholder: what it stands for}."""
_PLACEHOLDER = re.compile(r"\{(\w*)(?::(\d*d))?\}")
_COLUMNS = ("fov", "well", "condition", "image", "tracks", "channel", "series")
_COMMANDS = "Give --pattern, for example '{well}_{position}_{channel}_t{frame:d}.tif', or --table."


@dataclass(frozen=True, slots=True)
class Part:
    """A file, or an image of it, that holds a field of view or a part of it.

    Attributes
    ----------
    channel, frame, z
        What of the field of view it is; None where the file holds all.
    image
        Number of the image in a file with several; None for the only one.
    """

    path: Path
    channel: str | None = None
    frame: int | None = None
    z: int | None = None
    image: int | None = None

    def place(self) -> str:
        """Return what it is, for messages."""
        named = (("channel", self.channel), ("frame", self.frame), ("z", self.z))
        return listing(f"{name} {value}" for name, value in named if value is not None)


@dataclass(slots=True)
class Place:
    """A field of view.

    Attributes
    ----------
    fov
        "row/column/fov"; "row/column/" where the images of a file are numbered.
    condition
        What was done to the cells; None where it is not said here.
    tracks
        Any format that `convert_tracks` reads.
    """

    fov: str
    parts: list[Part] = field(default_factory=list)
    condition: str | None = None
    tracks: Path | None = None


def well_name(text: str) -> str:
    """Return "A/1" for A1, A01, a/1.

    Raises
    ------
    ConfigError
        If it is none.
    """
    plain = re.fullmatch(r"([A-Za-z]+)[-_ ]?0*(\d+)", text.strip())
    if plain:
        return f"{plain[1].upper()}/{plain[2]}"
    if is_fov_name(f"{text.strip()}/0"):
        return text.strip()
    expected = "a row and a column of letters and digits: A1, A01 or A/1"
    raise ConfigError(problem("not a well", field="well", expected=expected, found=repr(text)))


def single(images: Sequence[Path], tracks: Path | None = None) -> list[Place]:
    """Return the one place of one file.

    Raises
    ------
    ConfigError
        If there are several, or it is a folder.
    """
    if len(images) != 1:
        what = "it is not said which image is which field of view"
        raise ConfigError(problem(what, found=f"{len(images)} files", fix=_COMMANDS))
    if images[0].is_dir():
        lies = sorted(item.name for item in images[0].iterdir())
        what = "it is not said which files of a folder belong together"
        raise ConfigError(problem(what, file=images[0], found=listing(lies, 5) or "nothing", fix=_COMMANDS))
    return [Place(f"{_WELL}/", [Part(images[0])], tracks=tracks)]


def by_pattern(folder: Path, pattern: str, tracks: str | None = None) -> list[Place]:
    """Return the places of the files of a folder.

    Parameters
    ----------
    folder
        What the pattern is relative to.
    pattern
        Path, relative to the folder or absolute, with the placeholders {well} or {row} and {column},
        {position}, {condition}, {channel}, {frame} and {z}; `*` for anything. {frame:d} and {frame:03d} are
        understood.
    tracks
        Path of the tracks of a field of view, with placeholders of the pattern.

    Raises
    ------
    ConfigError
        If the pattern cannot be used.
    DataError
        If no file matches, two are of one place, or two conditions of one field of view.
    """
    if not folder.is_dir():
        raise DataError(
            problem("not a folder", file=folder, expected="the folder that --pattern is relative to")
        )
    found = list(_matches(folder, pattern))
    if not found:
        lies = [item.relative_to(folder).as_posix() for item in sorted(folder.rglob("*.*"))[:200]]
        raise DataError(
            problem(
                "no file matches the pattern",
                file=folder,
                field="--pattern",
                expected=pattern,
                found=listing(lies, 5) or "no file",
                fix="Frames and z are digits; a / in the pattern stands for a folder.",
            )
        )
    wells = {
        condition: f"{chr(ord('A') + place % 26)}/{place // 26 + 1}"
        for place, condition in enumerate(dict.fromkeys(values.get("condition") for _, values in found))
    }
    places: dict[str, Place] = {}
    for path, values in found:
        fov, condition = _fov(values, wells), values.get("condition")
        place = places.setdefault(fov, Place(fov, condition=condition))
        if place.condition != condition:
            raise DataError(f"{path}: {_two_of(place, 'condition', place.condition, condition)}")
        if tracks is not None and place.tracks is None:
            place.tracks = absolute_path(_filled(tracks, values), folder)
        numbers = {name: int(values[name]) for name in ("frame", "z") if name in values}
        place.parts.append(Part(path, values.get("channel"), **numbers))
    return _checked(places)


def _matches(folder: Path, pattern: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """Give the files that match, and the values of the placeholders."""
    whole = Path(os.path.expanduser(pattern))
    if whole.is_absolute():
        folder = Path(whole.anchor)
        whole = whole.relative_to(folder)
    if not whole.name:
        raise ConfigError(problem("a pattern without a name of files", found=repr(pattern), fix=_COMMANDS))
    pattern = whole.as_posix()
    names = [name for name, _ in _PLACEHOLDER.findall(pattern)]
    strange = [name for name in names if name not in _TEXTS]
    if strange:
        hint = suggest(strange[0], _TEXTS).strip() or None
        what = f"unknown placeholder {{{strange[0]}}}"
        raise ConfigError(problem(what, field="--pattern", expected=listing(_TEXTS), found=pattern, fix=hint))
    expression, glob, seen, end = "", "", set[str](), 0
    for match in _PLACEHOLDER.finditer(pattern):
        text, name = pattern[end : match.start()], match[1]
        expression += _literal(text) + (f"(?P={name})" if name in seen else f"(?P<{name}>{_TEXTS[name]})")
        glob += _globbed(text) + "*"
        seen.add(name)
        end = match.end()
    expected = re.compile(expression + _literal(pattern[end:]))
    glob = re.sub(r"\*+", "*", glob + _globbed(pattern[end:]))
    for path in sorted(folder.glob(glob), key=lambda path: path.as_posix()):
        found = expected.fullmatch(path.relative_to(folder).as_posix())
        if found and path.is_file():
            yield path, found.groupdict()


def _literal(text: str) -> str:
    return "[^/]*".join(re.escape(part) for part in text.split("*"))


def _globbed(text: str) -> str:
    return re.sub(r"([\[?])", r"[\1]", text)


def _fov(values: Mapping[str, str], wells: Mapping[str | None, str]) -> str:
    if "row" in values and "column" in values:
        well = well_name(values["row"] + values["column"])
    elif "well" in values:
        well = well_name(values["well"])
    else:
        well = wells[values.get("condition")]
    return f"{well}/{_position(values.get('position'))}"


def _position(text: str | None) -> str:
    if text and not is_fov_name(f"{_WELL}/{text}"):
        expected = "letters and digits"
        raise ConfigError(problem("not a position", field="position", expected=expected, found=repr(text)))
    return text or ""


def _filled(template: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in values or match[1] in ("frame", "z", "channel"):
            expected = listing(f"{{{name}}}" for name in values if name not in ("frame", "z", "channel"))
            what = f"tracks are of a field of view, and {{{match[1]}}} is none of what names one"
            raise ConfigError(problem(what, field="--tracks", expected=expected or "a path", found=template))
        return values[match[1]]

    return _PLACEHOLDER.sub(value, template)


def by_table(path: Path) -> list[Place]:
    """Return the places of a table (CSV, also with ; or tabs): fov, well, condition, image, tracks.

    `channel` says that an image is one channel, `series` which image of a file (from 0). An image may be a
    pattern with {channel}, {frame} and {z}. Paths are relative to the table.

    Raises
    ------
    DataError
        If a column or value is missing, or two images are of one place.
    """
    text = read_text(path)
    first = text.partition("\n")[0]
    reader = csv.DictReader(text.splitlines(), delimiter=max(",;\t", key=first.count), skipinitialspace=True)
    names = [str(name).strip().lower() for name in reader.fieldnames or ()]
    strange = [name for name in names if name not in _COLUMNS]
    if "image" not in names or strange:
        fix = suggest(strange[0], _COLUMNS).strip() if strange else None
        what = f"unknown column '{strange[0]}'" if strange else "no column 'image'"
        raise DataError(
            problem(what, file=path, expected=listing(_COLUMNS), found=listing(names), fix=fix or None)
        )
    reader.fieldnames = names
    places: dict[str, Place] = {}
    counted: dict[str, int] = {}
    for row in reader:
        line = reader.line_num
        values = {name: (value or "").strip() for name, value in row.items() if name in _COLUMNS}
        if not any(values.values()):
            continue
        try:
            _add_row(places, counted, values, path)
        except (ConfigError, DataError) as error:
            raise DataError(f"{path}, line {line}: {error}") from error
    if not places:
        raise DataError(problem("no row in the table", file=path))
    return _checked(places)


def _add_row(places: dict[str, Place], counted: dict[str, int], values: dict[str, str], path: Path) -> None:
    if not values["image"]:
        raise DataError(problem("no image", field="image"))
    name = values.get("fov", "")
    if name.count("/") == 2:
        well, _, name = name.rpartition("/")
        if values.get("well") and well_name(values["well"]) != well_name(well):
            raise DataError(problem("two wells", field="well", expected=well, found=values["well"]))
    else:
        well = values.get("well") or _WELL
    well = well_name(well)
    if not name and "fov" not in values:
        counted[well] = counted.get(well, -1) + 1
        name = str(counted[well])
    place = places.setdefault(f"{well}/{_position(name)}", Place(f"{well}/{name}"))
    for key in ("condition", "tracks"):
        given = values.get(key) or None
        new = path_in_file(given, path, key) if given and key == "tracks" else given
        old = getattr(place, key)
        if old is not None and new is not None and old != new:
            raise DataError(_two_of(place, key, old, new))
        setattr(place, key, new if new is not None else old)
    channel, series = values.get("channel") or None, values.get("series") or None
    if series is not None and not re.fullmatch(r"[0-9]{1,9}", series):
        raise DataError(
            problem("not a number", field="series", expected="0 for the first", found=series[:20])
        )
    number = None if series is None else int(series)
    if _PLACEHOLDER.search(values["image"]):
        found = list(_matches(path.parent, values["image"]))
        if not found:
            raise DataError(problem("no file matches the pattern", field="image", found=values["image"]))
        for file, of in found:
            numbers = {key: int(of[key]) for key in ("frame", "z") if key in of}
            place.parts.append(Part(file, of.get("channel", channel), image=number, **numbers))
    else:
        place.parts.append(Part(path_in_file(values["image"], path, "image"), channel, image=number))


def _two_of(place: Place, key: str, old: object, new: object) -> str:
    return problem(f"two of one field of view {place.fov}", field=key, expected=old, found=new)


def _checked(places: Mapping[str, Place]) -> list[Place]:
    """Refuse two files of one place, and series with missing files."""
    for place in places.values():
        seen: dict[tuple[str | None, int | None, int | None], Part] = {}
        for part in place.parts:
            other = seen.setdefault((part.channel, part.frame, part.z), part)
            if other is not part:
                raise DataError(
                    problem(
                        f"two images of one place: {place.fov} {part.place()}".rstrip(),
                        file=part.path,
                        expected="one",
                        found=f"{other.path} too",
                        fix="Name what differs: {position}, {channel}, {frame} or {z} in a pattern, "
                        "fov or channel in a table.",
                    )
                )
        _check_whole(place, seen)
    return list(places.values())


def _check_whole(place: Place, seen: Mapping[tuple[str | None, int | None, int | None], Part]) -> None:
    first = next(iter(seen))
    channels = list(dict.fromkeys(channel for channel, _, _ in seen))
    numbers = [list(dict.fromkeys(key[1] for key in seen)), list(dict.fromkeys(key[2] for key in seen))]
    if any(tuple(map(type, key)) != tuple(map(type, first)) for key in seen):
        what = f"{place.fov}: some of its images name their channel, frame or slice, others do not"
        raise DataError(problem(what, file=place.parts[0].path))
    frames, slices = [_span([value for value in values if value is not None]) for values in numbers]
    if len(channels) * len(frames) * len(slices) > 20 * len(place.parts):
        missing = [f"{len(frames)} frames of {len(slices)} slices, of which {len(seen)} files are there"]
    else:
        keys = ((c, t, z) for c in channels for t in frames for z in slices)
        missing = [Part(place.parts[0].path, *key).place() for key in keys if key not in seen]
    if missing:
        raise DataError(
            problem(
                f"{place.fov}: files are missing",
                file=place.parts[0].path.parent,
                expected="every frame, channel and slice",
                found=f"no file of {listing(missing, 5)}",
                fix="Add them, or convert only the frames before the gap.",
            )
        )


def _span(numbers: Sequence[int]) -> Sequence[int | None]:
    """Return all numbers from the first to the last; one that is none where there are none."""
    return range(min(numbers), max(numbers) + 1) if numbers else (None,)
