"""From raw batches to what the network sees, by stage."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import torch

from dynaclr.base import keys
from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.random import BatchKey, Purpose, uniforms
from dynaclr.channel_dropout import ChannelDropout
from dynaclr.pipeline.config import TransformConfig
from dynaclr.transforms import Places, apply_transforms


class Stage(StrEnum):
    """What a batch is for; only training augments and drops channels."""

    TRAIN = "train"
    VALIDATE = "validate"
    PREDICT = "predict"


_PARTS = {
    keys.ANCHOR: (Purpose.AUGMENT_ANCHOR, Purpose.DROPOUT_ANCHOR),
    keys.POSITIVE: (Purpose.AUGMENT_POSITIVE, Purpose.DROPOUT_POSITIVE),
    keys.NEGATIVE: (Purpose.AUGMENT_NEGATIVE, Purpose.DROPOUT_NEGATIVE),
}
_NO_KEY = BatchKey(0, 0, 0)  # for a crop to the middle, which draws nothing


class Preparation:
    """Normalizations, augmentations, final crop and channel dropout, in this order.

    Parameters
    ----------
    transforms
        What happens to pixels after they are read.
    """

    def __init__(self, transforms: TransformConfig) -> None:
        self.transforms = transforms
        self.dropout = ChannelDropout(transforms.channel_dropout_channels, transforms.channel_dropout_prob)

    def __call__(
        self, batch: dict[str, Any], stage: Stage | str, places: Places | None = None
    ) -> dict[str, Any]:
        """Return the augmented batch (network input), on the device it is on.

        Parameters
        ----------
        batch
            As the dataset returns it, or made by hand, without key or metadata; images (B, C, Z, Y, X).
        stage
            Training augments and drops channels with the batch's key; no other stage does. For a batch
            without a key one is drawn from torch's generator.
        places
            Which samples of a larger batch these are; None for a whole batch.
        """
        stage = Stage(stage)
        prepared = dict(batch)
        key: Any = batch.get(keys.BATCH_KEY)
        if stage is Stage.TRAIN and key is None:
            key = BatchKey(int(torch.randint(2**63 - 1, ())), 0, 0)
        for part, purposes in _PARTS.items():
            if part not in batch:
                continue
            images = self.normalize(batch[part], _statistics(prepared.pop(keys.NORM_META_OF[part], None)))
            if stage is Stage.TRAIN:
                images = self._vary(images, key, purposes, places)
            else:
                size = self.transforms.final_yx_patch_size
                images = apply_transforms((), images, _NO_KEY, purposes[0], size)
            prepared[part] = images
        return prepared

    def normalize(self, images: torch.Tensor, meta: Any) -> torch.Tensor:
        """Return images (B, C, Z, Y, X) after the normalizations, with the statistics of their samples."""
        normalizations: Sequence[Any] = self.transforms.normalizations
        for normalization in normalizations:
            images = normalization(images, meta)
        return images

    def _vary(
        self, images: torch.Tensor, key: BatchKey, purposes: tuple[Purpose, Purpose], places: Places | None
    ) -> torch.Tensor:
        """Return images (B, C, Z, Y, X) augmented, cropped and with channels dropped."""
        transforms, (augment, dropout) = self.transforms, purposes
        augmentations: Sequence[Any] = transforms.augmentations
        images = apply_transforms(augmentations, images, key, augment, transforms.final_yx_patch_size, places)
        if transforms.channel_dropout_prob > 0 and transforms.channel_dropout_channels:
            count = len(transforms.channel_dropout_channels)
            drawn = uniforms(key, dropout, len(images) if places is None else places.size, count)
            images = self.dropout(images, drawn if places is None else drawn[places.rows.numpy()])
        return images


def _statistics(meta: Any) -> Any:
    """Return the statistics of a batch; a list of None, one a sample, is none.

    Raises
    ------
    ConfigError
        If it is a list of something else.
    """
    if not isinstance(meta, (list, tuple)):
        return meta
    if any(item is not None for item in meta):
        expected = "{level: {statistic: (B, C)}} for the whole batch, None, or a list of None"
        raise ConfigError(
            problem("statistics cannot be used", field="norm_meta", expected=expected, found="a list")
        )
    return None
