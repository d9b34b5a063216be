"""Choices that the plugin remembers between sessions, in a small file of the user."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from dynaclr.base.files import read_json, write_json_atomically

RECENT = "recent"
"""Under which the paths of projects are remembered, the last one first."""
_MOST_RECENT = 8
_VARIABLE = "NAPARI_DYNACLR_STATE"


def _file() -> Path:
    told = os.environ.get(_VARIABLE)
    return Path(told) if told else user_config_path("napari-dynaclr") / "state.json"


def recall(name: str, default: Any) -> Any:
    """Return what was remembered under a name, if it is of the default's type."""
    value = read_json(_file()).get(name, default)
    return value if isinstance(value, type(default)) else default


def remember(name: str, value: Any) -> None:
    """Keep a plain value; a folder that cannot be written is no reason to stop."""
    file = _file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json_atomically(file, read_json(_file()) | {name: value})
    except OSError:
        return


def note_project(path: Path) -> list[str]:
    """Keep a project as the last one that was open; return the paths of all that are kept."""
    kept = [str(path), *(item for item in recall(RECENT, []) if item != str(path))][:_MOST_RECENT]
    remember(RECENT, kept)
    return kept


def project_folder() -> Path:
    """Return the folder of the project that was open last, the home folder if there is none."""
    kept = recall(RECENT, [])
    folder = Path(str(kept[0])).parent if kept else Path.home()
    return folder if folder.is_dir() else Path.home()


def forget() -> None:
    """Forget everything; a file that cannot be deleted is no reason to stop."""
    try:
        _file().unlink(missing_ok=True)
    except OSError:
        return
