"""Turns foreign recordings and arrays into plates, track files and experiments."""

from __future__ import annotations

from dynaclr.convert.arrays import ArrayOptions, convert_arrays
from dynaclr.convert.ctc import CtcOptions, convert_ctc
from dynaclr.convert.image_places import Part, Place, by_pattern, by_table, single
from dynaclr.convert.image_size import ImageSize
from dynaclr.convert.images import ImageOptions, convert_images
from dynaclr.convert.onto_plate import rows_and_graph, tracks_onto_arrays, tracks_onto_plate
from dynaclr.convert.preview import TracksPreview, preview_tracks
from dynaclr.convert.questions import Question, answered
from dynaclr.convert.report import ConversionReport
from dynaclr.convert.template import write_template
from dynaclr.convert.track_rows import label_rows
from dynaclr.convert.tracks import TracksReport, convert_tracks

__all__ = (
    "ArrayOptions",
    "ConversionReport",
    "CtcOptions",
    "ImageOptions",
    "ImageSize",
    "Part",
    "Place",
    "Question",
    "TracksPreview",
    "TracksReport",
    "answered",
    "by_pattern",
    "by_table",
    "convert_arrays",
    "convert_ctc",
    "convert_images",
    "convert_tracks",
    "label_rows",
    "preview_tracks",
    "rows_and_graph",
    "single",
    "tracks_onto_arrays",
    "tracks_onto_plate",
    "write_template",
)
