"""The command that converts what a person has; reads no tracks."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from dynaclr.experiment import Location
from dynaclr.tracks.sources.reading import format_of


def conversion(
    source: Path, fov_names: Sequence[str] = (), *, plate: Location | None = None, output: Path | None = None
) -> str | None:
    """Return what to do with a file or folder that is no track file, None if it holds no tracks.

    Parameters
    ----------
    source
        What was found.
    fov_names
        Fields of view that it may belong to; the first is named.
    plate, output
        The plate, and the folder of track files, as far as they are known.
    """
    name = format_of(source) if source.exists() else None
    if name is None:
        return None
    target = output if output is not None else source.with_name(f"{source.name}.tracks")
    parts = ["dynaclr convert tracks", shlex.quote(str(source)), "--output", shlex.quote(str(target))]
    parts += ["--plate", shlex.quote(str(plate))] if plate is not None else []
    parts += ["--fov", fov_names[0]] if fov_names else []
    return f"{source.name} holds tracks ({name}); this converts them:  {' '.join(parts)}"
