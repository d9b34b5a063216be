"""Encodes a data set as it is and turned, and measures encoders beside baselines; trains nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from dynaclr.base import keys
from dynaclr.base.random import BatchKey
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.evaluation.baselines import handcrafted_features, pixel_features
from dynaclr.evaluation.observations import Observations
from dynaclr.evaluation.report import Demonstration, EncodedViews, demonstrate
from dynaclr.evaluation.rotation import rotated_patches
from dynaclr.transforms import Normalization

_BATCH = 128
_FEATURE_NAMES = ("pixels, PCA 64", "5 shape and light features")


@dataclass(frozen=True, slots=True)
class Views:
    """Normalized patches of all observations, as they are and turned at random, (N, C, Z, Y, X)."""

    plain: npt.NDArray[np.float32]
    turned: npt.NDArray[np.float32]
    observations: Observations


def views_of(
    dataset: MultiExperimentTripletDataset,
    normalizations: Sequence[Normalization],
    final_yx: tuple[int, int],
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Views:
    """Read and normalize every observation of a predict data set.

    Parameters
    ----------
    dataset
        All observations (fit=False); its patches must be large enough to be turned.
    normalizations
        As in training.
    final_yx
        What the network sees, pixels.
    seed
        Seed of the angles.
    progress
        Called with (rows done, rows in all).
    """
    plain, turned = [], []
    for number, first in enumerate(range(0, len(dataset), _BATCH)):
        batch = dataset.__getitems__(range(first, min(first + _BATCH, len(dataset))))
        images = batch[keys.ANCHOR]
        for normalization in normalizations:
            images = normalization(images, batch[keys.ANCHOR_NORM_META])
        pixels = images.numpy()
        top, left = ((size - final) // 2 for size, final in zip(pixels.shape[3:], final_yx, strict=True))
        plain.append(pixels[..., top : top + final_yx[0], left : left + final_yx[1]].copy())
        turned.append(rotated_patches(pixels, BatchKey(seed, 0, number), final_yx))
        if progress is not None:
            progress(min(first + _BATCH, len(dataset)), len(dataset))
    observations = Observations.of_table(dataset.index.table, dataset.rows)
    return Views(np.concatenate(plain), np.concatenate(turned), observations)


def encode(encoder: nn.Module, views: Views) -> EncodedViews:
    """Return the features of both views, computed in eval mode on the encoder's device."""
    was_training = encoder.training
    encoder.eval()
    device = next(encoder.parameters()).device
    parts: list[npt.NDArray[np.float32]] = []
    with torch.inference_mode():
        for images in (views.plain, views.turned):
            chunks = [
                torch.from_numpy(images[first : first + _BATCH]) for first in range(0, len(images), _BATCH)
            ]
            parts.append(torch.cat([encoder(chunk.to(device))[0].float().cpu() for chunk in chunks]).numpy())
    encoder.train(was_training)
    return EncodedViews(parts[0], parts[1])


def measure(
    views: Views,
    encoders: Mapping[str, Sequence[nn.Module]],
    test: npt.NDArray[np.bool_],
    channel: int = 0,
) -> Demonstration:
    """Measure encoders, several seeds each, beside pixels and handcrafted features.

    Parameters
    ----------
    views
        What is encoded.
    encoders
        {name: encoders of several seeds}.
    test
        (N,) rows that are tested; the others fit standardization and components.
    channel
        Channel of the baselines; its brightest slice is used.
    """
    encoded = {name: [encode(encoder, views) for encoder in seeds] for name, seeds in encoders.items()}
    planes = [images[:, channel].max(axis=1) for images in (views.plain, views.turned)]
    train = ~test
    count = len(views.observations)
    both = np.concatenate(planes)
    pixels = pixel_features(both, np.r_[train, np.zeros(count, dtype=bool)])
    crafted = handcrafted_features(both)
    for name, features in zip(_FEATURE_NAMES, (pixels, crafted), strict=True):
        encoded[name] = [EncodedViews(features[:count], features[count:])]
    return demonstrate(views.observations, encoded, test, train)
