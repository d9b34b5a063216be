"""State of the embedding view: map, colors, selected cells, neighbors; evented."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from dynaclr.base import keys
from dynaclr.embedding import Method, Space
from napari_dynaclr.state.atlas import Atlas, same_cells
from napari_dynaclr.state.embedding_colors import Colouring, by_name, by_number
from napari_dynaclr.state.project import Cell

__all__ = ("COLOUR_BY", "LAYOUTS", "EmbeddingModel", "Look", "Need", "Selecting")

COMPONENTS, GROUPS = "components", "groups"
_AXES = {"PCA 1": 0, "PCA 2": 1, "PCA 3": 2}
_PAIRS = {"PCA 1, 2": (0, 1), "PCA 1, 3": (0, 2), "PCA 2, 3": (1, 2)}
_MAP_AXES = {f"{method} {axis + 1}": (method, axis) for method in Method for axis in range(2)}
_COLUMNS = {"condition": keys.CONDITION, "experiment": keys.EXPERIMENT}
LAYOUTS = (*_PAIRS, *Method)
"""What the plot can show."""
COLOUR_BY = ("condition", "hours", "experiment", "cluster", "lineage", *_AXES, *_MAP_AXES)
"""What cells can be colored by."""
SELECTING = ("new", "add", "remove")
"""What an outline does to the cells that are selected already."""
Selecting = str
_NONE: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Look:
    """What a person has chosen.

    Attributes
    ----------
    layout
        One of `LAYOUTS`.
    colour_by
        One of `COLOUR_BY`.
    space
        Which vectors.
    groups
        How many clusters.
    neighbours
        How many neighbors of the selected cell.
    other_lineages
        Whether cells of its own lineage are left out.
    """

    layout: str = LAYOUTS[0]
    colour_by: str = COLOUR_BY[0]
    space: Space = Space.FEATURES
    groups: int = 6
    neighbours: int = 24
    other_lineages: bool = True


@dataclass(frozen=True, slots=True)
class Need:
    """Something that has to be computed: `COMPONENTS`, `GROUPS` or a method's map, of a space."""

    what: str
    space: Space
    groups: int = 0


