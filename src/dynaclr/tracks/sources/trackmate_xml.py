"""TrackMate's XML, packed by gzip or not: spots in calibrated units, links, tracks that passed the filters.

Read by the standard library in one pass: files hold hundreds of features and outlines a spot, of which four
are needed, and line numbers can be told where a file is damaged.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from dynaclr.base import keys
from dynaclr.base.errors import DataError, problem
from dynaclr.tracks.graph import LinkCounts
from dynaclr.tracks.sources.found import Found, SourceOptions


def recognizes(_path: Path, head: bytes) -> bool:
    """Return whether the root of an XML is TrackMate's."""
    return b"<TrackMate" in head


@dataclass(slots=True)
class _Parts:
    """What is taken from the file while it passes by."""

    spots: dict[int, tuple[int, float, float, float]] = field(default_factory=dict)  # id: t, z, y, x
    links: dict[str, list[tuple[int, int]]] = field(default_factory=dict)  # by TRACK_ID
    passed: set[str] | None = None
    unit: str = ""
    image: dict[str, str] = field(default_factory=dict)
    track: str = ""


def read(path: Path, _options: SourceOptions) -> Found:
    """Return the spots of the tracks that passed TrackMate's filters, and their links."""
    parts = _parse(path)
    counts = LinkCounts()
    kept = parts.links
    if parts.passed is None:
        counts.notes.append("no FilteredTracks in the file: all tracks are used")
    else:
        kept = {track: links for track, links in parts.links.items() if track in parts.passed}
        filtered = len(parts.links) - len(kept)
        if filtered:
            counts.notes.append(f"{filtered} tracks did not pass TrackMate's filters, left out")
    edges = np.array([link for links in kept.values() for link in links], dtype=np.int64).reshape(-1, 2)
    used = [number for number in dict.fromkeys(edges.ravel().tolist()) if number in parts.spots]
    if not used:
        found = f"{len(parts.spots)} spots, {len(parts.links)} tracks, {len(kept)} of them filtered tracks"
        fix = "Track in TrackMate, then save again."
        raise DataError(problem("no tracks", file=path, field="FilteredTracks", found=found, fix=fix))
    counts.unlinked = len(parts.spots) - len(used)
    places = np.array([parts.spots[number][1:] for number in used], dtype=np.float64)
    columns = {
        keys.ID: np.array(used, dtype=np.int64),
        keys.T: np.array([parts.spots[number][0] for number in used], dtype=np.int64),
        keys.Z: places[:, 0],
        keys.Y: places[:, 1],
        keys.X: places[:, 2],
    }
    sizes = {keys.T: "nframes", keys.Z: "nslices", keys.Y: "height", keys.X: "width"}
    image = {
        axis: int(parts.image[name]) for axis, name in sizes.items() if parts.image.get(name, "0") != "0"
    }
    pixel = None
    if {"pixelwidth", "pixelheight"} <= set(parts.image):
        depth = float(parts.image.get("voxeldepth", 1))
        pixel = (depth, float(parts.image["pixelheight"]), float(parts.image["pixelwidth"]))
    return Found(columns, counts, edges, parts.unit, pixel, image)


def _parse(path: Path) -> _Parts:
    parts = _Parts()
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if packed else path.open("rb") as content:
            for event, element in ElementTree.iterparse(content, events=("start", "end")):
                if event == "start":
                    if element.tag in _AT:
                        _AT[element.tag](parts, element)
                else:
                    element.clear()
    except ElementTree.ParseError as error:
        line, column = error.position
        what = f"damaged XML: {error.msg.partition(':')[0]}"
        fix = "Save it from TrackMate again."
        raise DataError(problem(what, file=path, row=f"{line}, column {column}", fix=fix)) from error
    except (KeyError, ValueError, OverflowError) as error:
        what = f"damaged element {element.tag}: {type(error).__name__} {error}"
        raise DataError(problem(what, file=path, found=dict(list(element.attrib.items())[:8]))) from error
    return parts


def _spot(parts: _Parts, element: Any) -> None:
    values = element.attrib
    y, x = float(values["POSITION_Y"]), float(values["POSITION_X"])
    z = float(values.get("POSITION_Z", 0))
    identity = int(values["ID"])
    if identity in parts.spots:
        raise ValueError("ID given twice")
    parts.spots[identity] = (int(float(values["FRAME"])), z, y, x)


def _edge(parts: _Parts, element: Any) -> None:
    ends = int(element.attrib["SPOT_SOURCE_ID"]), int(element.attrib["SPOT_TARGET_ID"])
    parts.links[parts.track].append(ends)


def _track(parts: _Parts, element: Any) -> None:
    parts.track = element.attrib["TRACK_ID"]
    parts.links.setdefault(parts.track, [])


def _passed(parts: _Parts, _element: Any) -> None:
    parts.passed = set()


def _passes(parts: _Parts, element: Any) -> None:
    if parts.passed is not None:
        parts.passed.add(element.attrib["TRACK_ID"])


def _model(parts: _Parts, element: Any) -> None:
    parts.unit = element.attrib.get("spatialunits", "")


def _image(parts: _Parts, element: Any) -> None:
    parts.image = dict(element.attrib)


_AT: dict[str, Callable[[_Parts, Any], None]] = {
    "Model": _model,
    "Spot": _spot,
    "Track": _track,
    "Edge": _edge,
    "FilteredTracks": _passed,
    "TrackID": _passes,
    "ImageData": _image,
}
