from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from monai.data.thread_buffer import ThreadDataLoader

from dynaclr.base.errors import ConfigError, PixelReadError, RunError, TrainingError
from dynaclr.datamodule import MultiExperimentDataModule
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import MultiExperimentIndex
from dynaclr.sampler.sequential import SequentialBatches
from dynaclr.training.loader import BatchLoader


class Rows:
    """A dataset whose batch is its rows; slower for early rows, so that order is no accident."""

    def __init__(self, size: int = 40, fails_at: int | None = None) -> None:
        self.size, self.fails_at = size, fails_at
        self.calls: list[list[int]] = []

    def __len__(self) -> int:
        return self.size

    def __getitems__(self, rows: list[int]) -> dict[str, Any]:
        self.calls.append(list(rows))
        time.sleep(0.002 * (rows[0] % 5 == 0))
        if self.fails_at in rows:
            raise OSError("chunk 7 of A/1/0 is damaged")
        return {"rows": torch.tensor(rows)}


class Shuffled(SequentialBatches):
    """Batches that differ between epochs."""

    def batch(self, epoch: int, k: int) -> list[int]:
        return [(row * 7 + epoch) % self.size for row in super().batch(epoch, k)]


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def rows_of(loader: BatchLoader) -> list[list[int]]:
    return [batch["rows"].tolist() for batch in loader]


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_same_batches_for_any_number_of_workers(workers: int) -> None:
    batches = Shuffled(40, 8)
    assert rows_of(BatchLoader(Rows(), batches, workers)) == list(batches.iterate(0))


def test_it_is_a_thread_data_loader() -> None:
    loader = BatchLoader(Rows(), Shuffled(40, 8), 2)
    assert isinstance(loader, ThreadDataLoader)
    assert loader.num_workers == 0
    assert loader.collate_fn.__name__ == "same_batch"


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_an_error_reaches_the_consumer(workers: int) -> None:
    seen = []
    with pytest.raises(OSError, match="A/1/0 is damaged"):
        for batch in BatchLoader(Rows(fails_at=20), SequentialBatches(40, 8), workers):
            seen.append(batch["rows"][0].item())
    assert seen == [0, 8]


@pytest.mark.parametrize("workers", [0, 3])
@pytest.mark.parametrize("damage", ["cut", "lost", "folder"])
def test_a_chunk_that_turns_bad_ends_the_epoch_with_its_place(coded: Path, workers: int, damage: str) -> None:
    registry = ExperimentRegistry.from_yaml(coded).subset(["coded0"])
    dataset = MultiExperimentTripletDataset(MultiExperimentIndex(registry, (0, 1), (16, 16), (0.5, 1.0)))
    loader = BatchLoader(dataset, SequentialBatches(len(dataset), 8), workers)
    frame = coded.parent / "coded0.zarr" / "B" / "1" / "0" / "0" / "6"
    chunk = frame / "1" / "0" / "0" / "0"
    if damage == "cut":
        chunk.write_bytes(chunk.read_bytes()[:40])
    elif damage == "lost":
        chunk.unlink()
    else:
        shutil.rmtree(frame)
    seen = 0
    with pytest.raises(
        PixelReadError, match=r"experiment coded0, file .*coded0\.zarr.*B/1/0 frame 6, channels"
    ):
        for _ in loader:
            seen += 1
    assert 0 < seen < len(loader)
    assert loader.state_dict()["done"] == seen


def test_global_seeds_are_left_alone() -> None:
    torch.manual_seed(7)
    state = np.random.get_state()[1].copy()
    rows_of(BatchLoader(Rows(), Shuffled(40, 8), 3))
    assert torch.initial_seed() == 7
    assert np.array_equal(np.random.get_state()[1], state)


def test_reading_ahead_is_bounded() -> None:
    data = Rows(400)
    iterator = iter(BatchLoader(data, SequentialBatches(400, 8), 2, prefetch_batches=3))
    next(iterator)
    time.sleep(0.2)
    assert len(data.calls) <= 2 + 3 + 1
    iterator.close()


@pytest.mark.parametrize("workers", [0, 2])
def test_resume_in_the_middle(workers: int) -> None:
    batches = Shuffled(40, 8)
    batches.set_epoch(3)
    first = BatchLoader(Rows(), batches, workers)
    iterator = iter(first)
    for _ in range(2):
        next(iterator)
    state = first.state_dict()
    iterator.close()
    assert state["done"] == 2

    data = Rows()
    again = BatchLoader(data, Shuffled(40, 8), workers)
    again.load_state_dict(state)
    iterator = iter(again)
    again.batch_sampler.set_epoch(99)  # what a trainer says after it made the iterator
    assert [batch["rows"].tolist() for batch in iterator] == list(batches.iterate(3, 2))
    assert len(data.calls) == 3
    assert rows_of(again) == list(batches.iterate(99))


def test_a_state_of_other_data_is_refused() -> None:
    state = BatchLoader(Rows(), SequentialBatches(40, 8)).state_dict()
    with pytest.raises(RunError, match="batch_size 8 there, 10 here"):
        BatchLoader(Rows(), SequentialBatches(40, 10)).load_state_dict(state)


