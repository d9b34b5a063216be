"""Marks from the file to the batches."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynaclr.base.errors import ConfigError
from dynaclr.curation import Mark, MarkKind, Verdict, write_marks
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import MultiExperimentIndex
from dynaclr.index.anchors import Exclusion
from dynaclr.index.options import IndexOptions
from dynaclr.pipeline import Pipeline
from dynaclr.pipeline.config import DataConfig, PipelineConfig, SamplingConfig, SplitConfig, TransformConfig

TIME = datetime(2026, 1, 31, tzinfo=UTC)


def mark(kind: str, experiment: str = "coded0", fov: str = "A/1/0", **ids: Any) -> Mark:
    verdict = Verdict(ids.pop("verdict", "exclude"))
    return Mark(MarkKind(kind), verdict, experiment, fov, "anna", TIME, **ids)


def index_of(path: Path, curation: Path | None, **options: Any) -> MultiExperimentIndex:
    registry = ExperimentRegistry.from_yaml(path)
    chosen = IndexOptions(curation=curation, **options)
    return MultiExperimentIndex(registry, (0, 2), (20, 20), (0.5, 1.0), options=chosen)


def rows_of(index: MultiExperimentIndex, experiment: str, fov: str, track_id: int) -> np.ndarray:
    frame = index.tracks
    own = (frame.experiment == experiment) & (frame.fov_name == fov) & (frame.track_id == track_id)
    return np.flatnonzero(own)


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    path = tmp_path / "curation.csv"
    write_marks(
        path,
        [
            mark("track", track_id=4),
            mark("fov", "coded1", "B/1/0"),
            mark("frame", "coded1", track_id=5, t=3),
            mark("link", fov="A/1/1", track_id=4, t=4),
            mark("track", track_id=5, verdict="accept"),
            mark("track", track_id=1234),
            mark("fov", "august"),
        ],
    )
    return path


def test_excluded_observations_are_neither_anchors_nor_positives(coded_source: Path, marks: Path) -> None:
    plain, index = index_of(coded_source, None), index_of(coded_source, marks)
    dataset = MultiExperimentTripletDataset(index)
    gone = np.concatenate(
        [
            rows_of(index, "coded0", "A/1/0", 4),
            np.flatnonzero((index.tracks.experiment == "coded1") & (index.tracks.fov_name == "B/1/0")),
            [row for row in rows_of(index, "coded1", "A/1/0", 5) if index.table.t[row] == 3],
        ]
    )
    assert set(np.flatnonzero(index.exclusion == Exclusion.EXCLUDED)) == set(gone.tolist())
    positives: set[int] = set()
    for start in range(0, len(dataset), 16):
        batch = dataset.__getitems__(list(range(start, min(start + 16, len(dataset)))))
        positives |= set(batch["positive_meta"]["row"].tolist())
    assert positives
    assert not (positives | set(index.anchor_rows.tolist())) & set(gone.tolist())
    report = index.report
    assert sum(item.lost["excluded"] for item in report.experiments) == gone.size
    removed = plain.anchor_rows.size - index.anchor_rows.size
    assert index.curation is not None
    assert index.curation.anchors_removed == removed > 0
    assert f"{gone.size} observations excluded" in report.text()
    assert f"1 links cut, {removed} anchors removed" in report.text()
    assert "mark not found: track coded0/A/1/0 track 1234" in report.text()
    assert report.to_dict()["curation"] == report.curation


def test_predict_covers_what_is_excluded(coded_source: Path, marks: Path) -> None:
    plain, index = index_of(coded_source, None), index_of(coded_source, marks)
    every = MultiExperimentTripletDataset(index, fit=False)
    assert len(every) == len(MultiExperimentTripletDataset(plain, fit=False)) == len(index.tracks)


def test_a_cut_link_makes_two_lineages(coded_source: Path, marks: Path) -> None:
    index = index_of(coded_source, marks)
    rows = rows_of(index, "coded0", "A/1/1", 4)
    names = index.tracks.lineage_id.iloc[rows].astype(str).tolist()
    frames = index.table.t[rows].tolist()
    assert [(t, name) for t, name in zip(frames, names, strict=True) if t >= 4] == [
        (t, "coded0_A/1/1_4@4") for t in frames if t >= 4
    ]
    assert {name for t, name in zip(frames, names, strict=True) if t < 4} == {"coded0_A/1/1_4"}
    before = [row for row in rows if index.table.t[row] < 4]
    low, high = index.lookup.ranges(np.array(before), np.full(len(before), 4))
    assert np.array_equal(low, high)


def test_the_cache_knows_the_content_of_the_marks(coded_source: Path, marks: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = index_of(coded_source, marks, cache_dir=cache)
    again = index_of(coded_source, marks, cache_dir=cache)
    assert len(list(cache.iterdir())) == 1
    assert np.array_equal(first.exclusion, again.exclusion)
    assert first.curation == again.curation
    assert first.report.text() == again.report.text()
    write_marks(marks, [mark("track", track_id=5)])
    other = index_of(coded_source, marks, cache_dir=cache)
    assert len(list(cache.iterdir())) == 2
    assert other.curation is not None
    assert other.curation.marks == 1
    assert index_of(coded_source, None, cache_dir=cache).curation is None


def test_a_missing_file_is_an_error(coded_source: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.csv.*field curation: curation file cannot be read"):
        index_of(coded_source, tmp_path / "absent.csv")


def test_the_parts_of_a_split_share_one_file(coded_source: Path, marks: Path) -> None:
    config = PipelineConfig(
        DataConfig(coded_source, (0, 2), (20, 20), (0.5, 1.0), options=IndexOptions(curation=marks)),
        SplitConfig(("coded1",)),
        SamplingConfig(batch_size=12),
        TransformConfig((16, 16)),
    )
    pipeline = Pipeline(config)
    report = pipeline.setup()
    text = report.text()
    assert "training: 3 marks: 2 found by id, 0 by position within 10 px, 1 not found" in text
    assert "validation: 2 marks: 2 found by id, 0 by position within 10 px, 0 not found" in text
    assert "marks name unknown experiments; found 'august'" in text
    assert text.count("mark not found") == 1
    without = dataclasses.replace(config, data=dataclasses.replace(config.data, options=IndexOptions()))
    assert "marks" not in Pipeline(without).setup().text()
    assert len(pipeline.whole_index().fovs) == 6


def test_the_data_module_hands_the_file_on(coded_source: Path, marks: Path) -> None:
    from dynaclr.datamodule import MultiExperimentDataModule

    sizes = {"z_range": (0, 2), "yx_patch_size": (20, 20), "final_yx_patch_size": (16, 16)}
    module = MultiExperimentDataModule(
        str(coded_source), **sizes, val_experiments=["coded1"], curation=str(marks)
    )
    assert module.config.data.options.curation == marks
