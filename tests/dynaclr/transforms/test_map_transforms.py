"""MONAI's dictionary transforms: what they are given, what they draw from, and that nothing else changes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from monai.transforms import (
    CenterSpatialCropd,
    Compose,
    Lambdad,
    MapTransform,
    NormalizeIntensityd,
    RandAffined,
    RandFlipd,
    RandSpatialCropSamplesd,
    ScaleIntensityd,
)

from dynaclr.base.errors import ConfigError
from dynaclr.base.random import BatchKey, Purpose
from dynaclr.options.reader import read_config
from dynaclr.pipeline import BatchInspector, Pipeline, Sight, TransformConfig
from dynaclr.transforms import Draw, MapAugmentation, MapNormalization, RandomFlip, apply_transforms
from dynaclr.transforms import MapTransform as KnownByName

KEY = BatchKey(2, 3, 4)
BOTH = ["ch_0", "ch_1"]


def images_of(samples: int = 5, channels: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(samples, channels, 3, 12, 14, generator=generator)


def test_monai_is_told_by_its_name() -> None:
    assert isinstance(RandFlipd(keys=BOTH), KnownByName)
    assert not isinstance(RandomFlip(), KnownByName)
    config = TransformConfig((8, 8), [NormalizeIntensityd(keys=BOTH)], [RandFlipd(keys=BOTH), RandomFlip()])
    assert [type(item) for item in config.normalizations] == [MapNormalization]
    assert [type(item) for item in config.augmentations] == [MapAugmentation, RandomFlip]


def test_each_sample_and_channel_is_normalized_by_itself() -> None:
    images = images_of()
    found = MapNormalization(NormalizeIntensityd(keys=["ch_1"]))(images, None)
    mean, std = images.mean((2, 3, 4), keepdim=True), images.std((2, 3, 4), correction=0, keepdim=True)
    torch.testing.assert_close(found[:, 1], ((images - mean) / std)[:, 1])
    assert torch.equal(found[:, 0], images[:, 0])
    assert type(found) is torch.Tensor


class BySampleStatistics(MapTransform):  # type: ignore[misc]
    """What people write for stored statistics."""

    def __call__(self, data: Any) -> Any:
        for key in self.keys:
            data[key] -= data["norm_meta"][key]["fov_statistics"]["mean"]
        return data


def test_statistics_of_each_sample_come_along() -> None:
    images = images_of()
    means = torch.arange(10.0).reshape(5, 2)
    before = images.clone()
    found = MapNormalization(BySampleStatistics(keys=BOTH))(images, {"fov_statistics": {"mean": means}})
    torch.testing.assert_close(found, images - means[:, :, None, None, None])
    assert torch.equal(images, before), "a transform that works in place must not change the batch"


@pytest.mark.parametrize("own_state", [0, 1])
def test_draws_come_from_the_address_of_the_batch_alone(own_state: int) -> None:
    images = images_of(8)
    affine = RandAffined(keys=BOTH, prob=1.0, rotate_range=(0.5, 0.0, 0.0), padding_mode="border")
    flip = RandFlipd(keys=BOTH, prob=0.5, spatial_axis=2)
    for transform in (affine, flip):
        transform.set_random_state(own_state)
    transforms = [MapAugmentation(affine), MapAugmentation(flip)]

    def run(key: BatchKey, purpose: Purpose = Purpose.AUGMENT_ANCHOR) -> torch.Tensor:
        return apply_transforms(transforms, images, key, purpose, (12, 14))

    first = run(KEY)
    other = run(KEY._replace(batch=5))
    assert torch.equal(run(KEY), first)
    assert not torch.equal(other, first)
    assert not torch.equal(run(KEY, Purpose.AUGMENT_POSITIVE), first)
    fresh = [MapAugmentation(RandFlipd(keys=BOTH, prob=0.5, spatial_axis=2))]
    flipped = apply_transforms(fresh, images, KEY, Purpose.AUGMENT_ANCHOR, (12, 14))
    turned = [torch.equal(a, b.flip(-1)) for a, b in zip(flipped, images, strict=True)]
    same = [torch.equal(a, b) for a, b in zip(flipped, images, strict=True)]
    assert 0 < sum(turned) < 8 and sum(turned) + sum(same) == 8


def test_the_channels_of_a_sample_share_their_draw() -> None:
    images = images_of(6)[:, :1].repeat(1, 2, 1, 1, 1)
    turn = MapAugmentation(RandAffined(keys=BOTH, prob=1.0, rotate_range=(0.7, 0.0, 0.0)))
    found = apply_transforms([turn], images, KEY, Purpose.AUGMENT_ANCHOR, (12, 14))
    assert torch.equal(found[:, 0], found[:, 1])


def _noise(image: Any) -> Any:
    return image + torch.rand(1).item() + np.random.rand()


def test_global_generators_are_seeded_and_left_as_they_were() -> None:
    noisy = MapAugmentation(Lambdad(keys=BOTH, func=_noise))
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # type: ignore[index]
    first, second = (noisy(images_of(), Draw(KEY, Purpose.AUGMENT_ANCHOR)) - images_of() for _ in range(2))
    assert torch.equal(first, second)
    assert len(first[:, 0, 0, 0, 0].unique()) == 5
    assert torch.equal(states[0], torch.get_rng_state())
    assert np.array_equal(states[1], np.random.get_state()[1])  # type: ignore[index]
    assert states[2] == random.getstate()


def test_a_crop_of_monai_s_is_followed_by_ours() -> None:
    images = images_of()
    crop = MapAugmentation(CenterSpatialCropd(keys=BOTH, roi_size=(3, 10, 10)))
    found = apply_transforms([crop, RandomFlip(prob=0.0)], images, KEY, Purpose.AUGMENT_ANCHOR, (8, 8))
    assert torch.equal(found, images[..., 2:10, 3:11])
    with pytest.raises(ConfigError, match="final crop is larger"):
        apply_transforms([crop], images, KEY, Purpose.AUGMENT_ANCHOR, (12, 12))


def test_what_cannot_be_used_is_told() -> None:
    with pytest.raises(ConfigError, match=r"random transform is not a normalization.*RandFlipd"):
        MapNormalization(RandFlipd(keys=BOTH))
    only_one = MapNormalization(CenterSpatialCropd(keys=["ch_0"], roi_size=(3, 10, 10)))
    with pytest.raises(ConfigError, match=r"CenterSpatialCropd.*all of one size.*12, 14"):
        only_one(images_of(), None)
    several = RandSpatialCropSamplesd(keys=BOTH, roi_size=(3, 8, 8), num_samples=2, random_size=False)
    with pytest.raises(ConfigError, match=r"expected one sample; found list"):
        MapAugmentation(several)(images_of(), Draw(KEY, Purpose.AUGMENT_ANCHOR))
    for wrong in ([Compose([RandFlipd(keys=BOTH)])], Compose([RandFlipd(keys=BOTH)]), [len]):
        with pytest.raises(ConfigError, match=r"field augmentations: not a transform.*monai's MapTransforms"):
            TransformConfig((8, 8), augmentations=wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"field normalizations.*a list of dynaclr's Normalizations"):
        TransformConfig((8, 8), [RandomFlip()])
    for keys, allowed in ((["ch_0", "GFP"], False), (["GFP"], True)):
        transform = MapAugmentation(ScaleIntensityd(keys=keys, allow_missing_keys=allowed))
        if allowed:
            transform.check_keys(2)
            continue
        with pytest.raises(ConfigError, match=r"ScaleIntensityd\.keys.*some of ch_0, ch_1.*found GFP"):
            transform.check_keys(2)


@pytest.fixture
def training(coded_source: Path, tmp_path: Path) -> Path:
    def monai(name: str, **options: Any) -> dict[str, Any]:
        return {"class_path": f"monai.transforms.{name}", "init_args": {"keys": BOTH, **options}}

    data = {
        "experiments_yaml": str(coded_source),
        "z_range": [0, 2],
        "yx_patch_size": [24, 24],
        "final_yx_patch_size": [16, 16],
        "val_experiments": ["coded1"],
        "batch_size": 8,
        "channel_dropout_prob": 0.0,
        "normalizations": [monai("NormalizeIntensityd")],
        "augmentations": [
            monai("RandAffined", prob=1.0, rotate_range=[0.4, 0.0, 0.0], padding_mode="border"),
            {"class_path": "dynaclr.transforms.RandomFlip"},
            monai("RandFlipd", prob=0.5, spatial_axis=[2]),
        ],
    }
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump({"data": data}), encoding="utf-8")
    return path


def test_a_preview_from_yaml_is_the_training_batch(training: Path) -> None:
    """One pair alone, another pipeline, another order: the same pixels."""
    pipeline = Pipeline(read_config(training))
    pipeline.setup()
    inspector = BatchInspector(pipeline)
    rows = inspector.anchors(1, 2)
    whole = pipeline.prepare(pipeline.train_dataset.__getitems__(rows), "train")
    other = Pipeline(read_config(training))
    other.setup()
    for place in (6, 1):
        pair = BatchInspector(other).pair(1, 2, place)
        assert np.array_equal(pair.anchor.seen, whole["anchor"][place].numpy())
        assert np.array_equal(pair.positive.seen, whole["positive"][place].numpy())
    anchors, _ = inspector.images(rows, np.array([3, 5]), Sight.SEEN)
    assert np.array_equal(anchors, whole["anchor"][[3, 5]].numpy())
    assert whole["anchor"].shape == (8, 2, 2, 16, 16)
    validated = pipeline.prepare(pipeline.val_dataset.__getitems__([0, 1]), "validate")["anchor"]  # type: ignore[union-attr]
    assert abs(float(validated.mean())) < 1.0


def test_keys_are_checked_at_set_up(training: Path) -> None:
    content = yaml.safe_load(training.read_text(encoding="utf-8"))
    content["data"]["normalizations"][0]["init_args"]["keys"] = ["ch_2"]
    training.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"NormalizeIntensityd\.keys.*found ch_2"):
        Pipeline(read_config(training))
