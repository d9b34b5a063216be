from __future__ import annotations

import inspect
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer
from monai.data.thread_buffer import ThreadDataLoader
from tests.support.trainers import quiet_trainer

from dynaclr.base.errors import ConfigError, RunError
from dynaclr.base.random import FIXED_EPOCH
from dynaclr.datamodule import MultiExperimentDataModule
from dynaclr.encoder.small_encoder import SmallEncoder
from dynaclr.engine import ContrastiveModule
from dynaclr.loss import NTXentHCL
from dynaclr.runs.process.stopping import StopOnRequest
from dynaclr.sampler import FlexibleBatchSampler
from dynaclr.training.loader import BatchLoader
from dynaclr.transforms import RandomFlip, RandomScaleIntensity


def data_of(path: Path, **options: Any) -> MultiExperimentDataModule:
    return MultiExperimentDataModule(
        **{
            "experiments_yaml": str(path),
            "z_range": (0, 1),
            "yx_patch_size": (16, 16),
            "final_yx_patch_size": (12, 12),
            "val_experiments": ["coded1"],
            "tau_range": (0.5, 1.0),
            "batch_size": 8,
            "num_workers": 2,
            "channel_dropout_prob": 0.0,
        }
        | options
    )


def module_of(schedule: Any = "cosine") -> ContrastiveModule:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ContrastiveModule(SmallEncoder(2, 1, (4, 8), 5), NTXentHCL(), schedule=schedule)


class Notes(Callback):
    """Batches as the network sees them, by stage."""

    def __init__(self) -> None:
        self.batches: dict[str, list[dict[str, Any]]] = {"train": [], "val": [], "sanity": []}

    def on_train_batch_start(self, trainer: Trainer, module: Any, batch: Any, number: int) -> None:
        self.batches["train"].append(batch)

    def on_validation_batch_start(self, trainer: Trainer, module: Any, batch: Any, number: int) -> None:
        self.batches["sanity" if trainer.sanity_checking else "val"].append(batch)

    def keys(self, stage: str = "train") -> list[tuple[int, ...]]:
        return [tuple(batch["key"]) for batch in self.batches[stage]]

    def rows(self, stage: str = "train") -> list[list[int]]:
        return [batch["anchor_meta"]["row"].tolist() for batch in self.batches[stage]]


def fit(
    data: MultiExperimentDataModule,
    *more: Callback,
    module: Any = None,
    ckpt: Path | None = None,
    **options: Any,
) -> tuple[Notes, Trainer]:
    notes = Notes()
    trainer = quiet_trainer(use_distributed_sampler=False, callbacks=[notes, *more], **options)
    trainer.fit(module or module_of(), datamodule=data, ckpt_path=ckpt)
    return notes, trainer


@pytest.fixture(scope="module")
def seen(coded_source: Path) -> Notes:
    """Two epochs with augmentation and dropout."""
    data = data_of(
        coded_source,
        augmentations=[RandomFlip(), RandomScaleIntensity()],
        channel_dropout_channels=[1],
        channel_dropout_prob=0.5,
    )
    return fit(data)[0]


def test_epochs_differ_and_are_those_of_the_sampler(coded_source: Path, seen: Notes) -> None:
    data = data_of(coded_source)
    data.setup("fit")
    sampler, dataset = data.pipeline.sampler(), data.pipeline.train_dataset
    steps = len(sampler)
    assert seen.keys() == [(0, epoch, k) for epoch in range(2) for k in range(steps)]
    expected = [
        dataset.rows[list(sampler.batch(epoch, k))].tolist() for epoch in range(2) for k in range(steps)
    ]
    assert seen.rows() == expected
    assert expected[:steps] != expected[steps:]


def test_training_is_augmented_by_the_batch_s_own_key(coded_source: Path, seen: Notes) -> None:
    data = data_of(coded_source)
    data.setup("fit")
    plain = data.pipeline.train_dataset.__getitems__(data.pipeline.sampler().batch(0, 0))
    batch = seen.batches["train"][0]
    assert batch["anchor"].shape == (8, 2, 1, 12, 12)
    assert not torch.equal(batch["anchor"][:, 0], plain["anchor"][:, 0, :, 2:14, 2:14])
    dropped = np.array(
        [(batch["anchor"][:, 1] == 0).flatten(1).all(1).sum().item() for batch in seen.batches["train"]]
    )
    assert 0 < dropped.mean() < 8
    assert not any((batch["anchor"][:, 0] == 0).flatten(1).all(1).any() for batch in seen.batches["train"])


