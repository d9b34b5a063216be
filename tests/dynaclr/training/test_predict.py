from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from tests.support.trainers import quiet_trainer

from dynaclr.base.errors import ConfigError
from dynaclr.datamodule import MultiExperimentDataModule
from dynaclr.embedding.table import read_embeddings
from dynaclr.encoder.small_encoder import SmallEncoder
from dynaclr.engine import ContrastiveModule
from dynaclr.loss import NTXentHCL
from dynaclr.training.predict import predict_to_file
from dynaclr.transforms import RandomFlip


def data_of(path: Path, **options: Any) -> MultiExperimentDataModule:
    return MultiExperimentDataModule(
        str(path),
        (0, 1),
        (16, 16),
        (12, 12),
        ["coded1"],
        (0.5, 1.0),
        batch_size=options.pop("batch_size", 32),
        augmentations=[RandomFlip()],
        channel_dropout_prob=1.0,
        **options,
    )


def module_of() -> ContrastiveModule:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ContrastiveModule(SmallEncoder(2, 1, (4, 8), 5), NTXentHCL())


def trainer_of(**options: Any) -> Trainer:
    return quiet_trainer(use_distributed_sampler=False, **options)


def near(values: Any) -> Any:
    """Sums in another order: the pixels are large numbers."""
    expected = np.asarray(values)
    return pytest.approx(expected, rel=1e-4, abs=1e-5 * float(np.abs(expected).max()))


def test_every_observation_once_with_the_features_of_its_pixels(coded_source: Path, tmp_path: Path) -> None:
    """Neither augmented nor dropped, whatever the batch size and the number of readers."""
    module, path = module_of(), tmp_path / "e.parquet"
    rows, strange = predict_to_file(trainer_of(), module, data_of(coded_source), None, path)
    assert strange == 0
    table = read_embeddings(path)
    dataset = data_of(coded_source).pipeline.predict_dataset()
    assert rows == len(dataset) == len(table.observations)
    module.eval()
    for row in (0, 31, 32, rows - 1):
        batch = dataset.__getitems__([row])
        with torch.no_grad():
            features, projections = module(batch["anchor"][..., 2:14, 2:14])
        assert table.features[row] == near(features[0])
        assert table.projections[row] == near(projections[0])
        known = table.observations.iloc[row].to_dict()
        assert {name: known[name] for name in batch["index"][0]} == batch["index"][0]

    other = tmp_path / "other.parquet"
    predict_to_file(trainer_of(), module, data_of(coded_source, batch_size=7, num_workers=3), None, other)
    again = read_embeddings(other)
    assert again.features == near(table.features)
    assert again.observations.equals(table.observations)


def test_weights_of_a_checkpoint_are_used(coded_source: Path, tmp_path: Path) -> None:
    module = module_of()
    trainer = trainer_of(max_epochs=1, limit_train_batches=1, limit_val_batches=0)
    trainer.fit(module, datamodule=data_of(coded_source))
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    paths = [tmp_path / name for name in ("a.parquet", "b.parquet", "c.parquet")]
    checkpoint = str(tmp_path / "last.ckpt")
    predict_to_file(trainer_of(), module, data_of(coded_source), None, paths[0])
    predict_to_file(trainer_of(), module_of(), data_of(coded_source), checkpoint, paths[1])
    predict_to_file(trainer_of(), module_of(), data_of(coded_source), None, paths[2])
    trained, loaded, untrained = (read_embeddings(path).features for path in paths)
    assert np.array_equal(trained, loaded)
    assert not np.allclose(trained, untrained)


def test_an_error_while_predicting_leaves_no_file(coded_source: Path, tmp_path: Path) -> None:
    class Fails(ContrastiveModule):
        def predict_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
            if batch_idx == 2:
                raise OSError("device is gone")
            return super().predict_step(batch, batch_idx)

    module = Fails(SmallEncoder(2, 1, (4, 8)), NTXentHCL())
    with pytest.raises(OSError, match="device is gone"):
        predict_to_file(trainer_of(), module, data_of(coded_source), None, tmp_path / "e.parquet")
    assert list(tmp_path.iterdir()) == []


def test_several_devices_are_refused(coded_source: Path, tmp_path: Path) -> None:
    class Two:
        world_size = 2

    with pytest.raises(ConfigError, match=r"trainer\.devices.*found 2"):
        predict_to_file(Two(), module_of(), data_of(coded_source), None, tmp_path / "e.parquet")  # type: ignore[arg-type]
