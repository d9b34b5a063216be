"""What a source of tracks leaves open: asked, never guessed in silence."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from dynaclr.base import keys
from dynaclr.base.errors import ConfigError, listing, problem
from dynaclr.convert.image_size import ImageSize
from dynaclr.tracks.graph import Columns
from dynaclr.tracks.sources import Found, SourceOptions, unit_um

COLUMNS, FIRST_FRAME, UNIT = "columns", "first_frame", "unit"
"""Fields of questions; the others are names of columns."""
_OPTIONS = {FIRST_FRAME: "--first-frame", UNIT: "--unit"}


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that only a person can tell.

    Attributes
    ----------
    field
        "columns" (are they rightly guessed?), "first_frame", "unit", or the name of a column that several
        of the file could be.
    text
        What is open.
    choices
        {answer: what it means}.
    likely
        The answer that fits best; None for none.
    open
        Whether nothing can be written before it is answered.
    """

    field: str
    text: str
    choices: dict[str, str]
    likely: str | None = None
    open: bool = True

    @property
    def fix(self) -> str:
        """The options of the command line that answer it."""
        if self.field == COLUMNS:
            ways = ["--column NAME=COLUMN for each"]
        elif self.field in _OPTIONS:
            ways = [f"{_OPTIONS[self.field]} {answer} ({means})" for answer, means in self.choices.items()]
        else:
            ways = [f"--column {self.field}={answer}" for answer in self.choices]
        return f"Give {' or '.join(ways)}."


def answered(options: SourceOptions, question: Question, answer: str) -> SourceOptions:
    """Return the options with an answer.

    Raises
    ------
    ConfigError
        If the answer is none of the choices; for columns, if it is not of the form NAME=COLUMN.
    """
    if question.field == COLUMNS and "=" in answer:
        pairs = [item.partition("=") for item in answer.split(",")]
        given = {name.strip(): column.strip() for name, _, column in pairs}
        return dataclasses.replace(options, columns={**options.columns, **given})
    if answer not in question.choices:
        expected = listing(question.choices)
        raise ConfigError(problem("no such answer", field=question.field, expected=expected, found=answer))
    if question.field == COLUMNS:
        return options
    if question.field == FIRST_FRAME:
        return dataclasses.replace(options, first_frame=int(answer))
    if question.field == UNIT:
        return dataclasses.replace(options, unit=answer)
    return dataclasses.replace(options, columns={**options.columns, question.field: answer})


def questions_of(
    found: Found, columns: Columns, options: SourceOptions, image: ImageSize | None
) -> list[Question]:
    """Return what a source leaves open.

    Parameters
    ----------
    found
        The source as it is read.
    columns
        Its tracks in frames and pixels as the options say.
    options
        What was said already.
    image
        The image that the tracks belong to; None if it is not known.
    """
    asked = [_which(here, names) for here, names in found.could_be.items() if here not in options.columns]
    guessed = {here: name for here, name in found.names.items() if here != name}
    if guessed and not set(guessed) <= set(options.columns):
        text = listing(f"{here} = {name}" for here, name in found.names.items())
        question = Question(COLUMNS, f"columns by their names: {text}", {"yes": "right"}, "yes", open=False)
        asked.append(question)
    if columns[keys.T].size:
        asked += [*_frames(found, columns, options, image), *_units(found, columns, options, image)]
    return asked


def _which(here: str, names: tuple[str, ...]) -> Question:
    text = f"{len(names)} columns can be {here}: {listing(names)}"
    return Question(here, text, {name: f"column {name}" for name in names}, names[0])


def _frames(
    found: Found, columns: Columns, options: SourceOptions, image: ImageSize | None
) -> list[Question]:
    t = columns[keys.T]
    if options.first_frame is not None or not t.min():
        return []
    choices = {"0": "frames count from 0: the first one has no cells", "1": "frames count from 1"}
    if image is not None and int(t.max()) == image.shape[0]:
        text = f"frames go to {image.shape[0]}, and the image has {image.shape[0]}"
        return [Question(FIRST_FRAME, text, {"1": choices["1"]}, "1")]
    if int(t.min()) != 1 or not found.names:  # other formats say how they count
        return []
    return [Question(FIRST_FRAME, "the first frame in the file is 1", choices)]


def _units(found: Found, columns: Columns, options: SourceOptions, image: ImageSize | None) -> list[Question]:
    ours = all(found.names.get(name) == name for name in keys.REQUIRED_TRACK_COLUMNS)  # pixels, as documented
    said = options.unit is not None or unit_um(found.unit, "") is not None
    if ours or said or not found.names or image is None:
        return []
    pixel, (height, width) = image.pixel_um, image.shape[-2:]
    if not 0 < pixel < 1:  # larger micrometers than pixels do not fit the image, and are refused
        return []
    last_y, last_x = (float(np.nanmax(columns[axis])) for axis in (keys.Y, keys.X))
    if last_y > (height - 0.5) * pixel or last_x > (width - 0.5) * pixel:
        return []
    text = (
        f"positions up to y {last_y:g}, x {last_x:g} fit an image of {height} x {width} px of {pixel:g} um "
        "both as pixels and as micrometers"
    )
    choices = {"pixel": "they are pixels", "um": "they are micrometers"}
    if found.names.get(keys.Y) == keys.Y and found.names.get(keys.X) == keys.X:
        return [Question(UNIT, text, choices, "pixel", open=False)]
    return [Question(UNIT, text, choices)]
