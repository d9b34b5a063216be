"""Finds the track file of each FOV below a root folder; does not open it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dynaclr.base.errors import DataError, listing, problem
from dynaclr.base.paths import absolute_path
from dynaclr.tracks.readers import READERS

_KINDS = " or ".join(READERS)


def find_track_files(root: Path, fov_names: Iterable[str], experiment: str | None) -> dict[str, Path | None]:
    """Return for each FOV its one track file, or None where there is none.

    Raises
    ------
    DataError
        If the root is missing or an FOV has more than one file.
    """
    if not root.is_dir():
        raise DataError(
            problem(
                "tracks_path is not a folder",
                experiment=experiment,
                file=root,
                field="tracks_path",
                expected=f"<tracks_path>/<row>/<column>/<fov>/<any>{_KINDS}",
                found=f"nothing at {absolute_path(root)}" if not root.exists() else "a file",
            )
        )
    files: dict[str, Path | None] = {}
    for name in fov_names:
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


def unused_track_files(root: Path, fov_names: Iterable[str]) -> list[str]:
    """Return the FOV names that have a track file but are not on the plate."""
    known = set(fov_names)
    there = [path for path in root.glob("*/*/*/*.*") if path.suffix in READERS]
    found = {path.parent.relative_to(root).as_posix() for path in there}
    return sorted(found - known)
