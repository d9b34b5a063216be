"""MONAI's transforms of dictionaries as ours: sample by sample, seeded from the address of the batch.

MONAI is not imported here: whoever has one of its transforms has done that.
"""

from __future__ import annotations

import sys
from abc import ABCMeta
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from dynaclr.base.errors import ConfigError, listing, problem
from dynaclr.transforms.base import Draw, Transform, Window, check_images
from dynaclr.transforms.statistics import Normalization, NormMeta

_ONE_AT_A_TIME = Lock()
"""MONAI's transforms keep their generator, and may draw from the global ones: threads take turns."""


class MapTransform(metaclass=ABCMeta):  # noqa: B024 - nobody derives from it
    """Any `monai.transforms.MapTransform`, told by its name: asking loads nothing."""

    @classmethod
    def __subclasshook__(cls, other: type) -> bool:
        return any(
            kind.__name__ == "MapTransform" and kind.__module__.startswith("monai.") for kind in other.__mro__
        )


@contextmanager
def light_monai() -> Iterator[None]:
    """Let MONAI be imported without torchvision, which it can do without and which loads triton."""
    hidden = not {"monai", "torchvision"} & set(sys.modules)
    if hidden:
        sys.modules["torchvision"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules["torchvision"]


class _Mapped:
    """A MONAI transform of samples {"ch_0": (1, Z, Y, X), "ch_1": ..., "norm_meta": {"ch_0": ...}}."""

    field: ClassVar[str]
    ours: ClassVar[type]

    def __init__(self, transform: Any) -> None:
        self.transform = transform

    @classmethod
    def of(cls, item: Any) -> Any:
        """Return one of our transforms as it is, and one of MONAI's as such.

        Raises
        ------
        ConfigError
            If it is neither.
        """
        if isinstance(item, MapTransform):
            return cls(item)
        if isinstance(item, (cls, cls.ours)):
            return item
        raise ConfigError(
            problem(
                "not a transform",
                field=cls.field,
                expected=f"a list of dynaclr's {cls.ours.__name__}s and monai's MapTransforms",
                found=repr(item),
            )
        )

    def check_keys(self, channels: int) -> None:
        """Raise ConfigError if the transform wants keys that images of so many channels lack."""
        there = [_key(channel) for channel in range(channels)]
        wrong = [key for key in self.transform.keys if key not in there]
        if wrong and not self.transform.allow_missing_keys:
            expected = f"some of {listing(there)}, the positions in source_channel"
            raise ConfigError(
                problem(
                    "unknown channel", field=f"{self._name}.keys", expected=expected, found=listing(wrong)
                )
            )

    @property
    def _name(self) -> str:
        return type(self.transform).__name__

    def _mapped(self, images: Tensor, seeds: Sequence[int], norm_meta: NormMeta | None = None) -> Tensor:
        """Return the transformed samples (B, C, Z, Y, X), each from its own seed."""
        with _generators(images.device) as reseed:
            results = []
            for row, (image, seed) in enumerate(zip(images, seeds, strict=True)):
                reseed(seed)
                if hasattr(self.transform, "set_random_state"):
                    self.transform.set_random_state(seed=seed)
                results.append(self._image(self.transform(_sample(image, norm_meta, row)), len(image)))
        shapes = {tuple(result.shape) for result in results}
        if len(shapes) > 1:
            raise self._wrong("samples of one size", listing(map(str, sorted(shapes))))
        return torch.stack(results).to(images.device, images.dtype)

    def _image(self, data: Any, channels: int) -> Tensor:
        """Return the channels (C, Z, Y, X) of a transformed sample."""
        if not isinstance(data, Mapping):
            raise self._wrong("one sample", type(data).__name__)
        parts = [torch.as_tensor(data[_key(channel)]) for channel in range(channels)]
        parts = [part.as_tensor() if hasattr(part, "as_tensor") else part for part in parts]  # no MetaTensor
        shapes = [tuple(part.shape) for part in parts]
        if len(set(shapes)) > 1 or len(shapes[0]) != 4 or shapes[0][0] != 1:
            raise self._wrong("(1, Z, Y, X) for every channel, all of one size", listing(map(str, shapes)))
        return torch.cat(parts)

    def _wrong(self, expected: str, found: str) -> ConfigError:
        return ConfigError(
            problem("transform returned an unusable result", field=self._name, expected=expected, found=found)
        )


class MapNormalization(_Mapped):
    """A MONAI transform among the normalizations.

    Parameters
    ----------
    transform
        Draws nothing, as normalizations are alike in every stage.

    Raises
    ------
    ConfigError
        If it draws.
    """

    field, ours = "normalizations", Normalization
    statistics: tuple[str, ...] = ()

    def __init__(self, transform: Any) -> None:
        super().__init__(transform)
        if hasattr(transform, "set_random_state"):
            raise ConfigError(
                problem(
                    "a random transform is not a normalization",
                    field="normalizations",
                    found=self._name,
                    fix="List it under augmentations.",
                )
            )

    def __call__(self, images: Tensor, norm_meta: NormMeta | None) -> Tensor:
        """Return normalized images (B, C, Z, Y, X), a new tensor of the same dtype and device."""
        check_images(images)
        return self._mapped(images, [0] * len(images), norm_meta)


@dataclass(frozen=True, slots=True)
class Seeds:
    """Seeds of the generator of each sample.

    Attributes
    ----------
    seed
        (B,) int64, below 2**32.
    """

    seed: Tensor


class MapAugmentation(_Mapped, Transform[Seeds]):
    """A MONAI transform among the augmentations."""

    field, ours = "augmentations", Transform

    def __init__(self, transform: Any) -> None:
        super().__init__(transform)
        self._shapes: dict[tuple[int, ...], tuple[int, ...]] = {}

    def parameters(self, draw: Draw, shape: Sequence[int]) -> Seeds:
        """Draw the seed of each sample."""
        return Seeds(torch.from_numpy(draw.uniforms(shape[0])[:, 0] * 2**32).long())

    def shape_after(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape that the transform gives an empty image."""
        one = tuple(shape[1:])
        if one not in self._shapes:
            self._shapes[one] = tuple(self._mapped(torch.zeros(1, *one), [0]).shape[1:])
        return (shape[0], *self._shapes[one])

    def needs(self, wanted: Window, parameters: Seeds, frame_yx: tuple[int, int]) -> Window:
        """Return the whole frame: nothing is known of the transform."""
        return Window.whole(frame_yx)

    def apply_window(self, images: Tensor, parameters: Seeds, have: Window, wanted: Window) -> Tensor:
        """Return `wanted` of the transformed samples."""
        result = self._mapped(images, parameters.seed.tolist())
        return Window.whole(result.shape[-2:]).cut(result, wanted)


def _key(channel: int) -> str:
    return f"ch_{channel}"


def _sample(image: Tensor, norm_meta: NormMeta | None, row: int) -> dict[str, Any]:
    sample: dict[str, Any] = {_key(channel): part[None].clone() for channel, part in enumerate(image)}
    if norm_meta is not None:
        sample["norm_meta"] = {
            _key(channel): {
                level: {name: values[row, channel] for name, values in statistics.items()}
                for level, statistics in norm_meta.items()
            }
            for channel in range(len(image))
        }
    return sample


@contextmanager
def _generators(device: torch.device) -> Iterator[Callable[[int], None]]:
    """Yield what seeds the global generators; they are as before afterwards."""
    own = [torch.default_generator]
    if device.type == "cuda":
        own.append(torch.cuda.default_generators[device.index])

    def reseed(seed: int) -> None:
        for generator in own:
            generator.manual_seed(seed)
        np.random.seed(seed)  # the global one: a transform may draw from it

    with _ONE_AT_A_TIME, torch.random.fork_rng([device] if device.type == "cuda" else []):
        state = np.random.get_state()
        try:
            yield reseed
        finally:
            np.random.set_state(state)