class EmbeddingModel:
    """The embedding of a viewer and how it is displayed; kept while no dock shows it."""

    atlas_changed = Signal()
    """Another embedding, or its cells are found elsewhere."""
    look_changed = Signal()
    """Something else is chosen, or what is chosen has been computed."""
    selection_changed = Signal()

    def __init__(self) -> None:
        self.atlas: Atlas | None = None
        self.look = Look()
        self.about = ""
        self.selected: npt.NDArray[np.int64] = _NONE
        self._known: dict[Need, npt.NDArray[Any]] = {}
        self._colored: tuple[tuple[Any, ...], Colouring] | None = None

    def set_atlas(self, atlas: Atlas | None, about: str = "") -> None:
        """Look at another embedding, None for none; cells that it has too stay selected."""
        old, self.atlas = self.atlas, atlas
        if atlas is None or old is None or atlas.table is not old.table:
            self.about, self._known, self._colored = about, {}, None
            self.selected = _NONE if old is None or atlas is None else same_cells(old, self.selected, atlas)
        self.atlas_changed.emit()

    def choose(self, **changes: Any) -> None:
        """Change what is chosen: fields of `Look`."""
        look = replace(self.look, **changes)
        if look != self.look:
            self.look = look
            self.look_changed.emit()

    def _base(self) -> Need:
        return Need(COMPONENTS, self.look.space)

    def needs(self) -> tuple[Need, ...]:
        """Return what is still to be computed for what is chosen, in this order."""
        if self.atlas is None:
            return ()
        look, wanted = self.look, [self._base()]
        if look.colour_by == "cluster":
            wanted.append(Need(GROUPS, look.space, look.groups))
        for name in (look.layout, _MAP_AXES.get(look.colour_by, ("", 0))[0]):
            if name in list(Method):
                wanted.append(Need(str(name), look.space))
        return tuple(need for need in dict.fromkeys(wanted) if need not in self._known)

    def known(self, need: Need) -> npt.NDArray[Any] | None:
        """Return what was computed, None if it was not."""
        return self._known.get(need)

    def learn(self, atlas: Atlas, need: Need, values: npt.NDArray[Any]) -> None:
        """Take in what was computed of an embedding, unless another one is looked at by now."""
        if self.atlas is not None and self.atlas.table is atlas.table:
            self._known[need] = values
            self.look_changed.emit()

    @property
    def points(self) -> npt.NDArray[np.floating[Any]] | None:
        """Places (N, 2) of the cells in the plot; None while they are computed."""
        look = self.look
        if look.layout in _PAIRS:
            return self._columns(self._base(), _PAIRS[look.layout])
        return self._known.get(Need(look.layout, look.space))

    def _columns(self, need: Need, columns: tuple[int, ...]) -> npt.NDArray[np.floating[Any]] | None:
        """Return columns of what is known; 0 for those that there are none of."""
        values = self._known.get(need)
        if values is None:
            return None
        blank = np.zeros(len(values), dtype=values.dtype)
        parts = [values[:, k] if k < values.shape[1] else blank for k in columns]
        return np.column_stack(parts)

    @property
    def colouring(self) -> Colouring | None:
        """What the cells are colored by; None while it is computed."""
        look = self.look
        key = (look.colour_by, look.space, look.groups)
        if self.atlas is None:
            return None
        if self._colored is None or self._colored[0] != key:
            made = self._color(self.atlas, look)
            self._colored = None if made is None else (key, made)
        return None if self._colored is None else self._colored[1]

    def _color(self, atlas: Atlas, look: Look) -> Colouring | None:
        seen, name = atlas.table.observations, look.colour_by
        if name in _COLUMNS:
            labels = seen[_COLUMNS[name]].astype("category")
            return by_name(labels.cat.codes.to_numpy(), [str(item) for item in labels.cat.categories])
        if name == "hours":
            return by_number(seen[keys.HOURS].to_numpy(dtype=np.float64))
        if name == "lineage":
            return by_name(atlas.lineage)
        if name == "cluster":
            groups = self._known.get(Need(GROUPS, look.space, look.groups))
            return None if groups is None else _numbered(groups)
        if name in _AXES:
            column = self._columns(self._base(), (_AXES[name],))
        else:
            method, axis = _MAP_AXES[name]
            column = self._columns(Need(str(method), look.space), (axis,))
        return None if column is None else by_number(column[:, 0])

    def select(self, numbers: npt.NDArray[np.integer[Any]], how: Selecting = SELECTING[0]) -> None:
        """Select cells, add cells to those that are selected, or remove them."""
        if how == "add":
            numbers = np.union1d(self.selected, numbers)
        elif how == "remove":
            numbers = np.setdiff1d(self.selected, numbers)
        self.selected = np.asarray(np.unique(numbers), dtype=np.int64)
        self.selection_changed.emit()

    @property
    def selected_fovs(self) -> list[tuple[int, int]]:
        """FOV codes of the selected cells with their numbers, the largest number first."""
        if self.atlas is None:
            return []
        codes, counts = np.unique(self.atlas.fov[self.selected], return_counts=True)
        order = np.lexsort((codes, -counts))
        return [(int(codes[place]), int(counts[place])) for place in order]

    def walk(self, here: Cell | None, step: int) -> Cell | None:
        """Return the selected cell `step` after a cell, or the first; only those of the project count."""
        atlas = self.atlas
        if atlas is None:
            return None
        there = self.selected[atlas.row[self.selected] >= 0]
        if not there.size:
            return None
        now = atlas.number(here)
        place = np.flatnonzero(there == now) if now is not None else np.empty(0)
        number = there[(int(place[0]) + step) % there.size] if place.size else there[0]
        return atlas.cell(int(number))


def _numbered(groups: npt.NDArray[np.integer[Any]]) -> Colouring:
    sizes = np.bincount(groups)
    return by_name(groups, [f"{number + 1} ({size})" for number, size in enumerate(sizes.tolist())])
