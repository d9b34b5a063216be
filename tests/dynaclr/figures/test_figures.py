from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from dynaclr.base.errors import DataError
from dynaclr.base.random import BatchKey, KeyedBatch
from dynaclr.composition import compose
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.embedding.projection import principal_components
from dynaclr.embedding.table import EmbeddingWriter, read_embeddings
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
    assert set(table.observations) == {*rows[0], "finite"}
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


def test_stacked_batches_have_a_key_and_add_up(dataset: MultiExperimentTripletDataset) -> None:
    batches = [KeyedBatch(range(k, k + 8), BatchKey(0, 0, k)) for k in range(0, 80, 8)]
    composition = compose(dataset, batches)
    stacks = composition_figure(composition).subfigs[1].axes
    shown = {name: counts for name, counts in composition.axes.items() if name != "lineage"}
    for axes, (name, counts) in zip(stacks, shown.items(), strict=True):
        assert {text.get_text() for text in axes.get_legend().get_texts()} == set(map(str, counts.labels)), (
            name
        )
        heights = np.array([[bar.get_height() for bar in stack] for stack in axes.containers])
        assert heights.sum(axis=0).tolist() == [8] * 10


def test_many_labels_are_gathered_as_others() -> None:
    counts = SimpleNamespace(
        labels=[f"label {k}" for k in range(20)],
        counts=np.full((3, 20), 2),
        pool=np.ones(20),
        share=np.full(20, 0.05),
        pool_share=np.full(20, 0.05),
    )
    composition = SimpleNamespace(
        axes={"well": counts},
        hour_histogram=SimpleNamespace(conditions=("a",), edges=np.arange(7.0), drawn=np.ones((1, 6))),
        tau_frames=np.ones(6, dtype=int),
        requested_frames=np.ones(6, dtype=int),
    )
    axes = composition_figure(composition).subfigs[1].axes[0]
    assert axes.get_legend().get_texts()[-1].get_text() == "8 others"
    heights = np.array([[bar.get_height() for bar in stack] for stack in axes.containers])
    assert heights.sum(axis=0).tolist() == [40] * 3
    assert (
        len({(*bar.patches[0].get_facecolor(), bar.patches[0].get_hatch()) for bar in axes.containers}) == 13
    )


def test_every_health_measure_has_an_axis_of_its_own() -> None:
    names = [
        f"health/{measure}_{stage}"
        for measure in ("alignment", "effective_rank")
        for stage in ("train", "val")
    ]
    curves = {name: (np.arange(3), np.ones(3)) for name in ("loss/train", "loss/val", *names, "lr")}
    shown = {
        axes.get_ylabel(): [line.get_label() for line in axes.lines] for axes in loss_figure(curves).axes
    }
    assert shown == {
        "loss": ["loss/train", "loss/val"],
        "alignment": ["health/alignment_train", "health/alignment_val"],
        "effective rank": ["health/effective_rank_train", "health/effective_rank_val"],
        "lr": ["lr"],
    }


def test_no_category_hides_another() -> None:
    features = np.random.default_rng(0).normal(size=(600, 4))
    labels = np.repeat(["a", "b", "c"], 200)
    (axes,) = embedding_figure(features, {"condition": labels}).axes
    (drawn,) = axes.collections
    colors = [tuple(color) for color in drawn.get_facecolors()]
    places = [np.flatnonzero([color == chosen for color in colors]).mean() for chosen in set(colors)]
    assert len(places) == 3
    assert places == pytest.approx([300] * 3, abs=50)  # each stands in the middle of the order on average
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b", "c"]
    again = embedding_figure(features, {"condition": labels}).axes[0].collections[0]
    assert np.array_equal(again.get_offsets(), drawn.get_offsets())
    points = {tuple(point) for point in np.round(principal_components(features), 6)}
    assert {tuple(point) for point in np.round(np.asarray(drawn.get_offsets()), 6)} == points
    keys = [handle.get_markerfacecolor() for handle in axes.get_legend().legend_handles]
    for key, label in zip(keys, "abc", strict=True):
        chosen = np.array([color == to_rgba(key) for color in colors])
        expected = {tuple(point) for point in np.round(principal_components(features)[labels == label], 6)}
        assert {tuple(p) for p in np.round(np.asarray(drawn.get_offsets())[chosen], 6)} == expected
