"""Shows what training will see: batches and single pairs, drawn, read and prepared by the pipeline itself.

Composes calls of `Pipeline`; draws, reads and transforms nothing of its own.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from dynaclr.base import keys
from dynaclr.base.fingerprint import batch_digest
from dynaclr.base.numbering import AnchorNumber
from dynaclr.base.random import KeyedBatch
from dynaclr.composition import Composition, Intensities, Pool, compose_epochs
from dynaclr.dataset import Candidates, PairDraw, candidates_of
from dynaclr.pipeline.pipeline import Pipeline
from dynaclr.pipeline.preparation import Stage
from dynaclr.pipeline.row_patches import measure_intensities
from dynaclr.transforms import Places

Images = npt.NDArray[np.float32]


class Sight(StrEnum):
    """How far a patch is on its way to the network; see `View`."""

    RAW = "raw"
    NORMALIZED = "normalized"
    SEEN = "seen"


@dataclass(frozen=True, slots=True)
class View:
    """A patch on its way to the network, each (C, Z, Y, X).

    Attributes
    ----------
    raw
        As read.
    normalized
        With the statistics of its own store, FOV and frame.
    seen
        As the network gets it: augmented with the batch's key, cropped, channels dropped.
    """

    raw: Images
    normalized: Images
    seen: Images


@dataclass(frozen=True, slots=True)
class Pair:
    """One pair of a batch.

    Attributes
    ----------
    batch
        Anchor numbers of the whole batch, with its key.
    place
        Place of the pair in it.
    anchor, positive
        Their patches.
    anchor_meta, positive_meta
        What is known of them, by name.
    candidates
        All that could have been the positive.
    """

    batch: KeyedBatch
    place: int
    anchor: View
    positive: View
    anchor_meta: dict[str, Any]
    positive_meta: dict[str, Any]
    candidates: Candidates


@dataclass(frozen=True, slots=True)
class Agreement:
    """How previews that a run recorded compare with what is drawn here.

    Attributes
    ----------
    compared
        Files in previews/.
    different
        Those that differ, with the first field that does.
    """

    compared: int
    different: dict[str, str]

    @property
    def identical(self) -> bool:
        """Whether every recorded batch is the one drawn here; False if there is none."""
        return self.compared > 0 and not self.different


class BatchInspector:
    """Looks at the training batches of a pipeline that is set up.

    Parameters
    ----------
    pipeline
        After `setup`.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.dataset = pipeline.train_dataset
        self.sampler = pipeline.sampler()

    @property
    def batches_per_epoch(self) -> int:
        """Batches of an epoch over all ranks."""
        return self.sampler.batches_per_epoch

    def anchors(self, epoch: int, batch: int) -> KeyedBatch:
        """Return the anchor numbers of a batch, counted over all ranks."""
        return self.sampler.batch(epoch, batch)

    def draw(self, epoch: int, batch: int) -> PairDraw:
        """Return the pairs of a batch; no pixels are read."""
        return self.dataset.draw(self.anchors(epoch, batch))

    def pair(self, epoch: int, batch: int, place: int) -> Pair:
        """Return one pair of a batch with its pixels; no others are read.

        Raises
        ------
        PixelReadError
            If pixels cannot be read.
        """
        return self.pair_of(self.anchors(epoch, batch), place)

    def pair_of(self, batch: KeyedBatch, place: int) -> Pair:
        """Return one pair of a batch that is made of other anchors, for example of one anchor alone."""
        sample = self.dataset.sample(batch, np.array([place]))
        seen = self.pipeline.prepare(sample, Stage.TRAIN, Places(torch.tensor([place]), len(batch)))
        anchor_meta, positive_meta = (
            {name: values[0] for name, values in sample[meta].items()}
            for meta in (keys.ANCHOR_META, keys.POSITIVE_META)
        )
        return Pair(
            batch=batch,
            place=place,
            anchor=self._view(sample, seen, keys.ANCHOR),
            positive=self._view(sample, seen, keys.POSITIVE),
            anchor_meta=anchor_meta,
            positive_meta=positive_meta,
            candidates=self.candidates(int(anchor_meta["row"])),
        )

    def _view(self, sample: dict[str, Any], seen: dict[str, Any], name: str) -> View:
        normalized = self.pipeline.prepare.normalize(sample[name], sample[keys.NORM_META_OF[name]])
        return View(sample[name][0].numpy(), normalized[0].numpy(), seen[name][0].numpy())

    def images(
        self, batch: KeyedBatch, places: npt.NDArray[np.integer], sight: Sight = Sight.RAW
    ) -> tuple[Images, Images]:
        """Return anchors and positives at some places of a batch, each (b, C, Z, Y, X); no others are read.

        Raises
        ------
        PixelReadError
            If pixels cannot be read.
        """
        sample = self.dataset.sample(batch, places)
        if sight is Sight.RAW:
            anchor, positive = sample[keys.ANCHOR], sample[keys.POSITIVE]
        elif sight is Sight.NORMALIZED:
            anchor, positive = (
                self.pipeline.prepare.normalize(sample[name], sample[f"{name}_norm_meta"])
                for name in (keys.ANCHOR, keys.POSITIVE)
            )
        else:
            chosen = Places(torch.from_numpy(np.asarray(places, dtype=np.int64)), len(batch))
            seen = self.pipeline.prepare(sample, Stage.TRAIN, chosen)
            anchor, positive = seen[keys.ANCHOR], seen[keys.POSITIVE]
        return anchor.numpy(), positive.numpy()

    def candidates(self, row: int) -> Candidates:
        """Return all possible positives of an observation, with their probabilities."""
        return candidates_of(self.dataset.index.lookup, self.dataset.law, row)

    def anchor_number(self, row: int) -> AnchorNumber | None:
        """Return the number of an observation among the anchors, None if it is none."""
        place = int(np.searchsorted(self.dataset.rows, row))
        found = place < self.dataset.rows.size and int(self.dataset.rows[place]) == row
        return AnchorNumber(place) if found else None

    def batches(self, epoch: int, count: int, first: int = 0) -> Iterator[KeyedBatch]:
        """Yield batches, going on in the next epoch at the end of one."""
        for address in self._addresses(epoch, count, first):
            yield self.anchors(*address)

    def _addresses(self, epoch: int, count: int, first: int) -> Iterator[tuple[int, int]]:
        """Yield (epoch, number over all ranks) of batches that follow each other."""
        per_epoch = self.batches_per_epoch
        for number in itertools.islice(itertools.count(first), count):
            yield epoch + number // per_epoch, number % per_epoch

    def composition(
        self,
        epoch: int,
        count: int,
        progress: Callable[[int], None] | None = None,
        first: int = 0,
        pool: Pool | None = None,
    ) -> Composition:
        """Return what `count` batches from the `first` of an epoch on hold; no pixels are read.

        Parameters
        ----------
        epoch, count, first
            Which batches; they go on in the next epoch at the end of one.
        progress
            Called with the number of batches done.
        pool
            What the anchors hold, if that was counted already.
        """
        addresses = self._addresses(epoch, count, first)
        return compose_epochs(self.dataset, self.sampler, addresses, progress, pool)

    def intensities(
        self, rows: npt.NDArray[np.integer], progress: Callable[[int, int], None] | None = None
    ) -> Intensities:
        """Return how bright some of these anchors are after normalization, as `measure_intensities` says."""
        return measure_intensities(self.dataset, self.pipeline.prepare, rows, progress)

    def digest(self, epoch: int, batch: int) -> dict[str, Any]:
        """Return key, rows, tau and a digest of the pixels of a batch, as a run records them."""
        return batch_digest(self.dataset.__getitems__(self.anchors(epoch, batch)))

    def compare(self, previews: Path, progress: Callable[[int, int], None] | None = None) -> Agreement:
        """Compare the batches that a run recorded with those drawn here.

        Parameters
        ----------
        previews
            The folder previews/ of a run.
        progress
            Called with (done, all).
        """
        files = sorted(previews.glob("epoch=*-batch=*.json"))
        different = {}
        for number, file in enumerate(files, start=1):
            recorded = json.loads(file.read_text(encoding="utf-8"))
            seed, epoch, batch = recorded["key"]
            own = self.digest(epoch, batch) if seed == self.sampler.seed else {"key": [self.sampler.seed]}
            wrong = [name for name, value in recorded.items() if own.get(name) != value]
            if wrong:
                different[file.name] = wrong[0]
            if progress is not None:
                progress(number, len(files))
        return Agreement(len(files), different)
