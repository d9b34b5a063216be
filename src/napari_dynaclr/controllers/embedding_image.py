"""Paints an embedding's colours and selection on the cells of the image; computes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from dynaclr import keys
from napari_dynaclr.colours import CYCLE_ON_DARK
from napari_dynaclr.controllers.context import ImageContext
from napari_dynaclr.layers import embedding_points
from napari_dynaclr.models.embedding import EmbeddingModel

__all__ = ("EmbeddingImage",)

_FAINT = 0.15
_ROLE = "embedding"


class EmbeddingImage:
    """Between the embedding that is looked at and the image.

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
        if not self.context.alive:
            return
        shown, index, atlas = self.context.shown, self.context.index, self.model.atlas
        colouring = self.model.colouring
        if shown is None or index is None:
            return
        if atlas is None or colouring is None:
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
        points = embedding_points(index, shown[1], seen, features, self._colours(numbers))
        self.context.layers.put(_ROLE, points)
        self._mark(self._chosen(numbers))

    def _colours(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return colours (N, 4): if cells are selected the others are faint, as in the plot."""
        colouring, chosen = self.model.colouring, self._chosen(numbers)
        assert colouring is not None
        table = colouring.table(CYCLE_ON_DARK) / 255
        opacity = np.where(chosen, 1.0, _FAINT) if self.model.selected.size else np.ones(numbers.size)
        return np.column_stack([table[colouring.codes[numbers]], opacity])

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
            self._mark(self._chosen(numbers), self._colours(numbers))

    def _mark(self, chosen: npt.NDArray[np.bool_], colours: npt.NDArray[np.float64] | None = None) -> None:
        """Select some of the cells that are painted, and colour all (N, 4) if asked to."""
        layer = self.context.layers.find(_ROLE)
        if layer is None:
            return
        if colours is not None:
            layer.face_color = colours
        places = set(chosen.nonzero()[0].tolist())
        if places != set(layer.selected_data):
            layer.selected_data = places