def test_validation_and_sanity_check_are_neither_augmented_nor_dropped(
    coded_source: Path, seen: Notes
) -> None:
    data = data_of(coded_source)
    data.setup("fit")
    dataset = data.pipeline.val_dataset
    assert dataset is not None
    loader = data.val_dataloader()
    assert isinstance(loader, BatchLoader)
    count = len(loader)
    assert len(seen.batches["sanity"]) == 2
    assert len(seen.batches["val"]) == 2 * count
    for place, batch in [*enumerate(seen.batches["sanity"]), *enumerate(seen.batches["val"][:count])]:
        plain = dataset.__getitems__(loader.order.batch(0, place))
        assert batch["key"].epoch == FIXED_EPOCH
        for part in ("anchor", "positive"):
            assert torch.equal(batch[part], plain[part][..., 2:14, 2:14])
    assert seen.rows("val")[:count] == seen.rows("val")[count:]
    assert sorted(row for rows in seen.rows("val")[:count] for row in rows) == dataset.rows.tolist()


@pytest.fixture(scope="module")
def whole(coded_source: Path) -> Notes:
    """Two epochs that nobody stopped; the schedule changes no batch."""
    return fit(data_of(coded_source))[0]


@pytest.mark.parametrize("z_range", [(0, 3), (1, 3)])
def test_one_scale_and_one_slice_reach_the_network(coded: Path, z_range: tuple[int, int]) -> None:
    data = data_of(coded, z_range=z_range, z_window="focus", z_projection="mean", yx_patch_um=(6.0, 12.0))
    assert (data.yx_patch_um, data.z_window, data.z_projection) == ((6.0, 12.0), "focus", "mean")
    assert data.stack_depth == 1
    notes, trainer = fit(data)
    assert trainer.global_step > 0
    assert data.pipeline.train_index.fov_step_yx.tolist() == [[0.75, 1.5]] * 3
    assert {tuple(batch["anchor"].shape[1:]) for batch in notes.batches["train"]} == {(2, 1, 12, 12)}


@pytest.mark.parametrize(
    ("field", "value"),
    [("z_window", "middle"), ("z_projection", "sum"), ("yx_patch_um", (0.0, 3.0)), ("yx_patch_um", 8.0)],
)
def test_values_of_the_scale_that_cannot_be(coded_source: Path, field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"field {field}"):
        data_of(coded_source, **{field: value})


@pytest.mark.parametrize(("schedule", "stop"), [("cosine", 1), ("cosine", 11), ("constant", 5)])
def test_resume_where_it_stopped(
    coded_source: Path, tmp_path: Path, whole: Notes, schedule: str, stop: int
) -> None:
    """A cosine asks for the number of steps, so Lightning makes the loader before it restores its state."""

    class Saves(Callback):
        def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
            if trainer.global_step == stop:
                trainer.save_checkpoint(tmp_path / "last.ckpt")
                (tmp_path / "stop").touch()

    first, _ = fit(
        data_of(coded_source), Saves(), StopOnRequest(tmp_path / "stop"), module=module_of(schedule)
    )
    assert len(first.keys()) == stop
    second, _ = fit(data_of(coded_source), module=module_of(schedule), ckpt=tmp_path / "last.ckpt")
    assert first.keys() + second.keys() == whole.keys()
    assert first.rows() + second.rows() == whole.rows()
    for mine, theirs in zip(second.batches["train"], whole.batches["train"][stop:], strict=True):
        assert torch.equal(mine["anchor"], theirs["anchor"])


@pytest.mark.parametrize(("option", "value"), [("batch_size", 4), ("seed", 3), ("include_wells", ["A/1"])])
def test_a_checkpoint_of_other_batches_is_refused(
    coded_source: Path, tmp_path: Path, option: str, value: Any
) -> None:
    _, trainer = fit(data_of(coded_source), max_steps=3)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    with pytest.raises(RunError, match="made with different data or sampling"):
        fit(data_of(coded_source, **{option: value}), ckpt=tmp_path / "last.ckpt")


