"""Writes the manifest that napari reads: docks, commands and preferences follow from the tables of actions.

`python -m napari_dynaclr.shell.manifest` writes it anew, in the package and at the top of the sources.
"""

from pathlib import Path
from typing import Any

import yaml

from napari_dynaclr.keys.key import KeyAction
from napari_dynaclr.keys.tables import KEYS, TABLES, KeyTable
from napari_dynaclr.shell.docks import DOCKS

__all__ = ("PLACES", "manifest_text")

_PLUGIN = "napari-dynaclr"
_HEAD = "# Written from the tables of actions by `python -m napari_dynaclr.shell.manifest`: change those.\n"
_PACKAGE = Path(__file__).parents[1]
PLACES = (_PACKAGE / "napari.yaml", _PACKAGE.parents[1] / "napari.yaml")
"""Where the manifest lies: npe2 wants it in the package, people look for it at the top of the sources."""


def manifest_text() -> str:
    """Return the manifest as YAML."""
    keys = list(KEYS)
    content = {
        "name": _PLUGIN,
        "display_name": "DynaCLR",
        "icon": "napari_dynaclr:icon.png",
        "categories": ["Annotation", "Dataset", "Visualization", "Measurement"],
        "schema_version": "0.2.1",
        "contributions": {
            "commands": _commands(),
            "readers": [
                {
                    "command": f"{_PLUGIN}.open",
                    "accepts_directories": True,
                    "filename_patterns": ["*.yaml", "*.yml", "dynaclr://*"],
                }
            ],
            "widgets": [
                {"command": f"{_PLUGIN}.{dock.command}", "display_name": name} for name, dock in DOCKS.items()
            ],
            "sample_data": [
                {
                    "key": "synthetic",
                    "display_name": "Synthetic cells, two experiments with divisions",
                    "uri": "dynaclr://sample/synthetic-cells",
                    "reader_plugin": _PLUGIN,
                }
            ],
            "configurations": {
                "curation": {"title": "Curation", "properties": {"author": _AUTHOR}},
                **{section: _preferences(table, keys) for section, table in TABLES.items()},
            },
        },
    }
    return _HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


_AUTHOR = {
    "type": "string",
    "default": "",
    "title": "Annotator",
    "description": "Stored with every mark that you make; blank uses your login name.",
}


def _commands() -> list[dict[str, str]]:
    commands = [
        _command(dock.command, name.lower(), f"docks:{dock.__name__}") for name, dock in DOCKS.items()
    ]
    commands += [
        _command("sample", "synthetic cells", "plugin:synthetic_cells"),
        _command("open", "open a training, a list of experiments or a run folder", "plugin:open_reader"),
    ]
    for dock in map(str.lower, DOCKS):
        commands.append(
            _command(f"show_{dock}", f"show {dock}, with the keyboard focus", f"commands:show_{dock}")
        )
    for table in TABLES.values():
        for name, action in table.commands.items():
            title = f"{table.dock.lower()}: {action.tooltip[0].lower()}{action.tooltip[1:]}"
            commands.append(_command(name, title, f"commands:{name}"))
    reset = "reset keyboard shortcuts and remembered choices to the defaults"
    return [*commands, _command("reset_choices", reset, "commands:reset_choices")]


def _command(name: str, title: str, place: str) -> dict[str, str]:
    """Return a command that is in a module of this room."""
    return {
        "id": f"{_PLUGIN}.{name}",
        "title": f"DynaCLR: {title}",
        "python_name": f"napari_dynaclr.shell.{place}",
    }


def _preferences(table: KeyTable, keys: list[str]) -> dict[str, Any]:
    """Return the section in which the keys of a view can be chosen."""
    return {
        "title": f"Keyboard shortcuts of the {table.view}",
        "properties": {str(action.name): _choice(action, keys) for action in table.actions},
    }


def _choice(action: KeyAction, keys: list[str]) -> dict[str, Any]:
    return {
        "type": "string",
        "default": action.shortcut,
        "title": str(action.name).replace("_", " ").capitalize(),
        "description": action.tooltip,
        "enum": keys,
    }


if __name__ == "__main__":
    for place in PLACES:
        place.unlink(missing_ok=True)  # a link would be written through
        place.write_text(manifest_text(), encoding="utf-8", newline="\n")
