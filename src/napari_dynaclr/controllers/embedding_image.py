"""Paints an embedding's colors and selection on the cells of the image, and takes a selection from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from napari_dynaclr.controllers.context import ImageContext
from napari_dynaclr.presentation.colors import CYCLE_ON_DARK
from napari_dynaclr.presentation.layers import embedding_points
from napari_dynaclr.state.embedding import EmbeddingModel

_FAINT = 0.15
_ROLE = "embedding"


class EmbeddingImage:
    """Connects the displayed embedding and the image.

    Parameters
    ----------
    context
        The image.
    model
        The embedding.
    later
        Runs a function when the window has nothing else to do.
    """

    def __init__(
        self, context: ImageContext, model: EmbeddingModel, later: Callable[[Callable[[], None]], None]
    ) -> None:
        self.context, self.model = context, model
        self._later, self._waiting = later, False
        self._painted: Any = None
        self._followed: Any = None
        self._marking, self._reading = False, False
        context.fov_changed.connect(lambda _: self._touch())
        model.atlas_changed.connect(self._touch)
        model.look_changed.connect(self._touch)
        model.selection_changed.connect(self._select)

    def _touch(self) -> None:
        """Paint soon, once for all that has changed by then."""
        if not self._waiting:
            self._waiting = True
            self._later(self._paint)

    def _paint(self) -> None:
        self._waiting = False
        if not self.context.layers.alive:
            return
        shown, index, atlas = self.context.shown, self.context.index, self.model.atlas
        coloring = self.model.colouring
        if shown is None or index is None:
            return
        if atlas is None or coloring is None:
            if atlas is None:
                self.context.layers.hide(_ROLE)
            return
        numbers = self._numbers()
        if not numbers.size:
            self.context.layers.hide(_ROLE)
            return
        look = self.model.look
        painted = (shown, index, atlas, look.colour_by, look.space, look.groups)
        if self._same(painted):
            return
        self._painted = painted
        seen = atlas.table.observations.iloc[numbers]
        features = {
            "number": numbers,
            "track_id": seen[keys.TRACK_ID].to_numpy(),
            "hours": seen[keys.HOURS].to_numpy(),
        }
        points = embedding_points(index, shown[1], seen, features, self._colors(numbers))
        self._marking = True  # napari selects nothing on a layer that gets other points
        try:
            self.context.layers.put(_ROLE, points)
        finally:
            self._marking = False
        self._mark(self._chosen(numbers))
        self._follow()

    def _follow(self) -> None:
        """Hear of what is selected on the layer by napari's own tools."""
        layer = self.context.layers.find(_ROLE)
        known = None if self._followed is None else self._followed()
        if layer is not None and layer is not known:
            self._followed = ref(layer)
            layer.selected_data.events.items_changed.connect(self._on_layer)

    def _on_layer(self) -> None:
        """Take the selection over soon, once for all that changes by then."""
        if not self._marking and not self._reading:
            self._reading = True
            self._later(self._take)

    def _take(self) -> None:
        """Select in the plot what a person has selected in the image."""
        self._reading = False
        layer = self.context.layers.find(_ROLE) if self.context.layers.alive else None
        if layer is None or self.model.atlas is None or not self.context.layers.shows(_ROLE):
            return
        shown = layer.features["number"].to_numpy()
        places = np.array(sorted(layer.selected_data), dtype=np.int64)
        numbers = shown[places[places < len(shown)]]
        if not np.array_equal(np.sort(numbers), np.intersect1d(self.model.selected, shown)):
            self.model.select(numbers)

    def _colors(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return colors (N, 4): if cells are selected the others are faint, as in the plot."""
        coloring, chosen = self.model.colouring, self._chosen(numbers)
        assert coloring is not None
        table = coloring.table(CYCLE_ON_DARK) / 255
        opacity = np.where(chosen, 1.0, _FAINT) if self.model.selected.size else np.ones(numbers.size)
        return np.column_stack([table[coloring.codes[numbers]], opacity])

    def _chosen(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        return np.isin(numbers, self.model.selected)

    def _same(self, painted: tuple[Any, ...]) -> bool:
        """Whether just this is painted already, on a layer that is still there."""
        before = self._painted
        return (
            before is not None
            and self.context.layers.shows(_ROLE)
            and all(a is b or a == b for a, b in zip(before[3:], painted[3:], strict=True))
            and before[0] == painted[0]
            and before[1] is painted[1]
            and before[2] is painted[2]
        )

    def _numbers(self) -> npt.NDArray[np.int64]:
        shown, index, atlas = self.context.shown, self.context.index, self.model.atlas
        assert shown is not None and index is not None and atlas is not None
        entry = index.fovs[shown[1]]
        return atlas.in_fov(index.registry.names[entry.experiment], entry.layout.name)

    def _select(self) -> None:
        """Select in the image what is selected of its field of view, if it is painted."""
        if self.context.shown is None or self.context.index is None or self.model.atlas is None:
            return
        numbers = self._numbers()
        if numbers.size and self.model.colouring is not None and self.context.layers.shows(_ROLE):
            self._mark(self._chosen(numbers), self._colors(numbers))

    def _mark(self, chosen: npt.NDArray[np.bool_], colours: npt.NDArray[np.float64] | None = None) -> None:
        """Select some of the cells that are painted, and color all (N, 4) if asked to."""
        layer = self.context.layers.find(_ROLE)
        if layer is None:
            return
        places = set(chosen.nonzero()[0].tolist())
        self._marking = True
        try:
            if colours is not None:
                layer.face_color = colours
            if places != set(layer.selected_data):
                layer.selected_data = places
        finally:
            self._marking = False