def test_ranks_share_the_batches(coded_source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What each of two processes is given, and that the shares are disjoint, equally many, and all."""
    shares, validated = [], []
    for rank in range(2):
        data = data_of(coded_source)
        data.setup("fit")
        monkeypatch.setattr(data, "_ranks", lambda rank=rank: (2, rank))
        shares.append([tuple(batch["key"]) for batch in data.train_dataloader()])
        loader = data.val_dataloader()
        validated.append([batch["anchor_meta"]["row"].tolist() for batch in loader])
    assert [key[2] for key in shares[0]] == list(range(0, 2 * len(shares[0]), 2))
    assert [key[2] for key in shares[1]] == list(range(1, 2 * len(shares[1]), 2))
    assert len(validated[0]) == len(validated[1])
    dataset = data.pipeline.val_dataset
    assert dataset is not None
    rows = {row for share in validated for batch in share for row in batch}
    assert rows == set(dataset.rows.tolist())


def test_world_and_rank_come_from_the_trainer(coded_source: Path) -> None:
    data = data_of(coded_source)
    assert data._ranks() == (1, 0)

    class Several:
        world_size, global_rank = 4, 3
        training, sanity_checking = True, False
        overfit_batches, limit_train_batches = 0.0, 1.0

        class _accelerator_connector:
            use_distributed_sampler = False

    data.trainer = Several()  # type: ignore[assignment]
    data.setup("fit")
    order = data.train_dataloader().order
    assert (order.num_replicas, order.rank) == (4, 3)
    data.trainer._accelerator_connector.use_distributed_sampler = True  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match=r"trainer\.use_distributed_sampler.*expected False"):
        data.setup("fit")


def test_nothing_held_out_is_no_validation(coded_source: Path) -> None:
    notes, trainer = fit(
        data_of(coded_source, val_experiments=[], no_validation=True), limit_val_batches=0, max_epochs=1
    )
    assert notes.batches["val"] == notes.batches["sanity"] == []
    assert data_of(coded_source, val_experiments=[], no_validation=True).config.split.holds_out is False
    assert trainer.global_step > 0


def test_the_observer_sees_training_batches_only(coded_source: Path) -> None:
    data, seen = data_of(coded_source), []
    data.observer = lambda batch: seen.append(tuple(batch["key"]))
    notes, _ = fit(data, max_epochs=1)
    assert seen == notes.keys()


def test_prediction_gives_every_observation_once(coded_source: Path) -> None:
    data = data_of(coded_source)
    data.setup("predict")
    identities = [row for batch in data.predict_dataloader() for row in batch["index"]]
    known = {(row["experiment"], row["fov_name"], row["track_id"], row["t"]) for row in identities}
    assert len(known) == len(identities) == len(data.pipeline.predict_dataset())


def test_other_batches_are_left_alone(coded_source: Path) -> None:
    data = data_of(coded_source)
    example = torch.ones(2, 2)
    assert data.on_after_batch_transfer(example, 0) is example


def test_without_a_trainer_the_key_tells_the_stage(coded_source: Path) -> None:
    data = data_of(coded_source, channel_dropout_channels=[1], channel_dropout_prob=1.0)
    data.setup("fit")
    train, val = next(iter(data.train_dataloader())), next(iter(data.val_dataloader()))
    assert (data.on_after_batch_transfer(train, 0)["anchor"][:, 1] == 0).all()
    assert not (data.on_after_batch_transfer(val, 0)["anchor"][:, 1] == 0).all()


@pytest.mark.parametrize("field", ["num_workers", "prefetch_batches"])
def test_numbers_below_zero(coded_source: Path, field: str) -> None:
    with pytest.raises(ConfigError, match=field):
        data_of(coded_source, **{field: -1})


def test_nothing_is_opened_before_set_up(tmp_path: Path) -> None:
    data = data_of(tmp_path / "absent.yaml")
    assert data.stack_depth == 1
    with pytest.raises(ConfigError, match="cannot be read"):
        data.setup("fit")
    assert os.listdir(tmp_path) == []


def test_init_exposes_all_hyperparameters(coded_source: Path) -> None:
    """Every argument is an attribute, as given, before anything is read; none can be set."""
    weights, ratio = {"coded0": 1.0}, {"infected": 1.0, "uninfected": 2.0}
    given: dict[str, Any] = {
        "experiments_yaml": str(coded_source),
        "z_range": slice(0, 1),
        "yx_patch_size": [16, 16],
        "final_yx_patch_size": (12, 12),
        "val_experiments": ["coded1"],
        "tau_range": (0.5, 1.0),
        "tau_decay_rate": 1.5,
        "batch_size": 8,
        "num_workers": 2,
        "experiment_aware": True,
        "condition_balanced": True,
        "leaky": 0.0,
        "temporal_enrichment": True,
        "temporal_window_hours": 1.0,
        "temporal_global_fraction": 0.5,
        "experiment_weights": weights,
        "condition_ratio": ratio,
        "channel_dropout_channels": [0],
        "channel_dropout_prob": 0.25,
        "normalizations": [],
        "augmentations": [RandomFlip()],
        "hcl_beta": 0.7,
        "cache_pool_bytes": 2**20,
        "seed": 3,
        "include_wells": ["A/1", "B/1"],
        "exclude_fovs": ["A/1/1"],
    }
    data = MultiExperimentDataModule(**given)
    for name, value in given.items():
        assert getattr(data, name) is value
    for name, parameter in inspect.signature(MultiExperimentDataModule).parameters.items():
        if name not in given:
            assert getattr(data, name) == parameter.default
    for name in (*given, "relation", "train_dataset", "val_dataset", "channel_dropout"):
        with pytest.raises(AttributeError):
            setattr(data, name, None)
    with pytest.raises(AttributeError, match="make another MultiExperimentDataModule with batch_size=16"):
        data.batch_size = 16  # type: ignore[misc]
    assert data.train_dataset is data.val_dataset is None
    assert (data.channel_dropout.channels, data.channel_dropout.p) == ((0,), 0.25)
    assert data.stack_depth == 1
    data.setup("fit")
    assert data.train_dataset is data.pipeline.train_dataset
    assert data.val_dataset is data.pipeline.val_dataset


def test_train_val_split_by_experiment(coded_source: Path) -> None:
    data = data_of(coded_source)
    data.setup("fit")
    for dataset, name in ((data.train_dataset, "coded0"), (data.val_dataset, "coded1")):
        assert dataset is not None
        assert set(dataset.index.tracks.experiment) == set(dataset.index.valid_anchors.experiment) == {name}


def test_train_dataloader_uses_flexible_batch_sampler(coded_source: Path) -> None:
    data = data_of(coded_source, leaky=0.0, temporal_enrichment=True, temporal_window_hours=1.5)
    data.setup("fit")
    loader = data.train_dataloader()
    assert isinstance(loader, ThreadDataLoader)
    assert isinstance(loader.batch_sampler, FlexibleBatchSampler)
    assert loader.batch_sampler.temporal_window_hours == 1.5
    assert pickle.loads(pickle.dumps(loader.collate_fn)) is loader.collate_fn
    drawn = [batch["anchor_meta"]["row"].tolist() for batch in loader]
    assert data.train_dataset is not None
    rows = data.train_dataset.rows
    assert drawn == [rows[list(batch)].tolist() for batch in loader.batch_sampler]


def test_val_dataloader_no_batch_sampler(coded_source: Path) -> None:
    """Validation draws no batches: it takes the anchors in their order, the same each time."""
    data = data_of(coded_source)
    data.setup("fit")
    loader = data.val_dataloader()
    assert not isinstance(loader.batch_sampler, FlexibleBatchSampler)  # type: ignore[union-attr]
    first, second = ([batch["anchor_meta"]["row"].tolist() for batch in loader] for _ in range(2))
    assert data.val_dataset is not None
    assert [row for rows in first for row in rows] == data.val_dataset.rows.tolist()
    assert first == second


def test_loaders_ask_for_set_up(coded_source: Path) -> None:
    data = data_of(coded_source)
    for loader in (data.train_dataloader, data.val_dataloader):
        with pytest.raises(ConfigError, match=r'Call setup\("fit"\) first'):
            loader()


def by_hand(**more: Any) -> dict[str, Any]:
    return {part: torch.rand(6, 2, 1, 16, 16) + 0.1 for part in ("anchor", "positive")} | more


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"anchor_norm_meta": None, "positive_norm_meta": None},
        {"anchor_norm_meta": [None] * 6, "positive_norm_meta": [None] * 6, "anchor_meta": [{}] * 6},
    ],
)
def test_on_after_batch_transfer_applies_channel_dropout_and_transforms(
    coded_source: Path, more: dict[str, Any]
) -> None:
    """A batch made by hand, without trainer and before set-up: doubled, cropped, a channel dropped."""
    data = data_of(
        coded_source,
        augmentations=[RandomScaleIntensity((2.0, 2.0), prob=1.0)],
        channel_dropout_channels=[1],
        channel_dropout_prob=1.0,
    )
    batch = by_hand(**more)
    seen = data.on_after_batch_transfer(batch, 0)
    for part in ("anchor", "positive"):
        assert f"{part}_norm_meta" not in seen
        assert seen[part].shape == (6, 2, 1, 12, 12)
        assert (seen[part][:, 1] == 0).all()
        torch.testing.assert_close(seen[part][:, 0], 2 * batch[part][:, 0, :, 2:14, 2:14])
        assert batch[part].shape == (6, 2, 1, 16, 16) and (batch[part] > 0).all()


def test_a_batch_by_hand_is_drawn_from_torch_s_generator(coded_source: Path) -> None:
    data = data_of(coded_source, augmentations=[RandomScaleIntensity(prob=1.0)])
    batch = by_hand()
    with torch.random.fork_rng():
        torch.manual_seed(4)
        first, second = (data.on_after_batch_transfer(batch, 0)["anchor"] for _ in range(2))
        torch.manual_seed(4)
        again = data.on_after_batch_transfer(batch, 0)["anchor"]
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    with pytest.raises(ConfigError, match="statistics cannot be used"):
        data.on_after_batch_transfer(batch | {"anchor_norm_meta": [{"mean": 0.0}] * 6}, 0)


def test_channel_dropout_integration(coded_source: Path) -> None:
    """Loader and hook together: the listed channel of training batches, and no other, at its rate."""
    data = data_of(coded_source, channel_dropout_channels=[1], channel_dropout_prob=0.5)
    data.setup("fit")
    loader, gone = data.train_dataloader(), []
    for epoch in range(3):
        loader.batch_sampler.set_epoch(epoch)  # type: ignore[union-attr]
        for raw in loader:
            seen = data.on_after_batch_transfer(raw, 0)
            for part in ("anchor", "positive"):
                dropped = (seen[part][:, 1] == 0).flatten(1).all(1)
                assert torch.equal(seen[part][~dropped], raw[part][~dropped][..., 2:14, 2:14])
                assert torch.equal(seen[part][:, 0], raw[part][:, 0, :, 2:14, 2:14])
                gone.append(dropped)
    assert 0.4 < torch.cat(gone).double().mean() < 0.6
    for raw in data.val_dataloader():
        assert (data.on_after_batch_transfer(raw, 0)["anchor"] > 0).all()


@pytest.mark.parametrize(("own", "given", "expected"), [(0.5, 0.9, 0.9), (0.3, 0.5, 0.3), (0.9, 0.9, 0.9)])
def test_beta_of_the_data_module_reaches_the_loss(
    coded_source: Path, own: float, given: float, expected: float
) -> None:
    """In Python as on the command line, where the loss's own is not set."""
    module = ContrastiveModule(SmallEncoder(2, 1, (4, 8), 5), NTXentHCL(beta=own))
    fit(data_of(coded_source, hcl_beta=given), module=module, max_steps=1)
    assert module.loss_function.beta == expected


def test_two_betas_are_refused(coded_source: Path) -> None:
    module = ContrastiveModule(SmallEncoder(2, 1, (4, 8), 5), NTXentHCL(beta=0.3))
    with pytest.raises(ConfigError, match=r"hcl_beta: two different weights.*0\.3; found 0\.9"):
        fit(data_of(coded_source, hcl_beta=0.9), module=module, max_steps=1)


def test_a_module_has_a_loss_by_default(coded_source: Path) -> None:
    module = ContrastiveModule(SmallEncoder(2, 1, (4, 8), 5))
    assert isinstance(module.loss_function, NTXentHCL)
    _, trainer = fit(data_of(coded_source), module=module, max_steps=2)
    assert trainer.global_step == 2
