"""Answers anchor numbers with batches of pixels and metadata.

One class although it is long: drawing, reading and describing a batch share all that it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from dynaclr.base import keys
from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.fingerprint import fingerprint
from dynaclr.base.numbering import AnchorNumbers, TableRows
from dynaclr.base.random import FIXED_EPOCH, BatchKey, KeyedBatch, Purpose, number_uniforms, uniforms
from dynaclr.dataset.pairs import PairDraw, TauLaw, draw_pairs
from dynaclr.images import PatchReader, PatchRequest
from dynaclr.index import MultiExperimentIndex
from dynaclr.tracks import Relation


class MultiExperimentTripletDataset:
    """Anchors with positives (fit), or all observations (predict), a whole batch at a time.

    Parameters
    ----------
    index
        The observations.
    fit
        True: items are anchors, with positives. False: items are all observations whose pixels are
        stored.
    tau_range_hours
        Range of tau; None for the index's, and no wider than that.
    tau_decay_rate
        Decay of the law of tau; 0 is uniform.
    return_negative
        Whether a batch holds a negative too: an observation of another lineage, drawn uniformly.
    cache_pool_bytes
        Bytes of decoded chunks kept; 0 keeps as many as one batch shares.
    seed
        Seed for anchors that come without a key.

    Raises
    ------
    ConfigError
        If there is no anchor (fit), or the range of tau leaves anchors without a positive.
    """

    def __init__(
        self,
        index: MultiExperimentIndex,
        fit: bool = True,
        tau_range_hours: tuple[float, float] | None = None,
        tau_decay_rate: float = 2.0,
        return_negative: bool = False,
        cache_pool_bytes: int = 0,
        seed: int = 0,
    ) -> None:
        self.index, self.fit, self.seed = index, fit, int(seed)
        self.return_negative = return_negative
        self.law = TauLaw(self._tau_frames(tau_range_hours), float(tau_decay_rate))
        self.rows = index.anchor_rows if fit else np.flatnonzero(index.readable).astype(np.int32)
        if fit:
            index.require_anchors()
        if fit and tau_range_hours is not None:
            self._check_range(tau_range_hours)
        registry = index.registry
        maps = registry.channel_maps
        self.reader = PatchReader(
            index.fovs,
            registry.names,
            [list(maps[name].values()) for name in registry.names],
            index.z_range,
            index.yx_patch_size,
            zeros_for_missing=index.options.missing_chunks == "zeros",
            cache_bytes=cache_pool_bytes or 2**28,
            filling=index.norms if index.options.not_finite == "fill" else None,
        )
        self.norms = index.norms

    @cached_property
    def _labels(self) -> npt.NDArray[np.object_]:
        """Global track ids by track."""
        return self.index.track_labels()

    def _tau_frames(self, tau_range_hours: tuple[float, float] | None) -> npt.NDArray[np.int64]:
        index = self.index
        if tau_range_hours is None or index.relation is Relation.SELF:
            return index.tau_frames
        names = index.registry.names
        used = {entry.experiment for entry in index.fovs}
        limits = {code: index.registry.tau_range_frames(names[code], tau_range_hours) for code in used}
        return np.array([limits[entry.experiment] for entry in index.fovs], dtype=np.int64)

    def _check_range(self, tau_range_hours: tuple[float, float]) -> None:
        """Every anchor must keep a candidate inside a narrower range."""
        if np.array_equal(self.law.tau_frames, self.index.tau_frames):
            return
        table = self.index.table
        found = np.zeros(self.rows.size, dtype=bool)
        limits = self.law.tau_frames[table.fov_of(self.rows)]
        for step in range(int((limits[:, 1] - limits[:, 0]).max(initial=0)) + 1):
            offset = limits[:, 0] + step
            found |= (offset <= limits[:, 1]) & self.index.lookup.exists(self.rows, offset)
        if not found.all():
            raise ConfigError(
                problem(
                    f"{np.count_nonzero(~found)} anchors have no positive in this tau range",
                    field="tau_range_hours",
                    expected=f"the index's range {self.index.tau_range_hours}",
                    found=tuple(tau_range_hours),
                    fix="Use the same tau range for index and dataset.",
                )
            )

    def __len__(self) -> int:
        """Return the number of anchors (fit) or of observations (predict)."""
        return int(self.rows.size)

    def __getitem__(self, item: int) -> dict[str, Any]:
        """Return a batch of one anchor."""
        return self.__getitems__([item])

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Any]:
        """Return a batch.

        Parameters
        ----------
        indices
            Anchor numbers, those of rows of `valid_anchors` (fit), or numbers of the readable observations
            (predict). A `KeyedBatch` is drawn with its own key; plain lists with the seed and each number.

        Returns
        -------
        fit: anchor, positive (B, C, Z, Y, X) float32; anchor_norm_meta, positive_norm_meta
        {level: {statistic: (B, C)}} or None; anchor_meta, positive_meta {name: (B,) array}; key.
        predict: anchor, anchor_norm_meta, index (a list of one dict a row).

        Raises
        ------
        PixelReadError
            If pixels cannot be read.
        """
        if not self.fit:
            return self._predict_batch(self.rows_of(indices))
        return self.sample(indices, np.arange(len(indices)))

    def rows_of(self, anchors: Sequence[int] | AnchorNumbers) -> TableRows:
        """Return the rows of the index's table that anchor numbers stand for."""
        return TableRows(self.rows[np.asarray(anchors, dtype=np.int64)].astype(np.int64))

    def sample(self, anchors: Sequence[int], places: npt.NDArray[np.integer]) -> dict[str, Any]:
        """Return some samples of a batch of anchors, as `__getitems__` would at these places.

        Parameters
        ----------
        anchors
            Anchor numbers of the whole batch.
        places
            (b,) places in it; only their pixels are read.
        """
        draw = self.draw(anchors)
        parts = {keys.ANCHOR: draw.anchor[places], keys.POSITIVE: draw.positive[places]}
        if self.return_negative:
            parts[keys.NEGATIVE] = self._negatives(anchors, draw.anchor)[places]
        pixels = self._read(np.concatenate(list(parts.values())))
        batch: dict[str, Any] = {keys.BATCH_KEY: self.key_of(anchors)}
        for number, (name, rows) in enumerate(parts.items()):
            batch[name] = torch.from_numpy(pixels[number * rows.size : (number + 1) * rows.size])
            batch[keys.NORM_META_OF[name]] = self.norms.lookup(
                self.index.table.fov_of(rows), self.index.table.t[rows]
            )
            batch[keys.META_OF[name]] = self.meta(rows)
        batch[keys.POSITIVE_META] |= {
            "tau_frames": draw.tau_frames[places],
            "requested_frames": draw.requested_frames[places],
            "kin": draw.kin[places],
            "n_candidates": draw.n_candidates[places],
        }
        return batch

    @property
    def fingerprint(self) -> str:
        """A digest of all that positives and negatives are drawn from: rows, relatives, the law of tau."""
        index, table = self.index, self.index.table
        return fingerprint(
            *(index.positions, index.relation.value, self.fit, self.seed, self.return_negative),
            *(self.rows, index.usable, self.law.tau_frames, self.law.decay_rate),
            *(table.frame_key, table.track_id, table.track_fov, table.forest.parent, table.fov_first_frame),
        )

    def key_of(self, anchors: Sequence[int]) -> BatchKey:
        """Return the key of a batch; plain lists share one that never changes."""
        return anchors.key if isinstance(anchors, KeyedBatch) else BatchKey(self.seed, FIXED_EPOCH, 0)

    def draw(self, anchors: Sequence[int]) -> PairDraw:
        """Return the positives of a batch without reading pixels."""
        return self.draw_many([anchors])

    def draw_many(self, batches: Sequence[Sequence[int]]) -> PairDraw:
        """Return the positives of batches, one after another, as `draw` would of each; it is faster."""
        anchors = np.concatenate([np.asarray(batch, dtype=np.int64) for batch in batches])
        uniform = np.concatenate([self._pair_uniforms(batch) for batch in batches])
        return draw_pairs(self.index.lookup, self.law, self.rows_of(AnchorNumbers(anchors)), uniform)

    def _pair_uniforms(self, anchors: Sequence[int]) -> npt.NDArray[np.float64]:
        """Return uniforms for tau and candidate (B, 2)."""
        if not isinstance(anchors, KeyedBatch):
            return number_uniforms(self.seed, Purpose.TAU, np.asarray(anchors, dtype=np.int64), 2)
        purposes = (Purpose.TAU, Purpose.CANDIDATE)
        return np.concatenate([uniforms(anchors.key, part, len(anchors)) for part in purposes], axis=1)

    def _negatives(self, anchors: Sequence[int], rows: TableRows) -> TableRows:
        """Draw for each anchor the row of an anchor of another lineage, uniformly among all others."""
        if isinstance(anchors, KeyedBatch):
            uniform = uniforms(anchors.key, Purpose.NEGATIVE, rows.size)[:, 0]
        else:
            numbers = np.asarray(anchors, dtype=np.int64)
            uniform = number_uniforms(self.seed, Purpose.NEGATIVE, numbers)[:, 0]
        table = self.index.table
        by_root, roots = self._by_root
        own = table.forest.root[table.track[rows]]
        first, last = np.searchsorted(roots, own, side="left"), np.searchsorted(roots, own, side="right")
        others = by_root.size - (last - first)
        if not np.all(others > 0):
            raise ConfigError(
                problem("no anchor of another lineage to draw a negative from", field="return_negative")
            )
        place = np.minimum((uniform * others).astype(np.int64), others - 1)
        chosen = np.where(place >= first, place + last - first, place)
        return TableRows(by_root[chosen].astype(np.int64))

    @cached_property
    def _by_root(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Rows sorted by root, and their roots."""
        table = self.index.table
        root = table.forest.root[table.track[self.rows]]
        order = np.argsort(root, kind="stable")
        return self.rows[order], root[order]

    def _read(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        table = self.index.table
        y, x = self.index.corners(rows)
        return self.reader.read(PatchRequest(table.fov_of(rows), table.t[rows], y, x))

    def meta(self, rows: npt.NDArray[np.integer]) -> dict[str, npt.NDArray[Any]]:
        """Return what is known of table rows, as (B,) arrays of codes and numbers."""
        table, index = self.index.table, self.index
        fov, track = table.fov_of(rows), table.track[rows]
        y, x = index.corners(rows)
        return {
            "row": np.asarray(rows, dtype=np.int64),
            keys.EXPERIMENT: index.fov_experiment[fov],
            keys.CONDITION: index.fov_condition[fov],
            keys.WELL: index.fov_well[fov],
            "fov": fov,
            "track": track,
            "lineage": table.forest.root[track],
            keys.T: table.t[rows],
            keys.HOURS: index.hours(rows),
            "patch_y": y,
            "patch_x": x,
        }

    def _predict_batch(self, rows: npt.NDArray[np.integer]) -> dict[str, Any]:
        table = self.index.table
        return {
            keys.ANCHOR: torch.from_numpy(self._read(rows)),
            keys.ANCHOR_NORM_META: self.norms.lookup(table.fov_of(rows), table.t[rows]),
            keys.INDEX: self.identities(rows),
        }

    def identities(self, rows: npt.NDArray[np.integer]) -> list[dict[str, Any]]:
        """Return the identity of table rows, a dict a row, as `predict` writes them."""
        index, table = self.index, self.index.table
        hours = index.hours(rows)
        result = []
        for place, row in enumerate(np.asarray(rows).tolist()):
            track = int(table.track[row])
            entry = index.fovs[int(table.track_fov[track])]
            parent = int(table.forest.parent[track])
            known = {name: values[row].item() for name, values in table.extra.items()}
            known |= {
                keys.FOV_NAME: entry.layout.name,
                keys.TRACK_ID: int(table.track_id[track]),
                keys.T: int(table.t[row]),
                keys.PARENT_TRACK_ID: int(table.track_id[parent]) if parent >= 0 else keys.NO_PARENT,
                keys.Y: float(table.y[row]),
                keys.X: float(table.x[row]),
                keys.EXPERIMENT: index.registry.names[entry.experiment],
                keys.WELL: entry.layout.well,
                keys.CONDITION: entry.condition,
                keys.HOURS: float(hours[place]),
                keys.LINEAGE_ID: self._labels[int(table.forest.root[track])],
                keys.GLOBAL_TRACK_ID: self._labels[track],
            }
            result.append(known)
        return result
