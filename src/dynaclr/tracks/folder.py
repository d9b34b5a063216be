"""Finds the track file of each FOV below a root folder; does not open it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from dynaclr.base.errors import DataError, listing, problem
from dynaclr.base.paths import absolute_path
from dynaclr.experiment import Location
from dynaclr.tracks.readers import READERS
from dynaclr.tracks.sources.advice import conversion

_LOOKED_INTO = 20  # folders, and files of each, that a message tells of
_KINDS = " or ".join(READERS)


def find_track_files(root: Path, fov_names: Iterable[str], experiment: str | None) -> dict[str, Path | None]:
    """Return for each FOV its one track file, or None where there is none.

    Raises
    ------
    DataError
        If the root is missing or an FOV has more than one file.
    """
    names = list(fov_names)
    if not root.is_dir():
        raise DataError(
            problem(
                "tracks_path is not a folder",
                experiment=experiment,
                file=root,
                field="tracks_path",
                expected=f"<tracks_path>/<row>/<column>/<fov>/<any>{_KINDS}",
                found=f"nothing at {absolute_path(root)}" if not root.exists() else "a file",
                fix=conversion(root, names),
            )
        )
    files: dict[str, Path | None] = {}
    for name in names:
        found = sorted(path for path in (root / name).glob("*.*") if path.suffix in READERS)
        if len(found) > 1:
            raise DataError(
                problem(
                    "more than one track file",
                    experiment=experiment,
                    file=root / name,
                    row=name,
                    expected=f"exactly one, {_KINDS}",
                    found=listing(path.name for path in found),
                    fix="Keep the one to use.",
                )
            )
        files[name] = found[0] if found else None
    return files


def without_tracks(root: Path, fov_names: Sequence[str], plate: Location, experiment: str) -> str:
    """Return what to say where no FOV has a track file: what was looked for, what lies there, what to do."""
    places = [root, *(root / name for name in fov_names[:_LOOKED_INTO])]
    there = [item for place in places if place.is_dir() for item in sorted(place.iterdir())[:_LOOKED_INTO]]
    items = [item for item in there if not any(folder.is_relative_to(item) for folder in places)]
    names = [item.relative_to(root).as_posix() for item in items]
    commands = (conversion(item, fov_names, plate=plate, output=root) for item in items)
    general = f"--plate {shlex.quote(str(plate))} --output {shlex.quote(str(root))} --fov {fov_names[0]}"
    return problem(
        "no FOV has a track file",
        experiment=experiment,
        file=root,
        field="tracks_path",
        expected=f"<row>/<column>/<fov>/<any>{_KINDS}, for example {fov_names[0]}/tracks.csv",
        found=listing(names, 5) or "nothing",
        fix=next(
            filter(None, commands),
            f"This converts the tracks of another tool:  dynaclr convert tracks SOURCE {general}",
        ),
    )


def unused_track_files(root: Path, fov_names: Iterable[str]) -> list[str]:
    """Return the FOV names that have a track file but are not on the plate."""
    known = set(fov_names)
    there = [path for path in root.glob("*/*/*/*.*") if path.suffix in READERS]
    found = {path.parent.relative_to(root).as_posix() for path in there}
    return sorted(found - known)
