"""Turns foreign recordings and arrays into plates, track files and experiments."""

from __future__ import annotations

from dynaclr.convert.arrays import ArrayOptions, convert_arrays
from dynaclr.convert.ctc import CtcOptions, convert_ctc
from dynaclr.convert.image_places import Part, Place, by_pattern, by_table, single
from dynaclr.convert.images import ImageOptions, convert_images
from dynaclr.convert.report import ConversionReport
from dynaclr.convert.template import write_template
from dynaclr.convert.track_rows import label_rows
from dynaclr.convert.tracks import TracksReport, convert_tracks

__all__ = (
    "ArrayOptions",
    "ConversionReport",
    "CtcOptions",
    "ImageOptions",
    "Part",
    "Place",
    "TracksReport",
    "by_pattern",
    "by_table",
    "convert_arrays",
    "convert_ctc",
    "convert_images",
    "convert_tracks",
    "label_rows",
    "single",
    "write_template",
)
