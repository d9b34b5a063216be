from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dynaclr.composition import compose
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.draws import BatchKey, KeyedBatch
from dynaclr.embeddings import EmbeddingWriter, read_embeddings
from dynaclr.errors import DataError
from dynaclr.experiment import ExperimentRegistry
from dynaclr.figures import composition_figure, contact_sheet, embedding_figure, loss_figure, save
from dynaclr.index import MultiExperimentIndex


@pytest.fixture
def dataset(coded_source: Path) -> MultiExperimentTripletDataset:
    registry = ExperimentRegistry.from_yaml(coded_source)
    return MultiExperimentTripletDataset(MultiExperimentIndex(registry, (0, 1), (16, 16), (0.5, 1.0)))


def test_every_figure_is_drawn(dataset: MultiExperimentTripletDataset, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    batches = [KeyedBatch(range(k, k + 8), BatchKey(0, 0, k)) for k in range(0, 80, 8)]
    pairs = dataset.__getitems__(batches[0])
    figures = {
        "composition": composition_figure(compose(dataset, batches)),
        "embedding": embedding_figure(
            rng.normal(size=(50, 5)), {"condition": np.array(["a", "b"] * 25), "hours": np.arange(50.0)}
        ),
        "losses": loss_figure(
            {"loss/train": (np.arange(90), rng.random(90)), "health/rank": (np.arange(3), np.ones(3))}
        ),
        "pairs": contact_sheet(
            pairs["anchor"].numpy(), pairs["positive"].numpy(), [str(k) for k in range(8)]
        ),
    }
    for name, figure in figures.items():
        path = save(figure, tmp_path / "new" / f"{name}.png")
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 5000
    assert len(figures["composition"].subfigs) == 3


def test_embedding_tables_come_back(dataset: MultiExperimentTripletDataset, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    features = rng.random((20, 6), dtype=np.float32)
    rows = dataset.identities(np.arange(20))
    path = tmp_path / "deep" / "e.parquet"
    with EmbeddingWriter(path) as writer:
        writer.write(features[:12], features[:12, :3], rows[:12])
        writer.write(features[12:], features[12:, :3], rows[12:])
    table = read_embeddings(path)
    assert np.array_equal(table.features, features)
    assert np.array_equal(table.projections, features[:, :3])
    assert set(table.observations) == set(rows[0])
    assert table.observations["track_id"].tolist() == [row["track_id"] for row in rows]


def test_an_unfinished_table_leaves_nothing(dataset: MultiExperimentTripletDataset, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), EmbeddingWriter(tmp_path / "e.parquet") as writer:
        writer.write(
            np.ones((1, 2), dtype=np.float32),
            np.ones((1, 2), dtype=np.float32),
            dataset.identities(np.arange(1)),
        )
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "e.parquet").write_bytes(b"nothing")
    with pytest.raises(DataError, match="not an embedding"):
        read_embeddings(tmp_path / "e.parquet")
