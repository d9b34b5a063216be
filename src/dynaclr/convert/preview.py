"""One source of tracks as it would be written over an image: rows, report, questions; writes nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dynaclr.base import keys
from dynaclr.base.errors import DataError, problem
from dynaclr.convert.image_size import ImageSize
from dynaclr.convert.questions import UNIT, Question, answered, questions_of
from dynaclr.experiment.ngff import same as same_size
from dynaclr.tracks import TrackPolicy, build_forest, check_tracks, track_parents
from dynaclr.tracks.graph import Columns, LinkCounts
from dynaclr.tracks.lineage import CycleError
from dynaclr.tracks.sources import Found, SourceOptions, read_source, tracks_of, unit_um

Ask = Callable[[Question], str]
"""Returns the answer to a question."""
_ENDLESS = 2**62
_SAME_EXTENT = 0.02  # how far two statements of the extent of an image may be apart


@dataclass(frozen=True, slots=True)
class TracksPreview:
    """Tracks of one source in frames and pixels of the image.

    Attributes
    ----------
    source, format
        The file or folder, and what it was recognized as.
    columns
        Of the track file, sorted by track and frame.
    counts
        What was found and left out.
    options
        With what was asked and compared.
    names
        {name here: column of the file} of a table.
    questions
        What is still to be told.
    fault
        Why it cannot be written; empty if it can.
    """

    source: Path
    format: str
    columns: Columns
    counts: LinkCounts
    options: SourceOptions
    names: dict[str, str] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()
    fault: str = ""

    def lines(self) -> list[str]:
        """Return what was found, as a person reads it."""
        counts = self.counts
        return [
            f"{counts.observations} observations, {counts.tracks} tracks, {counts.divisions} divisions",
            f"{counts.merges} merges (after each a track without parent begins)",
            f"{counts.skipped_frames} links over missing frames (the track has a gap there)",
            f"{counts.unlinked} spots without a track, left out",
            f"{counts.interpolated} interpolated points, left out",
            *counts.notes,
        ]

    def check(self) -> None:
        """Refuse what is wrong or open.

        Raises
        ------
        DataError
            With what is wrong, or the first question and the options that answer it.
        """
        for question in self.questions:
            if question.open:
                raise DataError(
                    problem(question.text, file=self.source, field=question.field, fix=question.fix)
                )
        if self.fault:
            raise DataError(self.fault)


def preview_tracks(
    source: Path,
    options: SourceOptions,
    image: ImageSize | None = None,
    *,
    fov: str = "",
    ask: Ask | None = None,
    read: Callable[[Path, SourceOptions], Found] = read_source,
) -> TracksPreview:
    """Read a source as the options say.

    Parameters
    ----------
    source
        File or folder, of any of `dynaclr.tracks.sources.FORMATS`.
    options
        What the source does not say.
    image
        What the tracks belong to: its frames, size and pixels are compared; None if it is not known.
    fov
        Name of the field of view, for messages.
    ask
        Answers what is open; None leaves it in `TracksPreview.questions`.
    read
        Reads the source.

    Raises
    ------
    DataError
        If it cannot be read, or not be brought into frames and pixels.
    ConfigError
        If an answer is none.
    """
    while True:
        found = read(source, options)
        scaled = options if image is None else _held_against(found, options, image, source)
        columns = tracks_of(found, scaled, source)
        questions = questions_of(found, columns, options, image)
        if ask is None or not questions:
            break
        changed = answered(options, questions[0], ask(questions[0]))
        if changed == options:  # what was guessed is right
            changed = dataclasses.replace(options, columns={**found.names, **options.columns})
        options = changed
    for question in questions:
        if question.field == UNIT and not question.open:
            found.counts.notes.append(f"{question.text}; taken as {question.likely}s. {question.fix}")
    fault = _fault(columns, found, image, fov, source)
    return TracksPreview(
        source, found.format, columns, found.counts, scaled, found.names, tuple(questions), fault
    )


def _held_against(found: Found, options: SourceOptions, image: ImageSize, source: Path) -> SourceOptions:
    """Return the options with the size of a pixel that fits the image; what differs is noted."""
    counts, (frames, _, _, height, width) = found.counts, image.shape
    own, unit = found.image, unit_um(options.unit or found.unit, source)
    if own.get(keys.T, frames) != frames:
        counts.notes.append(f"frames: {own[keys.T]} by the source, {frames} on the {image.what}")
    size = (own.get(keys.Y), own.get(keys.X))
    same = size == (height, width) or None in size
    if unit is None or options.pixel_size_um is not None:
        if unit is None and not same:
            what = f"image: {size[0]} x {size[1]} px by the source, {height} x {width} on the {image.what}"
            counts.notes.append(what)
        return options
    of_image = image.pixel_um
    if found.pixel is None:
        if not of_image:
            return options
        counts.notes.append(f"pixel size: {of_image:g} um, of the {image.what}")
        return dataclasses.replace(options, pixel_size_um=of_image)
    of_source = found.pixel[-1] * unit
    if same:
        if of_image and not same_size(of_source, of_image):
            statement = f"pixel size: {of_source:.4g} um by the source, {of_image:.4g} um on the {image.what}"
            counts.notes.append(f"{statement}; that of the source was used, its coordinates are in it")
        return options
    px_of = f" of {of_image:.4g} um" if of_image else ""
    statement = (
        f"image: {size[0]} x {size[1]} px of {of_source:.4g} um by the source, "
        f"{height} x {width} px{px_of} on the {image.what}"
    )
    wanted = [own[keys.Y] * of_source / height, own[keys.X] * of_source / width]  # if it is the same field
    if of_image and all(abs(one - of_image) <= _SAME_EXTENT * of_image for one in wanted):
        counts.notes.append(f"{statement}: of the same extent; the {image.what}'s pixels were used")
        return dataclasses.replace(options, pixel_size_um=of_image)
    fix = f"Give --pixel-size-um, the size of a pixel of the {image.what} in the micrometers of the source"
    alike = abs(wanted[0] - wanted[1]) <= _SAME_EXTENT * wanted[0]
    fix += f"; {wanted[1]:.4g} if both show the same field." if alike else "."
    raise DataError(
        problem(f"source and {image.what} are of different images", file=source, found=statement, fix=fix)
    )


def _fault(columns: Columns, found: Found, image: ImageSize | None, fov: str, source: Path) -> str:
    """Hold what would be written against the checks of reading; return what is wrong."""
    shape = (_ENDLESS, 1, 1, _ENDLESS, _ENDLESS) if image is None else image.shape
    if not columns[keys.T].size:
        return problem("no tracks", file=source, found=f"{found.counts.unlinked} spots without a track")
    try:
        kept, counts = check_tracks(
            columns,
            experiment=None,
            fov=fov,
            path=source,
            shape=shape,
            policy=TrackPolicy(),
        )
        track_id, parent, _ = track_parents(kept, counts, experiment=None, path=source)
        build_forest(parent)
    except CycleError as error:
        cycle = " -> ".join(str(track_id[member]) for member in error.members[:20])
        return problem("tracks are their own ancestors (cycle)", file=source, found=cycle)
    except DataError as error:
        return f"{error} Rows are those of the converted table."
    found.counts.notes += [text for text in counts.warnings if text not in found.counts.notes]
    return ""
