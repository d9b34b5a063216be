"""Turns foreign recordings and arrays into plates, track files and experiments."""

from __future__ import annotations

from dynaclr.convert.arrays import ArrayOptions, convert_arrays
from dynaclr.convert.ctc import CtcOptions, convert_ctc
from dynaclr.convert.image_size import ImageSize
from dynaclr.convert.label_centers import label_rows
from dynaclr.convert.onto_plate import rows_and_graph, tracks_onto_arrays, tracks_onto_plate
from dynaclr.convert.preview import TracksPreview, preview_tracks
from dynaclr.convert.questions import Question, answered
from dynaclr.convert.report import ConversionReport
from dynaclr.convert.tracks import TracksReport, convert_tracks

__all__ = (
    "ArrayOptions",
    "ConversionReport",
    "CtcOptions",
    "ImageSize",
    "Question",
    "TracksPreview",
    "TracksReport",
    "answered",
    "convert_arrays",
    "convert_ctc",
    "convert_tracks",
    "label_rows",
    "preview_tracks",
    "rows_and_graph",
    "tracks_onto_arrays",
    "tracks_onto_plate",
)
