"""What was found in a source of tracks, and what is wrong or open, in the words of the form."""

from __future__ import annotations

from dynaclr.convert import Question, TracksPreview
from napari_dynaclr.presentation.import_layers import TrackRows

_FIELDS = {
    "--pixel-size-um": "pixel",
    "--z-step-um": "unit",
    "--unit": "unit",
    "--time-step": "time_step",
    "--first-frame": "first_frame",
    "--column": "columns",
}
"""{option of the command line: field of the form that is that option}."""
_TITLES = {
    "--pixel-size-um": "Pixel",
    "--z-step-um": "the z step of the image",
    "--unit": "Unit",
    "--time-step": "Time step",
    "--first-frame": "First frame",
    "--column": "column",
}


def found_text(found: TracksPreview, drawn: TrackRows | None) -> str:
    """Return what was found, the notes before the counts of what was left out."""
    first, *others = found.lines()
    notes = found.counts.notes
    counts = [line for line in others[: len(others) - len(notes)] if not line.startswith("0 ")]
    lines = [f"{found.format}: {first}", *notes, *counts]
    if drawn is not None and drawn.drawn < drawn.tracks:
        lines.append(f"drawn: {drawn.drawn} of {drawn.tracks} tracks; all are written")
    return "\n".join(_without_file(line, found.source) for line in lines)


def question_fault(question: Question) -> tuple[str, str]:
    """Return the field where something is open, and what."""
    field = question.field if question.field in ("first_frame", "unit") else "columns"
    choices = " or ".join(f"{answer} ({means})" for answer, means in question.choices.items())
    if field == "columns":
        choices = " or ".join(question.choices)
    text = question.text[0].upper() + question.text[1:]
    return field, f"{text}. Choose {choices}."


def error_fault(text: str, source: object) -> tuple[str, str]:
    """Return the field that an error of reading is about, and the error with the names of the form."""
    field = next((field for option, field in _FIELDS.items() if option in text), "source")
    for option, title in _TITLES.items():
        text = text.replace(option, title)
    text = _without_file(text, source)
    return field, text[:1].upper() + text[1:]


def _without_file(text: str, source: object) -> str:
    """Return a text without the file that the form shows."""
    return text.replace(f"file {source}, ", "").replace(f"file {source}: ", "")
