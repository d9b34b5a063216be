"""An experiments.yaml for plates that are there, with what only a person knows marked."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from dynaclr.base.errors import ConfigError, DataError, problem
from dynaclr.base.files import write_text_atomically
from dynaclr.experiment import Location, PlateLayout, read_plate
from dynaclr.experiment.config import FILL_IN
from dynaclr.tracks import find_track_files

_HEAD = f"""\
# Replace every {FILL_IN}; until then the file is refused.
experiments:
"""


def write_template(plates: Sequence[Location | str], output: Path) -> list[str]:
    """Write an experiments.yaml for plates; return what is to be filled in, a line each.

    Parameters
    ----------
    plates
        OME-Zarr plates or images, or their URLs, one experiment each.
    output
        The file; paths in it are relative to its folder where they lie below it.

    Raises
    ------
    DataError
        If the file is there already, or a plate cannot be read.
    ConfigError
        If two plates have one name.
    """
    if output.exists():
        fix = "Choose another file with --output, or remove it."
        raise DataError(problem("there is an experiments.yaml already", file=output, fix=fix))
    layouts = [read_plate(path) for path in plates]
    names = [_name(layout.path) for layout in layouts]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ConfigError(problem("two plates of one name", found=twice[0], fix="Write a file for each."))
    text, missing = _HEAD, []
    for name, layout in zip(names, layouts, strict=True):
        for key, value, comment in _fields(name, layout, output.parent):
            text += (
                f"{'  - ' if key == 'name' else '    '}{key}: {value}{f'  # {comment}' if comment else ''}\n"
            )
            if FILL_IN in value:
                missing.append(f"{name}: {key}: {comment}")
    output.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(output, text)
    return missing


def _name(plate: Location) -> str:
    text = "".join(
        letter if letter.isascii() and letter.isalnum() else "_" for letter in Path(plate.name).stem
    )
    return text or "experiment"


def _fields(name: str, layout: PlateLayout, folder: Path) -> Iterator[tuple[str, str, str]]:
    """Give name, value and comment of each field."""
    tracks = next(_track_folders(layout), None)
    channels = _flow(list(layout.channel_names))
    steps = sorted({round(fov.scale[0] / 60, 6) for fov in layout.fovs.values() if "t" in fov.calibrated})
    sizes = sorted({f"{fov.scale[-1]:g} um" for fov in layout.fovs.values() if "x" in fov.calibrated})
    yield (
        "name",
        _flow(name),
        f"{len(layout.fovs)} fields of view, pixels of {', '.join(sizes) or 'unknown size'}",
    )
    yield "data_path", _flow(_path(layout.path, folder)), ""
    if tracks is None:
        lies = f"none lies beside {layout.path.name}"
        told = f"<row>/<column>/<fov>/tracks.csv; convert tracks writes it, and {lies}"
        yield "tracks_path", FILL_IN, told
    else:
        yield "tracks_path", _flow(_path(tracks, folder)), ""
    named = all(fov.channels_named for fov in layout.fovs.values())
    yield "channel_names", channels, "" if named else "the plate has no names: give yours, in this order"
    yield "source_channel", channels, "keep those to train on; experiments are aligned by position"
    wells = _flow(list(layout.wells))
    yield (
        "condition_wells",
        f"{{{FILL_IN}: {wells}}}",
        "what was done to the cells: {control: [A/1], drug: [B/1]}",
    )
    if len(steps) == 1:
        yield "interval_minutes", f"{steps[0]:g}", "by the plate"
    else:
        told = (
            f"the plate has {', '.join(f'{step:g}' for step in steps)}" if steps else "the plate does not say"
        )
        yield "interval_minutes", FILL_IN, f"minutes between frames; {told}"
    yield "start_hpi", "0.0", "hours after infection or perturbation at frame 0"


def _track_folders(layout: PlateLayout) -> Iterator[Path]:
    """Give the folders beside a plate that hold track files of its fields of view."""
    if not isinstance(layout.path, Path):
        return
    beside = layout.path.parent
    likely = [beside / f"{layout.path.stem}{end}" for end in (".tracks", "_tracks", ".tracks.zarr")]
    for folder in (*likely, *sorted(beside.glob("*track*"))):
        with contextlib.suppress(DataError):  # none, or two files of one field of view: no folder to name
            if any(find_track_files(folder, layout.fovs, None).values()):
                yield folder


def _path(path: Location, folder: Path) -> str:
    inside = isinstance(path, Path) and path.is_relative_to(folder)
    return os.path.relpath(str(path), folder) if inside else str(path)


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), allow_unicode=True)
    return str(text).removesuffix("...\n").strip()
