"""Pixels: stores opened and read in patches (B, C, Z, Y, X), statistics of them, plates written.

Knows no tracks.
"""

from __future__ import annotations

from dynaclr.images.focus import Focus, focus_of_many
from dynaclr.images.moments import Moments, data_box, frame_moments
from dynaclr.images.patches import PatchReader, PatchRequest
from dynaclr.images.plate_writer import PlateWriter, write_plate
from dynaclr.images.resampling import taps_of
from dynaclr.images.slices import Projection, Slices, window_around
from dynaclr.images.statistics import (
    NormTable,
    frames_not_finite,
    frames_padded,
    origin,
    sidecar_path,
    stored_statistics,
)
from dynaclr.images.statistics_files import (
    forget_partials,
    read_partial,
    store_partial,
    writable_folder,
    write_into_plate,
    write_sidecar,
)
from dynaclr.images.stores import (
    is_complete,
    make_context,
    open_array,
    read_stored,
    stored_pixels,
    unreadable,
)

__all__ = (
    "Focus",
    "Moments",
    "NormTable",
    "PatchReader",
    "PatchRequest",
    "PlateWriter",
    "Projection",
    "Slices",
    "data_box",
    "focus_of_many",
    "forget_partials",
    "frame_moments",
    "frames_not_finite",
    "frames_padded",
    "is_complete",
    "make_context",
    "open_array",
    "origin",
    "read_partial",
    "read_stored",
    "sidecar_path",
    "store_partial",
    "stored_pixels",
    "stored_statistics",
    "taps_of",
    "unreadable",
    "window_around",
    "writable_folder",
    "write_into_plate",
    "write_plate",
    "write_sidecar",
)
