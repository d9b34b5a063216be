"""Display settings of a store's channels from its metadata: names, colors, contrast, levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dynaclr.base import keys
from dynaclr.experiment import FovLayout, Location

_COLORS = ("gray", "green", "magenta", "cyan", "yellow", "red")


@dataclass(frozen=True, slots=True)
class ChannelDisplay:
    """What a layer of one channel starts with.

    Attributes
    ----------
    colormap
        napari's name of one, or "#rrggbb".
    contrast_limits
        From the store's display window, else from its statistics (1st to 99th percentile); None for
        neither.
    """

    colormap: str
    contrast_limits: tuple[float, float] | None


def channel_display(layout: FovLayout, channel: int, name: str, place: int) -> ChannelDisplay:
    """Return how a channel is shown.

    Parameters
    ----------
    layout
        The field of view.
    channel
        Its number in the store.
    name
        Its name in the store.
    place
        Its place among the layers, for a color where the store names none.
    """
    omero = layout.ome("omero")
    entries = omero.get("channels") if isinstance(omero, dict) else None
    stored = layout.stored_channel(channel)
    found = entries[stored] if isinstance(entries, list) and stored < len(entries) else {}
    entry: dict[str, Any] = found if isinstance(found, dict) else {}
    color = str(entry.get("color", "")).lstrip("#")
    named = len(color) == 6 and all(c in "0123456789abcdefABCDEF" for c in color)
    white = color.upper() == "FFFFFF"  # what writers put where nobody chose
    colormap = f"#{color}" if named and not white else _COLORS[place % len(_COLORS)]
    return ChannelDisplay(colormap, _window(entry) or _percentiles(layout, name))


def _window(entry: dict[str, Any]) -> tuple[float, float] | None:
    found = entry.get("window")
    window: dict[str, Any] = found if isinstance(found, dict) else {}
    start: Any = window.get("start")
    end: Any = window.get("end")
    if not all(isinstance(value, (int, float)) for value in (start, end)) or not start < end:
        return None
    return float(start), float(end)


def _percentiles(layout: FovLayout, name: str) -> tuple[float, float] | None:
    statistics = layout.attributes.get(keys.NORMALIZATION, {}).get(name, {}).get(keys.FOV_STATISTICS, {})
    low, high = statistics.get("p1"), statistics.get("p99")
    if not all(isinstance(value, (int, float)) for value in (low, high)) or not low < high:
        return None
    return float(low), float(high)


def level_paths(layout: FovLayout) -> list[Location]:
    """Return the folders of the levels of an FOV's pyramid, the finest first."""
    datasets = layout.ome("multiscales")[0]["datasets"]
    paths: list[Location] = [
        layout.path / str(item["path"]).strip("/") for item in datasets if "path" in item
    ]
    return paths if paths and paths[0] == layout.array_path else [layout.array_path]


def spatial_units(layout: FovLayout) -> str:
    """Return the unit of an FOV's scale: micrometres where the store says so, else pixels."""
    return "um" if "x" in layout.calibrated else "pixel"