@pytest.mark.parametrize("name", ["seed", "world_size", "batch_size", "fingerprint", "rows"])
def test_all_that_must_agree_is_compared(name: str) -> None:
    loader = BatchLoader(Rows(), SequentialBatches(40, 8))
    state = loader.state_dict()
    with pytest.raises(RunError, match=rf"found {name} \[9\] there"):
        loader.load_state_dict({**state, name: [9]})
    with pytest.raises(RunError, match=f"{name} None there"):
        loader.load_state_dict({key: value for key, value in state.items() if key != name})


class Short(SequentialBatches):
    """Gives one batch less than it says."""

    def iterate(self, epoch: int, start: int = 0) -> Iterator[list[int]]:
        yield from list(super().iterate(epoch, start))[:-1]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_that_ends_early_is_an_error(workers: int) -> None:
    loader = BatchLoader(Rows(), Short(40, 8), workers)
    with pytest.raises(TrainingError, match="epoch ended early; expected 5; found 4"):
        rows_of(loader)
    assert loader.handed_over == 4


def test_a_state_of_another_fingerprint_is_refused() -> None:
    state = BatchLoader(Rows(), SequentialBatches(40, 8), fingerprint="abc-def").state_dict()
    BatchLoader(Rows(), SequentialBatches(40, 8), fingerprint="abc-def").load_state_dict(state)
    with pytest.raises(RunError, match="fingerprint abc-def there, abc-xyz here"):
        BatchLoader(Rows(), SequentialBatches(40, 8), fingerprint="abc-xyz").load_state_dict(state)


def train_state(path: Path, **options: Any) -> dict[str, Any]:
    """The state of a data module's training batches after one of them."""
    arguments: dict[str, Any] = {
        "experiments_yaml": path,
        "z_range": (0, 1),
        "yx_patch_size": (16, 16),
        "final_yx_patch_size": (16, 16),
        "val_experiments": [],
        "no_validation": True,
        "tau_range": (0.5, 1.0),
        "batch_size": 8,
        "channel_dropout_prob": 0.0,
    }
    module = MultiExperimentDataModule(**{**arguments, **options})
    module.setup("fit")
    next(iter(module.train_dataloader()))
    return module.state_dict()["train_loader"]


def test_the_state_is_plain_and_tells_data_and_sampling_apart(coded: Path) -> None:
    state = train_state(coded)
    assert all(type(value) in (int, str) for value in state.values())
    assert train_state(coded) == state
    changes: list[dict[str, Any]] = [
        {"leaky": 0.25},
        {"condition_balanced": False},
        {"condition_ratio": {"uninfected": 2, "infected": 1}},
        {"experiment_weights": {"coded0": 2, "coded1": 1}},
        {"temporal_enrichment": True},
        {"temporal_enrichment": True, "temporal_window_hours": 1.0},
        {"tau_range": (0.5, 1.5)},
        {"tau_decay_rate": 0.0},
        {"relation": "lineage"},
        {"exclude_fovs": ["coded0/A/1/1"]},
    ]
    found = [train_state(coded, **change)["fingerprint"] for change in changes]
    assert len({state["fingerprint"], *found}) == len(changes) + 1


@pytest.mark.parametrize("change", ["track", "frame", "experiment", "hours"])
def test_another_set_of_anchors_of_the_same_size_is_told_apart(coded: Path, change: str) -> None:
    options = {"temporal_enrichment": True}
    before = train_state(coded, **options)
    file = coded.parent / "coded0.tracks" / "A" / "1" / "0" / "tracks.csv"
    table = pd.read_csv(file)
    if change == "track":
        table.loc[table.track_id == 4, "track_id"] = 40
    elif change == "frame":
        table.loc[table.track_id == 6, "t"] += 1
    elif change == "experiment":
        coded.write_text(coded.read_text().replace("name: coded0", "name: other"))
    else:
        coded.write_text(coded.read_text().replace("start_hpi: 3.0", "start_hpi: 4.0"))
    table.to_csv(file, index=False)
    after = train_state(coded, **options)
    assert after["rows"] == before["rows"]
    assert after["fingerprint"] != before["fingerprint"]


def test_a_state_at_the_end_of_an_epoch_starts_the_next() -> None:
    loader = BatchLoader(Rows(), Shuffled(40, 8))
    rows_of(loader)
    state = loader.state_dict()
    fresh = BatchLoader(Rows(), Shuffled(40, 8))
    fresh.load_state_dict(state)
    fresh.batch_sampler.set_epoch(1)
    assert rows_of(fresh) == list(Shuffled(40, 8).iterate(1))


def test_observer_sees_what_is_handed_over() -> None:
    seen: list[Any] = []
    loader = BatchLoader(Rows(), SequentialBatches(40, 8), 2, observer=seen.append)
    assert rows_of(loader) == [batch["rows"].tolist() for batch in seen]


def test_negative_numbers_are_refused() -> None:
    with pytest.raises(ConfigError, match="num_workers"):
        BatchLoader(Rows(), SequentialBatches(40, 8), -1)


def test_ranks_share_and_wrap() -> None:
    ranks = [SequentialBatches(50, 10, 2, rank) for rank in range(2)]
    assert [len(item) for item in ranks] == [3, 3]
    assert {row for item in ranks for batch in item for row in batch} == set(range(50))
    exact = [SequentialBatches(50, 10, 2, rank, pad=False) for rank in range(2)]
    rows = [row for item in exact for batch in item for row in batch]
    assert sorted(rows) == list(range(50))
